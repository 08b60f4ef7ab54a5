"""A step of training is what the textbook says, and twins are twins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from app.core.errors import TrainingError
from app.networks.registry import build
from app.training import checkpoint
from app.training.batches import PAD, BatchStream, DevicePictures, Normaliser
from app.training.initialise import initialised_network
from app.training.schedule import check_batch, learning_rate, planned_steps
from tests.unit.training_help import CPU, data_set, losses, pictures, small, trainer_and_stream


@pytest.mark.parametrize("shortcut", ["A", "B", "none"])
@pytest.mark.parametrize("nesterov", [False, True])
def test_losses_equal_those_of_an_independent_loop(shortcut: str, nesterov: bool) -> None:
    """Written from the paper: nothing of the trainer, stream or optimiser is used, only the network's forward."""
    experiment = small(shortcut=shortcut, augment="none", schedule="one-cycle", nesterov=nesterov)
    steps, data = 8, data_set()
    network = initialised_network(experiment, 10)
    order = torch.Generator().manual_seed(experiment.seed)
    velocity = {name: torch.zeros_like(parameter) for name, parameter in network.named_parameters()}
    expected, index = [], torch.empty(0, dtype=torch.int64)
    for step in range(steps):
        if not len(index):
            index = torch.randperm(64, generator=order)
        batch, index = index[:16], index[16:]
        x = torch.from_numpy(data.train.pixels)[batch].double() / 255
        x = ((x - 0.4) / 0.2).float().permute(0, 3, 1, 2)
        loss = functional.cross_entropy(network(x), torch.from_numpy(data.train.labels)[batch])
        network.zero_grad()
        loss.backward()
        rate = 0.05 * min((step + 1) / (0.2 * steps), (steps - step) / (0.8 * steps))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                gradient = parameter.grad + 1e-4 * parameter
                velocity[name] = 0.9 * velocity[name] + gradient
                parameter -= rate * (gradient + 0.9 * velocity[name] if nesterov else velocity[name])
        expected.append(loss.item())
    np.testing.assert_allclose(losses(experiment, steps), expected, rtol=2e-5)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"shortcut": "A", "gate": 0.0}, {"shortcut": "none"}),
        ({"shortcut": "B", "gate": 0.0}, {"shortcut": "none"}),
        ({"shortcut": "C", "gate": 0.0, "norm": "none"}, {"shortcut": "none", "norm": "none"}),
        ({"shortcut": "A", "gate": 0.0, "activation": "pre"}, {"shortcut": "none", "activation": "pre"}),
    ],
)
def test_with_the_gate_shut_a_residual_network_is_its_plain_twin_to_the_last_bit(
    first: dict[str, object], second: dict[str, object]
) -> None:
    assert losses(small(learning_rate=0.01, **first)) == losses(small(learning_rate=0.01, **second))


def test_twins_with_equal_gates_give_equal_losses_to_the_last_bit() -> None:
    members = small(twin=True, twin_gate=1.0).members()
    assert losses(members["residual"]) == losses(members["twin"])
    open_, shut = small(twin=True).members().values()
    assert losses(open_) != losses(shut)


@pytest.mark.parametrize("shortcut", ["A", "B", "C"])
@pytest.mark.parametrize("initialisation", ["he", "xavier", "small"])
def test_twins_begin_with_the_same_weights_and_see_the_same_pictures(shortcut: str, initialisation: str) -> None:
    residual, plain = small(shortcut=shortcut, initialisation=initialisation, twin=True).members().values()
    first, second = initialised_network(residual, 10).state_dict(), initialised_network(plain, 10).state_dict()
    assert set(second) <= set(first)
    assert all(torch.equal(first[name], second[name]) for name in second)
    streams = [trainer_and_stream(member)[1] for member in (residual, plain)]
    for _ in range(9):
        (pixels, labels), (others, other_labels) = streams[0].next(), streams[1].next()
        assert torch.equal(pixels, others) and torch.equal(labels, other_labels)


