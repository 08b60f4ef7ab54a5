"""Which files of a folder are pictures, and in which order."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import PictureError
from app.sources.files import PICTURE_SUFFIXES, find_pictures, iterate_pictures, read_picture


def tree(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in find_pictures([root])]


def test_natural_order_own_files_first(tmp_path: Path) -> None:
    tree(tmp_path, "b/1.png", "a10/x.png", "a9/y.png", "10.png", "9.png", "B.jpg", "a.jpg", "a2.JPG", "a10.jpg")
    assert found(tmp_path) == [
        "9.png",
        "10.png",
        "a.jpg",
        "a2.JPG",
        "a10.jpg",
        "B.jpg",
        "a9/y.png",
        "a10/x.png",
        "b/1.png",
    ]


def test_by_suffix_whatever_its_case(tmp_path: Path) -> None:
    for number, suffix in enumerate(PICTURE_SUFFIXES):
        tree(tmp_path, f"{number}{suffix}", f"{number}x{suffix.upper()}")
    tree(tmp_path, "notes.txt", "jpg", "picture.jpg.part", "clip.mp4")
    assert len(found(tmp_path)) == 2 * len(PICTURE_SUFFIXES)


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    tree(tmp_path, ".hidden.jpg", ".thumbnails/x.jpg", "._macos.jpg", "shown.jpg")
    assert found(tmp_path) == ["shown.jpg"]


def test_files_are_taken_as_they_are(tmp_path: Path) -> None:
    tree(tmp_path, "notes.txt", ".hidden.jpg", "z/a.png")
    asked = [tmp_path / "notes.txt", tmp_path / "z", tmp_path / ".hidden.jpg", tmp_path / "not there.png"]
    expected = [asked[0], tmp_path / "z" / "a.png", asked[2], asked[3]]
    assert find_pictures(asked) == expected


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    tree(tmp_path, "in/1.png")
    try:
        (tmp_path / "in" / "again").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "self").symlink_to(tmp_path / "self")
        (tmp_path / "linked.png").symlink_to(tmp_path / "in" / "1.png")
    except OSError:
        pytest.skip("this user may not make links")
    assert found(tmp_path) == ["linked.png", "in/1.png"]


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path: Path) -> None:
    tree(tmp_path, "x.jpg/inner.png")
    assert found(tmp_path) == ["x.jpg/inner.png"]


def test_a_folder_that_cannot_be_listed_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "closed/1.png", "open/2.png")
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert found(tmp_path) == ["closed", "open/2.png"]
    with pytest.raises(PictureError, match="no permission to read “closed”"):
        read_picture(tmp_path / "closed")


def test_a_large_folder_starts_at_once(tmp_path: Path) -> None:
    """The first picture comes before the folders after it were looked at, and 5,000 files are listed in no time."""
    for number in range(5_000):
        os.close(os.open(tmp_path / f"{number}.jpg", os.O_CREAT | os.O_WRONLY))
    started = time.perf_counter()
    pictures = iterate_pictures([tmp_path, tmp_path / "not there"])
    assert next(pictures).name == "0.jpg"
    assert time.perf_counter() - started < 1
    assert next(pictures).name == "1.jpg"
