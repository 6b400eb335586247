"""Lines survive a kill: whole or not at all, and resumable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlar.errors import InputError
from rlar.rollouts import Writer, json_line


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_the_output_appears_only_when_it_is_complete(tmp_path: Path):
    out = tmp_path / "new" / "out.jsonl"
    with Writer(out) as writer:
        writer.write({"id": "a"})
        assert not out.exists()
        assert lines_of(writer.partial) == [{"id": "a"}]
    assert lines_of(out) == [{"id": "a"}]
    assert list(out.parent.iterdir()) == [out]


def test_an_exception_leaves_the_partial_and_resume_goes_on(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    with pytest.raises(KeyboardInterrupt), Writer(out) as writer:
        writer.write({"id": "a"})
        raise KeyboardInterrupt
    with Writer(out, resume=True) as writer:
        assert (writer.kept, list(writer.kept_lines())) == (1, [{"id": "a"}])
        writer.write({"id": "b"})
    assert lines_of(out) == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize("tail", ['{"id": "c', "\0\0\0", '{"id": "c"}', "[]\n", 'broken\n{"id": "d"}\n'])
def test_a_torn_tail_is_dropped(tmp_path: Path, tail: str):
    out = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.partial").write_text('{"id":"a"}\n{"id":"b"}\n' + tail)
    with Writer(out, resume=True) as writer:
        assert writer.kept == 2
        writer.write({"id": "c"})
    assert out.read_text() == '{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n'


def test_resume_of_a_finished_output_keeps_it(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    out.write_text('{"id":"a"}\n')
    with Writer(out, resume=True) as writer:
        assert writer.kept == 1
    assert out.read_text() == '{"id":"a"}\n'


def test_without_resume_an_earlier_partial_is_lost_and_said_so(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.partial").write_text('{"id":"a"}\n')
    with Writer(out) as writer:
        assert writer.discarded
    assert out.read_bytes() == b""


def test_two_runs_cannot_write_one_output(tmp_path: Path):
    with Writer(tmp_path / "out.jsonl"), pytest.raises(InputError, match="another run is writing it"):
        Writer(tmp_path / "out.jsonl")


def test_standard_output_cannot_be_resumed():
    with pytest.raises(InputError, match="--resume needs a file"):
        Writer("-", resume=True)


def test_nothing_but_finite_numbers_leaves():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line({"x": float("nan")})


def test_a_lone_surrogate_is_escaped_and_other_scripts_are_not():
    assert json_line({"id": "日本"}) == '{"id":"日本"}\n'.encode()
    assert json.loads(json_line({"id": "日\ud800"})) == {"id": "日\ud800"}


KILLED = """
import sys
from rlar.rollouts import Writer
with Writer(sys.argv[1], resume=True) as writer:
    for i in range(writer.kept, 10**9):
        writer.write({"id": str(i), "pad": "x" * 5000})
        if i == writer.kept + 50: print("running", flush=True)
"""


def test_kill_9_at_any_moment_leaves_whole_lines_in_order(tmp_path: Path):
    out = tmp_path / "out.jsonl"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(out)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert not out.exists()
    with Writer(out, resume=True) as writer:
        kept = [line["id"] for line in writer.kept_lines()]
    assert len(kept) > 150
    assert kept == [str(i) for i in range(len(kept))]
    assert len(lines_of(out)) == len(kept)
