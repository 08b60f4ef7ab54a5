"""Pictures on the device as uint8, cropped, flipped and normalised there, a whole batch at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from app.training.data import DataSet, LabelledPictures

PAD = 4
SMALLEST_AREA = 0.25
"""Of a resized crop. torchvision's 0.08 is meant for ImageNet's 224 pixels; at 64 it leaves 18."""
MIXUP_STRENGTH = 0.2
"""α of mixup's Beta(α, α), as its authors use on ImageNet; CutMix draws its share uniformly, Beta(1, 1)."""


@dataclass(frozen=True, eq=False)
class DevicePictures:
    """Labelled pictures on a device.

    Attributes:
        pixels: (N, S, S, 3) uint8, RGB.
        labels: (N,) int64.
    """

    pixels: Tensor
    labels: Tensor

    @classmethod
    def upload(cls, pictures: LabelledPictures, device: torch.device) -> DevicePictures:
        """The same pictures on a device."""
        return cls(torch.from_numpy(pictures.pixels).to(device), torch.from_numpy(pictures.labels).to(device))

    def __len__(self) -> int:
        return len(self.labels)


class Normaliser:
    """Minus mean, over deviation.

    Args:
        data: Whose mean and deviation.
        device: Where the pictures are.
    """

    def __init__(self, data: DataSet, device: torch.device) -> None:
        self._mean = (torch.tensor(data.mean, device=device) * 255).view(1, 3, 1, 1)
        self._deviation = (torch.tensor(data.deviation, device=device) * 255).view(1, 3, 1, 1)

    def __call__(self, pixels: Tensor) -> Tensor:
        """(N, S, S, 3) uint8 -> (N, 3, S, S) float32, channels last in memory."""
        return (pixels.permute(0, 3, 1, 2).float() - self._mean) / self._deviation


