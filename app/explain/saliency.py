"""Saliency (Simonyan et al. 2013, section 3): the plain gradient at the pixels."""

from __future__ import annotations

from torch import Tensor, nn

from app.core.records import MethodInfo
from app.explain.input_gradient import input_gradient
from app.explain.registry import Attribution, Cancelled, Progress, explanations


class Saliency:
    """Per pixel the largest absolute gradient among its three colours."""

    info = MethodInfo(
        name="saliency",
        title="Saliency",
        summary="How strongly the class's logit reacts to a small change of each pixel.",
        source="Simonyan et al. 2013",
        uses_block=False,
        signed=False,
        slow=False,
        quantity="gradient of the logit",
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
        """See `Explanation.explain`."""
        logits, gradient, targets = input_gradient(network, inputs, target)
        return Attribution(logits, gradient.abs().amax(1).float(), targets)


explanations.register(Saliency.info.name)(Saliency())
