"""The arithmetic half of preprocessing: from the uint8 crop to the tensor that a network takes.

The geometric half is `app.core.preprocessing.Preprocessing.view`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.core.errors import PictureError
from app.core.preprocessing import Preprocessing


def normalised(pixels: NDArray[np.uint8], preprocessing: Preprocessing, device: torch.device) -> Tensor:
    """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) float32 in channels-last memory, on the device.

    The operations and their order are those of torchvision's `convert_image_dtype` and `normalize`, so that the
    result is the same to the last bit.

    Raises:
        PictureError: where the array is something else.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3 or not pixels.size:
        raise PictureError(
            f"The network takes uint8 pixels of shape (N, S, S, 3), not {pixels.dtype} of {pixels.shape}.",
            "Cut pictures with the model's preprocessing first.",
        )
    # Pixels travel to the device as bytes, a quarter of the floats' size.
    channels_last = torch.tensor(np.ascontiguousarray(pixels), device=device).permute(0, 3, 1, 2)
    mean = torch.tensor(preprocessing.mean, dtype=torch.float32, device=device).view(1, 3, 1, 1)
    deviation = torch.tensor(preprocessing.deviation, dtype=torch.float32, device=device).view(1, 3, 1, 1)
    return channels_last.to(torch.float32).div_(255).sub_(mean).div_(deviation)
