"""Programs as scripts: what they print, and how they may end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from rlar.engines.sandbox import Limits, Sandbox, Status
from rlar.errors import InputError


@pytest.mark.parametrize(
    ("program", "stdin", "stdout"),
    [
        ("print('hi')", "", b"hi\n"),
        ("print(input()[::-1])", "abc\n", b"cba\n"),
        ("import sys; print(len(sys.stdin.buffer.read()))", "z" * (1 << 20), b"1048576\n"),
        ("print(len(open(0).read()))", "z" * 300_000, b"300000\n"),  # more than any pipe holds
        ("import sys; print(sys.stdin.read() == '')", "", b"True\n"),
        ("print('h\\u00e9\\u4f60')", "", "hé你\n".encode()),
        ("import sys; print(sys.argv[1:])", "", b"['a', 'b']\n"),
        ("if __name__ == '__main__': print('main')", "", b"main\n"),
        ("exit()", "", b""),
        ("import atexit; atexit.register(print, 'bye'); print('hi')", "", b"hi\nbye\n"),
        ("import threading; threading.Timer(0.05, print, ['late']).start()", "", b"late\n"),
        ("global x\nx = 1\ndef f():\n    global x\n    x += 1\nf(); print(x)", "", b"2\n"),
        ("import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__name__)", "", b"A\n"),
        ("from concurrent.futures import ThreadPoolExecutor as T\nprint(sum(T(8).map(int, '123')))", "", b"6\n"),
        ("import asyncio\nasync def f(): return 5\nprint(asyncio.run(f()))", "", b"5\n"),
        ("import zoneinfo; print(zoneinfo.ZoneInfo('Europe/Paris'))", "", b"Europe/Paris\n"),
        ("import sqlite3; print(sqlite3.connect(':memory:').execute('select 1+1').fetchone())", "", b"(2,)\n"),
        ("print(__file__, open.__name__)", "", b"program.py open\n"),
        ("print(list({'b', 'a', 'c', 'd'}), __import__('random').random())", "", None),
    ],
)
def test_honest_programs_run_as_they_would_anywhere(
    box: Sandbox, program: str, stdin: str, stdout: bytes | None
) -> None:
    ran = box.run_sync(program, stdin, argv=("a", "b"))
    assert (ran.status, ran.stderr) == (Status.OK, b"")
    if stdout is None:  # order of sets and random numbers: not known, but always the same
        stdout = box.run_sync(program).stdout
    assert ran.stdout == stdout


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("exit(3)", Status.ERROR),
        ("1/0", Status.ERROR),
        ("def f(:", Status.ERROR),
        ("raise SystemExit('no')", Status.ERROR),
        ("while True: pass", Status.TIMEOUT),
        ("import time; time.sleep(100)", Status.TIMEOUT),
        (
            "import threading\nfor _ in range(3): threading.Thread(target=lambda: exec('while 1: pass')).start()",
            Status.TIMEOUT,
        ),
        ("import os; os.kill(os.getpid(), 19)", Status.TIMEOUT),  # stopped: uses nothing, never ends
        ("x = bytearray(8 << 30)", Status.MEMORY),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", Status.MEMORY),
        ("while True: print('A' * 4095)", Status.OUTPUT_LIMIT),
        ("import sys\nwhile True: sys.stderr.write('A' * 4095)", Status.OUTPUT_LIMIT),
        ("import ctypes; ctypes.string_at(0)", Status.CRASHED),
        ("import os; os.kill(os.getpid(), 9)", Status.CRASHED),  # its own doing also the second time
        ("import os; os.abort()", Status.CRASHED),
        ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", Status.VIOLATION),
        (
            "import os\nfor fd in range(256):\n    try: os.close(fd)\n    except OSError: pass\nwhile True: pass",
            Status.TIMEOUT,
        ),
    ],
)
def test_every_end_has_its_name(box: Sandbox, program: str, status: Status) -> None:
    ran = box.run_sync(program)
    assert ran.status is status
    assert len(ran.stdout) + len(ran.stderr) <= box.limits.output_bytes
    assert box.run_sync("print(1)").stdout == b"1\n"


def test_tracebacks_show_the_program_and_nothing_of_the_runtime(box: Sandbox) -> None:
    ran = box.run_sync("def f(x):\n    return 1 / x\n\nf(0)\n")
    text = ran.stderr.decode()
    assert "ZeroDivisionError" in text
    assert 'File "program.py", line 2, in f' in text
    assert "return 1 / x" in text
    assert text.count("File ") == 2
    assert "rlar" not in text


def test_limits_can_be_set_per_call(box: Sandbox) -> None:
    spin = "import time\nt = time.process_time()\nwhile time.process_time() < t + 0.5: pass\nprint('done')"
    assert box.run_sync(spin, limits=Limits(cpu_s=0.2)).status is Status.TIMEOUT
    assert box.run_sync(spin, limits=Limits(cpu_s=2.0)).stdout == b"done\n"
    grab = "x = bytearray(300 << 20); print('got')"
    assert box.run_sync(grab, limits=Limits(memory_mib=200)).status is Status.MEMORY
    assert box.run_sync(grab, limits=Limits(memory_mib=500)).stdout == b"got\n"


def test_usage_is_told(box: Sandbox) -> None:
    ran = box.run_sync("x = bytearray(50 << 20)\nimport time; time.sleep(0.2)")
    assert ran.wall_s >= 0.2
    assert ran.cpu_s < 0.2
    assert 50 < ran.max_rss_mib < 120


def test_threads_are_bounded_but_possible(box: Sandbox) -> None:
    program = (
        "import threading, _thread\nthreading.stack_size(32768)\nlock = _thread.allocate_lock()\nlock.acquire()\nn = 0\n"  # noqa: E501
        "try:\n    while n < 5000: _thread.start_new_thread(lock.acquire, ()); n += 1\n"
        "except RuntimeError: pass\nprint(n, flush=True)\nimport os; os._exit(0)"
    )
    assert 30 <= int(box.run_sync(program).stdout) <= 60


def test_files_live_as_long_as_their_task(layered_box: Sandbox) -> None:
    write = "import os, tempfile\nopen('note', 'w').write('x' * 1000)\nos.makedirs('a/b')\nos.rename('note', 'a/b/n')\n"
    write += "with tempfile.NamedTemporaryFile() as f: f.write(b'1')\nprint(os.path.getsize('a/b/n'))"
    assert layered_box.run_sync(write).stdout == b"1000\n"
    assert layered_box.run_sync("import os; print(os.listdir('.'))").stdout == b"[]\n"


@pytest.mark.parametrize(
    "mess",
    [
        "for d in range(1500):\n    os.mkdir('d' * 40); os.chdir('d' * 40)",
        "os.mkdir('locked'); open('locked/x', 'w').close(); os.chmod('locked', 0)",
        "os.mkdir('unlisted', 0o300); open('unlisted/x', 'w').close()",
        "os.symlink('/', 'root'); os.symlink('..', 'up'); os.symlink('nowhere', 'x')",
        "for i in range(500): open(str(i), 'w').close()",
        "for i in range(300): os.makedirs(f'{i}/{i}')",
    ],
)
def test_every_mess_is_tidied(layered_box: Sandbox, mess: str) -> None:
    before = layered_box.run_sync(f"import os\n{mess}\nprint('made')", limits=Limits(cpu_s=10.0))
    assert before.stdout == b"made\n", before.stderr
    assert layered_box.run_sync("import os; print(os.listdir(os.environ['HOME']))").stdout == b"[]\n"


def test_scratch_is_limited_in_size_and_number(layered_box: Sandbox) -> None:
    with_big_files = layered_box.run_sync(
        "n = 0\ntry:\n    for i in range(100):\n        with open(str(i), 'wb') as f:\n"
        "            for _ in range(16): f.write(bytes(1 << 20)); n += 1\nexcept OSError: pass\nprint(n)",
        limits=Limits(cpu_s=5.0),
    )
    assert with_big_files.status is Status.OUTPUT_LIMIT or int(with_big_files.stdout) <= 64
    sparse = layered_box.run_sync("f = open('x', 'wb'); f.truncate(1 << 40)")
    assert sparse.status is Status.ERROR


def test_coroutines_and_threads_share_one_sandbox(box: Sandbox) -> None:
    async def many() -> list[bytes]:
        ran = await asyncio.gather(*(box.run(f"print({i})") for i in range(20)))
        return [r.stdout for r in ran]

    results: dict[int, list[bytes]] = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: asyncio.run(many())})) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [b"%d\n" % i for i in range(20)] for n in range(3)}


@pytest.mark.parametrize("bad", [{"cpu_s": 0}, {"memory_mib": -1}, {"wall_s": float("nan")}, {"cpu_s": float("inf")}])
def test_limits_that_limit_nothing_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        Limits(**bad)  # type: ignore[arg-type]
