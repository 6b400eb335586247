"""The runtime inside a WebAssembly component: made once at build time, with the whole standard library loaded, and
used afresh for each program. It has no files, no network, no threads and no processes.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

from rlar.engines.sandbox.inside import program, script  # noqa: F401  (script: there for drivers)

MEMORY = -1  # in place of an exit code
LEFT_OUT = {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo", "test", "lib2to3", "ensurepip"}
LEFT_OUT |= {"venv", "pip", "_pyrepl", "__main__"}


def load_library() -> None:
    """Import every module of the standard library that can be: later, there are no files to import from."""
    for name in sorted(set(sys.stdlib_module_names) - LEFT_OUT):
        module = _load(name)
        for path in _folders(module):
            for found in pkgutil.walk_packages(path, f"{name}.", onerror=lambda name: None):
                if not {"__main__", "test", "tests"} & set(found.name.split(".")):
                    _load(found.name)


def _load(name: str) -> object:
    try:
        return importlib.import_module(name)
    except BaseException:  # needs what is not here
        return None


def _folders(module: object) -> list[list[str]]:
    path = getattr(module, "__path__", None)
    return [list(path)] if path else []


load_library()


class WitWorld:
    """What the component exports."""

    def run(self, source: str, argv: list[str]) -> int:
        """Run a program as a script. Returns its exit code, or MEMORY for an uncaught MemoryError."""
        sys.argv[:] = [program.FILE, *argv]
        status = program.FAILED
        try:
            program.load(source, "__main__")
            status = 0
        except SystemExit as e:
            status = program._exit_status(e.code)
        except BaseException as e:
            program.report(e.with_traceback(e.__traceback__ and e.__traceback__.tb_next))
            status = MEMORY if isinstance(e, MemoryError) else program.FAILED
        return program.leave(status)
