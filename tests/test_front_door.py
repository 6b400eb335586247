"""Importing rlar costs next to nothing, and no module that only people with an extra have is needed for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = [
    "numpy",
    "sympy",
    "torch",
    "transformers",
    "httpx",
    "httpx2",
    "fastapi",
    "openai",
    "pydantic",
    "jsonschema",
    "sacrebleu",
    "math_verify",
    "yaml",
    "ray",
    "py3langid",
    "rich",
    "typer",
    "asyncio",
    "multiprocessing",
    "sqlite3",
]


def in_a_new_process(code: str):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_rlar_loads_nothing_heavy():
    loaded = in_a_new_process("import sys, json, rlar; print(json.dumps(sorted(sys.modules)))")
    assert not set(HEAVY) & set(loaded)
    assert [m for m in loaded if m.startswith("rlar")] == ["rlar"]


def test_importing_rlar_takes_less_than_a_tenth_of_a_second_of_cpu():
    code = (
        "import time, json; t = time.process_time(); import rlar, rlar.types;print(json.dumps(time.process_time() - t))"
    )
    assert min(in_a_new_process(code) for _ in range(3)) < 0.1


def test_deciding_about_a_query_loads_no_heavy_library():
    code = (
        "import sys, json, rlar; s = rlar.RewardSystem(); s.decide(rlar.Query('6*7?', reference='42'));"
        "print(json.dumps(sorted(sys.modules)))"
    )
    loaded = set(in_a_new_process(code))
    assert not loaded & {"sympy", "torch", "transformers", "openai", "fastapi", "math_verify", "sacrebleu", "httpx2"}


def test_every_name_of_the_front_door_is_there_and_others_are_named():
    import rlar

    for name in rlar.__all__:
        assert getattr(rlar, name) is not None
    assert set(rlar.__all__) <= set(dir(rlar))
    with pytest.raises(AttributeError, match="it has"):
        _ = rlar.nonsense
