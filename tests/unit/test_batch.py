"""Whole folders as a table: the store, resuming after a kill, exports, constant memory."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
from PIL import Image

from app import paths
from app.core.errors import CancelledError, DataError
from app.core.parquet import Column, write_parquet
from app.engine import batch, service
from app.engine.evaluation import model_hash
from app.evaluation.batch_export import columns, export
from app.evaluation.batch_lock import BatchBusyError, alone
from app.evaluation.batch_store import DONE, FAILED, BatchStore, Counts
from app.zoo.adding import add_model
from app.zoo.cards import write_card
from tests.unit.checkpoint_files import save_shards

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("cat", "dog", "100 % wool_x")
ABOUT = {"version": "1", "model": "m", "model_hash": "a", "title": "M", "labels": "\n".join(LABELS), "folders": "/"}


@pytest.fixture
def store(tmp_path: Path) -> BatchStore:
    """Four pictures: two classified, one that could not be read, one waiting."""
    table = BatchStore(tmp_path / "batch.sqlite")
    table.begin(ABOUT)
    table.add(Path("/some") / name for name in ("b.png", "A.png", "c%d.png", "d.png"))
    table.write(
        [
            (Path("/some/b.png"), [0, 1], [0.7, 0.3], 2.5, ""),
            (Path("/some/A.png"), [2, 0], [0.9, 0.1], 1.5, ""),
            (Path("/some/c%d.png"), [], [], 0.0, "It is damaged."),
        ],
        LABELS,
    )
    return table


def test_rows_orders_and_filters(store: BatchStore) -> None:
    assert store.counts() == Counts(4, 2, 1) and store.counts().waiting == 1
    row = store.rows([2])[2]
    assert (row.name, row.folder, row.classes, row.probabilities) == ("A.png", "/some", (2, 0), (0.9, 0.1))
    assert store.rows([3])[3].error == "It is damaged." and store.rows([4])[4].milliseconds is None
    assert store.numbers() == [1, 2, 3, 4]
    assert store.numbers("name") == [2, 1, 3, 4], "whatever the case of letters"
    assert store.numbers("probability", descending=True) == [2, 1, 3, 4], "rows without one come last"
    assert store.numbers("probability") == [1, 2, 3, 4]
    assert store.numbers("milliseconds") == [2, 1, 3, 4]
    assert store.numbers(words="CAT") == [1]
    assert store.numbers(words="% wool_") == [2], "% and _ are letters like any other"
    assert store.numbers(words="some c%") == [3, 1][:1] and store.numbers(words="png", state=FAILED) == [3]
    assert store.numbers(state=DONE) == [1, 2]
    assert list(store.waiting()) == [Path("/some/d.png")]


def test_probabilities_filter_and_every_rank_sorts(store: BatchStore) -> None:
    assert store.numbers(shares=(0.0, 0.7)) == [], "less than the second"
    assert store.numbers(shares=(0.7, 0.9)) == [1] and store.numbers(shares=(0.5, 2.0)) == [1, 2]
    assert store.numbers(shares=(0.5, 2.0), words="wool") == [2]
    assert store.numbers("p2", descending=True) == [1, 2, 3, 4] and store.numbers("p2")[:2] == [2, 1]


def test_a_folder_that_changed_is_seen_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("same.png", "other.png", "gone.png"):
        (folder / name).write_bytes(b"1")
    with BatchStore(tmp_path / "batch.sqlite") as table:
        table.begin(ABOUT)
        assert table.add(sorted(folder.iterdir())) == 0
        table.write([(path, [0, 1], [0.7, 0.3], 1.0, "") for path in sorted(folder.iterdir())], LABELS)
        (folder / "gone.png").unlink()
        (folder / "other.png").write_bytes(b"22")
        (folder / "new.png").write_bytes(b"1")
        table.begin(ABOUT)
        assert table.add(sorted(folder.iterdir())) == 1, "one is another file by now"
        assert table.drop_gone() == 1
        assert table.counts() == Counts(3, 1, 0)
        assert [path.name for path in table.waiting()] == ["other.png", "new.png"]
        other = next(row for row in table.every_row() if row.name == "other.png")
        assert other.classes == () and other.milliseconds is None, "the old answer is no answer any more"


def test_a_disk_that_is_not_connected_takes_no_answers_along(store: BatchStore, tmp_path: Path) -> None:
    store.begin(ABOUT)
    store.add([])
    assert store.drop_gone() == 0 and store.counts() == Counts(4, 2, 1)
    store.add([tmp_path])
    assert store.drop_gone() == 4, "whatever was listed, and is not there"


def test_tables_of_earlier_versions_go_on(tmp_path: Path) -> None:
    path, picture = tmp_path / "batch.sqlite", tmp_path / "a.png"
    picture.write_bytes(b"1")
    with BatchStore(path) as table:
        table.begin(ABOUT)
        table.add([picture])
        table.write([(picture, [0], [0.7], 1.0, "")], LABELS)
    with sqlite3.connect(path) as db:
        for column in ("size", "modified", "listing"):
            db.execute(f"ALTER TABLE pictures DROP COLUMN {column}")
        db.execute("DELETE FROM about WHERE name = 'listing'")
    with BatchStore(path) as table:
        assert table.begin(ABOUT)
        assert table.add([picture]) == 0 and table.drop_gone() == 0
        assert table.counts() == Counts(1, 1, 0)


def test_two_do_not_classify_into_one_table(tmp_path: Path) -> None:
    service.hello("cpu")
    path = tmp_path / "batch.sqlite"
    Image.new("RGB", (32, 32)).save(tmp_path / "a.png")
    with alone(path), pytest.raises(BatchBusyError, match="Another window"):
        batch.classify("cifar10-resnet20", (str(tmp_path),), str(path))
    assert not path.exists(), "it was not even opened"
    assert batch.classify("cifar10-resnet20", (str(tmp_path),), str(path)).counts == Counts(1, 1, 0)


def test_adding_again_adds_only_what_is_new(store: BatchStore) -> None:
    store.add([Path("/some/b.png"), Path("/some/new.png")])
    assert store.counts() == Counts(5, 2, 1)
    assert [path.name for path in store.waiting()] == ["d.png", "new.png"]
    store.again()
    assert store.counts() == Counts(5, 2, 0)


def test_another_model_begins_anew(store: BatchStore) -> None:
    assert store.begin(ABOUT) is True
    assert store.counts().total == 4
    assert store.begin(ABOUT | {"model_hash": "b"}) is False
    assert store.counts().total == 0


def test_a_model_that_does_something_else_to_pictures_begins_anew(store: BatchStore) -> None:
    assert store.begin(ABOUT | {"how": "old"}), "tables of earlier versions do not say how, and lose nothing"
    assert store.begin(ABOUT | {"how": "old"}) and store.counts().total == 4
    assert not store.begin(ABOUT | {"how": "new"}) and store.counts().total == 0


def test_without_a_hash_the_models_name_tells_them_apart(tmp_path: Path) -> None:
    with BatchStore(tmp_path / "batch.sqlite") as table:
        table.begin(ABOUT | {"model": "./a", "model_hash": ""})
        table.add([Path("/some/a.png")])
        assert table.begin(ABOUT | {"model": "./a", "model_hash": "its weights"}), "folders had no hash once"
        assert table.counts().total == 1
    with BatchStore(tmp_path / "other.sqlite") as table:
        table.begin(ABOUT | {"model": "./a", "model_hash": ""})
        table.add([Path("/some/a.png")])
        assert not table.begin(ABOUT | {"model": "./b", "model_hash": "its weights"})
        assert table.counts().total == 0


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/some/caf\xe9.png"))
    with BatchStore(tmp_path / "batch.sqlite") as table:
        table.add([path])
        assert list(table.waiting()) == [path]
        assert table.rows([1])[1].name == "caf�.png"


def test_what_is_no_table_says_so(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no table" * 100)
    with pytest.raises(DataError, match="cannot be used"):
        BatchStore(tmp_path / "x")
    with pytest.raises(DataError, match="cannot be used"):
        BatchStore(tmp_path / "nothing", reading=True)


def test_a_window_reads_while_the_engine_writes(store: BatchStore) -> None:
    with BatchStore(store.path, reading=True) as reader:
        before = reader.counts().done
        store.write([(Path("/some/d.png"), [1], [1.0], 1.0, "")], LABELS)
        assert reader.counts().done == before + 1


# --- exports


def test_csv_and_json(store: BatchStore, tmp_path: Path) -> None:
    assert export(store, tmp_path / "t.csv") == 4
    rows = list(csv.DictReader(io.StringIO((tmp_path / "t.csv").read_text())))
    assert list(rows[0]) == [column.name for column in columns()]
    assert (rows[0]["file"], rows[0]["label1"], rows[0]["probability1"]) == ("/some/b.png", "cat", "0.7")
    assert (rows[2]["error"], rows[2]["label1"]) == ("It is damaged.", "")
    assert export(store, tmp_path / "t.json") == 4
    found = json.loads((tmp_path / "t.json").read_text())
    assert found[1]["label1"] == "100 % wool_x" and found[1]["index1"] == 2 and found[3]["label1"] is None
    with pytest.raises(DataError, match="no kind of table"):
        export(store, tmp_path / "t.xls")
    with pytest.raises(DataError, match="cannot be written"):
        export(store, tmp_path / "t.csv" / "t.csv")


def test_a_table_with_other_rows_than_it_should_have_replaces_nothing(store: BatchStore, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("the finished table")
    with pytest.raises(DataError, match="has 4 rows, and not 5"):
        export(store, tmp_path / "t.csv", expected=5)
    assert (tmp_path / "t.csv").read_text() == "the finished table"
    assert export(store, tmp_path / "t.csv", expected=4) == 4


def test_an_empty_table(tmp_path: Path) -> None:
    with BatchStore(tmp_path / "batch.sqlite") as table:
        for suffix in (".csv", ".json", ".parquet"):
            assert export(table, tmp_path / f"t{suffix}") == 0
    assert json.loads((tmp_path / "t.json").read_text()) == []


@pytest.mark.parametrize("group", [1, 3, 1000])
def test_parquet_is_read_by_others(tmp_path: Path, group: int) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: nothing reads Parquet here")
    rows = [[number, number / 3, f"nämé {number}" * (number % 4)] for number in range(-4, 300)]
    rows[7] = [None, None, None]
    rows[8] = [2**40, None, ""]
    with (tmp_path / "t.parquet").open("wb") as file:
        kinds = (Column("whole", "integer"), Column("part", "number"), Column("words", "text"))
        assert write_parquet(file, kinds, rows, group=group) == 304
    table = parquet.read_table(tmp_path / "t.parquet")
    assert [str(kind) for kind in table.schema.types] == ["int64", "double", "string"]
    assert [list(row.values()) for row in table.to_pylist()] == rows


def test_parquet_has_its_frame(store: BatchStore, tmp_path: Path) -> None:
    """Without a reader: magic at both ends, and a footer of the length that it says."""
    assert export(store, tmp_path / "t.parquet") == 4
    data = (tmp_path / "t.parquet").read_bytes()
    assert data[:4] == data[-4:] == b"PAR1"
    size = int.from_bytes(data[-8:-4], "little")
    assert 0 < size < len(data) - 12
    footer = data[-8 - size : -8]
    for column in columns():
        assert column.name.encode() in footer


# --- classifying


def pictures(root: Path, count: int) -> Path:
    random = np.random.default_rng(0)
    for number in range(count):
        path = root / f"folder {number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    (root / "broken.png").write_bytes(b"no picture")
    return root


def test_a_folder_is_classified_once(tmp_path: Path) -> None:
    service.hello("cpu")
    root = pictures(tmp_path / "pictures", 20)
    path = tmp_path / "batch.sqlite"
    told: list[float] = []
    done = batch.classify("cifar10-resnet20", (str(root),), str(path), progress=told.append)
    assert done.counts == Counts(21, 20, 1)
    assert told[-1] == 1.0
    with BatchStore(path, reading=True) as table:
        rows = table.rows(table.numbers())
        broken = next(row for row in rows.values() if row.state == FAILED)
        good = next(row for row in rows.values() if row.state == DONE)
        assert "broken.png" in broken.error
        assert len(good.classes) == 5 and sum(good.probabilities) <= 1.0001 and good.milliseconds
        assert list(good.probabilities) == sorted(good.probabilities, reverse=True)
    told.clear()
    (root / "broken.png").unlink()
    Image.new("RGB", (32, 32)).save(root / "broken.png")
    assert batch.classify("cifar10-resnet20", (str(root),), str(path), progress=told.append).counts == Counts(21, 21, 0)
    assert len(told) == 1, "only the mended picture was classified again"


def test_a_card_with_another_normalisation_is_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    card = add_model(paths.root() / "models" / "cifar10-resnet20" / "weights.safetensors", name="net")
    service.hello("cpu")
    root, path = pictures(tmp_path / "pictures", 3), tmp_path / "batch.sqlite"
    assert not batch.classify("net", (str(root),), str(path)).notices
    assert not batch.classify("net", (str(root),), str(path)).notices
    write_card(replace(card, preprocessing=replace(card.preprocessing, mean=(0.1, 0.2, 0.3))))
    service.load("cifar10-resnet20")  # as another process would
    done = batch.classify("net", (str(root),), str(path))
    assert "begun anew" in done.notices[0] and done.counts == Counts(4, 3, 1)


def test_a_folder_is_known_by_all_its_weights(tmp_path: Path) -> None:
    whole = safetensors.torch.load_file(paths.root() / "models" / "cifar10-resnet20" / "weights.safetensors")
    last = max(whole)
    hashes = []
    for name, state in (("a", whole), ("b", whole | {last: whole[last] + 1})):
        (tmp_path / name).mkdir()
        index = save_shards(state, tmp_path / name)
        part = index.with_name("model-00002-of-00003.safetensors")
        assert part.is_file()
        hashes.append({model_hash(str(path)) for path in (index, part, index.parent)})
    assert [len(one) for one in hashes] == [1, 1] and hashes[0] != hashes[1]
    (tmp_path / "c").mkdir()
    safetensors.torch.save_file(whole, tmp_path / "c" / "net.safetensors")
    assert model_hash(str(tmp_path / "c")) == model_hash(str(tmp_path / "c" / "net.safetensors"))


def test_stopping_keeps_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service.hello("cpu")
    monkeypatch.setattr(batch, "BATCH", 8)
    root = pictures(tmp_path / "pictures", 40)
    asked = iter([False] * 42 + [True] * 100)  # 41 while they are listed, then one batch
    monkeypatch.setattr(service, "watch", lambda _id: ((lambda _share: None), lambda: next(asked)))
    with pytest.raises(CancelledError, match="What is done is kept"):
        batch.classify("cifar10-resnet20", (str(root),), str(tmp_path / "batch.sqlite"))
    with BatchStore(tmp_path / "batch.sqlite", reading=True) as table:
        assert 8 <= table.counts().done + table.counts().failed < 41


def command(root: Path, out: Path, *options: str) -> list[str]:
    return [
        sys.executable, str(ROOT / "main.py"), "classify", str(root), "--device", "cpu", "--out", str(out), *options,
    ]  # fmt: skip


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
def test_killed_and_resumed_it_is_as_if_nothing_had_happened(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures", 1500)
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    unfinished = tmp_path / ".parts.csv.unfinished"
    process = subprocess.Popen(command(root, parts), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        if unfinished.exists() and so_far(unfinished) > 0:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    between = so_far(unfinished)
    assert 0 < between < 1500, "killed too early or too late to mean anything"
    again = subprocess.run(command(root, parts), capture_output=True, text=True, timeout=100, check=False)
    assert again.returncode == 2 and f"{between:,} of 1,501" in again.stderr and "--resume" in again.stderr
    resumed = subprocess.run(command(root, parts, "--resume"), capture_output=True, text=True, timeout=200, check=False)
    assert resumed.returncode == 1, resumed.stderr  # one picture cannot be read
    assert subprocess.run(command(root, whole), capture_output=True, timeout=200, check=False).returncode == 1
    assert table_of(parts) == table_of(whole)
    assert not unfinished.exists() and len(table_of(whole)) == 1501


def so_far(path: Path) -> int:
    try:
        with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as db:
            return int(db.execute("SELECT COUNT(*) FROM pictures WHERE state = 1").fetchone()[0])
    except sqlite3.Error:
        return 0


def table_of(path: Path) -> list[tuple[str, str, str]]:
    """File, class and probability to four figures: batches of another size add up in another order."""
    with path.open(encoding="utf-8") as file:
        return [(row["file"], row["label1"], f"{float(row['probability1'] or 0):.4f}") for row in csv.DictReader(file)]
