"""`rlar sandbox`: run a program that nobody vouches for, and see what confines it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlar.cli.options import parse_pairs
from rlar.errors import InputError

if TYPE_CHECKING:
    from rlar.engines.sandbox import Limits

app = typer.Typer(help="Run programs in the sandbox; see what confines them.", no_args_is_help=True)

Level = Annotated[
    str | None, typer.Option("--require-isolation", metavar="LEVEL", help="refuse below process, confined or full")
]
LimitPairs = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="cpu_s, wall_s, memory_mib, output_bytes, processes, scratch_mib, files, open_files",
    ),
]
Provider = Annotated[
    str, typer.Option("--provider", metavar="NAME", help="native, wasm, bubblewrap, or a /run_code service's address")
]


@app.command("run")
def run(
    file: Annotated[Path, typer.Argument(help="a Python program")],
    stdin: Annotated[Path | None, typer.Option("--stdin", help="file that it reads as standard input")] = None,
    limit: LimitPairs = None,
    require: Level = None,
    provider: Provider = "",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="run even where nothing confines it")] = False,
) -> None:
    """Run a program, show what it printed, and how it ended. Exit code 0 if it came to its end, else 1."""
    from rlar.engines.sandbox import Sandbox

    if not file.is_file():
        raise InputError(f"there is no file {file}")
    with Sandbox(parse_limits(limit or ()), slots=1, require=require, unsafe=unsafe, provider=provider) as box:
        result = box.run_sync(file.read_text("utf-8", "replace"), stdin.read_bytes() if stdin else b"")
    sys.stdout.buffer.write(result.stdout)
    sys.stdout.flush()
    sys.stderr.buffer.write(result.stderr)
    ended = f"exit code {result.exit_code}" if result.exit_code is not None else f"signal {result.signal}"
    sys.stderr.write(
        f"[{result.status}, {ended}, {result.cpu_s:.3f} s CPU, {result.max_rss_mib:.0f} MiB at most, "
        f"isolation {result.isolation}]\n"
    )
    raise typer.Exit(0 if result.ok else 1)


@app.command("report")
def report(require: Level = None, provider: Provider = "") -> None:
    """Every layer: whether it is active here, proven by a self-test, and what its absence means."""
    from rlar.engines.sandbox import Sandbox

    with Sandbox(slots=1, require=require, provider=provider) as box:
        typer.echo(str(box.report()))


def parse_limits(pairs: Sequence[str]) -> Limits:
    """Limits of NAME=VALUE texts. Raises InputError naming what is wrong."""
    import dataclasses

    from rlar.engines.sandbox import Limits

    known = {f.name for f in dataclasses.fields(Limits)}
    values: dict[str, Any] = {}
    for name, text in parse_pairs(pairs, "--limit").items():
        if name not in known:
            raise InputError(f"--limit {name}: there are {', '.join(sorted(known))}")
        try:
            values[name] = float(text) if name.endswith("_s") else int(text)
        except ValueError as e:
            raise InputError(f"--limit {name}={text}: a number is wanted") from e
    return Limits(**values)


def require_isolation(level: str | None) -> None:
    """Raise UnsafeError if programs would run with less isolation than this here."""
    if level is None:
        return
    from rlar.engines.sandbox import Sandbox

    with Sandbox(slots=1, require=level) as box:
        box.report()
