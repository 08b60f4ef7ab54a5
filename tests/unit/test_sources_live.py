"""Videos, sequences and network streams, and the player that keeps their time; all of them real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from app.core.errors import SourceError
from app.sources.network import SILENT_SECONDS
from app.sources.player import Player
from app.sources.registry import StreamFrame, open_stream, sources
from tests.unit.mjpeg_server import RED, MjpegCamera, mjpeg_camera


def write_video(path: Path, codec: str, frames: int = 30) -> Path:
    """Red at the left, the frame's number as brightness at the right."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), 30, (64, 48))
    for number in range(frames):
        picture = np.full((48, 64, 3), number * 8 % 256, np.uint8)
        picture[:, :32] = RED[::-1]
        writer.write(picture)
    writer.release()
    return path


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


class Watcher:
    """A player, and what it said."""

    def __init__(self, address: str) -> None:
        self.states: list[str] = []
        self.indices: list[int] = []
        self.frames: list[StreamFrame] = []
        self.sleep = 0.0  # seconds that the computer sleeps at the next picture
        self.player = Player(address, on_frame=self._frame, on_state=lambda state, _error: self.states.append(state))

    def _frame(self) -> None:
        if (frame := self.player.take()) is not None:
            self.indices.append(frame.index)
            self.frames = [*self.frames[-3:], frame]
        if self.sleep:
            time.sleep(self.sleep)
            self.sleep = 0.0


@pytest.fixture
def watch() -> Iterator[Callable[[str], Watcher]]:
    made: list[Watcher] = []

    def make(address: str) -> Watcher:
        made.append(Watcher(address))
        made[-1].player.start()
        return made[-1]

    yield make
    assert all(one.player.stop(10) for one in made), "a player's thread outlived it"


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v")])
def test_a_video_gives_its_frames_in_order_and_in_rgb(tmp_path: Path, name: str, codec: str) -> None:
    stream = open_stream(str(write_video(tmp_path / name, codec)))
    frames = []
    while (frame := stream.read()) is not None:
        frames.append(frame)
    stream.seek(10)
    again = stream.read()
    stream.close()
    assert [frame.index for frame in frames] == list(range(30))
    assert np.abs(frames[5].pixels[24, 10].astype(int) - RED).max() < 20, "red stays red"
    assert [round(frame.moment * 30) for frame in frames] == list(range(30))
    assert again is not None
    assert abs(int(again.pixels[24, 50, 0]) - 80) < 12, "frame 10 is the one of that brightness"


