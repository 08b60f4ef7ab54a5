"""Live mode with an engine that answers at once: real videos, a real server; what is shown, asked, frozen, recorded."""

from __future__ import annotations

import csv
import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.core.errors import AnatomyError
from app.core.lesions import Lesion
from app.core.records import Prediction, Request
from app.sources.registry import Place, open_stream
from app.ui.composition import Composition
from app.ui.live import source_picker
from app.ui.live.source_picker import Kind, Offer
from tests.ui.prompt_engine import PromptEngine
from tests.unit.mjpeg_server import mjpeg_camera

RATE = 30


def write_video(path: Path, frames: int = 60, size: tuple[int, int] = (160, 120), *, rate: int = RATE) -> Path:
    """Left half red, right half blue; one grey level brighter every frame."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), rate, size)
    for number in range(frames):
        picture = np.full((size[1], size[0], 3), number % 200, np.uint8)
        picture[:, : size[0] // 2, 2] = 200
        picture[:, size[0] // 2 :, 0] = 200
        writer.write(picture)
    writer.release()
    return path


@pytest.fixture
def program(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composition]:
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    composition = Composition(client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None and composition.explore.method is not None)
    yield composition
    composition.close()
    composition.window.hide()
    assert composition.live.feed.close(5), "a thread of the source outlived the window"


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "film.avi")


def engine() -> PromptEngine:
    return PromptEngine.instances[-1]


def follow(program: Composition, qtbot: QtBot, address: Path | str) -> None:
    with qtbot.waitSignal(program.live.answered, timeout=15_000):
        program.live.open(str(address))


def act(program: Composition, name: str) -> None:
    program.window.actions_table[name].trigger()


def test_a_dropped_video_plays_and_the_engine_follows(program: Composition, qtbot: QtBot, video: Path) -> None:
    with qtbot.waitSignal(program.live.answered, timeout=15_000):
        program.window.paths_dropped.emit([video])
    explore = program.explore
    assert engine().requests[-1].pixels.shape == (32, 32, 3), "the network's crop crosses, not the frame"
    assert engine().requests[-1].method == "grad-cam"
    assert program.live.bar.isVisible() and program.live.panel.isVisible()
    assert "film.avi" in program.window.windowTitle()
    qtbot.waitUntil(lambda: explore.inspector.scale.accessibleDescription() != "no heatmap")
    assert explore.shown is not None and explore.shown.answer is not None, "what is shown can be saved"
    qtbot.waitUntil(lambda: program.live.bar.place.value() > 20)
    assert len(engine().requests) > 10
    qtbot.waitUntil(lambda: program.live.bar.state == "at its end", timeout=10_000)


def test_pictures_dropped_with_a_video_go_on_the_strip(
    program: Composition, qtbot: QtBot, video: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    program.window.paths_dropped.emit([tmp_path / "a.png", video])
    qtbot.waitUntil(lambda: any(program.session.entry(one).name == "a.png" for one in program.session.ids()))
    assert program.live.address == str(video)


def test_never_more_than_one_request_and_always_the_newest_frame(
    program: Composition, qtbot: QtBot, video: Path
) -> None:
    engine().hold = True
    program.live.open(str(video))
    qtbot.waitUntil(lambda: program.live.bar.place.value() > 30, timeout=15_000)
    assert len(engine().waiting) == 2, "the video plays on; one question is under way, one waits behind it"
    engine().answer_next()
    first = engine().requests[0]
    assert first.pixels is engine().newest, "what waited had no picture of its own: it is answered about the newest"
    at = program.live.bar.place.value()
    qtbot.waitUntil(lambda: program.live.bar.place.value() > at + 5)
    assert len(engine().waiting) == 2
    engine().answer_next()
    assert float(engine().requests[1].pixels.mean()) > float(first.pixels.mean()), "of a frame that came meanwhile"
    assert engine().requests[1].pixels is engine().newest


def test_a_long_answer_is_waited_for_before_the_next_question(program: Composition, qtbot: QtBot, video: Path) -> None:
    engine().milliseconds = 400
    follow(program, qtbot, video)
    engine().hold = True
    qtbot.waitUntil(lambda: len(engine().waiting) == 1)
    at = program.live.bar.place.value()
    qtbot.waitUntil(lambda: program.live.bar.place.value() > at + 10)
    assert len(engine().waiting) == 1, "what is asked next may have changed by then"


def test_frames_are_not_kept_for_an_engine_that_does_not_answer(
    program: Composition, qtbot: QtBot, video: Path
) -> None:
    engine().hold = True
    program.live.open(str(video))
    qtbot.waitUntil(lambda: program.live.bar.place.value() > 40, timeout=15_000)
    assert len(program.live.loop._frames) <= 8


def test_colours_are_right_and_mirror_and_turn_are_what_the_network_sees(
    program: Composition, qtbot: QtBot, video: Path
) -> None:
    follow(program, qtbot, video)

    def left_is_red() -> bool:
        pixels = engine().requests[-1].pixels.astype(int)
        return bool(pixels[16, 4, 0] > pixels[16, 4, 2] + 60 and pixels[16, 28, 2] > pixels[16, 28, 0] + 60)

    assert left_is_red()
    act(program, "mirror")
    qtbot.waitUntil(lambda: not left_is_red())
    act(program, "mirror")
    act(program, "turn")

    def top_is_red() -> bool:
        pixels = engine().requests[-1].pixels.astype(int)
        return bool(pixels[4, 16, 0] > pixels[4, 16, 2] + 60)

    qtbot.waitUntil(top_is_red)
    qtbot.waitUntil(lambda: program.explore.shown is not None and program.explore.shown.frame.size == (120, 160))


def test_space_freezes_a_picture_like_any_other_and_goes_back(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    before = len(program.session.ids())
    qtbot.keyClick(program.window, Qt.Key.Key_Space)
    assert not program.live.following
    qtbot.waitUntil(
        lambda: program.explore.shown is not None and program.explore.shown.entry == program.session.current
    )
    frozen = program.session.entry(program.session.current)
    assert frozen.name.startswith("film.avi 0:0")
    assert len(program.session.ids()) in (before + 1, 1), "it is on the strip; the samples made room"
    program.explore.inspector.method_chosen.emit("occlusion")
    qtbot.waitUntil(lambda: engine().requests[-1].method == "occlusion")
    count = len(engine().requests)
    qtbot.wait(200)
    assert len(engine().requests) == count, "nothing is asked about the source meanwhile"
    program.explore.inspector.method_chosen.emit("grad-cam")
    with qtbot.waitSignal(program.live.answered):
        qtbot.keyClick(program.window, Qt.Key.Key_Space)
    assert program.live.following


def test_a_chosen_picture_lets_the_source_wait(program: Composition, qtbot: QtBot, video: Path) -> None:
    sample = program.session.ids()[0]
    follow(program, qtbot, video)
    program.explore.strip.chosen.emit(sample)
    qtbot.waitUntil(lambda: program.explore.shown is not None and program.explore.shown.entry == sample)
    assert program.live.address and not program.live.following
    at = program.live.bar.place.value()
    qtbot.wait(200)
    assert program.live.bar.place.value() == at, "the video is paused"


def test_a_slow_method_waits_for_a_frozen_picture(program: Composition, qtbot: QtBot, video: Path) -> None:
    program.explore.inspector.method_chosen.emit("occlusion")
    follow(program, qtbot, video)
    assert engine().requests[-1].method is None
    assert "Space freezes" in program.explore.inspector.note.text()
    methods = program.explore.inspector.methods.model()
    assert not methods.item(1).isEnabled() and methods.item(0).isEnabled()
    act(program, "freeze")
    qtbot.waitUntil(lambda: engine().requests[-1].method == "occlusion")
    assert methods.item(1).isEnabled()


def test_block_class_and_lesions_apply_to_the_next_frames(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    program.explore.spine.block_clicked.emit("layer1.1")
    program.explore.inspector.class_chosen.emit(2)
    program.explore.surgery.toggle_bypass("layer2.1")

    def asked() -> bool:
        last = engine().requests[-1]
        return (last.block, last.target, last.lesions) == ("layer1.1", 2, (Lesion("bypass", "layer2.1"),))

    qtbot.waitUntil(asked)
    assert program.live.following


def test_a_paused_video_is_asked_about_again_when_the_wish_changes(
    program: Composition, qtbot: QtBot, video: Path
) -> None:
    follow(program, qtbot, video)
    act(program, "play-pause")
    qtbot.waitUntil(lambda: program.live.bar.state == "paused")
    qtbot.wait(150)
    with qtbot.waitSignal(program.live.answered):
        program.explore.spine.block_clicked.emit("layer1.1")
    assert engine().requests[-1].block == "layer1.1"
    at = program.live.bar.place.value()
    with qtbot.waitSignal(program.live.answered):
        act(program, "frame-later")
    assert program.live.bar.place.value() == at + 1
    with qtbot.waitSignal(program.live.answered):
        program.live.bar.place.setValue(50)
    assert program.live.bar.place.value() == 50


def test_what_cannot_be_done_to_the_network_is_taken_back(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    engine().error = AnatomyError("It cannot be bypassed.", "Choose another.")
    program.explore.surgery.toggle_bypass("layer2.0")
    qtbot.waitUntil(lambda: "cannot be bypassed" in program.explore.notices.text)
    engine().error = None
    assert program.explore.surgery.lesions == ()
    with qtbot.waitSignal(program.live.answered, timeout=5000):
        pass
    assert program.explore.notices.text == "", "after a second it is tried again"


def test_another_model_while_live(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    engine().hold = True
    count = len(engine().requests)
    program.explore.inspector.model_chosen.emit("another")
    qtbot.wait(200)
    assert len(engine().requests) <= count + 1, "nothing is asked of the old model while the new one is on its way"
    engine().hold = False
    engine().release()
    qtbot.waitUntil(lambda: engine().requests[-1].model == "another")
    with qtbot.waitSignal(program.live.answered):
        pass
    reference = [request.model for request in engine().requests]
    assert reference == sorted(reference, key=lambda one: one == "another"), "the old model is never asked again"


@pytest.mark.parametrize("ended", [False, True])
def test_another_model_is_asked_about_a_video_that_stands_still(
    program: Composition, qtbot: QtBot, tmp_path: Path, ended: bool
) -> None:
    follow(program, qtbot, write_video(tmp_path / "short.avi", 10 if ended else 60))
    if not ended:
        act(program, "play-pause")
    qtbot.waitUntil(lambda: program.live.bar.state == ("at its end" if ended else "paused"), timeout=10_000)
    qtbot.wait(150)
    rows: list[int] = []
    program.explore.model_changed.connect(lambda: rows.append(len(program.explore.inspector.bars.rows)))
    with qtbot.waitSignal(program.live.answered):
        program.explore.inspector.model_chosen.emit("another")
    assert rows == [0], "the old model's classes are gone"
    assert engine().requests[-1].model == "another"
    assert program.explore.inspector.bars.rows


def test_a_view_that_is_being_cut_for_the_old_model_is_not_asked_about(
    program: Composition, qtbot: QtBot, video: Path
) -> None:
    follow(program, qtbot, video)
    act(program, "play-pause")
    qtbot.waitUntil(lambda: program.live.bar.state == "paused")
    qtbot.wait(150)
    run = program.live.feed._run
    assert run is not None and run._newest is not None
    old = run._newest
    forgotten = run._forgotten
    program.live.loop.stop()  # nothing is cut by itself now
    program.live.feed.forget_view()
    assert run._newest.view is None
    run._put(old, forgotten, new=False)
    assert run._newest.view is None and run._newest.frame is old.frame


def test_the_old_model_is_not_asked_between_the_engine_and_the_page(
    program: Composition, qtbot: QtBot, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has the new model before the page knows it; a frame that waits then is not the old model's."""
    follow(program, qtbot, video)
    engine().hold = True
    program.explore.inspector.model_chosen.emit("another")
    engine().answer_next()
    engine().answer_next()
    qtbot.waitUntil(lambda: not program.engine.following and program.live.loop._wanted)  # a frame came, and waits
    asked: list[str] = []
    follow_newest = program.engine.follow

    def noted(request: Request, *, anew: bool) -> int:
        asked.append(request.model)
        return follow_newest(request, anew=anew)

    monkeypatch.setattr(program.engine, "follow", noted)
    engine().hold = False
    engine().release()
    qtbot.waitUntil(lambda: bool(asked) and asked[-1] == "another")
    assert set(asked) == {"another"}, "the engine would load the old model again"
    assert program.explore.model is not None and program.explore.model.reference == "another"


