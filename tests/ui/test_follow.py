"""Following a run's folder: every row once, in order, whatever happens to the folder meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.core.errors import RunError
from app.core.records import BlockInfo, NetworkOutline
from app.runs.folder import CONFIG, SUMMARY, write_json, write_outline
from app.runs.records import Evaluation, NewRows, StepRow
from app.runs.status import FILE_NAME as STATUS
from app.runs.store import FILE_NAME, RunWriter
from app.ui.background import Background
from app.ui.lab import follow
from app.ui.lab.follow import RunFollower

BLOCKS = 4


def row(step: int, *, offset: float = 0.0) -> StepRow:
    values = [np.arange(BLOCKS, dtype=np.float32) + step + 1000 * number + offset for number in range(3)]
    return StepRow(step, 1, 1 / step + offset, 50.0, 0.1, 900.0, step * 0.1, *values)


def status(folder: Path, **changes: object) -> None:
    values = {"state": "running", "process": os.getpid(), "host": socket.gethostname(), "started": 1.0}
    (folder / STATUS).write_text(json.dumps({**values, "beat": time.time(), **changes}), encoding="utf-8")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "residual"
    folder.mkdir()
    write_json(folder / CONFIG, {"depth": 20})
    blocks = tuple(BlockInfo(f"layer1.{n}", "basic", 1, n, "identity", 10) for n in range(BLOCKS))
    write_outline(folder, NetworkOutline("cifar", "resnet20", "ResNet-20", blocks, 40))
    status(folder)
    return folder


class Heard:
    """Everything that a follower said."""

    def __init__(self, follower: RunFollower) -> None:
        self.rows: list[NewRows] = []
        self.said: list[tuple[str, Any]] = []
        follower.appended.connect(self.rows.append)
        for name in ("described", "outlined", "status_changed", "branches_measured", "trouble"):
            getattr(follower, name).connect(lambda what, name=name: self.said.append((name, what)))
        follower.caught_up.connect(lambda: self.said.append(("caught_up", None)))
        follower.gone.connect(lambda: self.said.append(("gone", None)))

    @property
    def steps(self) -> list[int]:
        return [step for new in self.rows for step in new.steps.tolist()]

    def names(self) -> list[str]:
        return [name for name, _ in self.said]


@pytest.fixture
def background() -> Iterator[Background]:
    pool = Background()
    yield pool
    pool.close()


@pytest.fixture
def follower(qtbot: QtBot, run: Path, background: Background) -> Iterator[RunFollower]:
    one = RunFollower(run, background, tick=20)
    yield one
    one.stop()


def test_rows_come_once_and_in_order_while_they_are_written(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    heard = Heard(follower)
    writer = RunWriter(run)
    writer.extend(row(step) for step in range(1, 11))
    follower.start()
    qtbot.waitUntil(lambda: "caught_up" in heard.names(), timeout=5000)
    for start in (11, 21, 31):
        writer.extend(row(step) for step in range(start, start + 10))
        writer.evaluated(Evaluation(start + 9, 1, 1.0, 30.0, 1.2, 40.0, 3.0))
        qtbot.waitUntil(lambda last=start + 9: follower.data.steps[-1] == last, timeout=5000)
    writer.branches(40, np.ones(BLOCKS, np.float32))
    writer.extend([row(41)])
    qtbot.waitUntil(lambda: "branches_measured" in heard.names(), timeout=5000)
    writer.close()
    assert heard.steps == list(range(1, 42)) == follower.data.steps.tolist()
    assert np.allclose(follower.data.scalar("loss"), 1 / np.arange(1, 42))
    assert [one.step for one in follower.data.evaluations] == [20, 30, 40]
    assert follower.data.newest["output_gradient"].tolist() == [1041.0, 1042.0, 1043.0, 1044.0]
    assert len(follower.data.columns["update_ratio"]) == 41
    assert follower.outline is not None and len(follower.outline.blocks) == BLOCKS
    assert follower.info is not None and follower.info.config == {"depth": 20}


def test_a_long_run_comes_in_pieces(
    qtbot: QtBot, run: Path, follower: RunFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "PIECE_BYTES", 1)
    writer = RunWriter(run)
    writer.extend(row(step) for step in range(1, 301))
    writer.close()
    heard = Heard(follower)
    follower.start()
    qtbot.waitUntil(lambda: follower.complete, timeout=5000)
    assert heard.steps == list(range(1, 301))
    assert len(heard.rows) == 5
    assert heard.names().count("caught_up") == 1


def test_a_resumed_run_takes_back_what_is_void(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    heard = Heard(follower)
    writer = RunWriter(run)
    writer.extend(row(step) for step in range(1, 21))
    writer.evaluated(Evaluation(20, 1, 1.0, 30.0, 1.2, 40.0, 3.0))
    writer.close()
    follower.start()
    qtbot.waitUntil(lambda: follower.complete, timeout=5000)
    writer = RunWriter(run, from_step=12)
    writer.extend(row(step, offset=0.5) for step in range(13, 16))
    writer.close()
    qtbot.waitUntil(lambda: len(heard.rows) == 2, timeout=5000)
    assert heard.rows[1].back_to == 12
    assert follower.data.steps.tolist() == list(range(1, 16))
    assert follower.data.scalar("loss")[12:].tolist() == [1 / step + 0.5 for step in (13, 14, 15)]
    assert follower.data.evaluations == ()
    assert follower.data.columns["output_gradient"].lasts.tolist() == list(range(1, 16))


def test_a_deleted_folder_is_told_once_and_nothing_after(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    heard = Heard(follower)
    writer = RunWriter(run)
    writer.extend(row(step) for step in range(1, 11))
    writer.close()
    follower.start()
    qtbot.waitUntil(lambda: follower.complete, timeout=5000)
    shutil.rmtree(run)
    qtbot.waitUntil(lambda: "gone" in heard.names(), timeout=5000)
    assert not follower.following
    run.mkdir()
    follower.start()
    qtbot.wait(100)
    assert heard.names()[-1] == "gone"
    assert follower.data.steps.tolist() == list(range(1, 11))


def test_trouble_is_told_after_some_patience_and_taken_back(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    heard = Heard(follower)
    (run / FILE_NAME).write_bytes(b"this is no database" * 100)
    follower.start()
    qtbot.waitUntil(lambda: "trouble" in heard.names(), timeout=5000)
    assert isinstance(dict(heard.said)["trouble"], RunError)
    (run / FILE_NAME).unlink()
    writer = RunWriter(run)
    writer.extend([row(1)])
    writer.close()
    qtbot.waitUntil(lambda: heard.said[-1][0] == "caught_up", timeout=5000)
    assert [what for name, what in heard.said if name == "trouble"][-1] is None
    assert heard.names().count("trouble") == 2
    assert heard.steps == [1]


def test_a_run_of_another_machine_is_read_without_its_write_ahead_file(
    qtbot: QtBot, run: Path, follower: RunFollower
) -> None:
    writer = RunWriter(run)
    writer.extend([row(1), row(2)])
    writer.close()
    status(run, host="elsewhere", process=1)
    heard = Heard(follower)
    follower.start()
    qtbot.waitUntil(lambda: follower.complete, timeout=5000)
    assert follower.far
    assert heard.steps == [1, 2]
    assert follower.life == "living"


def test_the_end_is_told_with_its_figures(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    heard = Heard(follower)
    follower.start()
    qtbot.waitUntil(lambda: "status_changed" in heard.names(), timeout=5000)
    write_json(run / SUMMARY, {"test_error": 8.7})
    status(run, state="finished")
    qtbot.waitUntil(lambda: heard.names().count("described") == 2, timeout=5000)
    assert follower.info is not None and follower.info.summary == {"test_error": 8.7}
    qtbot.waitUntil(lambda: follower.life == "ended", timeout=5000)


def test_a_killed_trainer_is_noticed(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        ended.wait()
    status(run, process=ended.pid)
    follower.start()
    qtbot.waitUntil(lambda: follower.life == "crashed", timeout=5000)


def test_nothing_is_told_after_a_stop_and_a_start_goes_on(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    writer = RunWriter(run)
    writer.extend([row(1)])
    heard = Heard(follower)
    follower.start()
    follower.stop()
    qtbot.wait(100)
    assert heard.said == []
    follower.start()
    qtbot.waitUntil(lambda: heard.steps == [1], timeout=5000)
    follower.stop()
    writer.extend([row(2)])
    writer.close()
    qtbot.wait(100)
    follower.start()
    qtbot.waitUntil(lambda: heard.steps == [1, 2], timeout=5000)


WRITER = """
import sys, time
from pathlib import Path
from tests.ui.test_follow import row
from app.runs.store import RunWriter
writer = RunWriter(Path(sys.argv[1]))
for step in range(1, 201):
    writer.append(row(step))
    if step % 10 == 0:
        writer.flush()
        time.sleep(0.005)
writer.close()
"""


def test_a_file_written_by_another_process_is_followed(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    heard = Heard(follower)
    follower.start()
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen([sys.executable, "-c", WRITER, str(run)], cwd=root) as writer:
        qtbot.waitUntil(lambda: bool(heard.steps) and heard.steps[-1] == 200, timeout=30000)
        assert writer.wait(20) == 0
    assert heard.steps == list(range(1, 201))
    assert "trouble" not in heard.names()


def test_scrubbing_reads_the_step_itself(qtbot: QtBot, run: Path, follower: RunFollower) -> None:
    writer = RunWriter(run)
    writer.extend(row(step) for step in range(1, 11))
    writer.close()
    got: list[Any] = []
    follower.at(7, got.append)
    qtbot.waitUntil(lambda: bool(got), timeout=5000)
    assert got[0]["output_gradient"].tolist() == [1007.0, 1008.0, 1009.0, 1010.0]
