"""Make the README's pictures: the real window with a real engine, light and dark.

    python packaging/screenshots.py [FOLDER] [--size 1440x900] [--picture FILE] [--runs FOLDER]

Needs no display: without one it draws offscreen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120_000  # milliseconds
SETTLE = 800  # milliseconds for thumbnails and fades, after the answer


def main() -> int:
    """Write explore-dark.png, explore-light.png and the same of other pages; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--size", default="1440x900")
    parser.add_argument("--picture", type=Path)
    parser.add_argument(
        "--runs",
        type=Path,
        help="folder of a trained experiment, for the Lab's pictures; else those that come with the program",
    )
    parser.add_argument("--pages", default="explore,anatomy,lab", help="which pages")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    os.environ["RESNET_EXPLORER_HOME"] = tempfile.mkdtemp(prefix="screenshots-")  # nobody's own settings
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(ROOT))
    if arguments.runs is not None:
        from app import paths

        shutil.copytree(arguments.runs, paths.user_runs() / arguments.runs.name)
    pages = arguments.pages.split(",")
    return _shoot(arguments.folder, width, height, arguments.picture, pages)


def _shoot(folder: Path, width: int, height: int, picture: Path | None, pages: list[str]) -> int:
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from app.ui.composition import Composition
    from app.ui.theme import theme

    application = QApplication([])
    theme().follow(application, "dark")
    composition = Composition()
    composition.window.resize(width, height)
    composition.show()

    def wait(until: object, milliseconds: int) -> bool:
        loop = QEventLoop()
        late = QTimer(singleShot=True)
        late.timeout.connect(lambda: loop.exit(1))
        if until is not None:
            until.connect(lambda *_: loop.exit(0))  # type: ignore[attr-defined]
        late.start(milliseconds)
        return loop.exec() == 0

    if not wait(composition.engine.model_loaded, PATIENCE):
        print(f"no model came: {composition.explore.notices.text}", file=sys.stderr)
        return 1
    wait(None, SETTLE)
    if picture is not None:
        composition.session.add_paths([picture])
    else:
        composition.session.choose(composition.session.ids()[0])
    if not wait(composition.engine.answered, PATIENCE):
        print(f"no answer came: {composition.explore.notices.text}", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        composition.window.show_page(page)
        desk = getattr(composition.window.pages.currentWidget(), "desk", None)
        if desk is not None and not wait(desk.opened, PATIENCE):
            print("no block was opened", file=sys.stderr)
            return 1
        if page == "lab":
            wait(None, 5 * SETTLE)  # the runs are read
        for scheme in ("dark", "light"):
            theme().choose(scheme)
            wait(None, SETTLE)
            path = folder / f"{page}-{scheme}.png"
            composition.window.grab().save(str(path), "PNG")
            print(path)
    composition.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
