"""A root of its own: user, mount, pid, network, ipc and uts namespaces, built by ctypes without any helper program."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Sequence

from rlar.engines.sandbox.inside.bpf import libc
from rlar.engines.sandbox.inside.syscalls import number

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
CLONE_PARENT, SIGCHLD = 0x00008000, 17
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
KEPT_BY_REMOUNT = (
    MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | 1024 | 2048 | (1 << 21)
)  # and noatime, nodiratime, relatime
MNT_DETACH = 2
PR_SET_DUMPABLE = 4
SCRATCH = "/tmp"  # noqa: S108  (in the new root)
INNER_ID = 1000  # what a task sees as its user
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")


def unshare(flags: int) -> None:
    if libc.unshare(flags) != 0:
        _raise(f"unshare({flags:#x})")


def map_ids(proc: int, uid: int, gid: int) -> None:
    """Give this process's new user namespace one user and one group. proc: descriptor of a /proc folder."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{INNER_ID} {uid} 1"), ("gid_map", f"{INNER_ID} {gid} 1")):
        fd = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def build_root(
    mounts: Sequence[Sequence[str]],
    masked: Sequence[str],
    scratch_mib: int,
    scratch_files: int,
    owner: tuple[int, int] | None,
) -> None:
    """Replace the root by a small tmpfs: `mounts` (pairs of a file or folder and where it appears) read-only, four
    devices, and a private /tmp of limited size. Needs a mount namespace. masked: folders beneath that appear empty.
    owner: (uid, gid) of /tmp, where the builder is root.
    """
    _mount(None, "/", None, MS_REC | MS_PRIVATE, None)
    wanted = [*mounts, *([path, path] for path in DEVICES)]
    sources = [(place, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path, place in wanted if os.path.exists(path)]  # noqa: PTH110
    root = "/tmp"  # noqa: S108  (only a place to mount on; it is there on every system)
    _mount("rlar", root, "tmpfs", MS_NOSUID | MS_NODEV, "size=4m,nr_inodes=4k,mode=755")
    os.chdir(root)
    for place, fd in sources:
        _bind(fd, root + place)
    for path in masked:
        if _exists(root + path):
            _mount("masked", root + path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,nr_inodes=2,mode=555")
    if not _exists("tmp"):
        os.mkdir("tmp", 0o700)  # noqa: PTH102
    ids = f",uid={owner[0]},gid={owner[1]}" if owner else ""
    options = f"size={scratch_mib}m,nr_inodes={scratch_files},mode=700{ids}"
    _mount("scratch", root + SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    if libc.syscall(number("pivot_root"), b".", b".") != 0:
        _raise("pivot_root")
    if libc.umount2(b".", MNT_DETACH) != 0:
        _raise("umount of the old root")
    os.chdir("/")
    _mount(None, "/", None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, None)
    for _, fd in sources:
        os.close(fd)


def _bind(fd: int, target: str) -> None:
    device = stat.S_ISCHR(os.fstat(fd).st_mode)
    folder = stat.S_ISDIR(os.fstat(fd).st_mode)
    os.makedirs(target if folder else os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    if not folder and not _exists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    elif folder and os.listdir(target):  # noqa: PTH208
        return  # an earlier, larger bind covers it already
    _mount(f"/proc/self/fd/{fd}", target, None, MS_BIND | MS_REC, None)
    kept = os.statvfs(target).f_flag & KEPT_BY_REMOUNT
    extra = 0 if device else MS_RDONLY | MS_NODEV
    if device:
        kept &= ~MS_NODEV
        extra = MS_NOEXEC
    _mount(None, target, None, MS_REMOUNT | MS_BIND | MS_NOSUID | extra | kept, None)


def clone_as_sibling() -> int:
    """Fork into the new pid namespace, as a child of this process's own parent. Returns the child's number, 0 in it.

    The parent can then end itself, and the grandparent waits for the child: no outer half stays in memory. The C
    library does not learn of such a fork, so the child must soon replace itself by exec.
    """
    pid: int = libc.syscall(number("clone"), CLONE_PARENT | SIGCHLD, None, None, None, None)
    if pid < 0:
        _raise("clone(CLONE_PARENT)")
    return pid


def become(uid: int, gid: int) -> None:
    """Leave root for good, keeping the right to describe the own user namespace (dumpable)."""
    with contextlib.suppress(PermissionError):
        os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0:
        _raise("prctl(PR_SET_DUMPABLE)")


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None) -> None:
    text = [None if t is None else t.encode() for t in (source, target, kind, options)]
    if libc.mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]) != 0:
        _raise(f"mount on {target}")


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _raise(what: str) -> None:
    code = ctypes.get_errno()
    raise OSError(code, f"{what}: {os.strerror(code)}")
