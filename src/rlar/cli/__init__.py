"""One command, `rlar`. Each sub-command is a module beside this one, and is imported only when it is called.

A sub-command's module has `app` (a typer.Typer), or a function of its own name; an int it returns is the exit code.
Exit codes: 0 fine, 1 the answer is no (bad rows with --strict, a failed check), 2 wrong usage, 70 a bug in rlar,
74 a file cannot be read or written, 130 interrupted.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

COMMANDS: dict[str, str] = {
    "score": "score files of queries and responses",
    "tools": "list tools, show a card, test your own",
    "doctor": "what works on this machine",
    "acquire": "write or find tools for what no tool judges yet, and prove them",
    "evolve": "watch what tools gave, and replace those that broke",
    "eval": "measure tools and routing on labelled data",
    "rescore": "score old rollouts again with today's tools, and compare",
    "serve": "rewards over HTTP",
    "stamp": "write routing and references into a training set",
    "judge": "learn where asking an LLM judge pays",
    "hub": "find and prove reward models",
    "sandbox": "run code that nobody vouches for",
}


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one sub-command and exit. argv: without the program's name; None for the process's own."""
    args = list(sys.argv[1:] if argv is None else argv)
    name = args[0] if args else ""
    if name in ("", "-h", "--help", "help"):
        sys.stdout.write(_overview())
        sys.exit(0)
    if name in ("-V", "--version"):
        from rlar import __version__

        sys.stdout.write(f"rlar {__version__}\n")
        sys.exit(0)
    if name not in COMMANDS or not _is_there(name):
        sys.stderr.write(_unknown(name))
        sys.exit(2)
    from rlar.cli.errors import show_error

    try:
        _load(name)(args=args[1:], prog_name=f"rlar {name}")
    except Exception as e:
        sys.exit(show_error(e, f"rlar {name}"))
    sys.exit(0)


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(f"{__name__}.{name}") is not None


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:<{width}}{about}" for name, about in COMMANDS.items() if _is_there(name)]
    return "\n".join(
        [
            "Rewards that can be believed, for reinforcement learning of language models.",
            "",
            "usage: rlar COMMAND [options]        (rlar COMMAND --help for the options)",
            "",
            *lines,
            "",
            "  rlar score rollouts.jsonl --out rewards.jsonl --report report.html",
            "",
        ]
    )


def _unknown(name: str) -> str:
    import difflib

    known = [command for command in COMMANDS if _is_there(command)]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"rlar: no command {name!r}; {hint}there are {', '.join(known)}\n"


def _load(name: str) -> Callable[..., Any]:
    """The sub-command as a callable with args and prog_name, which exits by itself and lets our errors through."""
    import typer

    module = importlib.import_module(f"{__name__}.{name}")
    app = getattr(module, "app", None)
    if not isinstance(app, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode="rich")
        function = getattr(module, name)
        app.command(name, help=_flowing(function.__doc__ or ""))(_with_exit_code(function))
    app.pretty_exceptions_enable = False  # show_error says it shorter, and prints no local variables
    return app


def _flowing(doc: str) -> str:
    """A docstring with its paragraphs on one line each, to be broken at the width of the terminal."""
    import inspect

    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(doc).split("\n\n"))


def _with_exit_code(function: Callable[..., int | None]) -> Callable[..., None]:
    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        import typer

        code = function(*args, **kwargs)
        if code:
            raise typer.Exit(code)

    return command
