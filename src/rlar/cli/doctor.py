"""`rlar doctor`: what works on this machine, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "off", "bad"]

EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "parquet": (("pyarrow",), "reading Parquet files"),
    "llm": (("openai", "aiolimiter"), "LLM agents and judges"),
    "hub": (("huggingface_hub", "safetensors"), "finding reward models on the Hugging Face Hub"),
    "server": (("fastapi", "uvicorn", "jinja2", "prometheus_client"), "rewards over HTTP"),
    "client": (("aiohttp",), "the fast HTTP client"),
    "verifiers": (("rouge_score", "sqlglot", "reasoning_gym"), "reasoning-gym scorers and SQL parsing"),
    "routing": (("sklearn",), "fitting a router on your own data"),
    "models": (("torch", "transformers", "accelerate"), "running reward models here"),
    "train": (("trl", "datasets"), "training with TRL"),
    "wasm": (("wasmtime", "componentize_py"), "a sandbox where the kernel has no layers for one"),
    "ray": (("ray",), "more machines than one"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. state: ok, off (not needed, or optional) or bad. advice: what to do, "" if nothing."""

    what: str
    state: State
    says: str
    advice: str = ""


def findings() -> Iterator[Finding]:
    """Look at this machine. Starts the worker pool and the sandbox for a moment; asks no network."""
    yield _python()
    yield _cores()
    yield _workers()
    yield from _sandbox()
    yield from _extras()
    yield _llm()


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("cores", "ok", f"{usable} usable of {os.cpu_count()}; one worker process each")


def _workers() -> Finding:
    import rlar

    start = time.perf_counter()
    query = rlar.Query("What is 6 * 7?", reference="42")
    try:
        right, wrong = (reward.value for reward in rlar.score(query, ["It is 42.", "It is 24."]))
    except Exception as e:  # the report goes on, whatever is broken here
        return Finding("workers", "bad", f"{type(e).__name__}: {e}", "please report this")
    if (right, wrong) != (1.0, 0.0):
        return Finding("workers", "bad", f"6 * 7 = 42 got {right}, 24 got {wrong}", "please report this")
    return Finding(
        "workers", "ok", f"judged a right and a wrong answer rightly, {time.perf_counter() - start:.1f} s cold"
    )


def _sandbox() -> Iterator[Finding]:
    from rlar.engines.sandbox import Sandbox, detect
    from rlar.errors import RlarError, ToolFault

    report = detect()
    for layer in report.layers:
        if layer.active:
            yield Finding(f"sandbox: {layer.name}", "ok", layer.detail)
        else:
            yield Finding(f"sandbox: {layer.name}", "off", "not here", layer.missing)
    try:  # which provider it will be is part of what is found out
        with Sandbox(slots=1) as box:
            printed = box.run_sync("print(6 * 7)").stdout.strip()
            proven = box.report()
    except (RlarError, ToolFault, OSError) as e:
        yield Finding("sandbox", "bad", f"cannot be used: {e}", "programs and written tools are not judged here")
        return
    state: State = "ok" if printed == b"42" else "bad"
    yield Finding(
        "sandbox",
        state,
        f"provider {proven.provider}, isolation level {proven.isolation}, "
        + ("proven by a self-test" if proven.proven else "not proven"),
    )


def _extras() -> Iterator[Finding]:
    for extra, (modules, use) in EXTRAS.items():
        absent = [m for m in modules if importlib.util.find_spec(m) is None]
        if absent:
            yield Finding(f"extra: {extra}", "off", f"for {use}", f'pip install "rlar[{extra}]"')
        else:
            yield Finding(f"extra: {extra}", "ok", ", ".join(_versions(modules)))


def _versions(modules: tuple[str, ...]) -> Iterator[str]:
    homes = importlib.metadata.packages_distributions()
    for module in modules:
        name = homes.get(module, [module])[0]
        yield f"{name} {importlib.metadata.version(name)}"


def _llm() -> Finding:
    url = os.environ.get("RLAR_LLM_URL") or os.environ.get("OPENAI_BASE_URL")
    key = "with a key" if os.environ.get("RLAR_LLM_KEY") or os.environ.get("OPENAI_API_KEY") else "without a key"
    if not url:
        return Finding(
            "LLM endpoint",
            "off",
            "none set; everything but agents and judges works",
            "set RLAR_LLM_URL, or give --llm URL",
        )
    shown = re.sub(r"//[^/@]*@", "//", url)  # a password may stand before the host
    return Finding("LLM endpoint", "ok", f"{shown} {key} (not asked)")


def doctor() -> int:
    """Tell what works on this machine, and what to do about what does not.

    Tries the worker processes and the sandbox, lists each layer of isolation with what its absence means, the optional
    packages, and the LLM endpoint (which is not asked). Exit code 0 if everything that is needed works, else 1.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    marks = {"ok": "[green]ok[/]", "off": "[yellow]--[/]", "bad": "[red]NO[/]"}
    worst = 0
    console = Console()
    with console.status("looking at this machine"):
        for finding in findings():
            worst |= finding.state == "bad"
            advice = f"\n[dim]{escape(finding.advice)}[/]" if finding.advice else ""
            table.add_row(marks[finding.state], finding.what, escape(finding.says) + advice)
    console.print(table)
    return int(worst)
