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
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 120_000  # milliseconds
FILM_RATE = 30
FILM_SIZE = (960, 720)
LIVE_SECONDS = 24.3  # of the film, until its pictures are taken, in the middle of a sample
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
    parser.add_argument("--pages", default="explore,live,anatomy,lab,paper,models", help="which pages")
    arguments = parser.parse_args()
    width, height = (int(part) for part in arguments.size.split("x"))
    os.environ["RESNET_EXPLORER_HOME"] = tempfile.mkdtemp(prefix="screenshots-")  # nobody's own settings
    os.environ["TORCH_HOME"] = str(Path(os.environ["RESNET_EXPLORER_HOME"]) / "torch")  # nor downloads
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
        composition.window.show_page({"live": "explore", "paper": "lab"}.get(page, page))
        if page == "live":
            composition.live.open(str(film(Path(os.environ["RESNET_EXPLORER_HOME"]) / "samples.avi")))
            if not wait(composition.live.answered, PATIENCE):
                print("the film was not followed", file=sys.stderr)
                return 1
            player = composition.live.feed.player
            assert player is not None
            player.set_manner(loop=True)
            wait(None, round(1000 * LIVE_SECONDS))
        desk = getattr(composition.window.pages.currentWidget(), "desk", None)
        if desk is not None and not wait(desk.opened, PATIENCE):
            print("no block was opened", file=sys.stderr)
            return 1
        if page == "lab":
            wait(None, 5 * SETTLE)  # the runs are read
        if page == "paper":
            lab: Any = composition.window.pages.currentWidget()
            lab.panels.show_panel("paper")
            wait(None, 2 * SETTLE)
        if page == "models":
            wait(None, 5 * SETTLE)  # the portraits are drawn
        for scheme in ("dark", "light"):
            theme().choose(scheme)
            wait(None, SETTLE)
            path = folder / f"{page}-{scheme}.png"
            composition.window.grab().save(str(path), "PNG")
            print(path)
        if page == "live":
            composition.live.close()
    composition.close()
    return 0


def film(path: Path) -> Path:
    """A film of the bundled samples: each drawn nearer for four seconds, with half a second of fading into the next."""
    import numpy as np

    from app.sources.files import read_picture
    from app.sources.opencv import opencv
    from app.sources.samples import sample_pictures

    cv2 = opencv()
    pictures = [read_picture(one).pixels for one in sample_pictures()]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), FILM_RATE, FILM_SIZE)
    width, height = FILM_SIZE

    def drawn(picture: np.ndarray, second: float) -> np.ndarray:
        scale = max(width / picture.shape[1], height / picture.shape[0]) * (1 + 0.06 * second)
        middle = (width - scale * picture.shape[1]) / 2, (height - scale * picture.shape[0]) / 2
        move = np.array([[scale, 0, middle[0]], [0, scale, middle[1]]])
        nearer: np.ndarray = cv2.warpAffine(picture, move, FILM_SIZE, flags=cv2.INTER_CUBIC)
        return nearer

    each, fading = 4 * FILM_RATE, FILM_RATE // 2
    for number, picture in enumerate(pictures):
        following = pictures[(number + 1) % len(pictures)]
        for step in range(each):
            one = drawn(picture, (step + fading) / FILM_RATE)
            share = max(0, step - (each - fading) + 1) / fading
            other = drawn(following, (step - (each - fading)) / FILM_RATE) if share else one
            mixed = cv2.addWeighted(one, 1 - share, other, share, 0)
            writer.write(cv2.cvtColor(mixed, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


if __name__ == "__main__":
    sys.exit(main())
