"""Trainers as real processes: killed, resumed, twins side by side, two of them under torchrun."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.runs import control
from app.runs.folder import TWINS, list_runs, read_json
from app.runs.reader import RunReader
from app.runs.records import MEASURES
from app.runs.status import read_status
from tests.unit.training_help import npz, small

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
RUNNER = """
import sys
from collections.abc import Iterator
from pathlib import Path
if __name__ == "__main__":
    from app.training.worker import request, train
    folder, config = Path(sys.argv[1]), sys.argv[2]
    resume = config == "--resume"
    sys.exit(train(request(folder, config=None if resume else Path(config), resume=resume, as_json=True)))
"""


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    path = tmp_path / "runner.py"
    path.write_text(RUNNER, encoding="utf-8")
    return path


def config(tmp_path: Path, **changes: Any) -> Path:
    experiment = small(data="cifar10", data_path=str(npz(tmp_path)), **changes)
    path = tmp_path / "experiment.json"
    path.write_text(experiment.to_json(), encoding="utf-8")
    return path


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


STARTED: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _nobody_stays() -> Iterator[None]:
    yield
    for process in STARTED:
        process.kill()
        process.wait()
    STARTED.clear()


def start(runner: Path, folder: Path, what: Path | str) -> subprocess.Popen[str]:
    with log_of(folder).open("a") as log:
        command = [sys.executable, str(runner), str(folder), str(what)]
        STARTED.append(subprocess.Popen(command, env=environment(), stdout=log, text=True))
    return STARTED[-1]


def log_of(folder: Path) -> Path:
    return folder.with_suffix(".log")


def finish(runner: Path, folder: Path, what: Path | str) -> None:
    assert start(runner, folder, what).wait(200) == 0, log_of(folder).read_text()


def wait_for_step(process: subprocess.Popen[str], folder: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "it ended too early"
        if (folder / "rows.sqlite").exists() and RunReader(folder).last_step() >= step:
            return
        time.sleep(0.02)
    pytest.fail("it never came so far")


def test_a_killed_run_loses_less_than_a_second_and_resumes_to_the_same_losses(tmp_path: Path, runner: Path) -> None:
    what = config(tmp_path, budget=600, evaluate_every=50)
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    finish(runner, whole, what)
    step = 0
    for _ in range(2):
        process = start(runner, folder, what if step == 0 else "--resume")
        wait_for_step(process, folder, step + 60)
        time.sleep(0.7)
        process.send_signal(signal.SIGKILL)
        process.wait()
        seconds = RunReader(folder).scalar("seconds").values
        status = read_status(folder)
        assert status.life() == "crashed"
        said = [json.loads(line) for line in log_of(folder).read_text().splitlines(keepends=True) if line[-1] == "\n"]
        last_said = max(one["step"] for one in said if one["event"] == "step")
        step = RunReader(folder).last_step()
        assert step >= last_said  # nothing that was told is lost
        assert len(seconds) == step
    finish(runner, folder, "--resume")
    first, second = RunReader(whole), RunReader(folder)
    assert first.scalar("loss").values.tolist() == second.scalar("loss").values.tolist()
    for measure in MEASURES:
        assert np.array_equal(first.blocks(measure).values, second.blocks(measure).values)
    assert [one.test_error for one in first.evaluations()] == [one.test_error for one in second.evaluations()]
    kinds = [event.kind for event in second.events()]
    assert kinds.count("resumed") == 2


def test_rows_keep_up_with_the_clock(tmp_path: Path, runner: Path) -> None:
    """At any moment, all but the last second of steps can be read by another process."""
    folder = tmp_path / "run"
    process = start(runner, folder, config(tmp_path, budget=1500, evaluate_every=100_000))
    wait_for_step(process, folder, 20)
    lags = []
    reader = RunReader(folder)
    begun = time.time() - float(reader.scalar("seconds").values[-1])
    for _ in range(8):
        time.sleep(0.21)
        if read_status(folder).state != "running":
            break
        lags.append(time.time() - begun - float(reader.scalar("seconds").values[-1]))
    process.kill()
    process.wait()
    assert lags and max(lags) < 1.0, lags


def test_twins_run_side_by_side_and_stop_and_resume_together(tmp_path: Path, runner: Path) -> None:
    folder = tmp_path / "pair"
    process = start(runner, folder, config(tmp_path, budget=2000, evaluate_every=5000, twin=True))
    for name in ("residual", "plain"):
        wait_for_step(process, folder / name, 5)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 0
    states = {name: read_status(folder / name).state for name in ("residual", "plain")}
    assert states == {"residual": "stopped", "plain": "stopped"}
    assert read_json(folder / TWINS)["twin"] is True
    finish(runner, folder, "--resume")
    runs = list_runs(tmp_path)
    assert {run.name for run in runs} == {str(Path("pair/residual")), str(Path("pair/plain"))}
    assert {run.pair for run in runs} == {folder}
    losses = [RunReader(folder / name).scalar("loss").values for name in ("residual", "plain")]
    assert len(losses[0]) == len(losses[1]) == 2000
    threads = {read_json(folder / name / "environment.json")["threads"] for name in ("residual", "plain")}
    assert len(threads) == 1


def test_twins_with_a_budget_in_minutes_make_equally_many_steps(tmp_path: Path, runner: Path) -> None:
    folder = tmp_path / "pair"
    finish(runner, folder, config(tmp_path, budget=0.02, budget_unit="minutes", twin=True))
    steps = {read_json(folder / name / "summary.json")["steps"] for name in ("residual", "plain")}
    assert len(steps) == 1


def test_a_twin_does_not_outlive_its_parent(tmp_path: Path, runner: Path) -> None:
    folder = tmp_path / "pair"
    process = start(runner, folder, config(tmp_path, budget=1_000_000, twin=True))
    for name in ("residual", "plain"):
        wait_for_step(process, folder / name, 3)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(read_status(folder / name).active for name in ("residual", "plain")):
        time.sleep(0.1)
    assert {read_status(folder / name).state for name in ("residual", "plain")} == {"stopped"}


def test_a_second_trainer_is_refused(tmp_path: Path, runner: Path) -> None:
    folder = tmp_path / "run"
    process = start(runner, folder, config(tmp_path, budget=1_000_000, evaluate_every=1_000_000))
    wait_for_step(process, folder, 3)
    assert start(runner, folder, "--resume").wait(60) == 1
    assert "another process" in log_of(folder).read_text()
    assert read_status(folder).life() == "living"
    control.ask(folder, "stop")
    assert process.wait(60) == 0


def torchrun(runner: Path, folder: Path, what: Path | str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-addr=127.0.0.1",
        f"--master-port={port}", str(runner), str(folder), str(what),
    ]  # fmt: skip
    return subprocess.run(command, env=environment(), text=True, capture_output=True, timeout=250, check=False)


@pytest.mark.parametrize("changes", [{}, {"micro_batch": 3, "shortcut": "B", "gate": 0.0}])
def test_two_processes_measure_what_one_does(tmp_path: Path, runner: Path, changes: dict[str, Any]) -> None:
    """Without batch normalisation, which torch cannot synchronise on CPUs."""
    what = config(tmp_path, budget=25, norm="none", learning_rate=0.01, **changes)
    finish(runner, tmp_path / "one", what)
    done = torchrun(runner, tmp_path / "two", what)
    assert done.returncode == 0, done.stdout + done.stderr
    one, two = RunReader(tmp_path / "one"), RunReader(tmp_path / "two")
    np.testing.assert_allclose(two.scalar("loss").values, one.scalar("loss").values, rtol=1e-4)
    assert two.scalar("error").values.tolist() == one.scalar("error").values.tolist()
    for measure in MEASURES:
        expected = one.blocks(measure).values
        np.testing.assert_allclose(two.blocks(measure).values, expected, rtol=2e-3, atol=1e-7)
        np.testing.assert_allclose(two.blocks(measure).values[:5], expected[:5], rtol=1e-4, atol=1e-7)
    last, other = one.evaluations()[-1], two.evaluations()[-1]
    assert (last.step, last.test_error) == (other.step, other.test_error)
    assert read_json(tmp_path / "two" / "environment.json")["processes"] == 2
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert sum(one["event"] == "finished" for one in said) == 1  # only the first process speaks


def test_two_processes_say_that_batch_normalisation_is_not_synchronised(tmp_path: Path, runner: Path) -> None:
    done = torchrun(runner, tmp_path / "two", config(tmp_path, budget=11))
    assert done.returncode == 0, done.stdout + done.stderr
    notices = [event.text for event in RunReader(tmp_path / "two").events() if event.kind == "notice"]
    assert len(notices) == 1 and "cannot synchronise batch normalisation" in notices[0]


def test_two_processes_stop_and_resume_together(tmp_path: Path, runner: Path) -> None:
    what = config(tmp_path, budget=800, norm="none", learning_rate=0.01, evaluate_every=1000)
    whole, folder = tmp_path / "whole", tmp_path / "parts"
    assert torchrun(runner, whole, what).returncode == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(runner), str(folder),
         str(what)], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline and not read_status(folder).step:
        time.sleep(0.01)
    control.ask(folder, "stop")
    assert process.wait(60) == 0
    assert read_status(folder).state == "stopped" and 0 < RunReader(folder).last_step() < 800
    done = torchrun(runner, folder, "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    np.testing.assert_allclose(
        RunReader(folder).scalar("loss").values, RunReader(whole).scalar("loss").values, rtol=1e-5
    )
