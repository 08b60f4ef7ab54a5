"""How much gradient the paths of each length carry, by sampling (Veit et al. 2016, section 4.3 and figure 6).

A residual network of n blocks has 2ⁿ paths from end to beginning: at each block the gradient goes through the branch or
over the shortcut. A path of length k goes through k branches; there are C(n, k) of these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from app.anatomy.lesions import lesioned, replaced_forward
from app.anatomy.parts import Parts, middle_blocks, take_apart
from app.core.errors import AnatomyError, CancelledError
from app.core.lesions import Lesion
from app.core.paths import PathLength, log10_paths
from app.core.records import NetworkOutline

MOST_LENGTHS = 61  # of the lengths 0 … n that are sampled


def sampled_paths(
    network: nn.Module,
    outline: NetworkOutline,
    pictures: Tensor,
    targets: Tensor,
    *,
    rounds: int,
    seed: int = 0,
    lesions: Sequence[Lesion] = (),
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[PathLength, ...]:
    """For each length the norm of the gradient that one path carries from the class's logit to the first block's input.

    One backward carries one path per picture: at every block each picture's gradient is let through the branch or over
    the shortcut, as its path says. The forward is the whole network's.

    Args:
        network: In eval mode, frozen.
        pictures: (N, 3, S, S), normalised, on the network's device.
        targets: (N,) int64, the class of each.
        rounds: Backwards per length; N · rounds paths are sampled of each.
        seed: Of the paths.
        lesions: Done to the network meanwhile; what is bypassed is no block of any path.

    Raises:
        AnatomyError: where there are no shortcuts, so that there is one path only.
        CancelledError: where `cancelled` said so.
    """
    gone = {lesion.block for lesion in lesions if lesion.kind == "bypass"}
    parts = [take_apart(network, outline, block.name) for block in middle_blocks(outline) if block.name not in gone]
    forks = [part for part in parts if part.added and part.branch is not None]
    if not forks:
        raise AnatomyError(
            f"{outline.title} has no shortcuts: its gradient has one path, through every layer.",
            "Choose a residual network.",
        )
    if any(lesion.kind == "swap" for lesion in lesions):
        raise AnatomyError("Paths are counted of a network in its order.", "Take the swap back.")
    lengths = _lengths(len(forks))
    generator = np.random.default_rng(seed)
    takes: dict[str, Tensor] = {}
    gates = {lesion.block: lesion.alpha for lesion in lesions if lesion.kind == "gate"}
    bypasses = [lesion for lesion in lesions if lesion.kind == "bypass"]
    result = []
    with torch.inference_mode(False), torch.enable_grad(), lesioned(network, outline, bypasses):
        pictures = pictures.clone() if pictures.is_inference() else pictures
        with _forking(network, forks, takes, gates) as entrance:
            logits: Tensor = network(pictures)
        score = logits.gather(1, targets[:, None]).sum()
        for place, length in enumerate(lengths):
            norms = []
            for turn in range(rounds):
                if cancelled():
                    raise CancelledError("The sampling was stopped.")
                _choose(takes, forks, length, len(pictures), generator, logits)
                (gradient,) = torch.autograd.grad(score, entrance[0], retain_graph=True)
                norms.append(gradient.flatten(1).norm(dim=1).double().cpu().numpy())
                progress((place + (turn + 1) / rounds) / len(lengths))
            found = np.concatenate(norms)
            error = float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else math.nan
            result.append(PathLength(length, log10_paths(len(forks), length), float(found.mean()), error, len(found)))
    return tuple(result)


def pooled(parts: Sequence[tuple[PathLength, ...]]) -> tuple[PathLength, ...]:
    """Several groups of sampled paths as one: means and standard errors of all."""
    result = []
    for same in zip(*parts, strict=True):
        count = sum(one.samples for one in same)
        mean = sum(one.samples * one.gradient for one in same) / count
        # Each group's squares about its own mean, and of its mean about the whole's.
        within = sum(
            (one.samples - 1) * one.samples * one.standard_error**2
            for one in same
            if not math.isnan(one.standard_error)
        )
        between = sum(one.samples * (one.gradient - mean) ** 2 for one in same)
        error = math.sqrt((within + between) / (count - 1) / count) if count > 1 else math.nan
        result.append(PathLength(same[0].length, same[0].log10_count, mean, error, count))
    return tuple(result)


def _lengths(blocks: int) -> list[int]:
    """0 … n, or some of them, both ends included."""
    if blocks < MOST_LENGTHS:
        return list(range(blocks + 1))
    return sorted({round(place * blocks / (MOST_LENGTHS - 1)) for place in range(MOST_LENGTHS)})


def _choose(
    takes: dict[str, Tensor],
    forks: Sequence[Parts],
    length: int,
    count: int,
    generator: np.random.Generator,
    like: Tensor,
) -> None:
    """A random path of that length for each picture: 1 where it goes through a block's branch, (N, 1, 1, 1) each."""
    order = generator.random((len(forks), count)).argsort(axis=0).argsort(axis=0) < length
    table = torch.from_numpy(order.astype(np.float32)).to(like.device)
    for place, fork in enumerate(forks):
        takes[fork.block.name] = table[place].view(-1, 1, 1, 1)


@contextmanager
def _forking(
    network: nn.Module, forks: Sequence[Parts], takes: dict[str, Tensor], gates: dict[str, float]
) -> Iterator[list[Tensor]]:
    """Let each block ask, when a gradient comes back, which way it goes; yields the first block's input."""
    entrance: list[Tensor] = []
    with ExitStack() as stack:
        for part in forks:
            name, alpha = part.block.name, gates.get(part.block.name, 1.0)

            def forward(x: Tensor, part: Parts = part, name: str = name, alpha: float = alpha) -> Tensor:
                if not entrance:
                    entrance.append(x.detach().requires_grad_())
                    x = entrance[0]
                assert part.branch is not None
                branch, shortcut = alpha * part.branch(x), part.shortcut(x)
                branch.register_hook(lambda gradient: gradient * takes[name])  # type: ignore[no-untyped-call]
                shortcut.register_hook(lambda gradient: gradient * (1 - takes[name]))  # type: ignore[no-untyped-call]
                return part.activated(branch + shortcut)

            stack.enter_context(replaced_forward(network.get_submodule(name), forward))
        yield entrance
