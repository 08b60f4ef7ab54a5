"""Make the icon's pictures from its drawing: PNGs, Windows' .ico, macOS' .icns.

    python packaging/make_icons.py

Only needed after assets/icon/resnet-explorer.svg has changed; the results are in the repository.
"""

from __future__ import annotations

import os
import sys
from io import BytesIO
from pathlib import Path

ICONS = Path(__file__).resolve().parents[1] / "assets" / "icon"
NAME = "resnet-explorer"
SIDES = (16, 24, 32, 48, 64, 128, 256, 512)


def main() -> int:
    """Write every picture beside the drawing; the exit code."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PIL import Image
    from PySide6.QtCore import QBuffer, QByteArray, QRectF, Qt
    from PySide6.QtGui import QGuiApplication, QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    application = QGuiApplication([])
    drawing = QSvgRenderer(str(ICONS / f"{NAME}.svg"))
    if not drawing.isValid():
        print("The drawing cannot be read.", file=sys.stderr)
        return 1

    def drawn(side: int) -> Image.Image:
        canvas = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
        canvas.fill(Qt.GlobalColor.transparent)
        painter = QPainter(canvas)
        drawing.render(painter, QRectF(0, 0, side, side))
        painter.end()
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        canvas.save(buffer, "PNG")  # type: ignore[call-overload]
        return Image.open(BytesIO(bytes(data.data())))

    for side in SIDES:
        drawn(side).save(ICONS / f"{NAME}-{side}.png", optimize=True)
    others = [drawn(side) for side in SIDES[:-2]]
    drawn(256).save(ICONS / f"{NAME}.ico", sizes=[(side, side) for side in SIDES[:-1]], append_images=others)
    drawn(1024).save(ICONS / f"{NAME}.icns", append_images=[drawn(side) for side in (32, 64, 128, 256, 512)])
    del application
    print(*sorted(path.name for path in ICONS.iterdir()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
