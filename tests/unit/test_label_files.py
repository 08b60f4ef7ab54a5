"""Labels files: which picture and which class each line means."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import DataError
from app.evaluation.data import LabelledSet, labelled_set
from tests.unit.test_evaluation import grey


def pairs(data: LabelledSet) -> dict[str, str]:
    return {name: data.classes[label] for name, label in zip(data.names, data.labels, strict=True)}


def test_a_picture_in_a_folder_is_never_taken_for_one_of_the_same_name_elsewhere(tmp_path: Path) -> None:
    """A table of both parts says nothing of the test part by the train part's lines; cat/1.png is not dog/1.png."""
    for part in ("train", "test"):
        for number in range(2):
            grey(tmp_path / "both" / part / f"{number}.png", 0)
    table = tmp_path / "both" / "labels.csv"
    table.write_text("train/0.png,cat\ntrain/1.png,cat\ntest/0.png,dog\n")
    data = labelled_set(tmp_path / "both")
    assert pairs(data) == {"test/0.png": "dog"} and len(data) == 1, "train/1.png says nothing of test/1.png either"
    assert "names 2 pictures that are not there: train/0.png, train/1.png." in data.notices[0]
    for animal in ("cat", "dog"):
        grey(tmp_path / "animals" / "images" / animal / "1.png", 0)
    (tmp_path / "animals" / "labels.csv").write_text("cat/1.png,cat\ndog/1.png,dog\n")
    found = labelled_set(tmp_path / "animals")
    assert pairs(found) == {"images/cat/1.png": "cat", "images/dog/1.png": "dog"} and not found.notices


def test_bare_names_decide_where_the_folders_of_the_table_are_not_here(tmp_path: Path) -> None:
    for name in ("new/1.png", "new/2.png", "new/a/3.png", "new/b/3.png"):
        grey(tmp_path / name, 0)
    table = tmp_path / "moved.csv"
    table.write_text(
        "/elsewhere/old/x/1.png,cat\n/elsewhere/old/x/2.png,dog\n/elsewhere/old/y/2.png,cat\n/elsewhere/old/x/3.png,cat\n"
    )
    data = labelled_set(tmp_path / "new", labels=table)
    assert pairs(data) == {"1.png": "cat"}, "two lines claim 2.png, and two pictures are called 3.png"
    table.write_text("./1.png,cat\nnew/2.png,dog\n3.png,cat\n" + str(tmp_path / "new" / "b" / "3") + ",dog\n")
    data = labelled_set(tmp_path / "new", labels=table)
    assert pairs(data) == {"1.png": "cat", "2.png": "dog", "b/3.png": "dog"}
    assert "more than one picture is called so: 3.png" in data.notices[0]


def test_a_picture_that_is_named_twice_counts_once_or_is_refused(tmp_path: Path) -> None:
    grey(tmp_path / "1.png", 0)
    (tmp_path / "labels.csv").write_text("1.png,cat\n1,cat\n")
    assert pairs(labelled_set(tmp_path)) == {"1.png": "cat"} and len(labelled_set(tmp_path)) == 1
    (tmp_path / "labels.csv").write_text("1.png,cat\n1.png,dog\n")
    with pytest.raises(DataError, match=r"labels\.csv calls .*1\.png both “cat” and “dog”\. Leave one"):
        labelled_set(tmp_path)


def test_the_order_of_a_labels_files_lines_changes_nothing(tmp_path: Path) -> None:
    for number in range(3):
        grey(tmp_path / f"{number}.png", 0)
    lines = ["0.png,dog\n", "1.png,cat\n", "2.png,dog\n"]
    (tmp_path / "labels.csv").write_text("".join(lines))
    data = labelled_set(tmp_path)
    (tmp_path / "labels.csv").write_text("".join(reversed(lines)))
    other = labelled_set(tmp_path)
    assert data.classes == other.classes == ("cat", "dog"), "as folders and the labels of arrays are"
    assert pairs(data) == {"0.png": "dog", "1.png": "cat", "2.png": "dog"}
    assert data.fingerprint == other.fingerprint and data.names == other.names
    (tmp_path / "labels.csv").write_text("0.png,10\n1.png,2\n2.png,1\n")
    assert labelled_set(tmp_path).classes == ("1", "2", "10"), "numbers by their size"


