import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
from pathlib import Path

import pytest

from rlar.errors import InputError, ToolError
from rlar.library.bundle import export_bundle, import_bundle
from rlar.library.loaders import load
from rlar.library.manifest import Draft, LibraryProblem, Manifest, Provenance, safe_path
from rlar.library.store import Store
from rlar.types import Kind, Query

SUM = Query("What is 6 * 7?", reference="42")


def draft(name="near", tolerance=0.1, content=None, **more):
    return Draft(
        name=name,
        kind=Kind.VERIFIER,
        loader="builtin",
        settings={"tool": "numeric", "config": {"abs_tol": tolerance}},
        card={"about": "close enough", "line": 0.5, "suits": ["math"]},
        provenance=Provenance("template", made_at="2026-01-01"),
        content=content or {},
        **more,
    )


def admitted(store, **kind):
    return store.admit(f"{kind.get('name', 'near')}@{store.add(draft(**kind), why='new').version}", why="passed")


def test_a_version_is_its_content_not_its_words():
    same = Manifest.parse(draft().manifest().to_json().encode(), "x")
    assert same == draft().manifest()
    assert draft(tolerance=0.2).manifest().version != same.version
    assert draft(content={"a.txt": b"1"}).manifest().version != same.version
    assert draft(requirements=("numpy==2",)).manifest().version != same.version


def test_only_what_is_admitted_judges_and_the_last_one_wins(tmp_path):
    with Store(tmp_path / "lib") as store:
        first = store.add(draft(), why="new")
        assert store.current() == {}
        store.admit(f"near@{first.version}", why="passed")
        second = admitted(store, tolerance=0.5)
        assert store.current()["near"].version == second.version
        assert store.find(first.version and f"near@{first.version}").state == "retired"
        assert store.rollback("near").version == first.version
        assert [c.state for c in store.history(first)] == ["proposed", "admitted", "retired", "admitted"]


def test_a_pinned_version_stays_whatever_is_admitted_later(tmp_path):
    with Store(tmp_path / "lib") as store:
        first = admitted(store)
        store.pin(f"near@{first.version}")
        store.move(f"near@{store.add(draft(tolerance=0.7), why='new').version}", "admitted", why="passed")
        assert store.current()["near"].version == first.version


@pytest.mark.parametrize("step", ["canary", "admitted", "retired"])
def test_what_was_quarantined_comes_back_only_as_a_proposal(tmp_path, step):
    with Store(tmp_path / "lib") as store:
        row = store.add(draft(), why="new")
        store.move("near", "quarantined", why="failed its exam")
        with pytest.raises(ToolError, match="can become proposed"):
            store.move("near", step, why="please")
        assert store.move("near", "proposed", why="again").state == "proposed" and row.version


def test_unknown_names_and_empty_histories_are_said(tmp_path):
    with Store(tmp_path / "lib") as store:
        with pytest.raises(ToolError, match="no 'far'"):
            store.find("far")
        with pytest.raises(ToolError, match=r"no version|has no"):
            store.rollback("near")


