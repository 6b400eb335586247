"""Public benchmarks in their published row formats; the rows here are made up."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from rlar.errors import InputError, MissingExtra
from rlar.evals.benchmarks import BENCHMARKS, fetch_benchmark, find_benchmark, read_benchmark


def row2(ident, prompt, chosen, rejected, subset):
    correct = len(chosen)
    return {
        "id": ident,
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "num_correct": correct,
        "subset": subset,
    }


def pair(ident, source, label):
    texts = ("good", "bad") if label == "A>B" else ("bad", "good")
    responses = {"response_A": texts[0], "response_B": texts[1], "response_model": "m"}
    return {"pair_id": ident, "original_id": 1, "source": source, "question": "?", **responses, "label": label}


REWARDBENCH2 = [
    row2("1", "capital of France?", ["Paris"], ["Rome", "Nice", "Lyon"], "Factuality"),
    row2("ref:0", "the largest planet?", ["Jupiter"], ["Mars"], "Ties"),
    row2("tied:0", "a planet?", ["Mars", "Venus"], ["Rome"], "Ties"),
]
REWARDBENCH = [
    {"id": 30, "prompt": "2+2?", "chosen": "4", "rejected": "5", "subset": "math-prm"},
    {"id": 31, "prompt": "hello", "chosen": "Hi!", "rejected": "no", "subset": "alpacaeval-easy"},
    {"id": 32, "prompt": "say yes", "chosen": "yes", "rejected": "no", "subset": "llmbar-natural"},
]
RM_BENCH = [
    {"id": 8, "prompt": "?", "chosen": ["a", "ab", "# ab"], "rejected": ["x", "xy", "# xy"], "subset": "alpacaeval"}
]
JUDGEBENCH = [
    pair("p1", "mmlu-pro-law", "A>B"),
    pair("p2", "livebench-math", "B>A"),
    pair("p3", "livecodebench", "B>A"),
]
LLMBAR = [{"input": "list 3 fruits", "output_1": "apple", "output_2": "apple, pear, fig", "label": 2}]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RLAR_BENCHMARKS", str(tmp_path))
    for name, rows, file in (
        ("rewardbench2", REWARDBENCH2, "test.jsonl"),
        ("rewardbench", REWARDBENCH, "filtered.jsonl"),
        ("rm-bench", RM_BENCH, "chat_filtered.json"),
        ("judgebench", JUDGEBENCH, "gpt.jsonl"),
        ("llmbar", LLMBAR, "Adversarial/Neighbor/dataset.json"),
    ):
        path = tmp_path / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(map(json.dumps, rows)) if file.endswith("l") else json.dumps(rows)
        path.write_text(lines, "utf-8")
    return tmp_path


def cases(name):
    [dataset] = read_benchmark(name)
    assert dataset.benchmark == name and {c.dataset for c in dataset.cases} == {name}
    return dataset.cases


def test_rewardbench2_rows(folder):
    factual, ref, tied = cases("rewardbench2")
    assert factual.responses == ("Paris", "Rome", "Nice", "Lyon") and factual.labels == (1.0, 0.0, 0.0, 0.0)
    assert factual.task == "knowledge" and factual.meta["subset"] == "Factuality"
    assert (ref.meta["row_id"], tied.meta["row_id"], tied.meta["num_correct"]) == ("ref:0", "tied:0", 2)
    assert tied.labels == (1.0, 1.0, 0.0)


def test_rewardbench_rows_know_their_section(folder):
    maths, chat, hard = cases("rewardbench")
    assert [c.meta["section"] for c in (maths, chat, hard)] == ["Reasoning", "Chat", "Chat Hard"]
    assert [c.task for c in (maths, chat, hard)] == ["math", "dialogue", "instruction_following"]
    assert maths.labels == (1.0, 0.0)


def test_rm_bench_rows_carry_their_styles(folder):
    [chat] = cases("rm-bench")
    assert [n["style"] for n in chat.notes] == ["concise", "detailed_plain", "detailed_markdown"] * 2
    assert chat.labels == (1.0,) * 3 + (0.0,) * 3 and chat.id == "rmbench/chat/8" and chat.task == "dialogue"


def test_judgebench_keeps_the_published_order(folder):
    law, maths, code = cases("judgebench")
    assert [c.task for c in (law, maths, code)] == ["knowledge", "math", "code"]
    assert law.labels == (1.0, 0.0) and maths.labels == (0.0, 1.0) and maths.responses == ("bad", "good")


def test_llmbar_is_named_after_its_folder(folder):
    [pair] = cases("llmbar")
    assert pair.id == "llmbar/Neighbor/0" and pair.labels == (0.0, 1.0) and pair.meta["subset"] == "Neighbor"


def test_files_in_the_item_format_are_taken_as_they_are(folder, tmp_path):
    file = tmp_path / "mine.jsonl"
    responses = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]
    file.write_text(json.dumps({"id": "1", "prompt": "?", "responses": responses}))
    [dataset] = read_benchmark("judgebench", file)
    assert dataset.name == "mine" and dataset.benchmark == "judgebench"


@pytest.mark.parametrize("name", [b.name for b in BENCHMARKS])
def test_a_missing_file_says_where_to_get_it_and_where_to_put_it(tmp_path, monkeypatch, name):
    monkeypatch.setenv("RLAR_BENCHMARKS", str(tmp_path / "none"))
    with pytest.raises(InputError) as caught:
        read_benchmark(name)
    message = str(caught.value)
    assert "https://" in message and str(tmp_path / "none" / name) in message and "--path" in message


@pytest.mark.parametrize("spelt", ["RewardBench-2", "rewardbench2", "reward_bench 2"])
def test_names_are_found_however_they_are_spelt(spelt):
    assert find_benchmark(spelt).name == "rewardbench2"


def test_an_unknown_benchmark_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match="rm-bench"):
        find_benchmark("mmlu")


@pytest.mark.parametrize(
    ("name", "row", "word"),
    [
        ("judgebench", {**JUDGEBENCH[0], "label": "tie"}, "'tie'"),
        ("judgebench", {"question": "?"}, "label"),
        ("rewardbench", {**REWARDBENCH[0], "subset": "mine"}, "section"),
        ("rewardbench2", {**REWARDBENCH2[0], "num_correct": 3}, "num_correct is 3"),
        ("rm-bench", {**RM_BENCH[0], "chosen": ["a"]}, "concise"),
        ("llmbar", {**LLMBAR[0], "label": 3}, "3"),
    ],
)
def test_a_row_of_another_format_is_named(tmp_path, name, row, word):
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps(row))
    with pytest.raises(InputError, match="row 1: not a row of") as caught:
        read_benchmark(name, file)
    assert word in str(caught.value)


def test_the_whole_of_rm_bench_is_not_counted_twice(tmp_path):
    for file in ("chat_filtered.json", "total_dataset.json"):
        (tmp_path / file).write_text(json.dumps([{**RM_BENCH[0], "domain": "chat"}]))
    [dataset] = read_benchmark("rm-bench", tmp_path)
    assert len(dataset.cases) == 1


def test_a_download_is_pinned_and_written_down(tmp_path, monkeypatch):
    asked = {}

    def download(repo, **options):
        asked.update(repo=repo, **options)

    hub = SimpleNamespace(
        HfApi=lambda: SimpleNamespace(dataset_info=lambda repo, revision: SimpleNamespace(sha="c0ffee")),
        snapshot_download=download,
    )
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setenv("RLAR_BENCHMARKS", str(tmp_path))
    (tmp_path / "rewardbench2").mkdir()
    folder = fetch_benchmark("rewardbench2")
    assert (
        asked["revision"] == "c0ffee" and asked["repo"] == "allenai/reward-bench-2" and asked["repo_type"] == "dataset"
    )
    assert "c0ffee" in (folder / "FETCHED").read_text()


def test_a_download_without_the_extra_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra, match=r"rlar\[hub\]"):
        fetch_benchmark("rewardbench")


def test_what_has_no_copy_on_the_hub_says_where_to_get_it():
    with pytest.raises(InputError, match=r"github\.com/princeton-nlp/LLMBar"):
        fetch_benchmark("llmbar")
