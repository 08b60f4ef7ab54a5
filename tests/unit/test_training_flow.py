"""The gradient in every block, as measured, is the gradient that plain autograd computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from app.networks.registry import build, families
from app.runs.records import MEASURES
from app.training.distributed import Ranks
from app.training.gradient_flow import GradientFlow, branch_ratios, parameters_by_block
from app.training.not_finite import found_again
from app.training.recorder import Recorder
from app.training.trainer import Trainer
from tests.unit.training_help import CPU, small, trainer_and_stream


def measured(
    trainer: Trainer, batches: list[tuple[torch.Tensor, torch.Tensor]], *, together: bool
) -> dict[str, np.ndarray]:
    """(n, B) of each measure, through the recorder as in a run."""
    with GradientFlow(trainer.network, trainer.outline, together=together) as flow:
        recorder = Recorder(flow, device=CPU, batch=len(batches[0][1]), ranks=Ranks())
        for pixels, labels in batches:
            recorder.add(trainer.train_step(pixels, labels, flow), step=trainer.step, epoch=1, rate=0.1, seconds=1.0)
        rows = recorder.fetch(wait=True)
    return {measure: np.stack([getattr(row, measure) for row in rows]) for measure in MEASURES}


def by_autograd(trainer: Trainer, pixels: torch.Tensor, labels: torch.Tensor) -> tuple[list[float], list[float]]:
    """The norms of the gradient of each block's parameters, and of the one at its output, without the trainer."""
    network, outputs = trainer.network.train(), []
    modules = [network.get_submodule(block.name) for block in trainer.outline.blocks]
    handles = [module.register_forward_hook(lambda _m, _i, output: outputs.append(output)) for module in modules]
    loss = functional.cross_entropy(network(trainer.normalise(pixels)), labels)
    for handle in handles:
        handle.remove()
    names, parameters = zip(*network.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, [*outputs, *parameters], allow_unused=True)
    arriving = [float(gradient.double().norm()) for gradient in gradients[: len(outputs)]]
    of_blocks = []
    for block in trainer.outline.blocks:
        prefixes = {"relu": ("conv1.", "bn1.")}.get(block.name, (f"{block.name}.",))
        if block.kind == "head":
            prefixes += ("bn2.",)
        own = [
            float(gradient.double().square().sum())
            for name, gradient in zip(names, gradients[len(outputs) :], strict=True)
            if name.startswith(prefixes) and gradient is not None
        ]
        of_blocks.append(sum(own) ** 0.5)
    return of_blocks, arriving


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {"shortcut": "A"},
        {"shortcut": "B", "activation": "pre"},
        {"shortcut": "C", "gate": 0.5, "norm": "none"},
        {"shortcut": "B", "gate": 0.0},
        {"shortcut": "none"},
        {"depth": 11, "block": "bottleneck", "activation": "pre"},
    ],
)
def test_norms_equal_those_of_autograd_block_by_block(changes: dict[str, object], together: bool) -> None:
    trainer, stream = trainer_and_stream(small(**changes))
    batch = stream.next()
    statistics = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    expected_parameters, expected_outputs = by_autograd(trainer, *batch)
    trainer.network.load_state_dict(statistics)
    found = measured(trainer, [batch], together=together)
    np.testing.assert_allclose(found["parameter_gradient"][0], expected_parameters, rtol=5e-5)
    np.testing.assert_allclose(found["output_gradient"][0], expected_outputs, rtol=5e-5)


def test_micro_batches_do_not_change_what_is_measured() -> None:
    found = []
    for micro in (0, 5):
        trainer, stream = trainer_and_stream(small(norm="none", micro_batch=micro, learning_rate=0.01))
        found.append(measured(trainer, [stream.next() for _ in range(3)], together=False))
    for measure in MEASURES:
        np.testing.assert_allclose(found[1][measure], found[0][measure], rtol=1e-4, atol=1e-9)


def test_gradients_are_measured_before_clipping_and_after_unscaling() -> None:
    results = {}
    for name, changes in {"plain": {}, "clipped": {"clip": 1e-3}, "half": {"precision": "float16"}}.items():
        trainer, stream = trainer_and_stream(small(**changes))  # type: ignore[arg-type]
        results[name] = measured(trainer, [stream.next()], together=False)
    for measure in ("parameter_gradient", "output_gradient"):
        np.testing.assert_allclose(results["clipped"][measure], results["plain"][measure], rtol=1e-6)
        np.testing.assert_allclose(results["half"][measure], results["plain"][measure], rtol=0.1)
    assert (results["clipped"]["update_ratio"] < results["plain"]["update_ratio"] / 10).all()


