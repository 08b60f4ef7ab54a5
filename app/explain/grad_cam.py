"""Grad-CAM (Selvaraju et al. 2017, equations 1 and 2), through Captum, with the prediction from the same forward."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from app.core.errors import ExplanationError
from app.core.records import MethodInfo
from app.explain.registry import Attribution, Cancelled, Progress, chosen, explanations, find_block


class GradCam:
    """The weighted sum of a block's channels, each weighted by the mean gradient of the class's logit.

    The map is kept with its sign; the paper cuts the negative part off, and so do the views (`signed=False`).
    """

    info = MethodInfo(
        name="grad-cam",
        title="Grad-CAM",
        summary="Where a block's channels, weighted by their gradient, speak for the class.",
        source="Selvaraju et al. 2017",
        uses_block=True,
        signed=False,
        slow=False,
        quantity="share of the class's logit",
    )

    def explain(
        self,
        network: nn.Module,
        inputs: Tensor,
        *,
        block: str,
        target: int | None,
        progress: Progress,
        cancelled: Cancelled,
    ) -> Attribution:
        """See `Explanation.explain`. One forward; backward only from the logits to the block."""
        module = find_block(network, block)
        kept: dict[str, Tensor] = {}

        def score(pictures: Tensor) -> Tensor:
            logits = network(pictures)
            targets = chosen(logits, target)
            kept["logits"], kept["targets"] = logits.detach(), targets
            scores: Tensor = logits.gather(1, targets[:, None])[:, 0]
            return scores

        # Grad mode is per thread, and whoever called us may be in inference mode.
        with torch.inference_mode(False), torch.enable_grad(), _graph_starts_at(module, block):
            inputs = inputs.clone() if inputs.is_inference() else inputs
            maps = LayerGradCam(score, module).attribute(inputs)
        return Attribution(kept["logits"], maps.detach()[:, 0], kept["targets"])


@contextmanager
def _graph_starts_at(module: nn.Module, name: str) -> Iterator[None]:
    """Cut the graph at a module's output, so that nothing before it is recorded or differentiated.

    The hook must be there before Captum's own, which then keeps the new leaf.
    """

    def cut(_module: nn.Module, _inputs: Any, output: Any) -> Tensor:
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise ExplanationError(
                f"The output of “{name}” is not a feature map.", "Choose a block before the pooling and the head."
            )
        return output.detach().requires_grad_()

    handle = module.register_forward_hook(cut)
    try:
        yield
    finally:
        handle.remove()


explanations.register(GradCam.info.name)(GradCam())
