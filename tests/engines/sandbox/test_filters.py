"""The seccomp programs, run in a small emulator: what each call is answered, on both machines."""

from __future__ import annotations

import struct

import pytest

from rlar.engines.sandbox.inside import bpf, filters, syscalls
from rlar.engines.sandbox.inside.bpf import Action, deny

EPERM, ENOSYS = deny(1), deny(38)
ALLOW, KILL = int(Action.ALLOW), int(Action.KILL)


def run(program: bytes, arch: int, nr: int, *arguments: int) -> int:
    """What the kernel would answer. Raises if the program leaves its bounds or does not end."""
    code = list(struct.iter_unpack("=HBBI", program))
    words = [*arguments, *[0] * (6 - len(arguments))]
    memory = struct.pack("=iIQ6Q", nr if nr < 1 << 31 else nr - (1 << 32), arch, 0, *(a & (1 << 64) - 1 for a in words))
    at, value = 0, 0
    for _ in range(len(code)):
        what, yes, no, k = code[at]
        at += 1
        if what == bpf.LD_W_ABS:
            (value,) = struct.unpack_from("=I", memory, k)
        elif what == bpf.RET:
            return k
        elif what == bpf.JA:
            at += k
        else:
            holds = {bpf.JEQ: value == k, bpf.JGE: value >= k, bpf.JSET: bool(value & k)}[what]
            at += yes if holds else no
    raise AssertionError("the program did not end")


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The audit number of a machine, whose table is in force."""
    numbers, arch = syscalls.table(request.param)
    monkeypatch.setattr(syscalls, "NUMBERS", numbers)
    monkeypatch.setattr(bpf, "ARCH", arch)
    return arch


def test_the_zygote_may_what_is_listed_and_no_more(machine: int) -> None:
    program = filters.zygote_filter(private_root=True, truncate_by_landlock=True).assemble()
    assert len(program) // 8 <= 4096
    numbers = syscalls.NUMBERS
    ruled = {"clone", "clone3", "fork", "vfork", "kill", "tgkill", "prlimit64", "prctl", "fcntl", "ioctl", "socketpair"}
    ruled |= {"sendto", "mmap", "open", "openat", "openat2", "creat", "truncate", *filters.CHANGES_OF_METADATA}
    listed = {numbers[n] for n in filters.ALLOWED if n in numbers}
    hostile = {numbers[n] for n in filters.HOSTILE if n in numbers}
    named = {numbers[n] for n in ruled if n in numbers}
    assert not listed & hostile
    for nr in range(600):
        if nr not in named:
            wanted = ALLOW if nr in listed else KILL if nr in hostile else EPERM
            assert run(program, machine, nr) == wanted, nr


def test_other_entries_to_the_kernel_are_closed(machine: int) -> None:
    for made in (
        filters.zygote_filter(private_root=False, truncate_by_landlock=False),
        filters.task_filter(7, private_root=False),
        filters.quiet_filter(),
    ):
        program = made.assemble()
        read = syscalls.NUMBERS["read"]
        assert run(program, machine, read) == ALLOW
        assert run(program, 0x40000003, read) == KILL  # 32-bit entry
        assert run(program, machine, 0x40000000 | read) == KILL  # x32
        assert run(program, machine, 0xFFFFFFFF) == KILL


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone", (0x11,), ALLOW),
        ("clone", (0x10000011,), EPERM),  # a user namespace
        ("clone", (0x3D0F00 | 0x20000000,), EPERM),
        ("clone3", (), ENOSYS),
        ("fork", (), EPERM),
        ("prlimit64", (0, 7), ALLOW),
        ("prlimit64", (1, 7), EPERM),
        ("prctl", (15,), ALLOW),
        ("prctl", (38,), ALLOW),
        ("prctl", (53,), EPERM),
        ("fcntl", (3, 1), ALLOW),
        ("fcntl", (3, 8), EPERM),
        ("fcntl", (3, 1031), EPERM),
        ("ioctl", (1, 0x5401), ALLOW),
        ("ioctl", (1, 0x5412), EPERM),
        ("ioctl", (1, 0xFFFFFFFF00005412), EPERM),  # the kernel looks at the low half only, and so does the rule
        ("socketpair", (1, 1), ALLOW),
        ("socketpair", (2, 1), EPERM),
        ("socket", (2, 1), EPERM),
        ("sendto", (3, 0, 0, 0, 0), ALLOW),
        ("sendto", (3, 0, 0, 0, 0x1000), EPERM),
        ("sendto", (3, 0, 0, 0, 0x100000000), EPERM),  # an address whose low half is 0
        ("openat", (0, 0, 0o1000), EPERM),  # truncating without write access, which old Landlock lets pass
        ("openat", (0, 0, 0o1001), ALLOW),
        ("openat", (0, 0, 0), ALLOW),
        ("openat2", (), ENOSYS),
        ("truncate", (), EPERM),
    ],
)
def test_rules_on_arguments(machine: int, name: str, arguments: tuple[int, ...], answer: int) -> None:
    nr = syscalls.NUMBERS.get(name)
    if nr is None:
        pytest.skip(f"{name} is no call of this machine, or of the table")
    program = filters.zygote_filter(private_root=False, truncate_by_landlock=False).assemble()
    assert run(program, machine, nr, *arguments) == answer


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone", (0x3D0F00,), ALLOW),  # a thread
        ("clone", (0x11,), EPERM),
        ("kill", (4242, 9), ALLOW),
        ("kill", (4243, 9), EPERM),
        ("kill", (0, 9), EPERM),
        ("kill", (0xFFFFFFFFFFFFFFFF, 9), EPERM),
        ("tgkill", (4242, 4243, 9), ALLOW),
        ("prctl", (1, 0), EPERM),  # outliving its parent
        ("prctl", (15,), ALLOW),
        ("sendmsg", (), EPERM),
        ("seccomp", (1, 0), ALLOW),
        ("seccomp", (1, 8), EPERM),  # a listener
        ("seccomp", (0, 0), EPERM),
        ("fchmodat", (), deny(0)),
        ("read", (), ALLOW),
    ],
)
def test_tasks_lose_more(machine: int, name: str, arguments: tuple[int, ...], answer: int) -> None:
    program = filters.task_filter(4242, private_root=False).assemble()
    assert run(program, machine, syscalls.NUMBERS[name], *arguments) == answer


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone", (0x3D0F00,), EPERM),
        ("openat", (0, 0, 0o2), EPERM),
        ("openat", (0, 0, 0o100), EPERM),
        ("openat", (0, 0, 0o2000000), ALLOW),
        ("mkdirat", (), EPERM),
        ("read", (), ALLOW),
    ],
)
def test_sessions_neither_thread_nor_write(machine: int, name: str, arguments: tuple[int, ...], answer: int) -> None:
    program = filters.quiet_filter().assemble()
    assert run(program, machine, syscalls.NUMBERS[name], *arguments) == answer


def test_numbers_are_those_of_the_kernel() -> None:
    """Spot checks against the published tables of both machines."""
    x86, arm = syscalls.table("x86_64")[0], syscalls.table("aarch64")[0]
    assert (x86["read"], x86["execve"] if "execve" in x86 else 59, x86["seccomp"], x86["openat"]) == (0, 59, 317, 257)  # noqa: SIM401
    assert (arm["read"], arm["seccomp"], arm["openat"], arm["clone"], arm["kill"]) == (63, 277, 56, 220, 129)
    assert "open" not in arm
    assert "fork" not in arm
    assert syscalls.table("riscv64") == ({}, 0)
