"""What hostile programs reach: nothing. Each prints what it got; with any set of layers that is an empty list."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rlar.engines.sandbox import Sandbox, Status

TRY = """
import os, sys, ctypes
libc = ctypes.CDLL(None, use_errno=True)
got = []
def attempt(name, call):
    try:
        result = call()
    except OSError:
        return
    if result not in (-1, None, b"", "", []):
        got.append((name, str(result)[:60]))
"""

READS = {
    "accounts": "for p in ('/etc/passwd', '/etc/shadow', '/etc/hosts', '/etc/machine-id'): attempt(p, lambda: open(p).read())",  # noqa: E501
    "homes": (
        "for p in ('/root', '/home', os.path.expanduser('~')):\n"
        "    attempt(p, lambda: [x for x in os.listdir(p) if not sys.base_prefix.startswith(os.path.join(p, x))])"
    ),
    "system": "for p in ('/sys', '/var', '/etc', '/boot', '/run', '/opt', '/srv'): attempt(p, lambda: os.listdir(p))",
    "devices": "for p in ('/dev/mem', '/dev/kmsg', '/dev/sda', '/dev/vda', '/dev/tty'): attempt(p, lambda: open(p, 'rb').read(1))",  # noqa: E501
    "processes": (
        "for p in ('self', '1', str(os.getppid()), *map(str, range(1, 300))):\n"
        "    for n in ('environ', 'cmdline', 'maps', 'status', 'mem'):\n"
        "        attempt(p + n, lambda: open(f'/proc/{p}/{n}', 'rb').read(16))"
    ),
    "climbing": (
        "for p in ('../' * 20 + 'etc/passwd', '/proc/self/root/etc/passwd', '/proc/self/cwd/../../../etc/passwd'):\n"
        "    attempt(p, lambda: open(p).read())"
    ),
    "links": (
        "for n, p in enumerate(('/etc/passwd', '/proc/1/environ')):\n"
        "    os.symlink(p, f's{n}'); attempt(p, lambda: open(f's{n}').read())\n"
        "    attempt('hard', lambda: os.link(p, f'h{n}') or open(f'h{n}').read())"
    ),
    "environment": (
        "env = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, 'environ'); i = 0\n"
        "while env[i]:\n"
        "    if b'SECRET' in env[i]: got.append(env[i])\n"
        "    i += 1"
    ),
    "inherited descriptors": (
        "import stat\n"
        "for fd in range(3, 1024):\n"
        "    attempt(fd, lambda: os.open('../../../etc/passwd', os.O_RDONLY, dir_fd=fd))\n"
        "    attempt(fd, lambda: stat.S_ISDIR(os.fstat(fd).st_mode) or None)"
    ),
    "other memory": (
        "class IOV(ctypes.Structure): _fields_ = [('b', ctypes.c_void_p), ('n', ctypes.c_size_t)]\n"
        "print([], flush=True)\n"
        "b = ctypes.create_string_buffer(16); v = IOV(ctypes.cast(b, ctypes.c_void_p), 16)\n"
        "attempt('vm', lambda: libc.process_vm_readv(os.getppid() or 1, ctypes.byref(v), 1, ctypes.byref(v), 1, 0))"
    ),
}
WRITES = {
    "outside": (
        "for p in (CANARY, CANARY + '2', '/var/tmp/x', '/dev/shm/x', '../x', os.__file__):\n"
        "    attempt(p, lambda: open(p, 'a').write('x'))"
    ),
    "changing outside": (
        "attempt('truncate', lambda: os.truncate(CANARY, 0) or 1)\n"
        "attempt('rename', lambda: os.rename(CANARY, CANARY + '3') or 1)\n"
        "attempt('link', lambda: os.link(CANARY, 'l') or 1)\n"
        "attempt('unlink', lambda: os.unlink(CANARY) or 1)\n"
        "attempt('open truncating', lambda: os.open(CANARY, os.O_RDONLY | os.O_TRUNC))\n"
        "for call in (lambda: os.chmod(CANARY, 0), lambda: os.utime(CANARY, (0, 0)), lambda: os.chown(CANARY, 0, 0)):\n"
        "    attempt('metadata', call)"
    ),
    "devices": "import stat\nfor m in (stat.S_IFBLK, stat.S_IFCHR, stat.S_IFIFO): attempt(m, lambda: os.mknod('d', m | 0o666, 0x101) or 1)",  # noqa: E501
    "its own input": "attempt('stdin', lambda: os.write(0, b'x'))",
}
REACHES = {
    "sockets": (
        "import socket\n"
        "for f in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, 16, 17, 40, 38):\n"
        "    for t in (1, 2, 3): attempt((f, t), lambda: socket.socket(f, t).fileno())"
    ),
    "fork": "attempt('fork', lambda: os.fork() or os._exit(0))",
    "raw clones": (
        "for nr, args in ((57, ()), (56, (17, 0, 0, 0, 0)), (56, (0x10000011, 0, 0, 0, 0)), (435, (0, 88))):\n"
        "    attempt(nr, lambda: libc.syscall(nr, *args) or libc._exit(0))"
    ),
    "programs": (
        "import subprocess\n"
        "attempt('subprocess', lambda: subprocess.run(['/bin/sh', '-c', 'echo 1'], capture_output=True).stdout)\n"
        "attempt('spawn', lambda: os.posix_spawn('/bin/sh', ['sh', '-c', 'true'], {}))\n"
        "attempt('exec', lambda: os.execv(sys.executable, ['x', '-c', 'print([1])']))\n"
        "attempt('memfd', lambda: os.memfd_create('x'))"
    ),
    "signals": (
        "me = os.getpid()\n"
        "for p in {os.getppid(), 1, -1, 0, *range(me - 20, me + 20)} - {me}:\n"
        "    attempt(p, lambda: os.kill(p, 19) or 1)\n"
        "attempt('pidfd', lambda: os.pidfd_open(os.getppid() or 1))\n"
        "attempt('queue', lambda: libc.sigqueue(os.getppid() or 1, 9, 0))"
    ),
    "other users": (
        "for f in (os.setuid, os.setgid, os.seteuid):\n"
        "    for n in {0, 1, 65534} - {os.getuid()}: attempt((f.__name__, n), lambda: f(n) or 1)\n"
        "caps = (ctypes.c_uint32 * 6)(); libc.syscall(125 if os.uname().machine == 'x86_64' else 90, (ctypes.c_uint32 * 2)(0x20080522, 0), caps)\n"  # noqa: E501
        "got += [c for c in caps if c]"
    ),
    "limits": (
        "import resource\n"
        "for n in ('AS', 'FSIZE', 'CPU', 'NOFILE', 'NPROC'):\n"
        "    r = getattr(resource, 'RLIMIT_' + n); soft, hard = resource.getrlimit(r)\n"
        "    if hard != resource.RLIM_INFINITY:\n"
        "        try: resource.setrlimit(r, (hard + 1, hard + 1)); got.append(n)\n"
        "        except (OSError, ValueError): pass\n"
        "attempt('parent', lambda: resource.prlimit(os.getppid() or 1, resource.RLIMIT_CORE))"
    ),
    "priorities": (
        "attempt('nice', lambda: os.nice(-5) or 1)\n"
        "attempt('user', lambda: os.setpriority(os.PRIO_USER, 0, 19) or 1)\n"
        "attempt('fifo', lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10)) or 1)\n"
        "attempt('unpin', lambda: os.sched_setaffinity(0, range(64)) or 1)"
    ),
    "terminal and pipes": (
        "import fcntl\n"
        "attempt('tty', lambda: fcntl.ioctl(0, 0x5412, b'x'))\n"
        "r, w = os.pipe()\n"
        "attempt('pipe size', lambda: fcntl.fcntl(w, 1031, 1 << 20))\n"
        "attempt('owner', lambda: fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid() or 1) or 1)"
    ),
}


@pytest.mark.parametrize("name", READS)
def test_nothing_outside_can_be_read(layered_box: Sandbox, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLAR_TEST_SECRET", "SECRET-in-the-environment")
    ran = layered_box.run_sync(f"{TRY}\n{READS[name]}\nprint(got)")
    assert ran.stdout == b"[]\n", ran
    assert ran.status in (Status.OK, Status.VIOLATION)


@pytest.mark.parametrize("name", WRITES)
def test_nothing_outside_can_be_changed(layered_box: Sandbox, name: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("as it was")
    canary.chmod(0o666)
    for folder in (tmp_path, *tmp_path.parents):
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    before = canary.stat()
    ran = layered_box.run_sync(f"{TRY}\nCANARY = {str(canary)!r}\n{WRITES[name]}\nprint(got)")
    assert ran.stdout == b"[]\n", ran
    after = canary.stat()
    assert canary.read_text() == "as it was"
    assert (after.st_mode, after.st_mtime, after.st_nlink) == (before.st_mode, before.st_mtime, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["canary"]


@pytest.mark.parametrize("name", REACHES)
def test_no_process_network_or_right_is_reached(layered_box: Sandbox, name: str) -> None:
    ran = layered_box.run_sync(f"{TRY}\n{REACHES[name]}\nprint(got)")
    assert ran.stdout == b"[]\n", ran
    assert ran.status is Status.OK


@pytest.mark.parametrize(
    "call", ["ptrace", "unshare", "mount", "bpf", "keyctl", "io_uring_setup", "userfaultfd", "setns", "perf_event_open"]
)
def test_calls_that_no_honest_program_makes_end_it(layered_box: Sandbox, call: str) -> None:
    from rlar.engines.sandbox.inside.syscalls import number

    ran = layered_box.run_sync(
        f"import ctypes; ctypes.CDLL(None).syscall({number(call)}, 0, 0, 0, 0); print('reached')"
    )
    assert (ran.status, ran.stdout) == (Status.VIOLATION, b"")


def test_the_kernel_offers_nothing_rare(layered_box: Sandbox) -> None:
    """Every number beyond the list answers EPERM or ENOSYS, or ends the task: tried one by one."""
    from rlar.engines.sandbox.inside.filters import ALLOWED, HOSTILE
    from rlar.engines.sandbox.inside.syscalls import NUMBERS

    rules = "clone clone3 fork vfork kill tgkill prlimit64 prctl fcntl ioctl socketpair sendto mmap open openat openat2"
    metadata = [
        name for name in NUMBERS if name.startswith(("chmod", "fchmod", "chown", "fchown", "lchown", "utime", "futime"))
    ]
    known = {
        NUMBERS[n]
        for n in (*ALLOWED, *HOSTILE, *rules.split(), *metadata, "creat", "truncate", "utimensat")
        if n in NUMBERS
    }
    probes = (
        {335, 336} if os.uname().machine == "x86_64" else set()
    )  # of uprobes: SIGILL unless the kernel put them there
    numbers = [n for n in range(470) if n not in known | probes]
    ran = layered_box.run_sync(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nopen_ = []\n"
        f"for n in {numbers}:\n    ctypes.set_errno(0)\n    r = libc.syscall(n, 0, 0, 0, 0, 0, 0)\n"
        "    if r != -1 or ctypes.get_errno() not in (1, 38): open_.append((n, r, ctypes.get_errno()))\nprint(open_)"
    )
    assert ran.stdout == b"[]\n", ran


def test_memory_outside_the_heap_is_bounded(layered_box: Sandbox) -> None:
    hoard = (
        "import os, socket\nheld, kept = 0, []\n"
        "def fill(fd):\n    global held\n    os.set_blocking(fd, False)\n    try:\n"
        "        while True: held += os.write(fd, bytes(65536))\n    except BlockingIOError: pass\n"
        "try:\n    while True:\n        r, w = os.pipe(); kept += [r, w]; fill(w)\nexcept OSError: pass\n"
        "for fd in kept[-20:]: os.close(fd)\n"
        "try:\n    while True:\n        a, b = socket.socketpair(); kept += [a, b]; fill(a.fileno())\nexcept OSError: pass\n"  # noqa: E501
        "print(held >> 20)"
    )
    assert int(layered_box.run_sync(hoard).stdout) < 32


def test_earlier_tasks_leave_nothing_in_memory(box: Sandbox) -> None:
    secret = "PAYLOAD-" + "CANARY-1d9f" * 4
    box.run_sync(f"data = input() + {secret!r}", secret + "\n")
    search = (
        "import ctypes, gc\nneedle = ''.join(['PAYLOAD-', 'CANARY-1d', '9f'])\n"
        "hits = [o for o in gc.get_objects() if isinstance(o, str) and needle in o]\n"
        "libc = ctypes.CDLL(None)\nlibc.sbrk.restype = ctypes.c_void_p\nend = libc.sbrk(0)\nstart = end - (6 << 20)\n"
        "chunk = 4096\n"
        "import os\nr, w = os.pipe()\n"
        "for at in range(start, end, chunk):\n"
        "    libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]\n"
        "    if libc.write(w, at, chunk) == chunk and needle.encode() in os.read(r, chunk): hits.append(at)\n"
        "print(len([h for h in hits if isinstance(h, str)]))"
    )
    assert box.run_sync(search).stdout == b"0\n"