def test_earlier_records_of_a_labels_file_still_know_their_pictures(tmp_path: Path) -> None:
    """Their fingerprints and numbers are of the file's order, classes by first appearance."""
    for number in range(3):
        grey(tmp_path / f"{number}.png", 0)
    (tmp_path / "labels.csv").write_text("2.png,dog\n0.png,cat\n1.png,dog\n")
    told = labelled_set(tmp_path).as_told()
    assert told.names == ("2.png", "0.png", "1.png") and [file.name for file in told.files] == list(told.names)
    assert told.classes == ("dog", "cat") and told.labels.tolist() == [0, 1, 0]
    size = (tmp_path / "0.png").stat().st_size
    digest = hashlib.sha256(b"dog\0cat" + np.array([0, 1, 0], "<i8").tobytes())
    digest.update("".join(f"{name}\0{size}\n" for name in told.names).encode())
    assert told.fingerprint == digest.hexdigest() != labelled_set(tmp_path).fingerprint


def test_a_list_of_bare_classes_tells_pictures_of_one_name_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        grey(tmp_path / "pictures" / folder / "1.png", 0)
    (tmp_path / "list.txt").write_text("n01440764\nn01443537\n")
    data = labelled_set(tmp_path / "pictures", labels=tmp_path / "list.txt")
    assert pairs(data) == {"a/1.png": "n01440764", "b/1.png": "n01443537"}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("0.png\ttench, Tinca tinca\n1.png\tgoldfish\n", ("goldfish", "tench, Tinca tinca")),
        ("0.png tench, Tinca tinca\n1.png goldfish\n", ("goldfish", "tench, Tinca tinca")),
        ('0.png,"tench, Tinca tinca"\n1.png,goldfish\n', ("goldfish", "tench, Tinca tinca")),
        ('0.png\t"tench, Tinca tinca"\n1.png\tgoldfish\n', ("goldfish", "tench, Tinca tinca")),
        ("0.png;Käse\n1.png;Bär\n", ("Bär", "Käse")),
        ("image;class\n0.png;grey\n1.png;grey\n", ("grey",)),
        ("image label\n0.png\ta b\n1.png\ta b\n", ("a b",)),
    ],
)
def test_one_separator_for_the_whole_file(tmp_path: Path, text: str, classes: tuple[str, ...]) -> None:
    for number in range(2):
        grey(tmp_path / f"{number}.png", 0)
    (tmp_path / "labels.txt").write_text(text, encoding="utf-8")
    data = labelled_set(tmp_path)
    assert data.classes == classes and len(data) == 2 and not data.notices


def test_what_is_wrong_with_a_labels_file_is_said_of_that_file(tmp_path: Path) -> None:
    grey(tmp_path / "1.png", 0)
    with pytest.raises(DataError, match=r"file of labels .*lables\.csv does not exist\. Check its path"):
        labelled_set(tmp_path, labels=tmp_path / "lables.csv")
    with pytest.raises(DataError, match=r"file of labels .* cannot be read \(Is a directory\)"):
        labelled_set(tmp_path, labels=tmp_path)
    table = tmp_path / "labels.csv"
    for content in ("1.png;Käse\n".encode("cp1252"), "1.png;Käse\n".encode("utf-16")):
        table.write_bytes(content)
        with pytest.raises(DataError, match=r"labels\.csv is not text in UTF-8\. Save it as UTF-8 .*“picture,class”"):
            labelled_set(tmp_path)
    table.write_text("1.png,cat\nnothing\n")
    with pytest.raises(DataError, match=r"Line 2 of .* is not “picture,class”: nothing"):
        labelled_set(tmp_path)
