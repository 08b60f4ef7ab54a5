"""Judging a model on labelled pictures: the data's layouts, how classes are matched, what is measured, the record."""

from __future__ import annotations

import json
import math
import os
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from app.commands.evaluate import picture_table
from app.core.errors import CancelledError, DataError
from app.core.intervals import wilson
from app.core.preprocessing import Preprocessing
from app.core.records import NetworkOutline
from app.engine import evaluation
from app.evaluation import measures
from app.evaluation.data import labelled_set
from app.evaluation.judge import judge, together
from app.evaluation.matching import match_classes, wordnet_ids
from app.evaluation.measures import ErrorRate, Verdicts
from app.evaluation.records import (
    EvaluationRequest,
    delete_record,
    list_records,
    read_record,
    read_verdicts,
    write_record,
)
from app.inference.classifier import Classifier
from app.zoo.cards import imagenet_labels

GREYS = ("black", "dark grey", "light grey", "white")


class Brightness(torch.nn.Module):
    """Says which of four greys a picture is, surely."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        bright = pixels.mean(dim=(1, 2, 3))[:, None]
        return -40 * (bright - torch.tensor([0.0, 1 / 3, 2 / 3, 1.0])).abs()


def brightness() -> Classifier:
    outline = NetworkOutline("test", "brightness", "Brightness", (), 0)
    preprocessing = Preprocessing(None, 8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    return Classifier(
        Brightness(), outline=outline, labels=GREYS, preprocessing=preprocessing, device=torch.device("cpu"), fold=False
    )


def grey(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(path)


def greys(root: Path) -> Path:
    """Three pictures each of black and white, one white one among the black; and a file that is no picture."""
    for number in range(3):
        grey(root / "black" / f"{number}.png", 0)
        grey(root / "white" / f"{number}.png", 255)
    grey(root / "black" / "odd.png", 255)
    (root / "white" / "broken.png").write_bytes(b"not a picture")
    return root


# --- intervals and measures


@pytest.mark.parametrize(
    ("share", "count", "expected"),
    [
        (0.5, 100, (40.38, 59.62)),  # all four by hand from Wilson (1927), equation in docs/evaluation.md
        (0.0, 10, (0.0, 27.75)),
        (1.0, 10, (72.25, 100.0)),
        (0.0979, 9977, (9.22, 10.39)),
        (0.0, 0, (0.0, 100.0)),
    ],
)
def test_wilson(share: float, count: int, expected: tuple[float, float]) -> None:
    assert wilson(share, count) == expected


def verdicts(*rows: tuple[int, list[int], list[float]]) -> Verdicts:
    """(true class, top classes, their probabilities) per picture."""
    labels = np.array([row[0] for row in rows])
    top = np.array([row[1] for row in rows], np.int32)
    probabilities = np.array([row[2] for row in rows], np.float32)
    truth = np.array([dict(zip(row[1], row[2], strict=True)).get(row[0], 0.01) for row in rows], np.float32)
    return Verdicts(labels, top, probabilities, truth)


def test_ece_by_hand() -> None:
    """Two pictures at 0.9 of which one is right, two at 0.6 that are both right: (2·0.4 + 2·0.4) / 4."""
    found = measures.calibration(
        verdicts((0, [0, 1], [0.9, 0.1]), (0, [1, 0], [0.9, 0.1]), (1, [1, 0], [0.6, 0.4]), (0, [0, 1], [0.6, 0.4]))
    )
    assert found.ece == pytest.approx(0.4, abs=1e-6)
    assert found.mean_confidence == pytest.approx(0.75, abs=1e-6)
    assert sum(found.counts) == 4
    assert (found.counts[13], found.accuracy[13]) == (2, 0.5)
    assert found.confidence[13] == pytest.approx(0.9)


def test_bins_are_open_below_and_closed_above() -> None:
    """The bin of 1/15 is the first, that of 1 the last, and nothing falls out."""
    found = measures.calibration(verdicts((0, [0], [1 / 15 - 1e-4]), (0, [0], [1.0]), (0, [0], [1 / 15 + 1e-4])))
    assert (found.counts[0], found.counts[1], found.counts[14]) == (1, 1, 1)


def test_errors_rows_confusion_and_worst() -> None:
    six = ("a", "b", "c", "d", "e", "f")
    found = verdicts(
        (0, [0, 1, 2, 3, 4], [0.5, 0.2, 0.1, 0.1, 0.1]),
        (1, [0, 1, 2, 3, 4], [0.8, 0.1, 0.05, 0.03, 0.02]),
        (5, [0, 1, 2, 3, 4], [0.9, 0.05, 0.02, 0.02, 0.01]),
        (1, [-1, -1, -1, -1, -1], [0, 0, 0, 0, 0]),  # could not be read
        (-1, [0, 1, 2, 3, 4], [1, 0, 0, 0, 0]),  # of no class of the model
    )
    top1, top5 = measures.error_rates(found, 6)
    assert (top1, top5) == (ErrorRate(2, 3), ErrorRate(1, 3))
    assert measures.error_rates(found, 5)[1] is None, "five of five is no achievement"
    rows = {row.label: row for row in measures.class_rows(found, six)}
    assert set(rows) == {"a", "b", "f"}
    assert (rows["a"].pictures, rows["a"].right, rows["a"].called) == (1, 1, 3)
    assert (rows["b"].right, rows["b"].among, rows["f"].among) == (0, 1, 0)
    assert rows["a"].precision == pytest.approx(100 / 3)
    assert math.isnan(rows["f"].precision)
    matrix = measures.confusion(found, 6)
    assert (matrix.sum(), matrix[0, 0], matrix[1, 0], matrix[5, 0]) == (3, 1, 1, 1)
    assert measures.worst(found, 10) == (2, 1)
    assert measures.worst(found, 1) == (2,)
    assert measures.in_cell(found, 1, 0) == (1,)
    assert measures.negative_log_likelihood(found) == pytest.approx(-np.log([0.5, 0.1, 0.01]).mean(), rel=1e-6)


# --- data


def test_a_folder_per_class(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    grey(tmp_path / "loose.png", 0)
    data = labelled_set(greys(tmp_path))
    assert data.classes == ("black", "white")
    assert data.names[:2] == ("black/0.png", "black/1.png")
    assert data.labels.tolist() == [0] * 4 + [1] * 4
    assert "empty" in data.notices[0] and "1 pictures" in data.notices[1]


def test_the_test_part_of_a_divided_folder(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for name in ("black", "white"):
            grey(tmp_path / part / name / f"{part}.png", 0)
    assert list(labelled_set(tmp_path).names) == ["val/black/val.png", "val/white/val.png"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "picture,class\n0.png,black\n1.png,white\n"),
        ("val.txt", "0.png 3\n1.png 0\n"),
        ("labels.txt", "0 n01440764\n1 n01443537\n"),
        ("LOC_val_solution.csv", "ImageId,PredictionString\n0,n01440764 1 2 3 4\n1,n01443537 1 2 3 4\n"),
        ("val_annotations.txt", "0.png\tn01440764\t0\t0\t62\t57\n1.png\tn01443537\t0\t0\t62\t57\n"),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_flat_with_a_labels_file(tmp_path: Path, name: str, text: str, inside: bool) -> None:
    where = tmp_path / "images" if inside else tmp_path
    for number in range(3):
        grey(where / f"{number}.png", 0)
    (tmp_path / name).write_text(text)
    data = labelled_set(tmp_path)
    assert len(data) == 2 and len(data.classes) == 2
    assert "ImageId" not in data.classes and "picture" not in data.classes
    assert "1 pictures" in data.notices[0]


def test_bare_numbers_are_refused_with_the_reason(tmp_path: Path) -> None:
    grey(tmp_path / "0.png", 0)
    (tmp_path / "labels.txt").write_text("490\n")
    with pytest.raises(DataError, match="another order"):
        labelled_set(tmp_path)


def test_arrays_and_the_folder_of_cifar(tmp_path: Path) -> None:
    pixels = np.arange(5 * 32 * 32 * 3, dtype=np.uint32).astype(np.uint8).reshape(5, 32, 32, 3)
    labels = np.array([0, 1, 2, 1, 0])
    np.savez(tmp_path / "a.npz", x_train=pixels[:1], y_train=labels[:1], x_test=pixels, y_test=labels)
    np.savez(tmp_path / "b.npz", images=pixels.transpose(0, 3, 1, 2), labels=labels, classes=["x", "y", "z"])
    np.savez(tmp_path / "c.npz", x=pixels, y=np.array(["b", "a", "c", "a", "b"]))
    cifar = tmp_path / "cifar-10-batches-py"
    cifar.mkdir()
    raw = pixels.transpose(0, 3, 1, 2).reshape(5, -1)
    (cifar / "test_batch").write_bytes(pickle.dumps({b"data": raw, b"labels": labels.tolist()}))
    (cifar / "batches.meta").write_bytes(pickle.dumps({b"label_names": [b"x", b"y", b"z"]}))
    for path in (tmp_path / "a.npz", tmp_path / "b.npz", tmp_path / "c.npz", cifar, tmp_path):
        data = labelled_set(path)
        assert data.pixels is not None
        assert np.array_equal(data.pixels, pixels), path
        assert len(data.names) == 5 and data.names[4] == "#4"
    assert labelled_set(tmp_path / "a.npz").classes == ()
    assert labelled_set(tmp_path / "c.npz").classes == ("a", "b", "c")
    assert labelled_set(tmp_path / "c.npz").labels.tolist() == [1, 0, 2, 0, 1]
    assert labelled_set(cifar).classes == ("x", "y", "z")


def test_what_is_no_data_says_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        labelled_set(tmp_path / "nothing")
    with pytest.raises(DataError, match="no pictures"):
        labelled_set(tmp_path)
    np.savez(tmp_path / "a.npz", weights=np.zeros(3))
    with pytest.raises(DataError, match="holds weights"):
        labelled_set(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 8, 8, 3), np.float32), y=np.zeros(2, np.int64))
    with pytest.raises(DataError, match="float32"):
        labelled_set(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_bytes(b"PK but no archive")
    with pytest.raises(DataError, match="cannot be read"):
        labelled_set(tmp_path / "c.npz")
    grey(tmp_path / "pictures" / "0.png", 0)
    with pytest.raises(DataError, match="of which class"):
        labelled_set(tmp_path / "pictures")


def test_a_damaged_archive_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    np.savez_compressed(tmp_path / "a.npz", x=pixels, y=np.arange(20))
    np.savez_compressed(tmp_path / "verdicts.npz", labels=random.integers(0, 9, 4000))
    for name, read in (("a.npz", labelled_set), ("verdicts.npz", lambda path: read_verdicts(path.parent))):
        content = bytearray((tmp_path / name).read_bytes())
        method = content.index(b"PK\x01\x02") + 10  # in the list at the end
        (tmp_path / name).write_bytes(content[:method] + b"\x63" + content[method + 1 :])
        with pytest.raises(DataError, match=r"cannot be read"):
            read(tmp_path / name)
        start = 30 + int.from_bytes(content[26:28], "little") + int.from_bytes(content[28:30], "little")
        content[start : start + 20] = b"\xff" * 20  # no deflated stream begins so
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=r"cannot be read"):
            read(tmp_path / name)


def test_class_names_in_bytes_are_text(tmp_path: Path) -> None:
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    names = np.array(["Käse", "cat"])
    np.savez(tmp_path / "a.npz", x=pixels, y=np.char.encode(names, "utf-8"))
    np.savez(tmp_path / "b.npz", x=pixels, y=np.array([0, 1]), classes=np.char.encode(names, "utf-8"))
    assert labelled_set(tmp_path / "a.npz").classes == labelled_set(tmp_path / "b.npz").classes == ("Käse", "cat")
    for entries in ({"y": np.char.encode(names, "cp1252")}, {"y": [0, 1], "classes": np.char.encode(names, "cp1252")}):
        np.savez(tmp_path / "c.npz", x=pixels, **entries)
        with pytest.raises(DataError, match=r"class names in .*c\.npz are not UTF-8"):
            labelled_set(tmp_path / "c.npz")


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(canary),)

    (tmp_path / "test_batch").write_bytes(pickle.dumps(Evil()))
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({}))
    with pytest.raises(DataError, match="would run"):
        labelled_set(tmp_path)
    assert not canary.exists()


def test_the_fingerprint_follows_the_data_not_the_place(tmp_path: Path) -> None:
    one, two = labelled_set(greys(tmp_path / "one")), labelled_set(greys(tmp_path / "two"))
    assert one.fingerprint == two.fingerprint
    grey(tmp_path / "two" / "black" / "new.png", 0)
    assert labelled_set(tmp_path / "two").fingerprint != one.fingerprint


# --- matching


def matched(names: list[str], labels: list[str] | tuple[str, ...], **options: bool) -> list[int]:
    return match_classes(names, labels, highest=len(names) - 1, title="M", **options).classes.tolist()


def test_classes_are_matched_by_name_id_number_and_order() -> None:
    assert matched(["White", "dark_grey", "BLACK"], GREYS) == [3, 1, 0]
    assert matched(["n01440764", "n01443537_goldfish", "tench"], imagenet_labels()) == [0, 1, 0]
    assert matched(["goldfish, Carassius auratus", "003.tiger shark"], imagenet_labels()) == [1, 3]
    assert matched(["2", "0"], GREYS) == [2, 0]
    assert matched(["cat", "dog"], ["class 0", "class 1"]) == [0, 1]
    assert match_classes([], GREYS, highest=3, title="M").classes.tolist() == [0, 1, 2, 3]


def test_a_folders_id_is_not_overruled_by_its_name() -> None:
    labels, ids = ("cardigan", "tench"), ("n02963159", "n01440764")
    found = match_classes(["n01440764", "n02113186_Cardigan"], labels, highest=1, title="M", ids=ids, skip_unknown=True)
    assert found.classes.tolist() == [1, -1] and "n02113186_Cardigan" in found.notices[0]


def test_wordnet_ids_are_in_their_own_order_and_name_the_right_classes() -> None:
    ids = wordnet_ids()
    assert len(ids) == len(set(ids)) == 1000 and list(ids) == sorted(ids)
    # Known pairs from ImageNet's own list of synsets.
    for wordnet_id, label in (("n02123045", "tabby"), ("n03000684", "chain saw"), ("n13133613", "ear")):
        assert imagenet_labels()[ids.index(wordnet_id)] == label


def test_a_real_data_set_is_matched_by_id_and_by_name_alike() -> None:
    """Tiny ImageNet's 200 classes; its “cardigan” is ImageNet's garment or dog, so the name alone must not decide."""
    path = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "tiny-imagenet-200" / "classes.json"
    if not path.is_file():
        pytest.skip("the data sets beside the repository (../shared) are not here")
    classes = json.loads(path.read_text(encoding="utf-8"))
    by_id = matched([one["wnid"] for one in classes], imagenet_labels())
    by_name = matched([one["name"] for one in classes], imagenet_labels(), skip_unknown=True)
    assert -1 not in by_id
    differing = [classes[place]["name"] for place in range(200) if by_name[place] != by_id[place]]
    assert differing == ["cardigan"] and by_name.count(-1) == 1


def test_a_mismatch_says_which_and_what_to_do() -> None:
    with pytest.raises(DataError, match=r"None of the data's 2 classes \(cat, dog\) is a class of M"):
        matched(["cat", "dog"], GREYS)
    with pytest.raises(DataError, match=r"does not have 1 of the data's 2 classes: dog\. .*--skip-unknown"):
        matched(["black", "dog"], GREYS)
    assert matched(["black", "dog"], GREYS, skip_unknown=True) == [0, -1]
    with pytest.raises(DataError, match="more than one class called crane"):
        matched(["crane", "tench"], ["crane", "tench", "crane"])
    with pytest.raises(DataError, match="labels up to 9; M has 4"):
        match_classes([], GREYS, highest=9, title="M")


# --- judging


def test_every_picture_gets_its_verdict_and_unreadable_ones_are_listed(tmp_path: Path) -> None:
    data = labelled_set(greys(tmp_path))
    told: list[float] = []
    share = judge(brightness(), data, np.array([0, 3]), batch=3, progress=told.append)
    assert share.verdicts.labels.tolist() == [0] * 4 + [3] * 4
    assert share.verdicts.top[:, 0].tolist() == [0, 0, 0, 3, 3, 3, 3, -1]
    assert list(share.unread) == [7] and "broken.png" in share.unread[7]
    assert measures.error_rates(share.verdicts, 4)[0] == ErrorRate(1, 7)
    assert measures.worst(share.verdicts, 5) == (3,)
    assert told == sorted(told) and told[-1] == 1.0


@pytest.mark.parametrize("world", [2, 3, 5])
def test_shares_put_together_are_the_whole(tmp_path: Path, world: int) -> None:
    data, classes = labelled_set(greys(tmp_path)), np.array([0, -1])
    whole = judge(brightness(), data, classes, batch=2)
    shares = [judge(brightness(), data, classes, rank=rank, world=world, batch=2) for rank in range(world)]
    assert sorted(number for share in shares for number in share.numbers.tolist()) == [0, 1, 2, 3]
    both = together(shares, classes[data.labels])
    alone = together([whole], classes[data.labels])
    assert np.array_equal(both.verdicts.probabilities, alone.verdicts.probabilities)
    assert np.array_equal(both.verdicts.top, alone.verdicts.top)
    with pytest.raises(DataError, match="same pictures"):
        together([shares[0], shares[0]], classes[data.labels])


def test_it_can_be_stopped(tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        judge(brightness(), labelled_set(greys(tmp_path)), np.array([0, 3]), cancelled=lambda: True)


# --- the record


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.usefixtures("home")
def test_an_evaluation_leaves_a_record_that_can_be_read_again(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    np.savez(tmp_path / "some.npz", x=pixels, y=np.arange(40) % 10)
    record = evaluation.evaluate(EvaluationRequest("cifar10-resnet20", str(tmp_path / "some.npz")))
    records, problems = list_records()
    assert records == [record] and not problems
    assert record.pictures == 40 and len(record.fingerprint) == 64
    assert record.model_hash.startswith("44980f5e61ada27a")
    assert record.published is not None and record.published.top1 == pytest.approx(9.79)
    assert "cifar10-resnet20" in record.command
    folder = tmp_path / "home" / "data" / "evaluations" / record.id
    found = read_verdicts(folder)
    assert measures.error_rates(found, 10)[0] == record.top1
    assert [one.number for one in record.worst] == list(measures.worst(found, 100))
    assert json.loads((folder / "record.json").read_text())["top1"]["error"] == round(record.top1.per_cent, 2)
    delete_record(record.id)
    assert not folder.exists()
    with pytest.raises(DataError):
        delete_record("../../elsewhere")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are text")
@pytest.mark.parametrize("table", [False, True])
def test_names_that_are_not_utf_8_are_judged_and_written(tmp_path: Path, home: Path, table: bool) -> None:
    """As b"k\xe4se.jpg", from an old disk; the folder's and the table's own names may be so, too."""
    top = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xe4ten"))
    inner = top / "cat" / os.fsdecode(b"k\xe4se")
    grey(inner / "1.png", 0)
    grey(top / "dog" / "2.png", 0)
    (inner / "3.png").write_bytes(b"no picture")
    labels = Path(os.fsdecode(os.fsencode(tmp_path) + b"/l\xe4bels.csv"))
    labels.write_text("1.png,cat\n2.png,dog\n3.png,cat\n4.png,dog\n")
    judged = evaluation.shared(EvaluationRequest("cifar10-resnet20", str(top), str(labels) if table else ""))
    assert judged is not None
    assert list(judged.names) == ["cat/k\ufffdse/1.png", "cat/k\ufffdse/3.png", "dog/2.png"]
    assert [one.name for one in judged.record.unread] == ["cat/k\ufffdse/3.png"]
    assert list_records() == ([judged.record], []) and Path(judged.record.data) == top
    "".join([picture_table(judged), judged.record.layout, *judged.record.notices]).encode()
    content = (home / "data" / "evaluations" / judged.record.id / "record.json").read_text(encoding="utf-8")
    assert "d\\udce4ten" in content


@pytest.mark.usefixtures("home")
def test_damaged_records_are_told_and_the_others_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", x=np.zeros((4, 32, 32, 3), np.uint8), y=np.arange(4))
    request = EvaluationRequest("cifar10-resnet20", str(tmp_path / "some.npz"), keep=False)
    judged = evaluation.shared(request)
    assert judged is not None
    root = tmp_path / "records"
    folder = write_record(judged.record, judged.verdicts, root)
    assert read_record(folder) == judged.record
    for name, text in (("a", "{"), ("b", '{"version": 99}'), ("c", '{"version": 1, "top1": null}')):
        (root / name).mkdir()
        (root / name / "record.json").write_text(text)
    records, problems = list_records(root)
    assert [one.id for one in records] == [judged.record.id]
    assert len(problems) == 3
