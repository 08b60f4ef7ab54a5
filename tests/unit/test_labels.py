"""Class names from files: as many as there are classes, or a sentence with both counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.zoo.labels import guess_labels, is_numbered, read_label_file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("names.txt", "a\nb\nc\n"),
        ("names.txt", "\ufeffa\r\nb\r\nc\r\n\r\n"),
        ("names.json", '["a", "b", "c"]'),
        ("names.json", '{"0": "a", "2": "c", "1": "b"}'),
        ("names.json", '{"a": 0, "b": 1, "c": 2}'),
    ],
)
def test_names_are_read(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    assert read_label_file(tmp_path / name, 3) == (("a", "b", "c"), "")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("names.txt", "a\nb\n", ("2 class names", "3 classes")),
        ("names.json", json.dumps([str(one) for one in range(1200)]), ("1,200 class names", "3 classes")),
        ("names.json", '{"a": 0, "b": 1, "c": 5}', ("3 entries", "0 to 2")),
        ("names.json", '"a"', ("no list of class names",)),
        ("names.json", "[", ("cannot be read",)),
        ("names.txt", b"\xff\xfe\x00", ("cannot be read",)),
    ],
)
def test_what_does_not_fit_is_told_with_both_counts(
    name: str, content: str | bytes, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    labels, problem = read_label_file(tmp_path / name, 3)
    assert labels is None
    assert all(word in problem for word in words), problem


def test_numbers_are_told_from_names() -> None:
    assert is_numbered(guess_labels(7, 224, "")[0])
    assert not is_numbered(guess_labels(10, 32, "")[0])
