# ruff: noqa: E501  (a program a line)
"""Hostile programs beyond the shared collection: each says REACHED if it got what it wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rlar.engines.sandbox import Asserts, Calls, Limits, Sandbox, Status, Stdio

LIMITS = Limits(cpu_s=0.25, wall_s=0.4, memory_mib=256)
TIME_TO_FILL = Limits(
    cpu_s=4.0, wall_s=6.0, memory_mib=256
)  # pages of 256 MiB may cost 0.3 CPU seconds on a busy machine
HEAD = "import ctypes, errno, os, socket, sys, threading, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"

PROCESSES = {
    "an orphan in a session of its own": "try:\n    if os.fork() == 0:\n        os.setsid(); time.sleep(99)\n    print('REACHED')\nexcept OSError: pass",
    "multiprocessing": "import multiprocessing as m\ntry:\n    p = m.get_context('fork').Process(target=print); p.start(); print('REACHED')\nexcept OSError: pass",
    "a new session": "try: os.setsid(); print('REACHED')\nexcept OSError: pass",
    "signals to a group": "for f in (os.killpg, os.kill):\n    try: f(os.getpgrp() if f is os.killpg else 0, 9); print('REACHED')\n    except OSError: pass",
    "a thread of somebody else": "r = libc.syscall(234, os.getppid() or 1, os.getppid() or 1, 9)\nif r == 0: print('REACHED')",
    "a queued signal": "b = ctypes.create_string_buffer(128)\nif libc.syscall(129, os.getppid() or 1, 9, b) == 0: print('REACHED')",
    "outliving its parent's death": "if libc.prctl(1, 0, 0, 0, 0) == 0 or libc.prctl(36, 1, 0, 0, 0) == 0: print('REACHED')",
    "a filter with a listener": "if libc.syscall(317, 1, 8, 0) >= 0: print('REACHED')\nif libc.syscall(317, 2, 0, 0) >= 0: print('REACHED')",
    "the loader as a program": "for p in ('/lib64/ld-linux-x86-64.so.2', '/usr/bin/env', sys.executable):\n    try: os.execv(p, [p, sys.executable]); print('REACHED')\n    except OSError: pass",
    "a program by descriptor": "try:\n    fd = os.open(sys.executable, os.O_RDONLY); os.execve(fd, ['x'], {}); print('REACHED')\nexcept OSError: pass",
    "its own memory by file": "try: open('/proc/self/mem', 'r+b'); print('REACHED')\nexcept OSError: pass",
    "the memory of every process": "for p in range(1, 400):\n    try: open(f'/proc/{p}/mem', 'rb'); print('REACHED')\n    except OSError: pass",
}
NETWORK = {
    "names": "try: socket.getaddrinfo('localhost', 80); print('REACHED')\nexcept OSError: pass",
    "listening": "try: socket.create_server(('', 47699)); print('REACHED')\nexcept OSError: pass",
    "an abstract socket": "try:\n    s = socket.socket(socket.AF_UNIX); s.connect('\\0rlar'); print('REACHED')\nexcept OSError: pass",
    "a pair that connects": "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\nfor f in (lambda: a.connect('\\0x'), lambda: a.sendto(b'x', '\\0x'), lambda: a.bind('\\0y')):\n    try: f(); print('REACHED')\n    except OSError: pass",
    "a bound socket in its folder": "try:\n    a, b = socket.socketpair(); a.bind('s'); print('REACHED')\nexcept OSError: pass",
    "descriptors over the channel": "import array\ntry:\n    s = socket.socket(fileno=3); s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0]))]); print('REACHED')\nexcept OSError: pass",
}
SHARED = {
    "shared memory by name": "from multiprocessing import shared_memory as m\ntry: m.SharedMemory('rlar', True, 4096); print('REACHED')\nexcept OSError: pass",
    "old shared memory": "for nr in (29, 64, 68, 240):\n    if libc.syscall(nr, 0x77, 4096, 0o1600, 0) >= 0: print('REACHED')",
    "files in shared folders": "for d in ('/dev/shm', '/var/tmp', '/run', '/var/lock', '/run/user/0', '/dev/mqueue'):\n    try: open(d + '/rlar', 'w'); print('REACHED')\n    except OSError: pass",
    "extended attributes": "try: os.setxattr('.', 'user.x', b'1'); print('REACHED')\nexcept OSError: pass",
    "watching folders": "if libc.inotify_init1(0) >= 0: print('REACHED')",
    "a file that nobody may delete": "import fcntl\nfd = os.open('x', os.O_CREAT | os.O_RDWR)\ntry: fcntl.ioctl(fd, 0x40086602, b'\\x10' + bytes(7)); print('REACHED')\nexcept OSError: pass",
    "locked memory": "if libc.mlockall(3) == 0: print('REACHED')",
    "a clock": "for f in (lambda: time.clock_settime(0, 0),):\n    try: f(); print('REACHED')\n    except OSError: pass",
    "a priority for disks": "if libc.syscall(251, 1, 0, 0x2000) == 0: print('REACHED')",
    "a process of real time": "try: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1)); print('REACHED')\nexcept OSError: pass",
    "the runtime": "for n in ('rlar', 'rlar.engines.sandbox', 'numpy', 'pytest'):\n    try: __import__(n); print('REACHED')\n    except ImportError: pass",
    "settings of the host": "import gc\nfor o in gc.get_objects():\n    if isinstance(o, str) and ('site-packages' in o and 'pytest' in o): print('REACHED')",
}


@pytest.mark.parametrize("name", [*PROCESSES, *NETWORK, *SHARED])
def test_it_reaches_nothing(layered_box: Sandbox, name: str) -> None:
    ran = layered_box.run_sync(HEAD + {**PROCESSES, **NETWORK, **SHARED}[name], limits=LIMITS)
    assert b"REACHED" not in ran.stdout + ran.stderr, ran
    assert ran.status in (Status.OK, Status.VIOLATION, Status.CRASHED, Status.ERROR), ran
    assert layered_box.run_sync("print('alive')").stdout == b"alive\n"


@pytest.mark.parametrize(
    ("program", "statuses"),
    [
        ("import atexit\natexit.register(lambda: [0 for _ in iter(int, 1)])", {"timeout"}),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(99,)).start()", {"timeout"}),
        ("import threading\ndef f():\n    while True: pass\nfor _ in range(8): threading.Thread(target=f).start()", {"timeout"}),
        ("import signal\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: pass", {"timeout"}),
        ("import sys\nsys.settrace(lambda *a: time.sleep(9))\nimport time\ntime.sleep(99)", {"timeout"}),
        ("class M(type):\n    def __del__(c):\n        while True: pass\nclass A(metaclass=M): pass\ndel A\nimport gc\ngc.collect()", {"timeout"}),
        ("int('9' * 4000) ** 400000", {"timeout", "memory"}),
        ("import sys\nsys.set_int_max_str_digits(0)\nstr(1 << 30_000_000)", {"timeout", "memory"}),
        ("'x' * (1 << 33)", {"memory"}),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", {"memory"}),
        ("import mmap\nx = [mmap.mmap(-1, 1 << 26) for _ in range(99)]", {"error", "memory"}),
        ("import sys\nsys.setrecursionlimit(1 << 30)\ndef f(): f()\nf()", {"crashed", "memory", "timeout"}),
        ("eval('(' * 100_000)", {"error", "memory", "crashed"}),
        ("import os\nos.abort()", {"crashed"}),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", {"crashed"}),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGALRM)", {"crashed"}),
        ("import signal\nsignal.alarm(1)\nwhile True: pass", {"timeout", "crashed"}),
        ("import os\nwhile True: os.write(2, b'x' * 65536)", {"output_limit"}),
        ("import os\nwhile True: os.write(1, b'x'); os.write(2, b'y' * 65536)", {"output_limit"}),
        ("import os\nos.close(1); os.close(2)\nprint('x' * 100000)", {"error", "ok"}),
        ("import os\nos.ftruncate(os.open('x', os.O_CREAT | os.O_RDWR), 1 << 40)", {"error", "crashed"}),
        ("import os\nwhile True: os.open('.', 0)", {"error"}),
        ("import os\nfor n in range(200): open(b'\\xff\\n' + b'%d' % n, 'w')\nos.symlink('.', 'loop'); os.mkdir('d'); os.chmod('d', 0)", {"ok"}),
        ("input()", {"error"}),  # standard input ends at once
        ("import sys\nsys.exit('\\ud800')", {"error"}),
        ("print('\\ud800')", {"error"}),
        ("raise SystemExit(256)", {"ok"}),  # as the interpreter has it
        ("raise SystemExit(1 << 80)", {"ok", "error"}),
        ("raise BaseException", {"error"}),
        ("import os\nos._exit(0)", {"ok"}),
    ],
)  # fmt: skip
def test_it_exhausts_nothing_and_ends_by_its_own_name(box: Sandbox, program: str, statuses: set[str]) -> None:
    ran = box.run_sync(program, limits=TIME_TO_FILL if statuses == {"memory"} else LIMITS)
    assert str(ran.status) in statuses, ran
    assert len(ran.stdout) + len(ran.stderr) <= LIMITS.output_bytes
    assert box.run_sync("print('alive')").stdout == b"alive\n"


CALLS = Calls("solve", [((3,), 16), ((10,), 37), ((0,), 7)])  # 3 x + 7
NEAR = Calls("solve", [((3,), 16.0), ((10,), 37.0)], tolerance=(1e-6, 1e-6))
PLAIN = Asserts("def check(c):\n    assert c(3) == 16\n    assert abs(c(0) - 7) < 1e-6\n", "solve")
JUDGED = Asserts("def check(c):\n    for x in (3, 10): assert c(x) == 3 * x + 7\n", "solve")
CLOSE = Asserts("assert abs(solve(3) - 16) < 1e-6\nassert abs(solve(0) - 7) < 1e-6", "solve")
IN_ORDER = Asserts("for x in (1, 5):\n    assert 3 * x < solve(x)\n    assert solve(x) < 3 * x + 8\n", "solve")
RAISING = Asserts(
    "for x in (1,): assert solve(x) == 10\ntry:\n    solve(-1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError",
    "solve",
)
STDIO = Stdio([("3\n", "16\n"), ("10\n", "37\n")])
LYING = (
    "def yes(*a): return True\ndef zero(*a): return 0.0\n"
    "class Lie({base}):\n"
    "    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = __bool__ = __contains__ = yes\n"
    "    __ne__ = lambda s, o: False\n    __hash__ = lambda s: 0\n"
    "    __sub__ = __rsub__ = __abs__ = __float__ = __round__ = zero\n"
    "    __class__ = property(lambda s: int)\n"
)
FORGERIES = {
    **{
        f"a lying {base or 'object'}": LYING.format(base=base) + f"def solve(x): return Lie({made})"
        for base, made in (
            ("", ""),
            ("int", "0"),
            ("float", "0"),
            ("str", "''"),
            ("list", ""),
            ("tuple", ""),
            ("dict", ""),
        )
    },
    "a kind that lies for its objects": "class M(type):\n    def __instancecheck__(c, o): return True\n    def __eq__(c, o): return True\n    __hash__ = type.__hash__\nclass A(metaclass=M):\n    __eq__ = lambda s, o: True\ndef solve(x): return A",
    "builtins of its own": "import builtins\nfor n in ('abs', 'all', 'any', 'isinstance', 'len', 'sorted', 'float', 'int', 'AssertionError', 'range', 'type', 'id'):\n    setattr(builtins, n, lambda *a, **k: True)\ndef solve(x): return 0",
    "a json of its own": "import json, sys\nfor m in list(sys.modules.values()):\n    for n in ('dumps', 'loads', 'encode', 'decode', 'pack', 'unpack'):\n        try: setattr(m, n, lambda *a, **k: {'passed': True, 'value': 16})\n        except Exception: pass\ndef solve(x): return 0",
    "finalizers": "class A:\n    def __del__(s): import os; os._exit(0)\ndef solve(x): return A()",
    "an exit handler": "import atexit, os\natexit.register(os._exit, 0)\ndef solve(x): raise SystemExit(0)",
    "a generator": "def solve(x):\n    while True: yield 16",
    "a thread that answers first": "import os, threading, struct\ndef spam():\n    while True:\n        for fd in (1, 2, 3, 4, 5, 6):\n            try: os.write(fd, struct.pack('<I', 23) + b'{\"id\": 1, \"value\": 16   }')\n            except OSError: pass\nthreading.Thread(target=spam, daemon=True).start()\ndef solve(x): return 0",
    "a closed channel": "import os\ndef solve(x):\n    os.closerange(0, 99)\n    return 0",
    "standard output in the channel's place": "import os\ndef solve(x):\n    os.dup2(1, 3); os.dup2(1, 4)\n    return 0",
    "all answers at once": "def solve(x): return [16, 37, 7, 10, 13, 22]",
    "no number": "def solve(x): return float('nan')",
    "endless": "def solve(x): return float('inf')",
    "a loop in itself": "def solve(x):\n    a = []\n    a.append(a)\n    return a",
    "deep": "def solve(x):\n    a = 16\n    for _ in range(100000): a = [a]\n    return a",
    "a broken text": "def solve(x): return '\\ud800' * 3",
    "an error of the asked kind": "class ValueError(Exception): pass\ndef solve(x): raise ValueError",
    "an error that is everything": "import builtins\nclass E(BaseException): pass\nbuiltins.AssertionError = builtins.ValueError = E\ndef solve(x): raise E",
    "a quiet exit": "import sys\ndef solve(x): sys.exit(0)",
    "words of success": "print('passed'); print('OK'); print('1 passed in 0.01s')\ndef solve(x): return None",
    "another entry": "import sys\nsys.modules['__main__'].solve = sys.modules['solution'] = None\nsolve = None",
    "frames": "import gc, sys\ndef solve(x):\n    for o in gc.get_objects():\n        if isinstance(o, dict):\n            for k in ('expected', 'cases', 'want', 'test', 'code'):\n                v = o.get(k)\n                if isinstance(v, list) and v and isinstance(v[0], int): return v[0]\n                if isinstance(v, str) and '==' in v: return int(v.split('==')[1].split()[0])\n    return 0",
    "killing itself": "import os\ndef solve(x): os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize(
    "tests",
    [CALLS, NEAR, PLAIN, JUDGED, CLOSE, IN_ORDER, RAISING],
    ids=["calls", "near", "plain", "judged", "close", "order", "raising"],
)
def test_no_forgery_passes(box: Sandbox, tests: Calls | Asserts) -> None:
    honest = "def solve(x):\n    if x < 0: raise ValueError\n    return 3 * x + 7"
    passed = []
    for name, program in FORGERIES.items():
        graded = box.grade_sync(program, tests, limits=LIMITS)
        if graded.passed or (graded.cases and all(c.passed for c in graded.cases)):
            passed.append((name, graded))
    assert passed == []
    assert box.grade_sync(honest if tests is not NEAR else honest + ".0", tests).passed


@pytest.mark.parametrize(
    "program",
    [
        "import os\nos.write(1, b'16\\n'); os._exit(1)",
        "import os\nos.write(1, b'16\\n37\\n'); os._exit(0)",
        "print('16'); print('37')",
        "import sys\nsys.stdout.write('16'); sys.stdout.flush(); 1/0",
        "import os\nos.write(2, b'16\\n')",
        "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'16\\n')\n    except OSError: pass",
        "import os\nprint(16 if os.fstat(0).st_size == 3 else 16)",  # one right answer of two
        "print('16\\x00')",
        "print('１６')",  # other digits
        "print('16\\r', end='')\nwhile True: pass",
    ],
)
def test_no_output_passes_but_the_right_one(box: Sandbox, program: str) -> None:
    assert not box.grade_sync(program, STDIO, limits=LIMITS).passed


def test_a_large_input_that_nobody_reads_and_one_read_late(box: Sandbox) -> None:
    data = b"z" * (4 << 20)
    assert box.run_sync("print(1)", data).stdout == b"1\n"
    late = "import sys, time\ntime.sleep(0.05)\nprint(len(sys.stdin.buffer.read()))"
    assert box.run_sync(late, data).stdout == b"%d\n" % len(data)
    echo = "import sys\nwhile b := sys.stdin.buffer.read(65536): sys.stdout.buffer.write(b)"
    assert box.run_sync(echo, data).stdout == data


def test_threads_are_bounded_at_the_limit(layered_box: Sandbox) -> None:
    bomb = "import threading, time\nn = 0\ntry:\n    for _ in range(5000): threading.Thread(target=time.sleep, args=(9,), daemon=True).start(); n += 1\nexcept RuntimeError: pass\nprint(n, flush=True)\nimport os\nos._exit(0)"
    ran = layered_box.run_sync(bomb, limits=Limits(cpu_s=3, processes=20))
    assert 10 <= int(ran.stdout) <= 40, ran


@pytest.fixture
def mixed() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, slots=2) as box:
        yield box


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_honest_items_beside_hostile_ones_are_unharmed(mixed: Sandbox) -> None:
    verifier = mixed.load("def score(r):\n    return float(len(r))")
    hostile = [HEAD + p for p in {**PROCESSES, **NETWORK, **SHARED}.values()]
    hostile += [
        "while True: pass",
        "x = []\nwhile True: x.append(bytearray(1 << 20))",
        "import os\nos.kill(os.getpid(), 9)",
    ]
    stop = threading.Event()
    attacks = 0

    def attack() -> None:
        nonlocal attacks
        while not stop.is_set():
            for program in hostile:
                mixed.run_sync(program)
                attacks += 1
            for program in FORGERIES.values():
                assert not mixed.grade_sync(program, JUDGED).passed
                attacks += 1
                if stop.is_set():
                    return

    attackers = [threading.Thread(target=attack) for _ in range(2)]
    for thread in attackers:
        thread.start()
    try:
        wrong = [n for n in range(1000) if not _honest(mixed, verifier, n)]
    finally:
        stop.set()
        for thread in attackers:
            thread.join()
    assert wrong == []
    assert attacks > 30


def _honest(box: Sandbox, verifier: object, n: int) -> bool:
    program = "def solve(x): return 3 * x + 7"
    match n % 5:
        case 0:
            return box.run_sync(f"print({n})").stdout == b"%d\n" % n
        case 1:
            return box.grade_sync(program, CALLS).passed
        case 2:
            return box.grade_sync(program, JUDGED).passed
        case 3:
            return [c.passed for c in box.grade_sync(program, Calls("solve", [((n,), 3 * n + 7), ((n,), 0)])).cases] == [True, False]  # fmt: skip
    return verifier.judge_sync([("a" * (n % 7),)]) == [float(n % 7)]  # type: ignore[attr-defined]
