"""A batch's table as CSV, JSON or Parquet, row by row in constant memory. No torch."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from app.core.errors import DataError
from app.core.files import replacing
from app.core.parquet import Cell, Column, write_parquet
from app.evaluation.batch_store import TOP, BatchRow, BatchStore

SUFFIXES = (".csv", ".json", ".parquet")


def columns() -> tuple[Column, ...]:
    """The table's columns, in order: `label1` is the most probable class."""
    best: list[Column] = []
    for rank in range(1, TOP + 1):
        best += [
            Column(f"label{rank}", "text"),
            Column(f"index{rank}", "integer"),
            Column(f"probability{rank}", "number"),
        ]
    return (Column("file", "text"), Column("error", "text"), *best, Column("milliseconds", "number"))


def cells(row: BatchRow, labels: tuple[str, ...]) -> list[Cell]:
    """One row's cells, in the order of `columns`; None where there is nothing."""
    found: list[Cell] = [f"{row.folder}/{row.name}", row.error or None]
    for rank in range(TOP):
        there = rank < len(row.classes)
        index = row.classes[rank] if there else None
        found += [labels[index] if index is not None else None, index, row.probabilities[rank] if there else None]
    return [*found, row.milliseconds]


def export(store: BatchStore, path: Path, *, expected: int | None = None) -> int:
    """Write the whole table; how many rows.

    Args:
        expected: How many rows it must have; with others the file that is there stays as it is.

    Raises:
        DataError: where the name has another ending, the table other rows, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"“{path.name}” is no kind of table.", f"End the name with {', '.join(SUFFIXES)}.")
    labels = tuple(store.about.get("labels", "").split("\n"))
    rows = (cells(row, labels) for row in store.every_row())
    try:
        with replacing(path) as temporary:
            if suffix == ".parquet":
                with temporary.open("wb") as file:
                    count = write_parquet(file, columns(), rows)
            else:
                count = _write_csv(temporary, rows) if suffix == ".csv" else _write_json(temporary, rows)
            if expected not in (None, count):
                raise DataError(f"{store.path} has {count:,} rows, and not {expected:,}.", "Begin the table anew.")
            return count
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).", "Choose another folder.") from error


def _write_csv(path: Path, rows: Iterator[list[Cell]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([column.name for column in columns()])
        for row in rows:
            writer.writerow(["" if cell is None else cell for cell in row])
            count += 1
    return count


def _write_json(path: Path, rows: Iterator[list[Cell]]) -> int:
    names = [column.name for column in columns()]
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for row in rows:
            file.write(",\n " if count else "\n ")
            file.write(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False))
            count += 1
        file.write("\n]\n")
    return count
