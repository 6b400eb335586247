import subprocess
import sys

import pytest

from rlar.cli.sandbox import parse_limits
from rlar.errors import InputError


def rlar(*args, **kwargs):
    return subprocess.run([sys.executable, "-m", "rlar.cli", *args], capture_output=True, timeout=60, **kwargs)


def test_a_program_is_run_and_how_it_ended_is_said(tmp_path):
    program, data = tmp_path / "p.py", tmp_path / "in.txt"
    program.write_text("print(int(input()) * 2)")
    data.write_text("21\n")
    done = rlar("sandbox", "run", str(program), "--stdin", str(data))
    assert (done.returncode, done.stdout) == (0, b"42\n") and b"isolation" in done.stderr
    program.write_text("while True: pass")
    done = rlar("sandbox", "run", str(program), "--limit", "cpu_s=0.3")
    assert done.returncode == 1 and b"timeout" in done.stderr
    program.write_text("import socket; socket.create_connection(('127.0.0.1', 9))")
    assert rlar("sandbox", "run", str(program)).returncode == 1


def test_the_report_names_every_layer_and_an_unknown_level_is_refused():
    done = rlar("sandbox", "report")
    assert done.returncode == 0 and all(layer in done.stdout for layer in (b"seccomp", b"rlimits"))
    assert rlar("sandbox", "report", "--require-isolation", "perfect").returncode == 2


@pytest.mark.parametrize("pair", ["cpu=1", "cpu_s=much", "memory_mib=1.5", "cpu_s=-1"])
def test_wrong_limits_are_refused(pair):
    with pytest.raises(InputError):
        parse_limits([pair])


def test_a_provider_that_nobody_knows_is_refused_by_name(tmp_path):
    program = tmp_path / "p.py"
    program.write_text("print(1)")
    done = rlar("sandbox", "run", str(program), "--provider", "docker")
    assert done.returncode == 2 and b"bubblewrap" in done.stderr + done.stdout
