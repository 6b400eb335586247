"""`rlar acquire` and the library half of `rlar tools`, as a person calls them."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from rlar.testing.chat import ScriptedEndpoint

sys.path.insert(0, str(Path(__file__).parent.parent / "acquire"))

KEY = "sk-a-key-that-nobody-may-see"


def rows(n: int = 26) -> list[dict]:
    rng = random.Random(9)
    pairs = sorted({(rng.randrange(10, 900), rng.randrange(10, 900)) for _ in range(n)})
    return [{"id": f"s{i}", "prompt": f"What is {a} + {b}?", "reference": str(a + b)} for i, (a, b) in enumerate(pairs)]


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    path = tmp_path / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()))
    return path


@pytest.fixture
def quick_exams(monkeypatch):
    """Exams in this process only, as everywhere but in tests of that comparison: another process costs seconds."""
    import rlar.acquire.exam.exam as taking

    monkeypatch.setattr(taking, "judge_elsewhere", lambda *_: None)


def test_without_an_llm_templates_close_what_they_can_and_score_uses_them(rlar_command, sums, tmp_path, quick_exams):
    library = tmp_path / "lib"
    page, body = tmp_path / "report.html", tmp_path / "report.json"
    first = rlar_command("acquire", sums, "--library", library, "--report", page)
    assert first.code == 0, first.err
    assert "math_math_" in first.out and "100.0%" in first.out
    assert page.read_text().startswith("<!doctype html>") and "math_math_" in page.read_text()
    second = rlar_command("acquire", sums, "--library", library, "--report", body, "--quiet")
    assert second.code == 0 and second.out == ""
    report = json.loads(body.read_text())
    assert report["proven_by_task"][-1] == {"task": "all", "queries": 26, "before": 26, "after": 26}
    assert report["calls"] == 0
    tool = report["families"][0]["admitted"]
    listed = json.loads(rlar_command("tools", "ls", "--library", library, "--json").out)
    assert [(f"{r['name']}@{r['version']}", r["state"], r["judges"]) for r in listed] == [(tool, "admitted", True)]
    assert "admitted" in rlar_command("tools", "ls", "--library", library).out
    shown = rlar_command("tools", "show", tool, "--library", library).out
    assert "pair_accuracy" in shown and "passed its exam" in shown

    # re-examined, retired, exported, imported, admitted elsewhere by an exam only
    assert rlar_command("tools", "exam", tool, "--library", library, "--on", sums).code == 0
    bundle, other = tmp_path / "b.tar.gz", tmp_path / "other"
    assert rlar_command("tools", "export", bundle, "--library", library).code == 0
    assert "is proposed" in rlar_command("tools", "import", bundle, "--library", other).out
    refused = rlar_command("tools", "pin", tool, "--library", other)
    assert refused.code == 2 and "must admit it before" in refused.err
    assert "it is admitted now" in rlar_command("tools", "exam", tool, "--library", other, "--on", sums).out
    assert "pinned" in rlar_command("tools", "pin", tool, "--library", other).out
    assert "is retired" in rlar_command("tools", "retire", tool, "--library", library, "--why", "a test").out
    assert "a test" in rlar_command("tools", "show", tool, "--library", library).out


def test_a_dry_run_writes_nothing_asks_nobody_and_estimates(rlar_command, sums, tmp_path, monkeypatch):
    monkeypatch.setenv("RLAR_LLM_KEY", KEY)
    with ScriptedEndpoint(lambda _: "{}") as endpoint:
        library = tmp_path / "lib"
        llm = ("--llm", endpoint.url, "--model", "m", "--price-in", "1", "--price-out", "4")
        plan = rlar_command("acquire", sums, "--library", library, "--dry-run", *llm)
    assert plan.code == 0 and not library.exists() and not endpoint.requests
    assert "math_number_" in plan.out and "code agent" in plan.out and "never more" in plan.out and "$0" in plan.out
    assert KEY not in plan.out + plan.err


def test_with_an_llm_what_no_template_can_judge_gets_a_written_tool_and_the_key_stays_secret(
    rlar_command, tmp_path, monkeypatch
):
    from scripted_coder import SPECS, Coder, good
    from scripted_coder.coder import Plan

    monkeypatch.setenv("RLAR_LLM_KEY", KEY)
    spec = next(s for s in SPECS if s.name == "palindrome")
    family = spec.family()
    path = tmp_path / "rollouts.jsonl"
    items = [
        {
            "prompt": i.query.text,
            "task": "dialogue",
            "responses": [{"text": t, "label": x} for t, x in zip(i.responses, i.labels or (), strict=True)],
        }
        for i in family.items
    ]
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    library = tmp_path / "lib"
    coder = Coder([Plan(spec, family, {"check_1": good(spec)})])
    with ScriptedEndpoint(coder) as endpoint:
        command = ("acquire", path, "--library", library, "--llm", endpoint.url, "--model", "scripted")
        stopped = rlar_command(*command, "--max-calls", "1")
        assert stopped.code == 0 and "the budget is spent" in stopped.out and len(endpoint.requests) == 1
        done = rlar_command(*command)
        assert done.code == 0 and "check_1_" in done.out, done.out + done.err
        asked = len(endpoint.requests)
        again = rlar_command(*command)
        assert again.code == 0 and len(endpoint.requests) == asked
    gone = rlar_command(*command[:3], tmp_path / "new", *command[4:])
    assert gone.code == 1 and "endpoint is gone" in gone.out
    everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert KEY.encode() not in everything
    for called in (stopped, done, again, gone):
        assert KEY not in called.out + called.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--max-usd", "1"), "needs --price-in"),
        (("--report", "x.pdf"), ".html or .json"),
        (("--llm", "localhost:1", "--model", "m"), "is a URL"),
        (("--llm", "http://localhost:1/v1"), "which model"),
    ],
)
def test_wrong_options_are_told_before_anything_is_done(rlar_command, sums, tmp_path, monkeypatch, options, says):
    monkeypatch.delenv("RLAR_LLM_MODEL", raising=False)
    called = rlar_command("acquire", sums, "--library", tmp_path / "lib", *options)
    assert called.code == 2 and says in called.err and not (tmp_path / "lib").exists()


def test_a_folder_that_is_no_library_is_told_about(rlar_command, tmp_path):
    for command in (("pin", "x"), ("retire", "x"), ("rollback", "x"), ("diff", "x", "y"), ("export", tmp_path / "b")):
        called = rlar_command("tools", *command, "--library", tmp_path / "none")
        assert called.code == 2 and "is no library" in called.err
        assert not (tmp_path / "none").exists()


RULES = """import rlar

