"""Guided Grad-CAM (Selvaraju et al. 2017, section 3.2): Guided Backprop where Grad-CAM looks."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from app.core.records import MethodInfo
from app.explain.guided import GuidedReLUs
from app.explain.input_gradient import input_gradient
from app.explain.registry import Attribution, Cancelled, Progress, explanations


class GuidedGradCam:
    """The product, per pixel, of Guided Backprop and of Grad-CAM's positive part, enlarged."""

    info = MethodInfo(
        name="guided-grad-cam",
        title="Guided Grad-CAM",
        summary="Guided Backprop's edges where Grad-CAM looks; its detail inherits the doubts about Guided Backprop.",
        source="Selvaraju et al. 2017",
        uses_block=True,
        signed=True,
        slow=False,
        quantity="product of both maps",
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
        coarse = explanations.get("grad-cam").explain(
            network, inputs, block=block, target=target, progress=progress, cancelled=cancelled
        )
        _, gradient, _ = input_gradient(network, inputs, target, around=GuidedReLUs())
        enlarged = functional.interpolate(
            coarse.maps.relu()[:, None], size=inputs.shape[-2:], mode="bilinear", align_corners=False
        )
        maps = enlarged[:, 0] * gradient.sum(1).float()
        return Attribution(coarse.logits, maps, coarse.targets)


explanations.register(GuidedGradCam.info.name)(GuidedGradCam())
