"""Every test of one map, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from app.anatomy.lesions import lesioned
from app.core.lesions import Lesion
from app.core.records import NetworkOutline
from app.core.trust import CascadeStep, ClassSwap, TrustRecord
from app.explain.registry import Explanation, explanations, stop_if
from app.trust.cascade import MOST_STEPS, forgetting
from app.trust.curves import curves
from app.trust.ranks import spearman

CASCADE = 0.6  # the share of the work that the cascade is told as


def tested(
    network: nn.Module,
    outline: NetworkOutline,
    picture: Tensor,
    *,
    method: str,
    block: str,
    target: int | None,
    lesions: Sequence[Lesion] = (),
    progress: Callable[[float], None] = lambda _share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> TrustRecord:
    """Test the map that a method makes of a picture; the network is left as it was.

    Args:
        network: In eval mode, frozen, with its batch norms.
        picture: (1, 3, S, S), normalised.
        method: Registry name.
        block: At which block; "" for the last.
        target: The class; None for the winning one.

    Raises:
        ExplanationError, AnatomyError: where the map or a lesion cannot be made.
        CancelledError: where `cancelled` said so.
    """
    explanation = explanations.get(method)
    block = (block or outline.default_block) if explanation.info.uses_block else ""
    picture = picture.clone() if picture.is_inference() else picture

    def map_of(subject: nn.Module, of_target: int | None) -> tuple[NDArray[np.float32], Tensor, int]:
        stop_if(cancelled)
        with lesioned(subject, outline, lesions):
            found = explanation.explain(
                subject,
                picture,
                block=block,
                target=of_target,
                progress=lambda _share: None,
                cancelled=cancelled,
            )
        return _shown(found.maps[0].cpu().numpy(), explanation), found.logits[0].float().cpu(), int(found.targets[0])

    trained, logits, chosen = map_of(network, target)
    steps = []
    for forgotten, forgetful in forgetting(network, outline):
        random_map, random_logits, _ = map_of(forgetful, chosen)
        steps.append(
            CascadeStep(
                block=forgotten.name,
                label=forgotten.label,
                map=random_map,
                rank=spearman(trained, random_map),
                rank_absolute=spearman(np.abs(trained), np.abs(random_map)),
                probability=float(torch.softmax(random_logits, 0)[chosen]),
            )
        )
        progress(CASCADE * len(steps) / min(MOST_STEPS, len(outline.blocks)))
    with lesioned(network, outline, lesions):
        deletion, insertion = curves(
            network,
            picture,
            trained,
            chosen,
            progress=lambda share: progress(CASCADE + 0.9 * (1 - CASCADE) * share),
            cancelled=cancelled,
        )
    ordered = logits.argsort(descending=True).tolist()
    others = list(dict.fromkeys(one for one in (*ordered[:2], ordered[-1]) if one != chosen))
    swaps = tuple(ClassSwap(chosen, one, spearman(trained, map_of(network, one)[0])) for one in others[:2])
    progress(1.0)
    return TrustRecord(0, "", method, block, chosen, trained, tuple(steps), deletion, insertion, swaps)


def _shown(values: NDArray[np.float32], explanation: Explanation) -> NDArray[np.float32]:
    """The map as it is looked at: without its negative part where the method means only the positive."""
    return values if explanation.info.signed else np.maximum(values, 0)
