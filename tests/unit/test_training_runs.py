"""A run from its first step to its end: stopped, resumed, paused, out of memory, not finite, folder gone."""

from __future__ import annotations

import dataclasses
import errno
import json
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

from app.core.errors import ExplorerError, RunError, TrainingError
from app.runs import control
from app.runs.folder import list_runs, read_json, read_outline
from app.runs.reader import RunReader
from app.runs.status import read_status
from app.training import checkpoint, member, session, warm_up
from app.training.batches import DevicePictures
from app.training.config import Experiment
from app.training.distributed import Ranks
from app.training.member import Surroundings, run_member
from app.training.starting import starting_network
from app.training.worker import request, train
from tests.unit.training_help import losses, npz, small


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return small(data="cifar10", data_path=str(npz(tmp_path)))


def run(experiment: Experiment, folder: Path, *, resume: bool = False, **around: Any) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    run_member(experiment, folder, Surroundings(said.append, **around), resume=resume)
    return said


def stop_after(folder: Path, step: int) -> Callable[[], bool]:
    return lambda: read_status(folder).state != "preparing" and _steps_in(folder) >= step


def _steps_in(folder: Path) -> int:
    try:
        return RunReader(folder).last_step()
    except RunError:
        return 0


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows travel, and wishes are heeded, after every step."""
    monkeypatch.setattr("app.training.recorder.SECONDS", -1.0)
    monkeypatch.setattr(session, "LOOK_SECONDS", -1.0)


def test_a_run_leaves_everything_that_a_page_needs(experiment: Experiment, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    said = run(experiment, folder)
    assert [one["event"] for one in said][-1] == "finished"
    reader = RunReader(folder)
    assert reader.scalar("loss").steps.tolist() == list(range(1, 13))
    assert reader.blocks("output_gradient").values.shape == (12, 5)
    assert (reader.blocks("parameter_gradient").values > 0).all()
    assert [one.step for one in reader.evaluations()] == [4, 8, 12]  # 64 pictures, batch 16
    assert [one.kind for one in reader.events()] == ["started", "finished"]
    assert np.isfinite(reader.branches().values[0, 1:-1]).all()
    assert len(read_outline(folder).blocks) == 5
    summary, data = read_json(folder / "summary.json"), read_json(folder / "data.json")
    assert summary["steps"] == 12 and summary["test_error"] == reader.evaluations()[-1].test_error
    assert (data["train_pictures"], data["test_pictures"]) == (64, 40)
    assert read_json(folder / "environment.json")["torch"] == torch.__version__
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    assert "layer1.0.conv1.weight" in weights
    assert read_status(folder).state == "finished"
    assert list_runs(tmp_path)[0].path == folder


def test_the_rows_are_what_an_unrecorded_loop_sees(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment, tmp_path / "run")
    recorded = RunReader(tmp_path / "run").scalar("loss").values
    assert np.isfinite(recorded).all()
    from app.training.batches import BatchStream
    from app.training.member import load_data, make_trainer

    data = load_data(experiment, lambda what, done: None)
    cpu = torch.device("cpu")
    trainer = make_trainer(experiment, starting_network(experiment, data), device=cpu, steps=12)
    stream = BatchStream(DevicePictures.upload(data.train, cpu), size=16, augment="crop-flip", seed=1)
    assert recorded.tolist() == [float(trainer.train_step(*stream.next()).loss) for _ in range(12)]


@pytest.mark.parametrize("every", [0, 1])
@pytest.mark.parametrize("stop", [0, 4, 6, 8])
@pytest.mark.usefixtures("eager")
def test_the_warm_up_ends_with_the_first_epoch_whose_training_error_is_low(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int, every: int
) -> None:
    """However often the test pictures are looked at: single steps of the first epoch are low, the epoch is not."""
    folder, errors = tmp_path / "run", [70.0, 100.0, 100.0, 90.0, 79.0, 79.0, 79.0, 79.0, *(4 * [85.0])]
    fetch = session.Recorder.fetch

    def fetched(self: Any, *, wait: bool) -> Any:
        return [dataclasses.replace(row, error=errors[row.step - 1]) for row in fetch(self, wait=wait)]

    monkeypatch.setattr(session.Recorder, "fetch", fetched)
    experiment = experiment.changed(
        {"warm_up": True, "schedule": "constant", "learning_rate": 0.1, "evaluate_every": every}
    )
    if stop:
        run(experiment, folder, stop=stop_after(folder, stop))
        assert checkpoint.read_progress(folder).step == stop
    run(experiment, folder, resume=bool(stop))
    reader = RunReader(folder)
    assert reader.scalar("rate").values.tolist() == pytest.approx(8 * [0.01] + 4 * [0.1])
    assert [(one.step, one.text) for one in reader.events() if one.kind == "rate"] == [
        (8, "The training error is below 80 %: the warm-up is over.")
    ]


def test_a_part_of_an_epoch_does_not_end_the_warm_up() -> None:
    """As after a checkpoint of an older version, which did not count."""
    progress = checkpoint.Progress()
    warm_up.count(progress, 10.0)
    assert not warm_up.is_over(progress, 2)
    for error in (90.0, 60.0):
        warm_up.count(progress, error)
    assert warm_up.is_over(progress, 2)


@pytest.mark.usefixtures("eager")
def test_layers_that_draw_random_numbers_resume_to_the_same_losses(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropout, as in AlexNet and VGG; two runs of one seed draw the same, whatever was drawn in the process before."""
    real = session.Session.__init__

    def with_dropout(self: Any, trainer: Any, *rest: Any, **named: Any) -> None:
        block = trainer.network.get_submodule("layer2.0")
        block.register_forward_hook(lambda module, _, output: functional.dropout(output, 0.3, module.training))
        real(self, trainer, *rest, **named)

    monkeypatch.setattr(session.Session, "__init__", with_dropout)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    torch.manual_seed(5)
    run(experiment, whole)
    torch.manual_seed(6)
    run(experiment, parts, stop=stop_after(parts, 5))
    torch.manual_seed(7)
    run(experiment, parts, resume=True)
    assert RunReader(whole).scalar("loss").values.tolist() == RunReader(parts).scalar("loss").values.tolist()


