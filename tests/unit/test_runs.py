"""A run's folder: rows survive, can be read while written, and say the truth about whether the run lives."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import RunError
from app.core.records import BlockInfo, NetworkOutline
from app.runs import control
from app.runs.folder import TWINS, describe, list_runs, read_outline, write_json, write_outline
from app.runs.lock import RunLock
from app.runs.reader import RunReader
from app.runs.records import MEASURES, Evaluation, Mark, StepRow
from app.runs.status import Pulse, Status, process_exists, read_status
from app.runs.store import FILE_NAME, RunWriter
from app.runs.thin import thin

BLOCKS = 5


def row(step: int, *, blocks: int = BLOCKS, loss: float | None = None) -> StepRow:
    values = [np.arange(blocks, dtype=np.float32) + step + 1000 * number for number in range(3)]
    return StepRow(step, 1 + step // 10, 1 / step if loss is None else loss, 50.0, 0.1, 900.0, step * 0.1, *values)


def written(folder: Path, count: int) -> RunReader:
    writer = RunWriter(folder)
    writer.extend(row(step) for step in range(1, count + 1))
    writer.close()
    return RunReader(folder)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    reader = written(tmp_path, 30)
    loss = reader.scalar("loss")
    assert loss.steps.tolist() == list(range(1, 31))
    assert loss.values.tolist() == [1 / step for step in range(1, 31)]
    for number, measure in enumerate(MEASURES):
        series = reader.blocks(measure)
        assert series.values.shape == (30, BLOCKS)
        assert series.values[6].tolist() == [7.0 + block + 1000 * number for block in range(BLOCKS)]
    at = reader.blocks_at(7)
    assert at is not None and at["update_ratio"].tolist() == [2007.0, 2008.0, 2009.0, 2010.0, 2011.0]
    assert reader.blocks_at(0) is None
    assert reader.last_step() == 30


def test_long_runs_are_thinned_without_losing_their_range(tmp_path: Path) -> None:
    reader = written(tmp_path, 1000)
    loss = reader.scalar("loss", max_points=100)
    assert len(loss.steps) == 100 and loss.steps[-1] == 1000
    assert loss.values[0] == pytest.approx(np.mean([1 / step for step in range(1, 11)]))
    assert (loss.low[0], loss.high[0]) == (1 / 10, 1.0)
    series = reader.blocks("parameter_gradient", max_points=64)
    assert series.values.shape == (64, BLOCKS)
    everything = reader.blocks("parameter_gradient", max_points=2000).values
    weights = np.diff(series.steps, prepend=0)
    np.testing.assert_allclose((series.values * weights[:, None]).sum(0), everything.sum(0), rtol=1e-5)


def test_numbers_that_are_not_finite_come_back_as_they_were(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path)
    writer.extend([row(1, loss=float("nan")), row(2, loss=float("inf"))])
    writer.evaluated(Evaluation(2, 1, float("nan"), 1.0, 2.0, 3.0, 4.0))
    writer.close()
    values = RunReader(tmp_path).scalar("loss").values
    assert np.isnan(values[0]) and np.isposinf(values[1])
    assert np.isnan(RunReader(tmp_path).evaluations()[0].train_loss)


def test_a_reader_follows_a_living_writer(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path)
    reader, mark, steps, events = RunReader(tmp_path), Mark(), [], []
    for first in range(1, 40, 10):
        writer.extend(row(step) for step in range(first, first + 10))
        writer.happened(first, "notice", f"at {first}", block="layer1.0")
        new = reader.after(mark)
        mark = new.mark
        steps += new.steps.tolist()
        events += [event.text for event in new.events]
        assert new.blocks["output_gradient"].shape == (10, BLOCKS)
        assert new.back_to is None
    assert steps == list(range(1, 41))
    assert events == ["at 1", "at 11", "at 21", "at 31"]
    assert not reader.after(mark)
    writer.close()


def test_a_reader_learns_that_a_run_went_back_to_a_checkpoint(tmp_path: Path) -> None:
    written(tmp_path, 20)
    reader = RunReader(tmp_path)
    mark = reader.after(Mark()).mark
    writer = RunWriter(tmp_path, from_step=12)
    assert reader.last_step() == 12
    writer.extend([row(13, loss=9.0)])
    writer.close()
    new = reader.after(mark)
    assert new.back_to == 12
    assert new.steps.tolist() == [13] and new.scalars["loss"].tolist() == [9.0]
    assert reader.after(new.mark).back_to is None


def test_rows_can_be_read_soon_after_they_were_written(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path)
    writer.append(row(1))
    assert RunReader(tmp_path).last_step() == 0
    time.sleep(0.6)
    writer.append(row(2))
    assert RunReader(tmp_path).last_step() == 2
    writer.abandon()


def test_a_killed_writer_loses_only_its_open_transaction(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from tests.unit.test_runs import row\n"
        "from app.runs.store import RunWriter\n"
        "writer = RunWriter(Path(sys.argv[1])); writer.extend(row(step) for step in range(1, 51))\n"
        "writer.append(row(51)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode != 0
    assert RunReader(tmp_path).last_step() == 50
    writer = RunWriter(tmp_path, from_step=45)
    writer.extend([row(46)])
    writer.close()
    assert RunReader(tmp_path).last_step() == 46


def test_a_finished_run_is_one_plain_file_that_opens_from_a_read_only_folder(tmp_path: Path) -> None:
    written(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    (tmp_path / FILE_NAME).chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert RunReader(tmp_path).last_step() == 10
        assert RunReader(tmp_path, far=True).last_step() == 10
    finally:
        tmp_path.chmod(0o755)


def test_a_reader_on_another_machine_sees_rows_a_little_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(tmp_path)
    writer.extend([row(1)])
    monkeypatch.setattr("app.runs.store.MOVE_SECONDS", 0.0)
    writer.extend([row(2)])
    far = RunReader(tmp_path, far=True)
    assert far.last_step() == 2
    assert far.after(Mark()).steps.tolist() == [1, 2]
    writer.close()


def test_a_full_disk_stops_the_writer_in_words_and_harms_nothing(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path)
    writer.extend(row(step) for step in range(1, 11))
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(RunError, match="Free some space, then resume"):
        writer.extend(row(step, blocks=600) for step in range(11, 100))
    writer.abandon()
    assert RunReader(tmp_path).last_step() == 10


def test_foreign_and_damaged_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not there"):
        RunReader(tmp_path).last_step()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE steps(step)")
    connection.close()
    with pytest.raises(RunError, match="not written by this program"):
        RunReader(tmp_path).last_step()
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(RunError, match="cannot be read"):
        RunReader(tmp_path).last_step()
    with pytest.raises(RunError):
        RunWriter(tmp_path)


def test_two_readers_and_a_writer_do_not_wait_for_each_other(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path)
    writer.extend([row(1)])
    problems: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(50):
                RunReader(tmp_path).after(Mark())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(2, 200):
        writer.extend([row(step)])
    for thread in threads:
        thread.join()
    writer.close()
    assert not problems
    assert RunReader(tmp_path).last_step() == 199


def test_the_status_tells_the_living_from_the_dead(tmp_path: Path) -> None:
    assert read_status(tmp_path).life() == "unknown"
    pulse = Pulse(tmp_path)
    pulse.update(state="running", step=3, steps=10)
    status = read_status(tmp_path)
    assert (status.state, status.step, status.life()) == ("running", 3, "living")
    assert status.life(now=time.time() + 60) == "crashed"
    pulse.end("stopped", "Somebody asked for it.")
    assert read_status(tmp_path).life() == "ended"


def test_a_killed_trainer_is_told_at_once(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from app.runs.status import Pulse\n"
        "Pulse(Path(sys.argv[1])).update(state='running'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    status = read_status(tmp_path)
    assert status.state == "running"
    assert status.life() == "crashed"
    far = Status(**{**vars(status), "host": "another machine"})
    assert far.far and far.life() == "living" and far.life(now=status.beat + 30) == "crashed"
    assert process_exists(os.getpid()) and not process_exists(0)


def test_a_pulse_notices_that_its_folder_is_gone_and_does_not_bring_it_back(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    pulse = Pulse(folder)
    shutil.rmtree(folder)
    pulse.update(state="running")
    assert pulse.problem is not None
    pulse.end("failed")
    assert not folder.exists()
    with pytest.raises(RunError, match="is gone"):
        write_json(folder / "summary.json", {})
    assert not folder.exists()


def test_one_trainer_per_folder(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        code = "import sys; from pathlib import Path; from app.runs.lock import RunLock; RunLock(Path(sys.argv[1]))"
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1 and "another process" in done.stderr
    RunLock(tmp_path).release()


def test_wishes_are_files(tmp_path: Path) -> None:
    control.ask(tmp_path, "pause")
    assert control.is_asked(tmp_path, "pause") and not control.is_asked(tmp_path, "stop")
    control.take_back(tmp_path, "pause")
    control.ask(tmp_path, "stop")
    control.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="cannot be written"):
        control.ask(tmp_path / "nowhere", "stop")


def make_run(folder: Path, *, started: float) -> None:
    folder.mkdir(parents=True)
    written(folder, 3)
    (folder / "config.json").write_text(json.dumps({"depth": 20}), encoding="utf-8")
    (folder / "status.json").write_text(json.dumps(vars(Status(state="finished", started=started, beat=1.0))))


def test_runs_are_listed_newest_first_with_twins_and_broken_ones(tmp_path: Path) -> None:
    make_run(tmp_path / "old", started=1.0)
    make_run(tmp_path / "pair" / "residual", started=3.0)
    make_run(tmp_path / "pair" / "plain", started=3.0)
    (tmp_path / "pair" / TWINS).write_text("{}", encoding="utf-8")
    make_run(tmp_path / "broken", started=2.0)
    (tmp_path / "broken" / "config.json").write_text("{", encoding="utf-8")
    (tmp_path / "holiday pictures").mkdir()
    runs = list_runs(tmp_path)
    assert [run.name for run in runs] == [
        str(Path("pair/plain")), str(Path("pair/residual")), "broken", "old",
    ]  # fmt: skip
    assert runs[0].pair == runs[1].pair == tmp_path / "pair"
    assert "damaged" in runs[2].problem and not runs[3].problem
    assert runs[3].config == {"depth": 20} and runs[3].pair is None
    assert describe(tmp_path / "old").name == "old"
    assert list_runs(tmp_path / "nowhere") == ()


def test_an_outline_comes_back(tmp_path: Path) -> None:
    blocks = (BlockInfo("relu", "stem", 0, 0, "none", 10), BlockInfo("layer1.0", "basic", 1, 1, "identity", 20))
    outline = NetworkOutline("cifar", "resnet8", "ResNet-8", blocks, 30)
    write_outline(tmp_path, outline)
    assert read_outline(tmp_path) == outline


def test_a_long_run_is_read_in_pieces(tmp_path: Path) -> None:
    reader = written(tmp_path, 25)
    mark, seen = Mark(), []
    while new := reader.after(mark, most=10):
        assert new.block_steps.tolist() == new.steps.tolist()
        seen.append(new.steps.tolist())
        mark = new.mark
    assert seen == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]


def test_a_thinned_copy_says_which_steps_have_block_measurements(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    written(tmp_path / "run", 100)
    thin(tmp_path / "run", tmp_path / "copy", most_steps=50, most_block_steps=10)
    new = RunReader(tmp_path / "copy").after(Mark())
    assert len(new.steps) == 51
    assert new.block_steps.tolist() == [1, *range(10, 101, 10)]
    assert new.blocks["output_gradient"][1].tolist() == [1010.0 + block for block in range(BLOCKS)]
