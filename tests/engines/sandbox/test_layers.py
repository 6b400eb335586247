"""Layers are proven, reported, and refused where they do not hold."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rlar.engines.sandbox import Limits, Sandbox, detect, interpreter, proving
from rlar.engines.sandbox.inside.landlock import abi
from rlar.engines.sandbox.plan import LEVELS, Plan, level
from rlar.engines.sandbox.slot import Slot
from rlar.engines.sandbox.zygote import StartError
from rlar.errors import InputError, UnsafeError


@pytest.mark.parametrize(
    ("layers", "must_succeed"),
    [
        (
            "rlimits",
            {"read a file outside", "write a file outside", "open an internet socket", "fork", "hold memory in a file"},
        ),
        ("rlimits,seccomp", {"read a file outside", "write a file outside", "list a folder outside"}),
        ("rlimits,landlock", {"open an internet socket", "fork", "signal its parent"}),
        ("rlimits,namespaces", {"open a netlink socket", "fork", "hold memory in a file"}),
        ("seccomp,landlock,namespaces", {"raise a limit"}),
    ],
)
def test_the_self_test_sees_what_a_missing_layer_lets_through(layers: str, must_succeed: set[str]) -> None:
    """Else a test that finds nothing would prove nothing."""
    slot = Slot(Plan(interpreter.find(), frozenset(layers.split(",")), Limits()))
    try:
        succeeded = set(proving.quick_test(slot))
    finally:
        slot.close()
    if layers == "seccomp,landlock,namespaces":
        assert succeeded in (set(), must_succeed)  # without limits of its own, those of the session may still be hard
    else:
        assert must_succeed <= succeeded


def test_all_layers_together_let_nothing_through(box: Sandbox) -> None:
    report = box.report()
    assert report.proven
    assert report.isolation in ("confined", "full")
    assert {"rlimits", "seccomp", "no_new_privs", "scratch"} <= set(report.active)
    assert {"landlock", "namespaces"} & set(report.active)
    text = str(report)
    assert all(layer.name in text for layer in report.layers)
    ran = box.run_sync("")
    assert ran.isolation == report.isolation
    assert set(ran.layers) <= set(report.active)


def test_a_missing_layer_is_named_with_what_its_absence_means() -> None:
    with Sandbox(layers=("rlimits", "seccomp", "landlock"), slots=1) as box:
        report = box.report()
    assert report.isolation == "confined"
    missing = {layer.name: layer.missing for layer in report.layers if not layer.active}
    assert "namespaces" in missing
    assert "NO   namespaces" in str(report)


@pytest.mark.parametrize(
    ("layers", "require"),
    [
        (("rlimits", "seccomp", "landlock"), "full"),
        (("rlimits", "seccomp"), None),
        (("rlimits", "landlock", "namespaces"), None),  # without seccomp
        ((), None),
    ],
)
def test_less_than_required_is_refused(layers: tuple[str, ...], require: str | None) -> None:
    with pytest.raises(UnsafeError, match="cannot be had here"):
        Sandbox(layers=layers, require=require).run_sync("print(1)")


@pytest.mark.parametrize("settings", [{"require": "process"}, {"require": "best"}, {"layers": ["magic"]}])
def test_levels_and_layers_have_names(settings: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Sandbox(**settings)  # type: ignore[arg-type]


def test_only_unsafe_runs_without_confinement_and_says_so() -> None:
    with Sandbox(layers=("rlimits",), slots=1, unsafe=True) as box:
        ran = box.run_sync("print(1)")
    assert (ran.stdout, ran.isolation) == (b"1\n", "process")


def test_a_layer_that_does_not_come_up_is_given_up_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlar.engines.sandbox import slot as slot_module

    real = slot_module.Zygote

    def broken(plan: Plan, cpu: int | None) -> object:
        if "namespaces" in plan.layers:
            raise StartError("OSError: unshare: Operation not permitted")
        return real(plan, cpu)

    monkeypatch.setattr(slot_module, "Zygote", broken)
    if not abi():
        pytest.skip("this kernel has no Landlock to fall back on")
    with Sandbox(slots=1) as box:
        report = box.report()
        assert box.run_sync("print(1)").isolation == "confined"
    assert "unshare: Operation not permitted" in str(report)
    with pytest.raises(UnsafeError, match="unshare"):
        Sandbox(slots=1, require="full").run_sync("")


def test_detecting_starts_nothing() -> None:
    report = detect()
    assert not report.proven
    assert report.isolation in LEVELS
    assert "not yet tried" in str(report)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ("rlimits seccomp landlock namespaces", "full"),
        ("rlimits seccomp landlock", "confined"),
        ("rlimits seccomp namespaces", "confined"),
        ("rlimits landlock namespaces", "process"),
        ("seccomp landlock namespaces", "process"),
        ("", "process"),
    ],
)
def test_levels(layers: str, name: str) -> None:
    assert level(frozenset(layers.split())) == name


def test_importing_is_light() -> None:
    heavy = ("numpy", "torch", "httpx2", "pydantic", "asyncio", "ctypes", "subprocess", "threading")
    check = f"import sys, rlar.engines.sandbox\nprint([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, check=True).stdout == b"[]\n"


def test_another_interpreter_can_be_named() -> None:
    with pytest.raises(UnsafeError, match="nowhere"):
        Sandbox(python="/nowhere/python").run_sync("")