@pytest.mark.usefixtures("eager")
def test_a_checkpoint_of_an_older_version_is_gone_on_from(experiment: Experiment, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run(experiment, folder, stop=stop_after(folder, 3))
    path = folder / "checkpoint.safetensors"
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    progress = json.loads(metadata["progress"])
    del progress["warm_wrong"], progress["warm_counted"]
    tensors = safetensors.torch.load_file(path)
    del tensors["random/cpu"]
    safetensors.torch.save_file(tensors, path, metadata | {"progress": json.dumps(progress)})
    data = read_json(folder / "data.json")
    del data["labels"]
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    run(experiment, folder, resume=True)
    assert read_status(folder).state == "finished"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("fewer", "64 training pictures then, 40 now"),
        ("moved", "order of the labels has changed"),
        ("renamed", "class 1 was “aeroplane” and is “airplane” now"),
    ],
)
@pytest.mark.usefixtures("eager")
def test_a_run_does_not_go_on_with_other_pictures(
    experiment: Experiment, tmp_path: Path, change: str, words: str
) -> None:
    folder = tmp_path / "run"
    run(experiment, folder, stop=stop_after(folder, 3))
    before = (folder / "checkpoint.safetensors").read_bytes()
    if change == "fewer":
        npz(tmp_path, 40)
    elif change == "moved":
        arrays = dict(np.load(experiment.data_path))
        np.savez(experiment.data_path, **(arrays | {"y_train": arrays["y_train"][::-1]}))
    else:
        data = read_json(folder / "data.json")
        data["classes"][0] = "aeroplane"
        (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(TrainingError, match=words) as caught:
        run(experiment, folder, resume=True)
    assert "start a new run" in caught.value.remedy
    assert (folder / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"optimiser": "adamw", "learning_rate": 0.001},
        {"precision": "float16"},
        {"warm_up": True, "evaluate_every": 5},
    ],
)
@pytest.mark.parametrize("stop", [3, 4, 6])
@pytest.mark.usefixtures("eager")
def test_a_stopped_run_goes_on_to_the_same_losses_to_the_last_bit(
    experiment: Experiment, tmp_path: Path, changes: dict[str, Any], stop: int
) -> None:
    experiment = experiment.changed(changes)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(experiment, whole)
    run(experiment, parts, stop=stop_after(parts, stop))
    assert read_status(parts).state == "stopped"
    assert checkpoint.read_progress(parts).step == stop
    run(experiment, parts, resume=True)
    first, second = RunReader(whole), RunReader(parts)
    assert first.scalar("loss").values.tolist() == second.scalar("loss").values.tolist()
    assert np.array_equal(first.blocks("update_ratio").values, second.blocks("update_ratio").values)
    for one, other in zip(first.evaluations(), second.evaluations(), strict=True):
        assert (one.step, one.train_loss, one.test_error) == (other.step, other.train_loss, other.test_error)
    weights = [safetensors.torch.load_file(folder / "weights.safetensors") for folder in (whole, parts)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.usefixtures("eager")
def test_rows_after_the_last_checkpoint_are_made_anew(experiment: Experiment, tmp_path: Path) -> None:
    """As after a kill: the checkpoint is older than the rows."""
    folder = tmp_path / "run"
    run(experiment, folder, stop=stop_after(folder, 3))
    old = (folder / "checkpoint.safetensors").read_bytes()
    run(experiment, folder, resume=True)
    expected = RunReader(folder).scalar("loss").values.tolist()
    (folder / "checkpoint.safetensors").write_bytes(old)
    said = run(experiment, folder, resume=True)
    assert "step 3" in next(one["text"] for one in said if one["event"] == "resumed")
    assert RunReader(folder).scalar("loss").values.tolist() == expected


@pytest.mark.usefixtures("eager")
def test_a_run_pauses_goes_on_and_measures_when_asked(experiment: Experiment, tmp_path: Path) -> None:
    folder, seen = tmp_path / "run", []
    folder.mkdir()
    experiment = experiment.changed({"budget": 60})

    def meddle() -> None:
        while _steps_in(folder) < 2:
            time.sleep(0.005)
        control.ask(folder, "measure")
        control.ask(folder, "pause")
        deadline = time.monotonic() + 20
        while read_status(folder).state != "paused" and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(_steps_in(folder))
        time.sleep(0.5)
        seen.append(_steps_in(folder))
        control.take_back(folder, "pause")

    thread = threading.Thread(target=meddle)
    thread.start()
    run(experiment, folder)
    thread.join()
    assert seen[0] == seen[1] < 60
    kinds = [event.kind for event in RunReader(folder).events()]
    assert kinds == ["started", "paused", "continued", "finished"]
    assert len(RunReader(folder).branches().steps) == 2
    assert not list(folder.glob("*.request"))


@pytest.mark.usefixtures("eager")
def test_a_pause_that_ends_with_a_stop_is_no_training_time(experiment: Experiment, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()

    def meddle() -> None:
        while _steps_in(folder) < 2:
            time.sleep(0.005)
        control.ask(folder, "pause")
        while read_status(folder).state != "paused":
            time.sleep(0.01)
        time.sleep(3)
        control.ask(folder, "stop")

    thread = threading.Thread(target=meddle)
    thread.start()
    run(experiment.changed({"budget": 100_000}), folder)
    thread.join()
    trained = RunReader(folder).scalar("seconds").values[-1]
    assert checkpoint.read_progress(folder).seconds < trained + 2


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_block(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    real = session.Trainer.train_step
    calls = []

    def poisoned(self: Any, pixels: Any, labels: Any, flow: Any = None) -> Any:
        if self.step == 6:
            calls.append(1)
            with torch.no_grad():
                self.network.get_submodule("layer2.0").conv2.weight.fill_(float("inf"))
        return real(self, pixels, labels, flow)

    monkeypatch.setattr(session.Trainer, "train_step", poisoned)
    monkeypatch.setattr(session.not_finite, "first_block", _with_poison(session.not_finite.first_block))
    with pytest.raises(TrainingError, match=r"At step 7 .*layer2\.0"):
        run(experiment, folder)
    status = read_status(folder)
    assert status.state == "failed" and "step 7" in status.message and "learning rate" in status.remedy
    event = next(event for event in RunReader(folder).events() if event.kind == "not finite")
    assert (event.step, event.block) == (7, "layer2.0")
    assert RunReader(folder).last_step() == 7
    kept = checkpoint.read_progress(folder)
    assert kept.step == 4  # the last one that was good
    tensors = safetensors.torch.load_file(folder / "checkpoint.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values() if tensor.is_floating_point())


def _with_poison(real: Any) -> Any:
    def look(trainer: Any, *batch: Any) -> Any:
        with torch.no_grad():
            trainer.network.get_submodule("layer2.0").conv2.weight.fill_(float("inf"))
        return real(trainer, *batch)

    return look


def test_a_learning_rate_that_is_far_too_high_is_found_out(experiment: Experiment, tmp_path: Path) -> None:
    """Nothing is poisoned here: the network blows up by itself."""
    wild = experiment.changed({"norm": "none", "learning_rate": 100.0, "schedule": "constant", "budget": 40})
    with pytest.raises(TrainingError, match="no longer finite"):
        run(wild, tmp_path / "run")
    event = next(event for event in RunReader(tmp_path / "run").events() if event.kind == "not finite")
    assert event.block in [block.name for block in read_outline(tmp_path / "run").blocks]


def _memory_for(most: int, monkeypatch: pytest.MonkeyPatch, *, training: bool = True) -> None:
    """Memory for so many pictures at once, in training mode or in evaluation mode; in the other one for any number."""

    def guard(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if module.training == training and len(inputs[0]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    real = session.Session.__init__

    def watched(self: Any, trainer: Any, *rest: Any, **named: Any) -> None:
        trainer.network.register_forward_pre_hook(guard)
        real(self, trainer, *rest, **named)

    monkeypatch.setattr(session.Session, "__init__", watched)


def test_without_memory_the_batch_is_computed_in_pieces(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = experiment.changed({"norm": "none", "learning_rate": 0.01})
    run(experiment, tmp_path / "enough")
    _memory_for(5, monkeypatch)
    run(experiment, tmp_path / "little")
    events = RunReader(tmp_path / "little").events()
    assert [event.kind for event in events] == ["started", "memory", "memory", "finished"]
    assert "computing 4" in events[2].text
    whole = RunReader(tmp_path / "enough").scalar("loss").values
    pieces = RunReader(tmp_path / "little").scalar("loss").values
    np.testing.assert_allclose(pieces, whole, rtol=1e-5)


def test_without_memory_and_without_leave_the_run_stops_with_advice(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _memory_for(5, monkeypatch)
    with pytest.raises(TrainingError, match="micro_batch=8"):
        run(experiment.changed({"smaller_if_full": False}), tmp_path / "run")


def test_a_run_in_pieces_whose_loss_is_not_finite_is_searched_in_the_same_pieces(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is from before the pieces: going back to it must not bring back the whole batch."""
    _memory_for(5, monkeypatch)
    _poison_step(3, monkeypatch)
    with pytest.raises(TrainingError, match=r"At step 3 .*layer2\.0"):
        run(experiment, tmp_path / "run")
    events = RunReader(tmp_path / "run").events()
    assert [event.kind for event in events] == ["started", "memory", "memory", "not finite"]


def test_a_search_without_memory_leaves_the_block_to_the_row(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(trainer: Any, *batch: Any) -> str:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    _poison_step(3, monkeypatch)
    monkeypatch.setattr(session.not_finite, "first_block", full)
    with pytest.raises(TrainingError, match="At step 3 the loss was nan"):
        run(experiment, tmp_path / "run")
    assert [event.kind for event in RunReader(tmp_path / "run").events()] == ["started", "not finite"]


def test_before_smaller_pieces_the_memory_of_the_failed_step_is_free(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[torch.Tensor]] = []
    seen = []
    real_step, real_load = session.Trainer.accumulate, checkpoint.load

    def full(self: Any, pixels: torch.Tensor, labels: torch.Tensor) -> Any:
        if held:
            return real_step(self, pixels, labels)
        activations = pixels.float()
        held.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    def load(*arguments: Any) -> Any:
        seen.append(held[0]())
        return real_load(*arguments)

    monkeypatch.setattr(session.Trainer, "accumulate", full)
    monkeypatch.setattr(checkpoint, "load", load)
    run(experiment, tmp_path / "run")
    assert seen == [None]


def _poison_step(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step's weights become infinite, whenever it is made or looked at."""
    real = session.Trainer.accumulate

    def poisoned(self: Any, pixels: torch.Tensor, labels: torch.Tensor) -> Any:
        if self.step == step - 1:
            with torch.no_grad():
                self.network.get_submodule("layer2.0").conv2.weight.fill_(float("inf"))
        return real(self, pixels, labels)

    monkeypatch.setattr(session.Trainer, "accumulate", poisoned)


def test_branches_are_measured_with_as_many_pictures_at_once_as_a_test(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _memory_for(16, monkeypatch, training=False)
    run(experiment.changed({"micro_batch": 4, "norm": "none"}), tmp_path / "run")
    reader = RunReader(tmp_path / "run")
    assert [event.kind for event in reader.events()] == ["started", "finished"]
    assert np.isfinite(reader.branches().values[0, 1:-1]).all()


def test_a_run_finishes_without_its_branches_where_memory_does_not_suffice(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("app.training.branches.branch_ratios", full)
    run(experiment, tmp_path / "run")
    reader = RunReader(tmp_path / "run")
    assert [event.kind for event in reader.events()] == ["started", "notice", "finished"]
    assert "branches were not measured" in reader.events()[1].text
    assert read_status(tmp_path / "run").state == "finished"


@pytest.mark.usefixtures("eager")
def test_a_folder_that_is_deleted_stops_the_run(experiment: Experiment, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()

    def delete() -> None:
        while _steps_in(folder) < 2:
            time.sleep(0.005)
        while folder.exists():
            shutil.rmtree(folder, ignore_errors=True)

    thread = threading.Thread(target=delete)
    thread.start()
    with pytest.raises(ExplorerError, match=r"gone|cannot be written"):
        run(experiment.changed({"budget": 100_000}), folder)
    thread.join()
    assert not folder.exists()


@pytest.mark.usefixtures("eager")
def test_a_full_disk_stops_the_run_which_can_be_resumed(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "run"
    run(experiment, whole)
    real, saved = safetensors.torch.save_file, []

    def full(tensors: Any, path: Any, metadata: Any) -> None:
        saved.append(1)
        if len(saved) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(tensors, path, metadata)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(RunError, match="Free some space, then resume"):
        run(experiment, folder)
    assert read_status(folder).state == "failed"
    assert checkpoint.read_progress(folder).step == 4
    run(experiment, folder, resume=True)
    assert RunReader(folder).scalar("loss").values.tolist() == RunReader(whole).scalar("loss").values.tolist()


def test_a_disk_without_room_is_refused_before_anything_begins(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(TrainingError, match="needs about"):
        run(experiment, tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_budget_in_minutes_becomes_steps(experiment: Experiment, tmp_path: Path) -> None:
    run(experiment.changed({"budget": 0.02, "budget_unit": "minutes"}), tmp_path / "run")
    summary = read_json(tmp_path / "run" / "summary.json")
    assert 5 < summary["steps"] < 100_000
    assert summary["seconds"] < 12


def test_the_trial_for_a_budget_in_minutes_finds_the_pieces_that_memory_has_room_for(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = session.Trainer.accumulate

    def guarded(self: Any, pixels: torch.Tensor, labels: torch.Tensor) -> Any:
        if min(self.micro_batch, len(labels)) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return real(self, pixels, labels)

    monkeypatch.setattr(session.Trainer, "accumulate", guarded)
    experiment = experiment.changed({"budget": 0.01, "budget_unit": "minutes"})
    run(experiment, tmp_path / "run")
    events = RunReader(tmp_path / "run").events()
    assert [event.kind for event in events] == ["started", "notice", "finished"]
    assert "Memory does not suffice for 16 pictures at once: computing 4" in events[1].text
    assert read_json(tmp_path / "run" / "summary.json")["micro_batch"] == 4
    with pytest.raises(TrainingError, match="Memory does not suffice for 16"):
        run(experiment.changed({"smaller_if_full": False}), tmp_path / "refused")


def test_each_process_tries_its_own_share_of_a_batch(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    real = session.Trainer.accumulate

    def counted(self: Any, pixels: torch.Tensor, labels: torch.Tensor) -> Any:
        counts.append(len(labels))
        return real(self, pixels, labels)

    monkeypatch.setattr(session.Trainer, "accumulate", counted)
    data = member.load_data(experiment, lambda what, done: None)
    cpu = torch.device("cpu")
    start, pictures = starting_network(experiment, data), DevicePictures.upload(data.train, cpu)
    member._tried(experiment, start, pictures, cpu, Ranks(rank=1, world=2))
    assert set(counts) == {8}


# -- the door ----------------------------------------------------------------------------------------------------------


def test_a_request_is_checked_before_anything_starts(experiment: Experiment, tmp_path: Path) -> None:
    config = tmp_path / "experiment.json"
    config.write_text(experiment.to_json(), encoding="utf-8")
    asked = request(tmp_path / "run", config=config, changes=["depth=14", "seed = 4"], twin=True)
    assert (asked.experiments[""].depth, asked.experiments[""].seed, asked.experiments[""].twin) == (14, 4, True)
    with pytest.raises(TrainingError, match="two experiments"):
        request(tmp_path / "run", config=config, preset_name="paper")
    with pytest.raises(TrainingError, match="name=value"):
        request(tmp_path / "run", preset_name="paper", changes=["depth"])
    with pytest.raises(RunError, match="no run to go on with"):
        request(tmp_path, resume=True)
    with pytest.raises(TrainingError, match="keeps its settings"):
        request(tmp_path, resume=True, changes=["depth=14"])
    with pytest.raises(RunError, match="not empty"):
        request(tmp_path, preset_name="paper")


def test_several_experiments_run_one_after_the_other_and_resume_together(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.training import worker

    shallow, deep = experiment, experiment.changed({"depth": 14})
    folder = tmp_path / "group"
    asked = worker.TrainRequest({"shallow": shallow, "deep": deep}, folder, as_json=True)
    assert train(asked) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["run"] for one in said} == {"shallow", "deep"}
    assert [run.name for run in list_runs(folder)] == ["deep", "shallow"]
    with pytest.raises(RunError, match="--resume"):
        request(folder, preset_name="paper")
    shutil.rmtree(folder / "deep")
    assert train(request(folder, resume=True)) == 0
    assert "is finished" in capsys.readouterr().out
    assert read_status(folder / "deep").state == "finished"


def test_a_failure_is_told_and_is_the_exit_code(
    experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.training.worker import TrainRequest

    wrong = experiment.changed({"data_path": str(tmp_path / "nowhere.npz")})
    assert train(TrainRequest({"": wrong}, tmp_path / "run")) == 1
    assert "does not exist" in capsys.readouterr().out
    assert read_status(tmp_path / "run").state == "failed"
    config = tmp_path / "experiment.json"
    config.write_text(experiment.to_json(), encoding="utf-8")
    assert train(request(tmp_path / "run", config=config)) == 0  # once it is put right, the same folder will do


def test_losses_do_not_depend_on_what_ran_before(experiment: Experiment) -> None:
    assert losses(small()) == losses(small())
