"""Public benchmarks as data sets: their published rows, read from local files and never fetched silently.

Files are looked for at --path, else in <benchmarks folder>/<name>/ (see `benchmark_folder`). What is missing is said,
with the place it comes from and the place it goes to; only `fetch_benchmark` (extra "hub") downloads, when asked to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rlar.errors import InputError, MissingExtra
from rlar.evals.benchmark_scores import REWARDBENCH_SECTIONS, STYLES
from rlar.evals.cases import Case, Dataset, categorise, looks_like_scores, read_datasets
from rlar.types import Json, Query, content_key

Row = Mapping[str, Json]
SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A public benchmark. repo, files: its copy on the Hub, "" where there is none. source: where people get it.

    read: the case of one published row; also given where the row stood ("chat_filtered.json") and its number from 0.
    """

    name: str
    title: str
    source: str
    files: str
    read: Callable[[Row, Path, int], Case]
    repo: str = ""


def benchmark_folder() -> Path:
    """Where benchmark files lie: $RLAR_BENCHMARKS, else ~/.cache/rlar/benchmarks."""
    named = os.environ.get("RLAR_BENCHMARKS")
    return Path(named) if named else Path.home() / ".cache" / "rlar" / "benchmarks"


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of that name, however it is spelt. Raises InputError, listing them."""
    wanted = "".join(c for c in name.lower() if c.isalnum())
    for benchmark in BENCHMARKS:
        if benchmark.name.replace("-", "") == wanted:
            return benchmark
    raise InputError(f"no benchmark {name!r}; there are {', '.join(b.name for b in BENCHMARKS)}")


def read_benchmark(name: str, path: str | Path | None = None, *, category: str = "") -> list[Dataset]:
    """A benchmark from local files: its published rows, or files that are already in rlar's item format.

    path: a file or a folder; None for the benchmarks folder. category: as in `read_datasets`.
    Raises InputError for an unknown name, for missing files (saying where to put them), and for a row that is not of
    the benchmark's format.
    """
    benchmark = find_benchmark(name)
    files = benchmark_files(name, path)
    if _is_item_format(files[0]):
        return [replace(d, benchmark=benchmark.name) for d in read_datasets(files, category=category)]
    cases = [_case(benchmark, row, file, number) for file in files for number, row in enumerate(_rows(file))]
    dataset = Dataset(benchmark.name, tuple(cases), "binary_objective", benchmark.name)
    return [categorise(dataset, category)]


def benchmark_files(name: str, path: str | Path | None = None) -> list[Path]:
    """The files of a benchmark on this machine. Raises InputError if there are none, saying where to put them."""
    benchmark = find_benchmark(name)
    folder = Path(path) if path else benchmark_folder() / benchmark.name
    files = _files_at(folder)
    if not files:
        raise InputError(_where_to_put_it(benchmark, folder, given=path is not None))
    return files


def fetch_benchmark(name: str, *, revision: str = "main") -> Path:
    """Download a benchmark's files from the Hub into the benchmarks folder; a file FETCHED there says which commit.

    Only ever called because somebody asked for it. Raises MissingExtra without huggingface-hub, InputError for a
    benchmark that has no copy there.
    """
    benchmark = find_benchmark(name)
    if not benchmark.repo:
        raise InputError(f"{benchmark.title} has no copy on the Hub; get it from {benchmark.source}")
    try:
        from huggingface_hub import HfApi, snapshot_download
    except ImportError as e:
        raise MissingExtra("downloading a benchmark", "hub") from e
    folder = benchmark_folder() / benchmark.name
    commit = HfApi().dataset_info(benchmark.repo, revision=revision).sha
    snapshot_download(
        benchmark.repo, repo_type="dataset", revision=commit, local_dir=str(folder), allow_patterns=benchmark.files
    )
    (folder / "FETCHED").write_text(f"{benchmark.repo}@{commit} {benchmark.files}\n", "utf-8")
    return folder


def _where_to_put_it(benchmark: Benchmark, folder: Path, *, given: bool) -> str:
    put = "give its file or folder with --path" if given else f"put the files into {folder}, or give --path FILE"
    fetch = f"; or let rlar download it: rlar eval --benchmark {benchmark.name} --fetch" if benchmark.repo else ""
    return f"{benchmark.title}: no {benchmark.files} at {folder}. Get it from {benchmark.source}, and {put}{fetch}"


def _files_at(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name.endswith(SUFFIXES)]
    # RM-Bench comes as one file and as its parts; counting both would count every prompt twice.
    whole = [path for path in found if path.name == "total_dataset.json"]
    return whole or [path for path in found if path.suffix == ".parquet" or not looks_like_scores(path)]


def _rows(path: Path) -> Iterator[Row]:
    from rlar.rollouts.files import read_records

    for record in read_records(str(path), path, path.name, _refuse):
        if not isinstance(record.row, Mapping):
            raise InputError(f"{path}:{record.line}: a row is an object, got {str(record.row)[:80]}")
        yield record.row


def _refuse(reject: object) -> None:
    raise InputError(str(reject))


def _is_item_format(path: Path) -> bool:
    return isinstance(next(_rows(path), {}).get("responses"), list)


def _case(benchmark: Benchmark, row: Row, path: Path, number: int) -> Case:
    try:
        return replace(benchmark.read(row, path, number), dataset=benchmark.name)
    except (KeyError, TypeError, ValueError) as e:
        why = f"{type(e).__name__}: {e}; the row has {', '.join(row)}"
        raise InputError(f"{path}, row {number + 1}: not a row of {benchmark.title} ({why})") from e


def _make(
    ident: str,
    prompt: Json,
    texts: Sequence[Json],
    labels: Sequence[float],
    task: str,
    meta: Row,
    notes: Sequence[Row] = (),
) -> Case:
    """A case in the published order of its responses, which recorded scores go by. Scorers here meet another order."""
    return Case(
        id=ident,
        dataset="",
        query=Query(_text(prompt), source=ident.partition("/")[0], id=ident),
        responses=tuple(_text(t) for t in texts),
        labels=tuple(labels),
        task=task,
        category=task,
        group=content_key(prompt)[:12],
        source=ident.partition("/")[0],
        notes=tuple(notes) or tuple({} for _ in texts),
        meta=dict(meta),
    )


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text expected, got {type(value).__name__}")
    return value


REWARDBENCH2_TASKS = {
    "factuality": "knowledge",
    "focus": "dialogue",
    "math": "math",
    "precise if": "instruction_following",
    "safety": "safety",
    "ties": "knowledge",
}


def _rewardbench2(row: Row, path: Path, number: int) -> Case:
    subset, ident = _text(row["subset"]), str(row["id"])
    correct = int(row["num_correct"]) if row.get("num_correct") is not None else len(row["chosen"])
    if correct != len(row["chosen"]):
        raise ValueError(f"num_correct is {correct}, but chosen has {len(row['chosen'])} texts")
    meta = {"subset": subset, "row_id": ident, "num_correct": correct}
    task = REWARDBENCH2_TASKS.get(subset.lower(), "dialogue")
    texts = [*row["chosen"], *row["rejected"]]
    labels = [1.0] * correct + [0.0] * len(row["rejected"])
    return _make(f"rewardbench2/{subset}/{ident}", row["prompt"], texts, labels, task, meta)


def _rewardbench(row: Row, path: Path, number: int) -> Case:
    subset = _text(row["subset"])
    if not any(subset in subsets for subsets in REWARDBENCH_SECTIONS.values()):
        raise ValueError(f"subset {subset!r} belongs to no section of RewardBench")
    section = next(name for name, subsets in REWARDBENCH_SECTIONS.items() if subset in subsets)
    task = {"Safety": "safety", "Reasoning": "math" if subset == "math-prm" else "code"}.get(section, "dialogue")
    if subset.startswith("llmbar"):
        task = "instruction_following"
    meta = {"subset": subset, "section": section}
    ident = f"rewardbench/{subset}/{row['id']}"
    return _make(ident, row["prompt"], [row["chosen"], row["rejected"]], [1.0, 0.0], task, meta)


def _rm_bench(row: Row, path: Path, number: int) -> Case:
    domain = str(row.get("domain") or path.name.split("_")[0].removesuffix(".json"))
    kind = domain.partition("-")[0]
    if len(row["chosen"]) != len(STYLES) or len(row["rejected"]) != len(STYLES):
        raise ValueError(f"chosen and rejected hold {len(STYLES)} texts each ({', '.join(STYLES)})")
    task = {"chat": "dialogue"}.get(kind, kind)
    notes = [{"style": style} for style in (*STYLES, *STYLES)]
    meta = {"subset": domain}
    texts, labels = [*row["chosen"], *row["rejected"]], [1.0] * len(STYLES) + [0.0] * len(STYLES)
    return _make(f"rmbench/{domain}/{row['id']}", row["prompt"], texts, labels, task, meta, notes)


def _judgebench(row: Row, path: Path, number: int) -> Case:
    labels = {"A>B": (1.0, 0.0), "B>A": (0.0, 1.0)}[row["label"]]
    source = _text(row["source"])
    task = "code" if source.startswith("livecodebench") else source.removeprefix("livebench-")
    task = "knowledge" if source.startswith("mmlu") else task
    meta = {"subset": source, "response_model": row.get("response_model")}
    texts = [row["response_A"], row["response_B"]]
    return _make(f"judgebench/{row['pair_id']}", row["question"], texts, labels, task, meta)


def _llmbar(row: Row, path: Path, number: int) -> Case:
    labels = {1: (1.0, 0.0), 2: (0.0, 1.0)}[row["label"]]
    subset = path.parent.name
    texts = [row["output_1"], row["output_2"]]
    return _make(f"llmbar/{subset}/{number}", row["input"], texts, labels, "instruction_following", {"subset": subset})


BENCHMARKS = (
    Benchmark(
        "rewardbench2",
        "RewardBench 2",
        "https://huggingface.co/datasets/allenai/reward-bench-2 (ODC-BY)",
        "data/test-*.parquet",
        _rewardbench2,
        "allenai/reward-bench-2",
    ),
    Benchmark(
        "rewardbench",
        "RewardBench",
        "https://huggingface.co/datasets/allenai/reward-bench (ODC-BY)",
        "data/filtered-*.parquet",
        _rewardbench,
        "allenai/reward-bench",
    ),
    Benchmark(
        "rm-bench",
        "RM-Bench",
        "https://github.com/THU-KEG/RM-Bench, folder data (ODC-BY)",
        "total_dataset.json",
        _rm_bench,
        "THU-KEG/RM-Bench",
    ),
    Benchmark(
        "judgebench",
        "JudgeBench",
        "https://github.com/ScalerLab/JudgeBench, folder data (MIT)",
        "*.jsonl",
        _judgebench,
    ),
    Benchmark(
        "llmbar",
        "LLMBar",
        "https://github.com/princeton-nlp/LLMBar, folder Dataset/LLMBar (MIT)",
        "*/dataset.json",
        _llmbar,
    ),
)