def test_a_sequence_leaves_out_what_is_damaged(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(tmp_path / f"f{number}.png")
    (tmp_path / "f3.png").write_bytes(b"nothing")
    stream = open_stream(str(tmp_path / "f%d.png"))
    values = []
    while (frame := stream.read()) is not None:
        values.append(int(frame.pixels[0, 0, 0]))
    assert values == [1, 2, 10]


@pytest.mark.parametrize("address", ["no/such.mp4", "camera:No such camera", "rubbish"])
def test_what_is_not_there_is_said_with_a_remedy(address: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_stream(address)
    assert caught.value.remedy


def test_a_damaged_video_is_said(tmp_path: Path) -> None:
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"not a video at all" * 100)
    with pytest.raises(SourceError, match=r"broken\.mp4"):
        open_stream(str(path))


def test_every_source_is_registered() -> None:
    assert set(sources.names()) >= {"video", "sequence", "webcam", "network"}


def test_a_file_plays_at_its_own_rate(tmp_path: Path, watch: Callable[[str], Watcher]) -> None:
    path = write_video(tmp_path / "a.avi", "MJPG")
    started = time.monotonic()
    one = watch(str(path))
    wait_until(lambda: "ended" in one.states)
    assert one.indices == list(range(30))
    assert time.monotonic() - started > 0.9, "30 frames at 30 per second take a second"


def test_pause_step_seek_and_play_again(tmp_path: Path, watch: Callable[[str], Watcher]) -> None:
    one = watch(str(write_video(tmp_path / "a.avi", "MJPG")))
    wait_until(lambda: len(one.indices) > 3)
    one.player.pause()
    time.sleep(0.1)
    at = one.indices[-1]
    time.sleep(0.2)
    assert one.indices[-1] == at, "it stands still"
    one.player.step(1)
    wait_until(lambda: one.indices[-1] == at + 1)
    one.player.step(-1)
    wait_until(lambda: one.indices[-1] == at)
    one.player.seek(25)
    wait_until(lambda: one.indices[-1] == 25)
    one.player.resume()
    wait_until(lambda: "ended" in one.states)
    one.player.resume()
    wait_until(lambda: one.indices[-1] < 10)


@pytest.fixture
def camera() -> Iterator[MjpegCamera]:
    with mjpeg_camera() as made:
        yield made


def test_a_camera_that_hangs_up_is_connected_again(watch: Callable[[str], Watcher], camera: MjpegCamera) -> None:
    one = watch(camera.address)
    wait_until(lambda: len(one.indices) > 5)
    camera.mood = "hang up"
    wait_until(lambda: "lost" in one.states)
    camera.mood = "well"
    before = len(one.indices)
    wait_until(lambda: len(one.indices) > before + 5, 15)
    assert one.states.count("playing") == 2


def test_damaged_pictures_do_not_end_a_stream(watch: Callable[[str], Watcher], camera: MjpegCamera) -> None:
    one = watch(camera.address)
    wait_until(lambda: len(one.indices) > 5)
    camera.mood = "damaged"
    time.sleep(0.5)
    camera.mood = "well"
    before = len(one.indices)
    wait_until(lambda: len(one.indices) > before + 20, 15)
    frame = one.player.take() or one.frames[-1]
    assert np.abs(frame.pixels[24, 32].astype(int) - RED).max() < 20, "whole again"


def test_a_camera_that_stalls_is_lost_and_comes_back(watch: Callable[[str], Watcher], camera: MjpegCamera) -> None:
    one = watch(camera.address)
    wait_until(lambda: len(one.indices) > 5)
    camera.mood = "stalled"
    wait_until(lambda: "lost" in one.states, SILENT_SECONDS + 10)
    camera.mood = "well"
    before = len(one.indices)
    wait_until(lambda: len(one.indices) > before + 5, 20)


def test_a_camera_that_refuses_is_tried_again(watch: Callable[[str], Watcher], camera: MjpegCamera) -> None:
    camera.mood = "refuse"
    one = watch(camera.address)
    wait_until(lambda: one.states.count("lost") >= 2, 15)
    assert camera.connections == 0
    camera.mood = "well"
    wait_until(lambda: len(one.indices) > 5, 20)


def test_a_camera_that_comes_back_with_another_size_shows_it(
    watch: Callable[[str], Watcher], camera: MjpegCamera
) -> None:
    one = watch(camera.address)
    wait_until(lambda: len(one.indices) > 5)
    assert one.frames[-1].pixels.shape == (48, 64, 3)
    camera.mood = "hang up"
    wait_until(lambda: "lost" in one.states)
    camera.size, camera.mood = (128, 72), "well"
    wait_until(lambda: one.frames[-1].pixels.shape == (72, 128, 3), 15)


def test_a_size_that_changes_in_a_connection_keeps_the_first_and_does_not_break(
    watch: Callable[[str], Watcher], camera: MjpegCamera
) -> None:
    one = watch(camera.address)
    wait_until(lambda: len(one.indices) > 5)
    camera.size = (128, 72)
    before = len(one.indices)
    wait_until(lambda: len(one.indices) > before + 20, 15)
    assert one.frames[-1].pixels.shape in ((48, 64, 3), (72, 128, 3))
    assert np.abs(one.frames[-1].pixels[20, 30].astype(int) - RED).max() < 20


def test_after_sleep_a_video_goes_on_from_where_it_was(tmp_path: Path, watch: Callable[[str], Watcher]) -> None:
    """Nothing is caught up with: the pictures after a gap come in their own time, not all at once."""
    one = watch(str(write_video(tmp_path / "a.avi", "MJPG", 45)))
    wait_until(lambda: len(one.indices) > 4)
    one.sleep = 1.0
    wait_until(lambda: one.sleep == 0)
    woken, at = time.monotonic(), one.indices[-1]
    wait_until(lambda: "ended" in one.states, 20)
    rest = 44 - at
    assert time.monotonic() - woken > 0.8 * rest / 30
    assert one.indices == list(range(45)), "no picture is left out"


@pytest.mark.parametrize("name", ["50% off.avi", "100%done.avi", "a%03d.avi"])
def test_a_video_is_one_whatever_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 24))
    for _ in range(3):
        writer.write(np.full((24, 32, 3), 99, np.uint8))
    writer.release()
    written = path if path.is_file() else next(tmp_path.iterdir()).rename(path)
    stream = open_stream(str(written))
    assert stream.info.title.startswith(name[:3]) or stream.read() is not None
    stream.close()
