"""Running a program as a script, as the interpreter itself would."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import linecache
import os
import sys
import threading
import traceback
import types
from typing import Any

from rlar.engines.sandbox.inside.channel import Channel

FILE = "program.py"
FAILED = 1


def namespace(name: str, source: str, file: str = FILE) -> types.ModuleType:
    """A fresh module registered under `name`, whose lines tracebacks can show."""
    module = types.ModuleType(name)
    module.__dict__.update(__file__=file, __builtins__=builtins)
    sys.modules[name] = module
    linecache.cache[file] = (lambda: source,)  # read only when a traceback is shown
    return module


def load(source: str, name: str, file: str = FILE) -> dict[str, Any]:
    """Run the source as the module `name`; its names. Raises whatever it raises."""
    module = namespace(name, source, file)
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  (confined: that is its job)
    return module.__dict__


def run(channel: Channel, source: str, argv: list[str]) -> None:
    """Run the source as the main program and end the process as Python would.

    Tells {"memory": true} where an uncaught MemoryError ended it.
    """
    sys.argv[:] = [FILE, *argv]
    status = FAILED
    try:
        load(source, "__main__")
        status = 0
    except SystemExit as e:
        status = _exit_status(e.code)
    except BaseException as e:
        if isinstance(e, MemoryError):
            with contextlib.suppress(OSError):
                channel.send({"memory": True})
        report(e)
    _finish(status)


def report(error: BaseException) -> None:
    """Print the traceback, without the frames of this runtime; a program's own excepthook is honoured."""
    trace = own_frames(error.__traceback__)
    if sys.excepthook is not sys.__excepthook__:
        with contextlib.suppress(BaseException):
            sys.excepthook(type(error), error, trace)
        return
    with contextlib.suppress(BaseException):
        traceback.print_exception(type(error), error.with_traceback(trace), trace)


def own_frames(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback from the first frame on that is the program's own; None if there is none (a syntax error)."""
    while trace is not None and trace.tb_frame.f_code.co_filename == own_frames.__code__.co_filename:
        trace = trace.tb_next
    return trace


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    with contextlib.suppress(BaseException):
        print(code, file=sys.stderr)
    return FAILED


def _finish(status: int) -> None:
    """End the process as the interpreter would, without taking it down."""
    os._exit(leave(status))


def leave(status: int) -> int:
    """Wait for threads, run exit handlers, flush: what the interpreter does at its end. Returns the exit status."""
    with contextlib.suppress(BaseException):
        if threading.active_count() > 1 or getattr(threading, "_threading_atexits", True):
            threading._shutdown()  # type: ignore[attr-defined]
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            pass
        except BaseException:
            status = status or FAILED
    return status
