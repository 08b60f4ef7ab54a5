"""The session: pictures are found, read and shrunk off the window's thread, and one is current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot

from app.core.errors import PictureError
from app.core.records import Frame
from app.ui.background import Background
from app.ui.session import KEPT_FRAMES, Session


@pytest.fixture
def session(qtbot: QtBot) -> Iterator[Session]:
    background = Background()
    yield Session(background)
    background.close()


def _picture(path: Path, colour: tuple[int, int, int] = (200, 10, 10)) -> Path:
    Image.new("RGB", (60, 40), colour).save(path)
    return path


def test_a_dropped_file_becomes_current_and_is_read(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    path = _picture(tmp_path / "red.png")
    with qtbot.waitSignal(session.frame_ready) as blocker:
        session.add_paths([path])
    entry, frame = blocker.args
    assert entry == session.current
    assert isinstance(frame, Frame)
    assert frame.pixels.shape == (40, 60, 3)
    assert tuple(frame.pixels[0, 0]) == (200, 10, 10)


def test_a_folder_is_searched_and_its_first_picture_is_current(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    for number in range(5):
        _picture(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    session.add_paths([tmp_path])
    qtbot.waitUntil(lambda: len(session.ids()) == 5)
    assert session.entry(session.current).name == "0.png"


def test_an_empty_folder_is_told(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(session.notice) as blocker:
        session.add_paths([tmp_path])
    assert str(tmp_path) in blocker.args[0]


def test_a_bad_file_is_an_error_of_its_own_and_the_next_goes_on(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    bad = tmp_path / "a.png"
    bad.write_bytes(b"not a picture")
    with qtbot.waitSignal(session.frame_failed) as blocker:
        session.add_paths([bad, _picture(tmp_path / "b.png")])
    assert isinstance(blocker.args[1], PictureError)
    assert "a.png" in str(blocker.args[1])
    with qtbot.waitSignal(session.frame_ready):
        session.step(1)


def test_pasted_pictures_stay_although_only_few_frames_are_kept(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    session.add_frame(Frame(np.full((4, 4, 3), 7, np.uint8), "pasted picture"))
    pasted = session.current
    for number in range(KEPT_FRAMES + 2):
        with qtbot.waitSignal(session.frame_ready):
            session.add_paths([_picture(tmp_path / f"{number}.png")])
    assert session.frame(pasted) is None
    with qtbot.waitSignal(session.frame_ready) as blocker:
        session.choose(pasted)
    assert int(blocker.args[1].pixels[0, 0, 0]) == 7


def test_removing_the_current_picture_goes_to_its_neighbour(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    session.add_paths([_picture(tmp_path / "a.png"), _picture(tmp_path / "b.png")])
    qtbot.waitUntil(lambda: len(session.ids()) == 2)
    first, second = session.ids()
    session.remove(first)
    assert session.current == second
    session.remove(second)
    assert session.current == -1


def test_thumbnails_are_small_and_errors_are_told(session: Session, qtbot: QtBot, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"")
    Image.new("RGB", (1000, 500)).save(tmp_path / "big.png")
    big, broken = session.add_unchosen([tmp_path / "big.png", bad])
    with qtbot.waitSignal(session.thumbnail_ready) as ready:
        session.want_thumbnail(big)
    assert ready.args[0] == big
    assert ready.args[1].shape == (80, 160, 3)
    with qtbot.waitSignal(session.thumbnail_failed) as failed:
        session.want_thumbnail(broken)
    assert failed.args[0] == broken
