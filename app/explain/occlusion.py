"""Occlusion (Zeiler and Fergus 2014, section 4.2), through Captum."""

from __future__ import annotations

import torch
from captum.attr import Occlusion as CaptumOcclusion
from torch import Tensor, nn

from app.core.records import MethodInfo
from app.explain.registry import Attribution, Cancelled, Progress, chosen, explanations, stop_if

WINDOWS_PER_SIDE = 7  # a window of a seventh of the side, moved by half of itself
AT_ONCE = 8


class Occlusion:
    """How much the class's logit drops while a square is covered with the mean colour.

    Each pixel gets the mean over the squares that covered it.
    """

    info = MethodInfo(
        name="occlusion",
        title="Occlusion",
        summary="How much the class's logit drops while a small square is covered.",
        source="Zeiler and Fergus 2014",
        uses_block=False,
        signed=True,
        slow=True,
        quantity="drop of the logit",
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
        side = inputs.shape[-1]
        window = max(2, round(side / WINDOWS_PER_SIDE))
        stride = max(1, window // 2)
        places = (1 + -(-(side - window) // stride)) ** 2
        seen = 0
        with torch.inference_mode(False), torch.no_grad():
            inputs = inputs.clone()
            logits = network(inputs)
            targets = chosen(logits, target)

            def forward(pictures: Tensor) -> Tensor:
                nonlocal seen
                stop_if(cancelled)
                result: Tensor = network(pictures)
                seen += len(pictures)
                progress(min(1.0, seen / (len(inputs) * (places + 1))))
                return result

            maps = CaptumOcclusion(forward).attribute(
                inputs,
                sliding_window_shapes=(inputs.shape[1], window, window),
                strides=(inputs.shape[1], stride, stride),
                target=targets,
                perturbations_per_eval=max(1, AT_ONCE // len(inputs)),
            )
        # Captum repeats the covered square's drop in every colour; one of them says it all.
        return Attribution(logits, maps[:, 0].float(), targets)


explanations.register(Occlusion.info.name)(Occlusion())