def test_bfloat16_is_measured_closely_enough_for_a_plot() -> None:
    results = []
    for together in (False, True):  # a fast product here, a widened norm there
        trainer, stream = trainer_and_stream(small(precision="bfloat16"))
        results.append(measured(trainer, [stream.next()], together=together)["output_gradient"])
    np.testing.assert_allclose(results[0], results[1], rtol=3e-3)


def test_the_update_ratio_is_what_the_step_did_to_the_weights() -> None:
    trainer, stream = trainer_and_stream(small())
    before = {name: parameter.detach().clone() for name, parameter in trainer.network.named_parameters()}
    found = measured(trainer, [stream.next()], together=False)["update_ratio"][0]
    for index, block in enumerate(trainer.outline.blocks[1:], 1):
        own = [name for name in before if name.startswith(f"{block.name}.")]
        after = dict(trainer.network.named_parameters())
        moved = sum(float((after[name] - before[name]).detach().double().square().sum()) for name in own) ** 0.5
        size = sum(float(before[name].double().square().sum()) for name in own) ** 0.5
        assert found[index] == pytest.approx(moved / size, rel=1e-4)


def test_measuring_changes_no_number_and_leaves_no_hook() -> None:
    plain, stream = trainer_and_stream(small())
    batches = [stream.next() for _ in range(4)]
    unmeasured = [float(plain.train_step(*batch).loss) for batch in batches]
    watched, _ = trainer_and_stream(small())
    with GradientFlow(watched.network, watched.outline, together=False) as flow:
        assert [float(watched.train_step(*batch, flow).loss) for batch in batches] == unmeasured
    assert not any(module._forward_hooks for module in watched.network.modules())
    with pytest.raises(ZeroDivisionError), GradientFlow(watched.network, watched.outline, together=False):
        raise ZeroDivisionError
    assert not any(module._forward_hooks for module in watched.network.modules())


@pytest.mark.parametrize(("family", "architecture"), [("cifar", "resnet20"), ("torchvision-resnet", "resnet18")])
def test_every_parameter_belongs_to_one_block(family: str, architecture: str) -> None:
    if family not in families.names():
        family = next(name for name, one in families.items() if architecture in one.examples)
    network = build(family, architecture, classes=10)
    outline = families.get(family).outline(architecture, network)
    owners = parameters_by_block(network, outline)
    counts = np.zeros(len(outline.blocks), int)
    for owner, parameter in zip(owners, network.parameters(), strict=True):
        counts[owner] += parameter.numel()
    assert counts.tolist() == [block.parameters for block in outline.blocks]


def test_the_branch_is_weighed_against_the_shortcut() -> None:
    trainer, stream = trainer_and_stream(small(gate=0.5, shortcut="A"))
    x = trainer.normalise(stream.next()[0])
    found = branch_ratios(trainer.network, trainer.outline, [x])
    network = trainer.network.eval()
    with torch.no_grad():
        stem = functional.relu(network.bn1(network.conv1(x)))  # type: ignore[operator]
        block = network.get_submodule("layer1.0")
        branch = block.branch(stem)  # type: ignore[operator]
    expected = (branch.flatten(1).norm(dim=1) / (0.5 * stem).flatten(1).norm(dim=1)).mean()
    assert found[1] == pytest.approx(float(expected), rel=1e-4)
    assert np.isnan(found[[0, -1]]).all() and np.isfinite(found[1:-1]).all()
    in_parts = branch_ratios(trainer.network, trainer.outline, torch.split(x, 6))  # 6, 6 and 4 pictures
    np.testing.assert_allclose(in_parts, found, rtol=1e-5)
    plain, _ = trainer_and_stream(small(shortcut="none"))
    assert np.isnan(branch_ratios(plain.network, plain.outline, [x])).all()
    assert plain.network.training


def test_looking_for_numbers_that_are_not_finite_keeps_one_steps_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU, where gradients at outputs are kept until the step is over."""
    trainer, stream = trainer_and_stream(small())
    kept: list[int] = []
    real = GradientFlow.arrived

    def arrived(self: GradientFlow, index: int, gradient: torch.Tensor) -> None:
        real(self, index, gradient)
        kept.append(len(self.kept))

    monkeypatch.setattr(GradientFlow, "arrived", arrived)
    with GradientFlow(trainer.network, trainer.outline, together=True) as flow:
        assert found_again(trainer, stream, 6, flow) == ""
    assert max(kept) == len(trainer.outline.blocks)
