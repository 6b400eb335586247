"""The front door of the command line: quick, and plain about mistakes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rlar.cli import COMMANDS, main
from rlar.cli.errors import show_error
from rlar.errors import InputError, MissingExtra


def call(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(args)
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_help_lists_only_what_is_there(capsys: pytest.CaptureFixture[str]):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    assert "score    " in out
    assert COMMANDS["score"] in out


def test_help_loads_nothing_heavy():
    check = (
        "import sys\nfrom rlar.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'typer', 'rich', 'numpy', 'asyncio', 'sympy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", check], check=True, stdout=subprocess.DEVNULL, timeout=60)


def test_a_misspelt_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]):
    code, _, err = call(capsys, "scroe")
    assert code == 2
    assert "no command 'scroe'; did you mean score?" in err


def test_version(capsys: pytest.CaptureFixture[str]):
    assert call(capsys, "--version")[1].startswith("rlar 0.")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (InputError("f: no such file"), 2, "rlar score: f: no such file\n"),
        (MissingExtra("Parquet", "parquet"), 2, 'pip install "rlar[parquet]"'),
        (ValueError("boom"), 70, "this is a bug in rlar, not in your data: ValueError: boom"),
        (OSError(28, "No space left on device"), 74, "rlar score: writing: No space left on device\n"),
        (InputError("\x1b]0;owned\x07"), 2, "rlar score: \\x1b]0;owned\\x07\n"),
    ],
)
def test_errors_for_people(capsys: pytest.CaptureFixture[str], error: Exception, code: int, says: str):
    assert show_error(error, "rlar score") == code
    assert says in capsys.readouterr().err
