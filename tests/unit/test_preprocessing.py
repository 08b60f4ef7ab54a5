"""Our two halves of preprocessing against torchvision's `weights.transforms()`, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import models

from app.core.errors import PictureError
from app.core.preprocessing import Preprocessing
from app.inference.preprocess import normalised
from app.networks.registry import families

CPU = torch.device("cpu")
WEIGHTS = [
    weight
    for name, family in families.items()
    if name.startswith("torchvision")
    for architecture in family.examples
    for weight in models.get_model_weights(architecture)
    if hasattr(weight.transforms(), "crop_size")
]
# Several weights share one preprocessing: each is compared once.
DISTINCT = {repr(weight.transforms()): weight for weight in WEIGHTS}
SIZES = [
    *[(1, 1), (1, 2), (2, 1), (1, 60), (60, 1), (3, 5), (31, 33), (7, 200), (200, 7), (17, 1000)],
    *[(223, 224), (224, 224), (225, 224), (231, 233), (232, 232), (255, 257), (256, 256), (256, 300)],
    *[(257, 255), (300, 401), (375, 500), (500, 375), (640, 481), (1023, 767), (1000, 64)],
]
FAR = [(1, 500), (500, 1), (2, 131), (333, 5), (10, 1001)]


def noise(height: int, width: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(height * 10_007 + width)
    return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_every_published_weight_is_covered() -> None:
    assert len(WEIGHTS) >= 22
    assert {weight.transforms().resize_size[0] for weight in WEIGHTS} == {232, 256}
    for weight in WEIGHTS:
        preprocessing = Preprocessing.from_torchvision(weight.transforms())
        assert preprocessing.resize == weight.transforms().resize_size[0]
        assert preprocessing.crop == 224


@pytest.mark.parametrize("weight", DISTINCT.values(), ids=str)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_equals_torchvision(weight: models.WeightsEnum, size: tuple[int, int]) -> None:
    transforms = weight.transforms()
    preprocessing = Preprocessing.from_torchvision(transforms)
    pixels = noise(*size)
    theirs = transforms(Image.fromarray(pixels))
    ours = normalised(preprocessing.view(pixels).pixels[None], preprocessing, CPU)
    assert ours.shape == (1, 3, 224, 224)
    assert torch.equal(ours[0], theirs)


@pytest.mark.parametrize("size", FAR, ids=lambda size: f"{size[0]}x{size[1]}")
def test_beyond_an_aspect_of_64_a_grey_level_may_differ(size: tuple[int, int]) -> None:
    transforms = models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    preprocessing = Preprocessing.from_torchvision(transforms)
    pixels = noise(*size)
    theirs = transforms(Image.fromarray(pixels))
    ours = normalised(preprocessing.view(pixels).pixels[None], preprocessing, CPU)[0]
    grey_level = 1 / 255 / min(preprocessing.deviation)
    assert (ours - theirs).abs().max() <= 1.001 * grey_level
    assert (ours != theirs).float().mean() < 0.01


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(("resize", "crop"), [(32, 32), (40, 33), (20, 33), (33, 40), (None, 48)])
@pytest.mark.parametrize("size", [(1, 1), (9, 70), (70, 9), (33, 33), (47, 49), (64, 50), (640, 480)])
def test_other_preprocessing_equals_torchvision(
    interpolation: str, resize: int | None, crop: int, size: tuple[int, int]
) -> None:
    """Crops larger than the resized picture are padded as torchvision pads them."""
    from torchvision.transforms import functional

    preprocessing = Preprocessing(resize, crop, interpolation=interpolation)  # type: ignore[arg-type]
    pixels = noise(*size)
    picture = Image.fromarray(pixels)
    if resize is not None:
        mode = functional.InterpolationMode(interpolation)
        picture = functional.resize(picture, [resize], interpolation=mode)
    theirs = np.asarray(functional.center_crop(picture, [crop]))
    assert np.array_equal(preprocessing.view(pixels).pixels, theirs)


@pytest.mark.parametrize("size", [(1, 100_000), (100_000, 1), (3, 30_000)])
def test_very_long_pictures_are_cheap(size: tuple[int, int]) -> None:
    view = Preprocessing(256, 224).view(noise(*size))
    assert view.pixels.shape == (224, 224, 3)
    assert view.pixels.std() > 1, "it holds the picture, not padding"
    left, top, right, bottom = view.box
    assert right - left == pytest.approx(bottom - top)
    assert (left + right) / 2 == pytest.approx(size[1] / 2, abs=0.01)
    assert (top + bottom) / 2 == pytest.approx(size[0] / 2, abs=0.01)


def test_the_box_is_what_the_crop_shows() -> None:
    """A white square drawn where the box says is all that the network sees."""
    preprocessing = Preprocessing(64, 48)
    left, top, right, bottom = preprocessing.view(noise(300, 500)).box
    pixels = np.zeros((300, 500, 3), np.uint8)
    pixels[round(top) : round(bottom), round(left) : round(right)] = 255
    seen = preprocessing.view(pixels).pixels
    assert seen[2:-2, 2:-2].min() == 255
    assert seen.mean() > 240


def test_batches_equal_single_pictures() -> None:
    preprocessing = Preprocessing(32, 32)
    crops = np.stack([preprocessing.view(noise(40 + i, 50)).pixels for i in range(5)])
    together = normalised(crops, preprocessing, CPU)
    assert together.is_contiguous(memory_format=torch.channels_last)
    for index in range(5):
        assert torch.equal(together[index : index + 1], normalised(crops[index : index + 1], preprocessing, CPU))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((1, 32, 32, 3), np.float32),
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
    ],
    ids=["no batch", "floats", "channels first", "empty"],
)
def test_anything_else_is_refused(array: NDArray[np.uint8]) -> None:
    with pytest.raises(PictureError, match="uint8 pixels of shape"):
        normalised(array, Preprocessing(32, 32), CPU)