def test_a_folder_of_something_else_is_never_made_a_library(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        Store(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.txt"]


@pytest.mark.parametrize("damage", ["edit", "delete", "manifest", "exam"])
def test_damage_is_found_named_and_costs_nothing_else(tmp_path, damage):
    with Store(tmp_path / "lib") as store:
        bad = admitted(store, name="bad", content={"data.txt": b"right"})
        good = admitted(store, name="good")
        store.write_exam(bad, {"passed": True})
        path = store.path(bad)
        if damage == "edit":
            (path / "data.txt").write_bytes(b"wrong")
        elif damage == "delete":
            (path / "data.txt").unlink()
        elif damage == "manifest":
            (path / "manifest.json").write_text(
                (path / "manifest.json").read_text().replace("close", "far").replace("0.1", "9")
            )
        else:
            (path / "exam.json").write_text((path / "exam.json").read_text().replace("true", "false"))
        (problem,) = store.verify()
        assert str(path) in problem
        assert list(store.current()) == ["good"] and store.find("bad").state == "quarantined"
        assert good.version == store.current()["good"].version


@pytest.mark.parametrize("rubbish", [b"", b"not a database", b"SQLite format 3\x00" + b"\x00" * 200])
def test_a_lost_or_broken_index_is_rebuilt_from_the_folders(tmp_path, rubbish):
    with Store(tmp_path / "lib") as store:
        row = admitted(store)
    for part in (tmp_path / "lib").glob("index.sqlite*"):
        part.unlink()
    if rubbish:
        (tmp_path / "lib/index.sqlite").write_bytes(rubbish)
    with Store(tmp_path / "lib") as store:
        assert store.current()["near"].version == row.version


def test_a_torn_last_line_of_a_history_spoils_neither_the_past_nor_the_future(tmp_path):
    with Store(tmp_path / "lib") as store:
        row = admitted(store)
        with (store.path(row) / "history.jsonl").open("ab") as f:
            f.write(b'{"state": "quaran')
        store.reconcile()
        assert store.find("near").state == "admitted"
        store.move("near", "retired", why="old")
        assert [c.state for c in store.history(row)] == ["proposed", "admitted", "retired"]


def test_a_full_disk_leaves_no_half_version(tmp_path, monkeypatch):
    with Store(tmp_path / "lib") as store:
        admitted(store, name="good")

        def full(fd):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            store.add(draft(), why="new")
        monkeypatch.undo()
        assert [r.name for r in store.rows()] == ["good"] and not list((tmp_path / "lib/aside").iterdir())
    with Store(tmp_path / "lib") as store:
        assert list(store.current()) == ["good"] and not store.problems


WRITER = textwrap.dedent(
    """
    import sys
    from rlar.library.manifest import Draft, Provenance
    from rlar.library.store import Store
    from rlar.types import Kind
    store = Store(sys.argv[1])
    i = int(sys.argv[2])
    print("ready", flush=True)
    while True:
        i += 1
        draft = Draft("tool_%d" % (i % 3), Kind.METRIC, "builtin", {"tool": "numeric", "config": {"abs_tol": i}},
                      {"about": "x"}, Provenance("template"), {"a.txt": b"x" * 5000})
        row = store.add(draft, why="new", exam={"passed": True, "n": i})
        store.admit(row.name + "@" + row.version, why="passed")
        print(row.name, row.version, flush=True)
    """
)


def kill_at_random_moments(folder: Path, times: int, seed: int) -> None:
    rng = random.Random(seed)
    told: list[tuple[str, str]] = []
    for k in range(times):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(k * 1000)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.random() * 0.06)
        writer.send_signal(signal.SIGKILL)
        out, _ = writer.communicate()
        told += [tuple(line.split()) for line in out.splitlines() if len(line.split()) == 2 and line != "ready"]
        with Store(folder) as store:
            assert store.verify() == []
            known = {(r.name, r.version): r.state for r in store.rows()}
            for name, version in told[:-1]:  # the last line may have been printed by half
                assert known[name, version] in ("admitted", "retired")
            for name in {name for name, _ in told[:-1]}:
                assert name in store.current()


def test_kill_at_random_moments_loses_nothing_and_shows_nothing_half_written(tmp_path):
    kill_at_random_moments(tmp_path / "lib", times=6, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_kill_at_two_hundred_random_moments(tmp_path):
    kill_at_random_moments(tmp_path / "lib", times=200, seed=2)


def busy(folder: str, seed: int, seconds: float, errors) -> None:
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    try:
        with Store(folder) as store:
            while time.monotonic() < end:
                step, current = rng.random(), sorted(store.current())  # one look: others take away meanwhile
                if step < 0.4:
                    row = store.add(
                        draft(name=f"t{rng.randrange(4)}", tolerance=rng.random()), why="new", exam={"n": 1}
                    )
                    try:
                        store.admit(f"{row.name}@{row.version}", why="passed")
                    except ToolError:
                        pass  # another process has just quarantined what bears this name
                elif step < 0.5 and current:
                    name = rng.choice(current)
                    try:
                        store.move(name, "retired", why="random")
                    except ToolError:
                        pass  # another process was faster
                elif step < 0.6:
                    store.record({"act": "noted", "seed": seed})
                elif step < 0.65 and current:
                    try:
                        store.quarantine(rng.choice(current), why="random")
                    except ToolError:
                        pass
                else:
                    for row in store.current().values():
                        tool = load(store.manifest(row), store.path(row), store.exam(row))
                        assert tool.rate("It is 42.", SUM, tool.prepare(SUM)).value == 1.0
                        store.exam(row)
    except Exception as e:
        errors.put(f"{type(e).__name__}: {e}")


def many_processes(folder: Path, processes: int, seconds: float) -> None:
    context = multiprocessing.get_context("spawn")
    errors = context.Queue()
    Store(folder).close()
    workers = [context.Process(target=busy, args=(str(folder), i, seconds, errors)) for i in range(processes)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(seconds + 180)  # a busy machine starts processes slowly
        assert w.exitcode == 0
    assert errors.empty(), errors.get()
    with Store(folder) as store:
        assert store.verify() == [] and store.rows()
        events = [json.loads(line) for line in (folder / "evolution.jsonl").read_bytes().splitlines()]
        assert len(events) == len(store.events()) > 0  # none torn


def test_several_processes_add_read_and_retire_at_once(tmp_path):
    many_processes(tmp_path / "lib", 3, 1.5)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_eight_processes_for_a_minute(tmp_path):
    many_processes(tmp_path / "lib", 8, 60)


def test_a_bundle_is_the_same_bytes_each_time_and_comes_in_untrusted(tmp_path):
    with Store(tmp_path / "a") as here, Store(tmp_path / "b") as there:
        row = admitted(here, content={"data/x.txt": b"payload"})
        admitted(here, name="other")
        export_bundle(here, [], tmp_path / "one.tar.gz")
        export_bundle(here, [], tmp_path / "two.tar.gz")
        assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
        rows = import_bundle(there, tmp_path / "one.tar.gz")
        assert {r.state for r in rows} == {"proposed"} and there.current() == {}
        assert there.manifest(there.find("near")) == here.manifest(row)
        assert (there.path(there.find("near")) / "data/x.txt").read_bytes() == b"payload"


def bundle_with(path, members):
    import io

    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return path


def test_hostile_bundles_are_refused_whole(tmp_path):
    manifest = draft(content={"a.txt": b"1"}).manifest()
    ref, folder = manifest.ref, f"near/{manifest.version}"
    good = {"PINS": ref.encode(), f"{folder}/manifest.json": manifest.to_json().encode(), f"{folder}/a.txt": b"1"}
    edited = json.loads(manifest.to_json()) | {"requirements": ["evil"]}
    hostile = {
        "changed file": good | {f"{folder}/a.txt": b"2"},
        "missing file": {k: v for k, v in good.items() if not k.endswith("a.txt")},
        "surplus file": good | {f"{folder}/b.txt": b"2"},
        "surplus version": good | {"near/000000000000/b.txt": b"2"},
        "edited manifest": good | {f"{folder}/manifest.json": json.dumps(edited).encode()},
        "path out": good | {f"{folder}/../../x": b"2"},
        "absolute": good | {"/etc/x": b"2"},
        "link": good | {f"{folder}/l": "/etc/passwd"},
        "no pins": {k: v for k, v in good.items() if k != "PINS"},
        "deep JSON": good | {f"{folder}/manifest.json": b"[" * 100_000},
    }
    with Store(tmp_path / "lib") as store:
        for name, members in hostile.items():
            with pytest.raises(LibraryProblem):
                import_bundle(store, bundle_with(tmp_path / "x.tar.gz", members))
            assert store.rows() == [], name
        (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b rubbish")
        with pytest.raises(LibraryProblem, match="cannot be read"):
            import_bundle(store, tmp_path / "x.tar.gz")
        assert len(import_bundle(store, bundle_with(tmp_path / "x.tar.gz", good))) == 1


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "a\\b", "a\x00", "a//b", "./a", "manifest.json", "history.jsonl"]
)
def test_paths_that_could_lead_out_are_refused(path):
    with pytest.raises(LibraryProblem):
        safe_path(path)
