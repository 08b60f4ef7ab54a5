"""Standard deviations of layer responses over many pictures (He et al. 2015, figure 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from app.anatomy.measure import convolutions
from app.core.errors import CancelledError
from app.core.records import NetworkOutline
from app.core.responses import LayerResponse


@torch.inference_mode()
def response_deviations(
    network: nn.Module, outline: NetworkOutline, batches: Iterable[Tensor], *, cancelled: Callable[[], bool]
) -> tuple[LayerResponse, ...]:
    """Standard deviation of every layer's response over pictures, channels and places; memory does not grow with them.

    Args:
        network: In evaluation mode. With pre-activation not folded; see `responses_survive_folding`.
        batches: (N, C, H, W) normalised pictures, on the network's device.
        cancelled: Asked before each batch.

    Raises:
        CancelledError: where it was.
    """
    places = convolutions(network, outline)
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(places, 0)

    def note(path: str, response: Tensor) -> None:
        values = response.detach().float()
        # float32 would lose the small difference of two large sums over thousands of pictures
        found = torch.stack([values.sum(dtype=torch.float64), values.square().sum(dtype=torch.float64)])
        sums[path] = sums[path] + found if path in sums else found
        counts[path] += values.numel()

    with ExitStack() as stack:
        for path, (response, _kernel) in places.items():
            hook = network.get_submodule(response).register_forward_hook(
                lambda _module, _inputs, output, path=path: note(path, output)
            )
            stack.callback(hook.remove)
        for batch in batches:
            if cancelled():
                raise CancelledError("The measurement was stopped.")
            network(batch)
    layers = []
    for path, found in sums.items():
        total, squares = found.tolist()
        count = counts[path]
        variance = max(squares / count - (total / count) ** 2, 0.0) * count / max(count - 1, 1)
        layers.append(LayerResponse(path, places[path][1], variance**0.5))
    return tuple(layers)
