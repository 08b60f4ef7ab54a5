"""A chart as a file: PNG, SVG, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, QSizeF
from PySide6.QtGui import QImage, QPainter

from app.core.errors import ExplorerError
from app.core.files import write_bytes
from app.ui.charts.plot import Table
from app.ui.theme import colour

Paint = Callable[[QPainter, QRectF], None]


def picture(paint: Paint, size: QSizeF, scale: float = 2.0) -> QImage:
    """What `paint` paints into a rectangle of `size` logical pixels, at `scale` pixels for each."""
    image = QImage((size * scale).toSize(), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(colour("panel"))
    with QPainter(image) as painter:
        paint(painter, QRectF(0, 0, size.width(), size.height()))
    return image


def png_bytes(image: QImage) -> bytes:
    """An image as a PNG file."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    buffer.close()
    return bytes(data.data())


def svg_bytes(paint: Paint, size: QSizeF, title: str) -> bytes:
    """What `paint` paints as an SVG file: lines stay lines, text stays text."""
    from PySide6.QtSvg import QSvgGenerator

    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(QSize(round(size.width()), round(size.height())))
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    generator.setResolution(96)
    with QPainter(generator) as painter:
        rect = QRectF(0, 0, size.width(), size.height())
        painter.fillRect(rect, colour("panel"))
        paint(painter, rect)
    buffer.close()
    return bytes(data.data())


def csv_text(table: Table) -> str:
    """A table as CSV: shortest digits that give the same number again; empty where there is no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(zip(*(_cells(column) for column in table.columns), strict=True))
    return text.getvalue()


def _cells(column: NDArray[Any]) -> list[Any]:
    if not np.issubdtype(column.dtype, np.floating):
        return list(column.tolist())
    # A 32-bit number is written with its own digits, not with those of its 64-bit neighbour.
    cells = column.astype(str).tolist() if column.dtype == np.float32 else column.tolist()
    return ["" if missing else cell for cell, missing in zip(cells, np.isnan(column).tolist(), strict=True)]


def write(path: Path, content: bytes) -> Path:
    """Write a file.

    Raises:
        ExplorerError: where it cannot be written.
    """
    try:
        write_bytes(path, content)
    except OSError as error:
        raise ExplorerError(f"{path} cannot be written: {error.strerror}.", "Choose another folder.") from error
    return path