@rlar.tool(about="looks at the last word", line=0.5, fits=lambda q: q.reference is not None)
def last_word(response, query):
    words = response.partition("</think>")[2].split() or response.split()
    return float(bool(words) and words[-1].strip(".$") == query.reference)
"""


def test_an_exam_of_one_s_own_file_shows_the_card_and_what_fails(rlar_command, sums, tmp_path, quick_exams):
    file = tmp_path / "rules.py"
    file.write_text(RULES)
    called = rlar_command("tools", "exam", file, "--on", sums)
    assert called.code == 1 and "refused" in called.out
    assert "gold_accepted" in called.out and "boxed" in called.out  # the case that it fails
    body = json.loads(rlar_command("tools", "exam", file, "--on", sums, "--json").out)
    assert body["passed"] is False and body["executable"]["value"] == 1.0


def test_two_versions_are_compared_and_rolled_back(rlar_command, tmp_path):
    from rlar.library.manifest import Draft, Provenance
    from rlar.library.store import Store
    from rlar.types import Kind

    refs = []
    with Store(tmp_path / "lib") as store:
        for k in (1, 2):
            source = f"def score(prompt, response, reference, extra):\n    return {k} / 2\n"
            draft = Draft("half", Kind.VERIFIER, "code", {"requires": []}, {"timeout_s": k}, Provenance("user"),
                          {"tool.py": source.encode()})  # fmt: skip
            row = store.add(draft, why="by hand")
            refs.append(f"half@{row.version}")
            store.admit(refs[-1], why="by hand")
    said = rlar_command("tools", "diff", *refs, "--library", tmp_path / "lib").out
    assert "card.timeout_s: 1 -> 2" in said and "-    return 1 / 2" in said and "+    return 2 / 2" in said
    assert refs[0] in rlar_command("tools", "rollback", "half", "--library", tmp_path / "lib").out
    listed = {
        r["version"]: r["state"]
        for r in json.loads(rlar_command("tools", "ls", "--library", tmp_path / "lib", "--json").out)
    }
    assert [listed[ref[5:]] for ref in refs] == ["admitted", "retired"]
