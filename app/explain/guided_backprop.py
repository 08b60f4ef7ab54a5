"""Guided Backprop (Springenberg et al. 2015), kept as the known bad example.

Its maps are sharp and hardly depend on the class or on the weights behind the first layers (Adebayo et al. 2018; Nie et
al. 2018 prove that it partly reconstructs the picture).
"""

from __future__ import annotations

from torch import Tensor, nn

from app.core.records import MethodInfo
from app.explain.guided import GuidedReLUs
from app.explain.input_gradient import input_gradient
from app.explain.registry import Attribution, Cancelled, Progress, explanations


class GuidedBackprop:
    """The gradient at the pixels with every negative gradient cut off at every ReLU; the three colours are summed."""

    info = MethodInfo(
        name="guided-backprop",
        title="Guided Backprop",
        summary="A bad example: sharp as an edge detector, and nearly the same for random weights.",
        source="Springenberg et al. 2015",
        uses_block=False,
        signed=True,
        slow=False,
        quantity="guided gradient of the logit",
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
        logits, gradient, targets = input_gradient(network, inputs, target, around=GuidedReLUs())
        return Attribution(logits, gradient.sum(1).float(), targets)


explanations.register(GuidedBackprop.info.name)(GuidedBackprop())
