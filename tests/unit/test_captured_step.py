"""A recorded step is the step itself: to the last bit on a tape for the CPU; on a GPU where there is one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from app.training.captured_step import CapturedStep, CudaGraph
from app.training.config import Experiment
from app.training.gradient_flow import GradientFlow
from app.training.not_finite import first_block
from app.training.trainer import StepResult, Trainer
from tests.unit.taped_graph import TapedGraph
from tests.unit.training_help import small, trainer_and_stream

STEPS = 6


def trained(
    experiment: Experiment, *, graph: type[TapedGraph] | type[CudaGraph] | None, between: Any = None
) -> tuple[list[float], torch.Tensor, Trainer]:
    """Losses (STEPS), measurements (STEPS, width), and the trainer after it."""
    trainer, stream = trainer_and_stream(experiment, steps=STEPS)
    trainer.new_graph = graph
    losses, rows = [], []
    with GradientFlow(trainer.network, trainer.outline, together=True) as flow:
        for _ in range(STEPS):
            result = trainer.train_step(*stream.next(), flow)
            losses.append(float(result.loss))
            rows.append(torch.stack(flow.values()))
            if between is not None:
                between(trainer, stream)
    return losses, torch.stack(rows), trainer


def assert_same(first: tuple[Any, torch.Tensor, Trainer], second: tuple[Any, torch.Tensor, Trainer]) -> None:
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])
    theirs = second[2].network.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in first[2].network.state_dict().items())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bfloat16"},
        {"precision": "float16"},
        {"micro_batch": 8},
        {"micro_batch": 6, "precision": "float16"},
        {"mix": "mixup", "label_smoothing": 0.1},
        {"optimiser": "adamw", "learning_rate": 0.001, "clip": 0.5, "average": 0.9},
        {"shortcut": "B", "activation": "pre", "block": "bottleneck", "depth": 11},
        {"gate": 0.0},
    ],
)
def test_a_recorded_step_is_the_step_to_the_last_bit(changes: dict[str, Any]) -> None:
    experiment, TapedGraph.made = small(**changes), 0
    assert_same(trained(experiment, graph=TapedGraph), trained(experiment, graph=None))
    assert TapedGraph.made == 1


def test_what_happens_between_two_steps_does_not_disturb_it() -> None:
    experiment, TapedGraph.made = small(evaluate_every=1), 0

    def between(trainer: Trainer, stream: Any) -> None:
        trainer.evaluate(stream._pictures)
        state = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
        pixels, labels = stream._pictures.pixels[:16], stream._pictures.labels[:16]
        assert first_block(trainer, pixels, labels) == ""
        trainer.network.load_state_dict(state)

    assert_same(trained(experiment, graph=TapedGraph, between=between), trained(experiment, graph=None))
    assert TapedGraph.made == 1


def test_other_pieces_and_other_measurements_are_recorded_anew() -> None:
    trainer, stream = trainer_and_stream(small(), steps=9)
    trainer.new_graph, TapedGraph.made = TapedGraph, 0
    trainer.train_step(*stream.next())
    trainer.train_step(*stream.next())
    assert TapedGraph.made == 1
    trainer.micro_batch = 4
    trainer.forget_recording()
    trainer.train_step(*stream.next())
    assert TapedGraph.made == 2
    with GradientFlow(trainer.network, trainer.outline, together=True) as flow:
        trainer.train_step(*stream.next(), flow)
        trainer.train_step(*stream.next(), flow)
    assert TapedGraph.made == 3


def test_the_tape_does_not_run_python_again_and_refuses_what_waits() -> None:
    calls = []

    def work() -> StepResult:
        calls.append(None)
        return StepResult(source * 2, source.sum())

    source, graph = torch.ones(3), TapedGraph()
    result, made = graph.record(work), len(calls)
    source.fill_(5)
    graph.replay()
    assert result.loss.tolist() == [10.0, 10.0, 10.0] and float(result.wrong) == 15
    assert len(calls) == made
    with pytest.raises(AssertionError, match="waits for the device"):
        TapedGraph().record(lambda: StepResult(source, torch.tensor(source.sum().item())))


def test_without_a_gpu_nothing_is_recorded() -> None:
    trainer, stream = trainer_and_stream(small(graphs=True))
    assert trainer.new_graph is None
    trainer.train_step(*stream.next())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA's")
@pytest.mark.parametrize("changes", [{}, {"precision": "bfloat16"}, {"precision": "float16"}, {"micro_batch": 8}])
def test_on_a_gpu_a_recorded_step_is_the_step(changes: dict[str, Any]) -> None:
    """Kernels may be others than those of the eager step: equal within the precision, and recorded at all."""
    from app.training.batches import BatchStream, DevicePictures
    from app.training.member import make_trainer
    from app.training.starting import starting_network
    from tests.unit.training_help import data_set

    device, data = torch.device("cuda", 0), data_set()
    runs = []
    for graphs in (True, False):
        experiment = small(graphs=graphs, device="cuda", **changes)
        trainer = make_trainer(experiment, starting_network(experiment, data), device=device, steps=STEPS)
        pictures = DevicePictures.upload(data.train, device)
        stream = BatchStream(pictures, size=16, augment=experiment.augment, seed=1)
        with GradientFlow(trainer.network, trainer.outline, together=True) as flow:
            rows = []
            for _ in range(STEPS):
                result = trainer.train_step(*stream.next(), flow)
                rows.append(torch.stack([result.loss, *flow.values()]).cpu())
        assert isinstance(trainer._recording, CapturedStep) == graphs
        runs.append(torch.stack(rows))
    near = 1e-3 if experiment.precision == "float32" else 5e-2
    torch.testing.assert_close(runs[0], runs[1], rtol=near, atol=near)
