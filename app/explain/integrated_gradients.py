"""Integrated gradients (Sundararajan et al. 2017), through Captum."""

from __future__ import annotations

import torch
from captum.attr import IntegratedGradients as CaptumIntegratedGradients
from torch import Tensor, nn

from app.core.records import MethodInfo
from app.explain.registry import Attribution, Cancelled, Progress, chosen, explanations, stop_if

STEPS = 48  # points on the way from the baseline, by Gauss-Legendre quadrature
AT_ONCE = 8  # of them in one forward and backward: what keeps two cores busy without taking much memory


class IntegratedGradients:
    """Per pixel, the gradient summed along the straight way from the mean colour to the picture.

    The baseline is zero after normalisation: the mean colour of the training pictures. The three colours are summed,
    so that the map's sum is the logit's change from baseline to picture, up to the quadrature.
    """

    info = MethodInfo(
        name="integrated-gradients",
        title="Integrated gradients",
        summary="How much each pixel, grown from the mean colour, adds to or takes from the class's logit.",
        source="Sundararajan et al. 2017",
        uses_block=False,
        signed=True,
        slow=True,
        quantity="change of the logit",
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
        with torch.inference_mode(False), torch.enable_grad():
            inputs = inputs.clone().requires_grad_(False)
            with torch.no_grad():
                logits = network(inputs)
            targets = chosen(logits, target)
            rows = STEPS * len(inputs)
            seen = 0

            def forward(pictures: Tensor) -> Tensor:
                nonlocal seen
                stop_if(cancelled)
                progress(seen / rows)  # what came before this chunk is done, backward as well
                seen += len(pictures)
                result: Tensor = network(pictures)
                return result

            maps = CaptumIntegratedGradients(forward).attribute(
                inputs, target=targets, n_steps=STEPS, internal_batch_size=max(AT_ONCE, len(inputs))
            )
        progress(1.0)
        return Attribution(logits, maps.detach().sum(1).float(), targets)


explanations.register(IntegratedGradients.info.name)(IntegratedGradients())
