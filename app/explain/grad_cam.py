"""Grad-CAM (Selvaraju et al. 2017, equations 1 and 2), through Captum, with the prediction from the same forward."""

from __future__ import annotations

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

from app.core.errors import ExplanationError
from app.core.records import MethodInfo
from app.explain.registry import Attribution, Cancelled, Progress, chosen, explanations, find_block
from app.networks.hooks import watched


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
        quantity="contribution to the logit",
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
        met = False

        def cut(output: object) -> Tensor:
            nonlocal met
            met = True
            # Nothing before the block is recorded or differentiated. This hook is there before Captum's own, which
            # then keeps the new leaf.
            if not isinstance(output, Tensor) or output.ndim != 4:
                raise ExplanationError(
                    f"The output of “{block}” is not a feature map.", "Choose a block before the pooling and the head."
                )
            return output.detach().requires_grad_()

        def score(pictures: Tensor) -> Tensor:
            logits = network(pictures)
            targets = chosen(logits, target)
            kept["logits"], kept["targets"] = logits.detach(), targets
            scores: Tensor = logits.gather(1, targets[:, None])[:, 0]
            return scores

        # Grad mode is per thread, and whoever called us may be in inference mode.
        with torch.inference_mode(False), torch.enable_grad(), watched(network, {block: cut}):
            inputs = inputs.clone() if inputs.is_inference() else inputs
            try:
                maps = LayerGradCam(score, module).attribute(inputs)
            except AssertionError:  # Captum's word for a layer that was never called
                if met:
                    raise
                raise ExplanationError(f"“{block}” takes no part in the answer.", "Choose another block.") from None
        return Attribution(kept["logits"], maps.detach()[:, 0].float(), kept["targets"])


explanations.register(GradCam.info.name)(GradCam())