def test_a_late_answer_of_the_old_model_is_dropped(program: Composition, qtbot: QtBot, video: Path) -> None:
    """It has other classes: with 200 of them, the tenth of ten would be asked for its name (seen by hand)."""
    with qtbot.waitSignal(program.live.answered) as told:
        program.live.open(str(video))
    ready, answer = told.args
    many = Prediction(np.arange(200, dtype=np.float32), np.full(200, 1 / 200, np.float32))
    counted = len(program.live.measuring.confidences.moments)
    with qtbot.assertNotEmitted(program.live.answered, wait=0):
        program.live._on_answer(ready, dataclasses.replace(answer, model="another", prediction=many))
    assert len(program.live.measuring.confidences.moments) == counted


def test_the_engine_rests_while_nobody_looks(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    program.window.hide()
    qtbot.wait(100)
    count = len(engine().requests)
    qtbot.wait(200)
    assert len(engine().requests) == count
    program.window.show()
    with qtbot.waitSignal(program.live.answered):
        pass


def test_the_engine_dies_and_the_video_plays_on(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    engine().hold = True
    qtbot.waitUntil(lambda: len(engine().waiting) > 0)
    at = program.live.bar.place.value()
    engine().die()
    qtbot.waitUntil(lambda: program.live.bar.place.value() > at + 3)
    asked = engine().requests[-1].id
    engine().start()
    engine().hold = False
    engine().release()
    qtbot.waitUntil(lambda: engine().requests[-1].id > asked)
    qtbot.waitUntil(lambda: program.explore.notices.text == "")


def test_closing_shows_the_session_again_and_leaves_nothing_running(
    program: Composition, qtbot: QtBot, video: Path
) -> None:
    sample = program.session.ids()[0]
    with qtbot.waitSignal(program.engine.answered):
        program.session.choose(sample)
    follow(program, qtbot, video)
    act(program, "camera")
    assert not program.live.address and not program.live.bar.isVisible() and not program.live.panel.isVisible()
    qtbot.waitUntil(lambda: program.explore.shown is not None and program.explore.shown.entry == sample)
    assert program.live.feed.close(5)
    assert not program.live._tick.isActive()


def test_what_cannot_be_opened_is_said_in_the_page(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"nothing of a video" * 50)
    program.window.paths_dropped.emit([tmp_path / "bad.mp4"])
    qtbot.waitUntil(lambda: "bad.mp4" in program.explore.notices.text)
    assert not program.live.address


def test_a_camera_that_is_not_there_is_said_and_comes_back(
    program: Composition, qtbot: QtBot, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No camera is at hand: an address of the kind “camera:” is opened as a video once it is “plugged in”."""
    from app.sources.registry import Stream, sources
    from app.sources.webcam import Webcams

    plugged = False
    missing = Webcams.open

    def open_camera(self: Webcams, address: str) -> Stream:
        return sources.get("video").open(str(video)) if plugged else missing(self, address)

    monkeypatch.setattr(Webcams, "open", open_camera)
    program.live.open("camera:Front")
    qtbot.waitUntil(lambda: "not connected" in program.explore.canvas.accessibleDescription(), timeout=10_000)
    assert "trying again" in program.live.bar.state
    plugged = True
    with qtbot.waitSignal(program.live.answered, timeout=10_000):
        pass
    assert "not connected" not in program.explore.canvas.accessibleDescription()
    assert program.settings.camera == "camera:Front", "it is remembered"


def offered(places: tuple[Place, ...]) -> Callable[[], Offer]:
    kinds = (
        Kind("Camera", "place", ""),
        Kind("Video file", "file", "*.mp4"),
        Kind("Image sequence", "folder", ""),
        Kind("Network camera", "address", "rtsp://…"),
    )
    return lambda: Offer(kinds, places)


def test_the_picker_offers_cameras_by_name_and_the_one_of_last_time_first(
    program: Composition, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    cameras = (Place("camera:Front", "Front"), Place("camera:Back", "Back"))
    monkeypatch.setattr(source_picker, "look", offered(cameras))
    program._change(camera="camera:Back")
    act(program, "camera")
    picker = program.live.picker
    qtbot.waitUntil(lambda: picker.findChild(QPushButton, "camera-1") is not None)
    first, second = (picker.findChild(QPushButton, f"camera-{number}") for number in (0, 1))
    assert first is not None and second is not None
    assert (first.text(), second.text()) == ("Back", "Front")
    with qtbot.waitSignal(picker.chosen) as chosen:
        second.click()
    assert chosen.args == ["camera:Front"]
    assert not picker.isVisible()


def test_the_picker_says_that_there_is_no_camera_and_takes_addresses(
    program: Composition, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_picker, "look", offered(()))
    act(program, "camera")
    picker = program.live.picker
    qtbot.waitUntil(lambda: picker.findChild(QLineEdit, "sourceAddress") is not None)
    assert "Plug one in" in picker._words.text()
    line = picker.findChild(QLineEdit, "sourceAddress")
    assert line is not None
    qtbot.keyClicks(line, "http://127.0.0.1:1/c")
    assert line.text() == "http://127.0.0.1:1/c", "letters are not taken by the page's shortcuts"
    with qtbot.waitSignal(picker.chosen):
        qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "gives no pictures" in program.explore.canvas.accessibleDescription(), timeout=15_000)
    program.live.close()


def test_a_password_is_not_written_into_the_settings(program: Composition) -> None:
    program.live.open("rtsp://user:secret@127.0.0.1:1/x")
    program.live.close()
    assert "secret" not in repr(program.settings)


def test_the_figures_are_those_of_the_source(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    follow(program, qtbot, write_video(tmp_path / "long.avi", 150))
    figures = program.live.figures
    qtbot.waitUntil(figures.isVisible, timeout=5000)
    started = time.monotonic()
    qtbot.waitUntil(
        lambda: dict(figures.rows)["picture to heatmap, p50 / p95"] != "–" and time.monotonic() > started + 2
    )
    shown = float(dict(figures.rows)["shown"].split()[0])
    assert 10 < shown < 40, "30 per second, on a machine that may be busy"
    act(program, "figures")
    assert not figures.isVisible()


def test_a_4k_source_is_shown_small_and_frozen_whole(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    follow(program, qtbot, write_video(tmp_path / "big.avi", 8, (3840, 2160)))
    newest = program.live._newest
    assert newest is not None
    assert newest.shown.shape[0] * newest.shown.shape[1] <= 1_000_000
    assert newest.view is not None
    assert newest.view.box[3] - newest.view.box[1] == pytest.approx(2160, abs=8), "the box is in the frame's own pixels"
    act(program, "freeze")
    qtbot.waitUntil(lambda: program.explore.shown is not None and program.explore.shown.entry >= 0)
    assert program.explore.shown is not None and program.explore.shown.frame.size == (3840, 2160)


def recorded(program: Composition, qtbot: QtBot, tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "home" / "data" / "recordings"
    qtbot.waitUntil(lambda: bool(list(folder.glob("[!.]*.mp4"))), timeout=15_000)
    return next(folder.glob("[!.]*.mp4")), next(folder.glob("[!.]*.csv"))


def test_a_recording_has_the_heatmaps_and_a_table_with_times(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    follow(program, qtbot, write_video(tmp_path / "long.avi", 150))
    act(program, "record")
    start = time.monotonic()
    qtbot.wait(1500)
    assert not list((tmp_path / "home").rglob("[!.]*.mp4")), "not under its name before it is complete"
    act(program, "record")
    seconds = time.monotonic() - start
    video, table = recorded(program, qtbot, tmp_path)
    qtbot.waitUntil(lambda: video.name in program.explore.notices.text)
    stream = open_stream(str(video))
    frames = list(iter(stream.read, None))
    stream.close()
    assert len(frames) / RATE == pytest.approx(seconds, abs=0.5), "it lasts as long as it took"
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    times = [float(row["seconds"]) for row in rows]
    assert times == sorted(times) and 0.5 < times[-1] < seconds + 0.5
    assert {row["rank"] for row in rows} == set("12345")
    assert rows[0]["label"].startswith("class ")
    middle = frames[len(frames) // 2].pixels.astype(int)
    green = middle[:, 40:120, 1].max()
    assert green > 150, "inferno's yellow lies over red and blue, which have no green"


def test_a_recording_ends_with_its_source(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    follow(program, qtbot, write_video(tmp_path / "long.avi", 150))
    act(program, "record")
    # Some pictures of it are there: else there would be nothing to keep.
    qtbot.waitUntil(lambda: any(file.stat().st_size for file in (tmp_path / "home").rglob(".*.mp4")), timeout=15_000)
    qtbot.wait(500)
    act(program, "camera")
    recorded(program, qtbot, tmp_path)
    act(program, "record")
    assert "nothing to record" in program.explore.notices.text


def test_a_full_disk_ends_a_recording_and_is_told(
    program: Composition, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(program, qtbot, write_video(tmp_path / "long.avi", 150))
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    act(program, "record")
    qtbot.waitUntil(lambda: "disk is nearly full" in program.explore.notices.text, timeout=10_000)
    video, _table = recorded(program, qtbot, tmp_path)
    assert open_stream(str(video)).read() is not None, "what was recorded can be seen"


def test_a_recording_that_cannot_be_written_is_told(program: Composition, qtbot: QtBot, tmp_path: Path) -> None:
    follow(program, qtbot, write_video(tmp_path / "long.avi", 90))
    folder = tmp_path / "home" / "data" / "recordings"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file is no folder")
    act(program, "record")
    qtbot.waitUntil(lambda: "cannot be written" in program.explore.notices.text, timeout=10_000)
    assert program.live.following


def test_a_snapshot_goes_on_the_strip_and_the_source_goes_on(program: Composition, qtbot: QtBot, video: Path) -> None:
    follow(program, qtbot, video)
    before = set(program.session.ids())
    act(program, "snapshot")
    (new,) = set(program.session.ids()) - before
    assert program.session.entry(new).name.startswith("film.avi 0:")
    assert program.live.following


def test_a_network_camera_that_breaks_off_is_said_over_its_last_picture(program: Composition, qtbot: QtBot) -> None:
    with mjpeg_camera() as camera:
        follow(program, qtbot, camera.address)
        camera.mood = "hang up"
        description = program.explore.canvas.accessibleDescription
        qtbot.waitUntil(lambda: "broke off" in description(), timeout=15_000)
        assert "64 × 48" in description(), "the last picture stays"
        assert "secret" not in description()
        camera.size, camera.mood = (128, 72), "well"
        with qtbot.waitSignal(program.live.answered, timeout=15_000):
            pass
        qtbot.waitUntil(lambda: "128 × 72" in description() and "broke off" not in description(), timeout=10_000)
        program.live.close()


def test_a_silent_source_is_said(program: Composition, qtbot: QtBot) -> None:
    with mjpeg_camera() as camera:
        follow(program, qtbot, camera.address)
        camera.mood = "stalled"
        qtbot.waitUntil(
            lambda: "no picture for" in program.live.bar.state or "lost" in program.live.bar.state, timeout=9000
        )
        program.live.close()


def test_a_source_faster_than_the_display_loses_pictures_and_counts_them(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    follow(program, qtbot, write_video(tmp_path / "fast.avi", 480, rate=240))
    shown: list[float] = []
    program.live.framed.connect(lambda _ready: shown.append(time.monotonic()))
    qtbot.waitUntil(lambda: program.live.bar.place.value() > 300, timeout=15_000)
    assert len(shown) / (shown[-1] - shown[0]) < 75
    assert program.live.feed.dropped > 100


def test_a_source_slower_than_the_engine_is_asked_about_once_per_picture(
    program: Composition, qtbot: QtBot, tmp_path: Path
) -> None:
    follow(program, qtbot, write_video(tmp_path / "slow.avi", 20, rate=5))
    before = len(engine().requests)
    at = program.live.bar.place.value()
    qtbot.waitUntil(lambda: program.live.bar.place.value() >= at + 4, timeout=10_000)
    assert len(engine().requests) - before <= 5
