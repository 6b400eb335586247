"""Files as they come: cut, broken, compressed, odd. A bad row is named and stops nothing."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.errors import InputError, MissingExtra
from rlar.rollouts import Item, Reject, group_items, query_of_row, read_items
from rlar.rollouts import files as files_module

GOOD = '{"prompt": "q", "response": "r"}'


def read(*paths: Path | str, **options: object) -> tuple[list[Item], list[Reject]]:
    rejects: list[Reject] = []
    return list(read_items(paths, on_reject=rejects.append, **options)), rejects


def written(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("data", "items", "trouble"),
    [
        (f"{GOOD}\n{GOOD}\n", 2, []),
        (f"{GOOD}\r\n\r\n{GOOD}", 2, []),  # CRLF, a blank line, no newline at the end
        (f"\ufeff{GOOD}\n\n\n\n", 1, []),
        (f"{GOOD}\n{{oops\n{GOOD}\n", 2, [(2, "text that is not JSON")]),
        (f'{GOOD}\n{{"prompt": "q", "resp', 1, [(2, "text that is not JSON")]),  # the tail of a killed writer
        (GOOD.encode() + b"\n\xff\xfe bad\n" + GOOD.encode(), 2, [(2, "byte 0xff at offset 0, which is not UTF-8")]),
        (f"{GOOD}\n" + "\0" * 50 + f"\n{GOOD}", 2, [(2, "NUL bytes")]),
        ('{"prompt": "q", "prompt": "p", "response": "r"}', 0, [(1, "the key 'prompt' twice in one object")]),
        ('{"prompt": "q", "response": "r", "x": NaN}', 1, []),
        ('{"prompt": "q", "response": "r", "x": Infinity}', 0, [(1, "Infinity, which is not JSON")]),
        ('{"prompt": "q", "response": "r", "x": 1e999}', 0, [(1, "the number 1e999, which is infinite")]),
        ('{"prompt": "q", "response": "r", "x": ' + "1" * 5000 + "}", 0, [(1, "Exceeds the limit")]),
        ('{"x":' + "[" * 200_000 + "}", 0, [(1, "JSON nested too deeply")]),
        ("42\n" + GOOD, 1, [(1, "a number (42)")]),
        (f"[{GOOD}, {GOOD}, 3]", 2, [(3, "a number (3)")]),
        (f"[\n  {GOOD},\n  {GOOD}\n]\n", 2, []),
        (f"[{GOOD}", 0, [(0, "text that is not JSON")]),
        ("", 0, []),
        (GOOD.encode("utf-16"), 0, [(0, "a UTF-16 file")]),
    ],
)
def test_odd_files(tmp_path: Path, data: str | bytes, items: int, trouble: list[tuple[int, str]]):
    got, rejects = read(written(tmp_path / "f.jsonl", data))
    assert len(got) == items
    assert [(r.line, r.came[: len(came)]) for r, (_, came) in zip(rejects, trouble, strict=True)] == trouble


def test_a_missing_value_written_as_nan_is_null(tmp_path: Path):
    items, _ = read(written(tmp_path / "f.jsonl", '{"prompt": "q", "response": "r", "reference": NaN}'))
    assert items[0].query.reference is None


def test_one_pretty_printed_object_is_one_row(tmp_path: Path):
    items, rejects = read(written(tmp_path / "f.json", json.dumps({"prompt": "q", "response": "r"}, indent=2)))
    assert (len(items), rejects) == (1, [])


def test_nul_zero_width_and_lone_surrogates_inside_a_response_are_the_policys_own(tmp_path: Path):
    text = "4\x002\u200b\ud800"
    items, rejects = read(written(tmp_path / "f.jsonl", json.dumps({"prompt": "q", "response": text})))
    assert (items[0].responses, rejects) == ((text,), [])


def test_a_huge_line_is_set_aside_and_the_next_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files_module, "MAX_LINE_BYTES", 1000)
    huge = json.dumps({"prompt": "q", "response": "x" * 5000})
    items, rejects = read(written(tmp_path / "f.jsonl", f"{GOOD}\n{huge}\n{GOOD}\n{huge}"))
    assert [item.line for item in items] == [1, 3]
    assert [r.line for r in rejects] == [2, 4]
    assert len(rejects[0].row_excerpt) == 200


def test_gzip_is_known_by_content(tmp_path: Path):
    items, _ = read(written(tmp_path / "f.jsonl", gzip.compress(f"{GOOD}\n{GOOD}\n".encode())))
    assert len(items) == 2


def test_a_cut_gzip_gives_its_whole_lines_and_one_reject(tmp_path: Path):
    lines = "".join(json.dumps({"prompt": f"{i * 7919}", "response": str(i)}) + "\n" for i in range(2000))
    data = gzip.compress(lines.encode())
    items, rejects = read(written(tmp_path / "a.jsonl.gz", data[: len(data) // 2]), written(tmp_path / "b.jsonl", GOOD))
    assert [i.line for i in items[:-1]] == list(range(1, len(items)))
    assert 100 < len(items) < 2000
    assert items[-1].file.endswith("b.jsonl")
    assert len(rejects) == 1
    assert "broken gzip stream" in rejects[0].came


def test_folders_are_read_recursively_and_sorted(tmp_path: Path):
    for name in ("b.jsonl", "a/z.jsonl", "a/.hidden/x.jsonl", "notes.txt", "out.jsonl", "out.jsonl.run.json"):
        written(tmp_path / name, GOOD)
    items, _ = read(tmp_path, exclude=[tmp_path / "out.jsonl"])
    assert [item.id for item in items] == ["a/z:1", "b:1"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch):
    class Stdin:
        buffer = io.BytesIO(gzip.compress(GOOD.encode()))

    monkeypatch.setattr(sys, "stdin", Stdin)
    items, _ = read("-")
    assert [(item.id, item.file) for item in items] == [("stdin:1", "<stdin>")]


def test_parquet(tmp_path: Path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rows = [
        {"prompt": [{"role": "user", "content": "q"}], "reward_model": {"ground_truth": "4"}, "x": float("nan")},
        {"prompt": [{"role": "user", "content": "p"}], "reward_model": {"ground_truth": "5"}, "x": 1.0},
    ]
    kwargs = [[{"n": 3, "word": None}], [{"n": None, "word": "w"}]]
    table = pa.Table.from_pylist(
        [{**row, "instruction_id_list": ["a:b"], "kwargs": k} for row, k in zip(rows, kwargs, strict=True)]
    )
    pq.write_table(table, tmp_path / "f.parquet")
    items, rejects = read(tmp_path / "f.parquet")
    assert rejects == []
    assert [i.query.reference for i in items] == ["4", "5"]
    assert [dict(i.query.constraints[0].kwargs) for i in items] == [{"n": 3}, {"word": "w"}]
    assert [i.query.extra for i in items] == [{}, {"x": 1.0}]
    cut = written(tmp_path / "cut.parquet", (tmp_path / "f.parquet").read_bytes()[:-20])
    _, rejects = read(cut)
    assert "not readable as Parquet" in rejects[0].came


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"rlar\[parquet\]"):
        read(written(tmp_path / "f.parquet", b"PAR1"))


@pytest.mark.parametrize(
    ("path", "field_map", "message"),
    [
        ("nowhere.jsonl", {}, "no such file"),
        ("-", {"refernce": "a"}, "did you mean 'reference'"),
        ("-", {"prompt": ""}, "name the column"),
    ],
)
def test_usage_errors_come_at_once(path: str, field_map: dict[str, str], message: str):
    with pytest.raises(InputError, match=message):
        read_items([path], field_map=field_map)


def test_strict_makes_the_first_bad_row_fatal(tmp_path: Path):
    with pytest.raises(InputError, match=r"f\.jsonl:2: prompt: came a number \(5\); wanted text"):
        list(read_items([written(tmp_path / "f.jsonl", GOOD + '\n{"prompt": 5}')], strict=True))


def test_grouping_joins_neighbours_that_ask_the_same(tmp_path: Path):
    rows = [("q", "a", "1", 1), ("q", "a", "2", 0), ("p", "a", "3", None), ("q", "a", "4", 1), ("q", "b", "5", 1)]
    names = ("prompt", "answer", "response", "label")
    data = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    items, _ = read(written(tmp_path / "f.jsonl", data))
    groups = list(group_items(items))
    assert [g.responses for g in groups] == [("1", "2"), ("3",), ("4",), ("5",)]
    assert [g.labels for g in groups] == [(1.0, 0.0), None, (1.0,), (1.0,)]
    assert [g.id for g in groups] == ["f:1", "f:3", "f:4", "f:5"]


def test_the_query_of_a_row_at_hand():
    query = query_of_row({"prompt": "6 * 7?", "reference": "42", "score": 1, "hint": "h"})
    assert (query.prompt, query.reference, query.id, query.extra) == ("6 * 7?", "42", None, {"hint": "h"})
    with pytest.raises(InputError, match="prompt"):
        query_of_row({"a": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
COLUMNS = ["prompt", "messages", "responses", "completion", "reference", "answer", "labels", "label", "tests", "meta"]
COLUMNS += ["reward_model", "extra_info", "choices", "kwargs", "instruction_id_list", "schema", "tools", "tool_calls"]
COLUMNS += ["chosen", "rejected", "query", "prompts", "id", "constraints", "references", "response_format"]


@given(st.dictionaries(st.sampled_from(COLUMNS), JSON, max_size=6))
def test_any_row_is_an_item_or_a_named_reject(row: dict[str, object]):
    try:
        query = query_of_row(row)
    except InputError as e:
        assert "wanted" in str(e)
    else:
        assert query.key


@pytest.mark.data
def test_every_labelled_row_is_an_item_but_for_those_without_text(shared_data: Path):
    items, rejects = read(shared_data / "eval", shared_data / "stream", shared_data / "sample" / "mixed.jsonl")
    assert len(items) > 10_000
    assert {Path(r.file).name for r in rejects} == {"textless_frank.jsonl.gz"}
    assert {r.field for r in rejects} == {"responses[0].text"}
    assert not any({"label", "label_type", "group", "follow_list"} & set(item.query.extra) for item in items)