def test_the_bundled_networks_first_weights_are_the_families_own() -> None:
    torch.manual_seed(1)
    own = build("cifar", "resnet20", classes=10).state_dict()
    ours = initialised_network(small(depth=20, width=16, seed=1), 10).state_dict()
    assert all(torch.equal(own[name], ours[name]) for name in own)


def test_branches_can_begin_at_zero() -> None:
    network = initialised_network(small(initialisation="zero-branch"), 10).eval()
    assert float(network.get_submodule("layer1.0.bn2").weight.detach().abs().max()) == 0  # type: ignore[union-attr,operator]
    x = torch.rand(2, 4, 32, 32)
    assert torch.equal(network.get_submodule("layer1.0")(x), x)


def test_a_seed_changes_everything_and_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert losses(small(seed=1)) != losses(small(seed=2))
    assert torch.equal(torch.get_rng_state(), before)


def test_micro_batches_add_up_to_the_batch() -> None:
    whole = losses(small(norm="none", learning_rate=0.01))
    parts = losses(small(norm="none", learning_rate=0.01, micro_batch=5))
    np.testing.assert_allclose(parts, whole, rtol=1e-5)


def test_clipping_limits_the_whole_gradient() -> None:
    trainer, stream = trainer_and_stream(small(clip=0.01))
    trainer.train_step(*stream.next())
    norm = torch.stack([parameter.grad.norm() for parameter in trainer.network.parameters()]).norm()  # type: ignore[union-attr]
    assert float(norm) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_half_precision_learns_as_well(precision: str, optimiser: str) -> None:
    rate = 0.05 if optimiser == "sgd" else 0.005
    found = losses(small(precision=precision, optimiser=optimiser, learning_rate=rate, augment="none"), steps=24)
    assert all(np.isfinite(found)) and np.mean(found[-4:]) < np.mean(found[:4])


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fused optimisers, as on a GPU; memory that nobody has filled is NaN."""
    monkeypatch.setattr("app.training.trainer._is_fused", lambda device: True)
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("restored", [False, True])
def test_a_first_step_that_overflows_leaves_no_momentum(tmp_path: Path, restored: bool) -> None:
    trainer, stream = trainer_and_stream(small(precision="float16", weight_decay=0.0, clip=0.0))
    if restored:  # from the beginning, as it was kept before there was a momentum to keep
        trainer.optimiser.state.clear()
        checkpoint.save(tmp_path, trainer, {}, checkpoint.Progress())
        checkpoint.load(tmp_path, trainer)
    weights = [parameter.clone() for parameter in trainer.network.parameters()]
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120)
    trainer.train_step(*stream.next())
    assert all(map(torch.equal, weights, trainer.network.parameters()))  # it was left out
    trainer.scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    trainer.train_step(*stream.next())
    for parameter in trainer.network.parameters():
        assert parameter.grad is not None
        assert torch.equal(trainer.optimiser.state[parameter]["momentum_buffer"], parameter.grad)


# -- batches -----------------------------------------------------------------------------------------------------------


def stream(*, rank: int = 0, world: int = 1, augment: str = "crop-flip") -> BatchStream:
    return BatchStream(
        DevicePictures.upload(pictures(70), CPU), size=16, augment=augment, seed=3, rank=rank, world=world
    )


def test_an_epoch_shows_each_picture_once_in_a_new_order() -> None:
    source = BatchStream(DevicePictures.upload(pictures(64), CPU), size=16, augment="none", seed=3)
    epochs = []
    for epoch in (1, 2):
        parts = [source.next()[0] for _ in range(4)]
        assert source.at_epoch_end and source.epoch == epoch
        epochs.append(torch.cat(parts))
    sums = [epoch.flatten(1).sum(1).tolist() for epoch in epochs]
    assert sorted(sums[0]) == sorted(sums[1]) == sorted(pictures(64).pixels.reshape(64, -1).sum(1).tolist())
    assert sums[0] != sums[1]


def test_augmented_pictures_are_shifted_and_flipped_copies() -> None:
    """Every picture is found, by brute force, among all shifts and flips of the originals."""
    source = DevicePictures.upload(pictures(4), CPU)
    moved = BatchStream(source, size=4, augment="crop-flip", seed=0).next()[0]
    padded = functional.pad(source.pixels, (0, 0, PAD, PAD, PAD, PAD))
    seen = set()
    for picture in moved:
        for down in range(2 * PAD + 1):
            for right in range(2 * PAD + 1):
                crops = padded[:, down : down + 32, right : right + 32]
                for flipped, candidates in ((False, crops), (True, crops.flip(2))):
                    if (candidates == picture).all(dim=(1, 2, 3)).any():
                        seen.add((down, right, flipped))
    assert len(seen) == 4


def test_a_stream_goes_on_in_the_middle_of_an_epoch() -> None:
    first = stream()
    for _ in range(6):
        first.next()
    second = stream()
    second.restore(first.state())
    for _ in range(7):
        (pixels, labels), (others, other_labels) = first.next(), second.next()
        assert torch.equal(pixels, others) and torch.equal(labels, other_labels)
        assert (first.epoch, first.at_epoch_end) == (second.epoch, second.at_epoch_end)


def test_a_place_beyond_the_last_batch_begins_a_new_epoch() -> None:
    """As in a run from before the pictures became fewer, which nobody wrote down."""
    first = stream()
    first.restore(first.state() | {"place": torch.tensor([3, 1000])})
    assert first.at_epoch_end
    first.next()
    assert first.epoch == 4


def test_ranks_share_each_batch() -> None:
    whole, parts = stream(), [stream(rank=rank, world=2) for rank in (0, 1)]
    for _ in range(5):
        pixels, labels = whole.next()
        for rank, part in enumerate(parts):
            own_pixels, own_labels = part.next()
            assert torch.equal(own_pixels, pixels[rank::2]) and torch.equal(own_labels, labels[rank::2])


def test_normalising_is_minus_mean_over_deviation() -> None:
    data = data_set()
    result = Normaliser(data, CPU)(torch.from_numpy(data.train.pixels[:3]))
    expected = (data.train.pixels[:3].transpose(0, 3, 1, 2) / 255 - 0.4) / 0.2
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5)
    assert result.is_contiguous(memory_format=torch.channels_last)


# -- schedule ----------------------------------------------------------------------------------------------------------


def test_the_papers_schedule() -> None:
    paper = small(learning_rate=0.1, schedule="steps")
    rates = [learning_rate(paper, step, 64_000) for step in (0, 31_999, 32_000, 47_999, 48_000, 63_999)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine", "constant", "steps"])
def test_every_schedule_stays_between_zero_and_its_peak(schedule: str) -> None:
    rates = [learning_rate(small(schedule=schedule, learning_rate=0.3), step, 50) for step in range(50)]
    assert min(rates) > 0 and max(rates) == pytest.approx(0.3, rel=0.03)
    if schedule in ("one-cycle", "cosine"):
        assert rates[-1] < 0.01


def test_the_warm_up_is_at_a_tenth_of_the_rate_and_never_above_the_schedule() -> None:
    trainer, _ = trainer_and_stream(small(warm_up=True, learning_rate=0.1, schedule="steps"))
    trainer.steps = 80
    rates = []
    for trainer.step in (0, 39, 40, 60):
        rates.append(trainer.rate)
    assert rates == pytest.approx([0.01, 0.01, 0.01, 0.001])
    trainer.warming = False
    trainer.step = 0
    assert trainer.rate == pytest.approx(0.1)


def test_budgets_become_steps() -> None:
    assert planned_steps(small(budget=500), 78) == 500
    assert planned_steps(small(budget=2, budget_unit="epochs"), 78) == 156
    assert planned_steps(small(budget=0.5, budget_unit="epochs"), 78) == 39
    assert planned_steps(small(budget=2, budget_unit="minutes"), 78, 0.5) == 240
    assert planned_steps(small(budget=0.01, budget_unit="minutes"), 78, 60.0) == 1


def test_batches_that_cannot_be_are_refused_with_those_that_can() -> None:
    with pytest.raises(TrainingError, match="at most 10"):
        check_batch(small(batch=16), 10)
    with pytest.raises(TrainingError, match="15 or 18"):
        check_batch(small(batch=16), 100, world=3)
    check_batch(small(batch=16), 16, world=4)