class BatchStream:
    """Batches without end, epoch after epoch, each in a new order; an epoch's last, smaller batch is left out.

    The seed alone decides order, crops and flips: two streams with equal seeds give equal batches, on any device. The
    whole state can be kept and set, in the middle of an epoch too.

    Args:
        pictures: To draw from.
        size: Pictures per batch, over all ranks.
        augment: "crop-flip", "resized-crop-flip", "flip" or "none".
        mix: "mixup", "cutmix" or "none".
        classes: How many there are; only mixing needs to know.
        seed: Of everything random.
        rank: Which part of each batch to return, of
        world: How many; they share each batch equally.

    Attributes:
        epoch: Of the last batch, from 1; 0 before the first.
    """

    def __init__(
        self,
        pictures: DevicePictures,
        *,
        size: int,
        augment: str,
        seed: int,
        mix: str = "none",
        classes: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.epoch = 0
        self.batches_per_epoch = len(pictures) // size
        self._pictures = pictures
        self._size = size
        self._augment = augment
        self._mix = mix
        self._classes = classes
        self._share = slice(rank, None, world)
        self._generator = torch.Generator().manual_seed(seed)
        self._epoch_state = self._generator.get_state()
        self._order = torch.empty(0, dtype=torch.int64)
        self._position = self.batches_per_epoch

    @property
    def at_epoch_end(self) -> bool:
        """Whether the next batch begins a new epoch."""
        return self._position >= self.batches_per_epoch

    def next(self) -> tuple[Tensor, Tensor]:
        """(n, S, S, 3) pictures, 0 to 255, and (n,) labels: this rank's share of the next batch.

        Mixed pictures come with (n, classes) shares instead of labels, and mixup's are float32.
        """
        if self.at_epoch_end:
            self._begin_epoch()
        start = self._position * self._size
        index = self._order[start : start + self._size][self._share]
        self._position += 1
        pixels, labels = self._pictures.pixels[index], self._pictures.labels[index]
        pixels = self._augmented(pixels)
        if self._mix == "none":
            return pixels, labels
        return mixed(pixels, functional.one_hot(labels, self._classes).float(), self._mix, self._generator)

    def state(self) -> dict[str, Tensor]:
        """Everything to go on from."""
        return {
            "epoch_state": self._epoch_state.clone(),
            "state": self._generator.get_state(),
            "place": torch.tensor([self.epoch, self._position]),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from a state."""
        epoch, position = (int(number) for number in state["place"])
        if epoch:
            self._generator.set_state(state["epoch_state"])
            self._begin_epoch()
        self._generator.set_state(state["state"])
        self.epoch, self._position = epoch, position

    def _begin_epoch(self) -> None:
        self._epoch_state = self._generator.get_state()
        order = torch.randperm(len(self._pictures), generator=self._generator)
        self._order = order.to(self._pictures.pixels.device)
        self._position = 0
        self.epoch += 1

    def _augmented(self, pixels: Tensor) -> Tensor:
        if self._augment == "none":
            return pixels
        if self._augment == "resized-crop-flip":
            boxes = random_boxes(self._size, self._generator)[self._share]
            return _cut_out(pixels, boxes.to(pixels.device))
        crop = self._augment == "crop-flip"
        draws = torch.zeros(3, self._size, dtype=torch.int64)
        if crop:
            draws[:2] = torch.randint(0, 2 * PAD + 1, (2, self._size, 1), generator=self._generator)[..., 0]
        draws[2] = torch.randint(0, 2, (self._size, 1), generator=self._generator)[..., 0]
        own = draws[:, self._share].contiguous()
        if pixels.is_cuda:
            own = own.pin_memory().to(pixels.device, non_blocking=True)  # one small copy that nobody waits for
        rows, columns, flip = own.to(pixels.device).unsqueeze(-1)
        return _moved(pixels, rows, columns, flip, PAD if crop else 0)


def _moved(pixels: Tensor, rows: Tensor, columns: Tensor, flip: Tensor, pad: int) -> Tensor:
    """Pad with zeros, cut out at (rows, columns), flip where `flip` is 1; (N, S, S, 3), each of the others (N, 1)."""
    count, side = pixels.shape[:2]
    padded = functional.pad(pixels, (0, 0, pad, pad, pad, pad)) if pad else pixels
    ramp = torch.arange(side, device=pixels.device).expand(count, side)
    from_row = rows + ramp
    from_column = columns + torch.where(flip.bool(), side - 1 - ramp, ramp)
    picture = torch.arange(count, device=pixels.device).view(-1, 1, 1)
    return padded[picture, from_row[:, :, None], from_column[:, None, :]]


def random_boxes(count: int, generator: torch.Generator) -> Tensor:
    """Boxes to cut out, (count, 4) float32: left, top, width and height as shares of the side; width < 0 is flipped.

    Area uniform from a quarter to the whole, ratio log-uniform from 3:4 to 4:3 (Szegedy et al. 2015).
    """
    draws = torch.rand(5, count, generator=generator)
    area = SMALLEST_AREA + (1 - SMALLEST_AREA) * draws[0]
    ratio = torch.exp((2 * draws[1] - 1) * math.log(4 / 3))
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    left, top = draws[2] * (1 - width), draws[3] * (1 - height)
    flip = draws[4] < 0.5
    return torch.stack((torch.where(flip, left + width, left), top, torch.where(flip, -width, width), height), 1)


def _cut_out(pixels: Tensor, boxes: Tensor) -> Tensor:
    """Cut boxes out of (N, S, S, 3) uint8 pictures and enlarge each to S × S, bilinearly; uint8 again."""
    side = pixels.shape[1]
    centres = (torch.arange(side, device=pixels.device, dtype=torch.float32) + 0.5) / side
    left, top, width, height = boxes.unsqueeze(-1).unbind(1)
    columns, rows = 2 * (left + width * centres) - 1, 2 * (top + height * centres) - 1
    grid = torch.stack((columns[:, None, :].expand(-1, side, -1), rows[:, :, None].expand(-1, -1, side)), -1)
    planes = pixels.permute(0, 3, 1, 2).float()
    cut = functional.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return cut.round_().to(torch.uint8).permute(0, 2, 3, 1)


def mixed(pixels: Tensor, targets: Tensor, kind: str, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mix each picture with another one of the batch, and their targets in the same proportion.

    Args:
        pixels: (n, S, S, 3) uint8.
        targets: (n, classes) shares that add up to 1.
        kind: "mixup" (Zhang et al. 2018) or "cutmix" (Yun et al. 2019).
    """
    count, side = pixels.shape[:2]
    other = torch.randperm(count, generator=generator).to(pixels.device)
    if kind == "mixup":
        share = _beta(MIXUP_STRENGTH, generator)
        blended = pixels.float() * share + pixels[other].float() * (1 - share)
        return blended, targets * share + targets[other] * (1 - share)
    draws = torch.rand(3, generator=generator).tolist()
    reach = math.sqrt(1 - draws[0]) * side / 2  # half the side of what is pasted in
    row, column = draws[1] * side, draws[2] * side
    top, bottom = max(0, round(row - reach)), min(side, round(row + reach))
    left, right = max(0, round(column - reach)), min(side, round(column + reach))
    pasted = pixels.clone()
    pasted[:, top:bottom, left:right] = pixels[other, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / side**2
    return pasted, targets * share + targets[other] * (1 - share)


def _beta(strength: float, generator: torch.Generator) -> float:
    """One draw of Beta(α, α) with α ≤ 1, by Jöhnk's method: torch's own takes no generator."""
    while True:
        draws: list[float] = torch.rand(2, dtype=torch.float64, generator=generator).tolist()
        first, second = (math.pow(draw, 1 / strength) for draw in draws)
        if 0 < first + second <= 1:
            return first / (first + second)
