"""How a failure looks to the person at the terminal: one sentence for what they can mend, a report for a bug."""

from __future__ import annotations

import os
import sys
import traceback

from rlar.errors import RlarError


class BadRowsError(RlarError):
    """With --strict: a row of the input is no item."""


USAGE, ANSWER_IS_NO, BUG, DISK = 2, 1, 70, 74


def show_error(error: Exception, program: str) -> int:
    """Print it on stderr and give the exit code. Only a bug shows a traceback; RLAR_DEBUG=1 shows one always."""
    if os.environ.get("RLAR_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, RlarError):
        _print(f"{program}: {error}")
        return ANSWER_IS_NO if isinstance(error, BadRowsError) else USAGE
    if isinstance(error, OSError) and error.strerror:  # a full disk, a file without permission
        _print(f"{program}: {error.filename or 'writing'}: {error.strerror}")
        return DISK
    if not os.environ.get("RLAR_DEBUG"):
        traceback.print_exception(error, limit=-4)
    _print(f"{program}: this is a bug in rlar, not in your data: {type(error).__name__}: {error}")
    return BUG


def plain(text: str) -> str:
    """Text that may quote a response, for a terminal: control characters (escape sequences!) by their code."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def _print(text: str) -> None:
    safe = plain(text)
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        head, _, rest = safe.partition(": ")
        safe = f"\033[1;31m{head}\033[0m: {rest}"
    sys.stderr.write(safe + "\n")
