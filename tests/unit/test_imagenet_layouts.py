"""ImageNet's validation pictures as people have them: flat, with lists of bare classes or a development kit."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from app.core.errors import DataError
from app.evaluation.data import LabelledSet, labelled_set
from tests.unit.test_evaluation import grey

WNIDS = ("n01440764", "n01443537", "n01484850")


def imagenet_pictures(folder: Path, *numbers: int) -> None:
    for number in numbers:
        grey(folder / f"ILSVRC2012_val_{number:08}.JPEG.png", 0)
        (folder / f"ILSVRC2012_val_{number:08}.JPEG.png").rename(folder / f"ILSVRC2012_val_{number:08}.JPEG")


def class_of(data: LabelledSet) -> dict[str, str]:
    return {Path(name).stem[-1]: data.classes[label] for name, label in zip(data.names, data.labels, strict=True)}


def test_imagenets_pictures_with_a_list_of_wordnet_ids(tmp_path: Path) -> None:
    imagenet_pictures(tmp_path / "val", 3, 1)
    table = tmp_path / "imagenet_2012_validation_synset_labels.txt"
    table.write_text("\n".join(WNIDS))
    assert class_of(labelled_set(tmp_path / "val")) == {"1": WNIDS[0], "3": WNIDS[2]}, "by their numbers"
    for number in range(2):
        grey(tmp_path / "other" / f"{'ba'[number]}.png", 0)
    with pytest.raises(DataError, match="3 lines for 2 pictures"):
        labelled_set(tmp_path / "other", labels=table)
    table.write_text("\n".join(WNIDS[:2]))
    found = labelled_set(tmp_path / "other", labels=table)
    assert [found.classes[label] for label in found.labels] == list(WNIDS[:2]) and found.names[0] == "a.png"


@pytest.mark.parametrize("kind", ["text", "plain", "packed", "big-endian"])
def test_imagenets_pictures_with_the_development_kit(tmp_path: Path, kind: str) -> None:
    imagenet_pictures(tmp_path / "val", 1, 2, 3)
    kit = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n3\n2\n")
    numbers = {1: WNIDS[2], 2: WNIDS[0], 3: WNIDS[1], 1001: "n00000000"}
    if kind == "text":
        (kit / "map_clsloc.txt").write_text("".join(f"{id_} {number} a_fish\n" for number, id_ in numbers.items()))
    else:
        content = synsets(numbers, ">" if kind == "big-endian" else "<", packed=kind == "packed")
        (kit / "meta.mat").write_bytes(content)
    data = labelled_set(tmp_path / "val")
    assert class_of(data) == {"1": WNIDS[0], "2": WNIDS[1], "3": WNIDS[0]}
    assert data.layout == "pictures with ILSVRC2012_validation_ground_truth.txt"


def test_a_damaged_development_kit_says_so(tmp_path: Path) -> None:
    imagenet_pictures(tmp_path, 1)
    (tmp_path / "ILSVRC2012_validation_ground_truth.txt").write_text("2\n")
    whole = synsets({2: WNIDS[0]}, "<", packed=True)
    bomb = whole[:128] + element("<", 15, zlib.compress(bytes(80_000_000)))
    for content in (b"", whole[:200], whole[:128], bomb, whole[:126] + b"XX" + whole[128:]):
        (tmp_path / "meta.mat").write_bytes(content)
        with pytest.raises(DataError, match=r"meta\.mat cannot be read"):
            labelled_set(tmp_path)
    (tmp_path / "meta.mat").write_bytes(whole)
    assert class_of(labelled_set(tmp_path)) == {"1": WNIDS[0]}


def test_kaggles_solution_is_found_above_the_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val"
    imagenet_pictures(folder, 1, 2)
    (tmp_path / "LOC_val_solution.csv").write_text(
        "ImageId,PredictionString\n"
        f"ILSVRC2012_val_00000001,{WNIDS[1]} 1 2 3 4\nILSVRC2012_val_00000002,{WNIDS[0]} 1 2 3 4\n"
    )
    assert class_of(labelled_set(folder)) == {"1": WNIDS[1], "2": WNIDS[0]}


def element(order: str, kind: int, data: bytes) -> bytes:
    """One element of a MAT-file; small ones in eight bytes, as MATLAB writes them."""
    if 0 < len(data) <= 4 and kind != 15:
        words = (kind | len(data) << 16,)
        return struct.pack(order + "I", *words) + data.ljust(4, b"\0")
    return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (0 if kind == 15 else -len(data) % 8)


def matlab_array(order: str, kind: int, name: str, rows: int, columns: int, rest: bytes) -> bytes:
    flags = struct.pack(order + "II", kind, 0)
    head = element(order, 6, flags) + element(order, 5, struct.pack(order + "ii", rows, columns))
    return element(order, 14, head + element(order, 1, name.encode()) + rest)


def synsets(numbers: dict[int, str], order: str, *, packed: bool) -> bytes:
    """A meta.mat as ImageNet's: a list of records, with fields that nobody needs among them."""
    fields = b"".join(name.ljust(16, b"\0") for name in (b"ILSVRC2012_ID", b"WNID", b"children", b"words"))
    values = b""
    for number, id_ in numbers.items():
        values += matlab_array(order, 6, "", 1, 1, element(order, 4, struct.pack(order + "H", number)))
        values += matlab_array(order, 4, "", 1, len(id_), element(order, 16, id_.encode()))
        values += matlab_array(order, 6, "", 1, 3, element(order, 9, struct.pack(order + "3d", 4, 5, 6)))
        values += matlab_array(
            order, 4, "", 1, 2, element(order, 17, "né".encode("utf-16-be" if order == ">" else "utf-16-le"))
        )
    rest = element(order, 5, struct.pack(order + "i", 16)) + element(order, 1, fields) + values
    array = matlab_array(order, 2, "synsets", len(numbers), 1, rest)
    body = element(order, 15, zlib.compress(array)) if packed else array
    return (
        b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100) + (b"IM" if order == "<" else b"MI") + body
    )
