"""Emptying and measuring a folder that hostile code fills: any depth, any modes, by descriptors, without recursion."""

from __future__ import annotations

import os
from collections.abc import Iterator

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def clear(folder: str) -> None:
    """Remove everything in `folder`, never following links. Nothing else may be changing it. Raises OSError."""
    with os.scandir(folder) as entries:
        if next(entries, None) is None:
            return
    here = os.open(folder, FOLDER)
    path: list[str] = []  # from `folder` to `here`
    waiting: list[list[str]] = [_remove_files(here)]  # folders still to be entered, per level
    try:
        while True:
            if waiting[-1]:
                path.append(waiting[-1].pop())
                here = _step(here, path[-1])
                waiting.append(_remove_files(here))
            elif path:
                waiting.pop()
                here = _step(here, "..")
                os.rmdir(path.pop(), dir_fd=here)
            else:
                return
    finally:
        os.close(here)


def _remove_files(here: int) -> list[str]:
    """Unlink what is no folder; the names of the folders."""
    folders = []
    with os.scandir(here) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=here)
    return folders


def _step(here: int, name: str) -> int:
    """From the folder `here` into `name`, giving itself the rights to it where they are missing."""
    try:
        there = os.open(name, FOLDER, dir_fd=here)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=here)
        there = os.open(name, FOLDER, dir_fd=here)
    if name != ".." and os.fstat(there).st_mode & 0o700 != 0o700:
        os.fchmod(there, 0o700)
    os.close(here)
    return there


def usage(folder: str, enough: int) -> tuple[int, int]:
    """(bytes on disk, entries) beneath `folder`, which a task may be changing; counts no more than `enough` entries.

    Bounded work: deep trees are walked by descriptors and given up where a step fails.
    """
    size = count = 0
    for entry in _walk(folder):
        count += 1
        size += entry
        if count >= enough:
            break
    return size, count


def _walk(folder: str) -> Iterator[int]:
    waiting = [os.open(folder, FOLDER)]
    try:
        while waiting:
            here = waiting.pop()
            try:
                with os.scandir(here) as entries:
                    for entry in entries:
                        try:
                            yield entry.stat(follow_symlinks=False).st_blocks * 512
                            if entry.is_dir(follow_symlinks=False) and len(waiting) < 64:
                                waiting.append(os.open(entry.name, FOLDER, dir_fd=here))
                        except OSError:
                            continue  # gone meanwhile, or without rights
            finally:
                os.close(here)
    finally:
        for fd in waiting:
            os.close(fd)
