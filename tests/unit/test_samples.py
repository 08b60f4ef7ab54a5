"""The sample pictures are what their script draws, and the bundled model says of them what their names say."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from app.explain.registry import explanations
from app.inference.preprocess import normalised
from app.sources.files import find_pictures, read_picture

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "assets" / "samples"
MODEL = REPOSITORY / "models" / "cifar10-resnet20"
PICTURES = {path.stem: path for path in find_pictures([SAMPLES]) if path.parent == SAMPLES}
OF_ONE_CLASS = sorted(name for name in PICTURES if name not in ("cat-and-dog", "seaplane"))


@pytest.fixture(scope="module")
def script() -> Iterator[Any]:
    sys.path.insert(0, str(SAMPLES))
    specification = importlib.util.spec_from_file_location("render_samples", SAMPLES / "render.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    yield module
    sys.path.remove(str(SAMPLES))
    for name in [name for name in sys.modules if name == "studio" or name.startswith("studio.")]:
        del sys.modules[name]


def shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(Image.fromarray(pixels).resize((40, 30), Image.Resampling.BOX)).astype(np.float64)


def test_every_scene_has_its_picture(script: Any) -> None:
    assert set(script.SCENES) == set(PICTURES)
    for path in PICTURES.values():
        assert path.stat().st_size < 300_000, path.name
        frame = read_picture(path)
        assert frame.size == (script.WIDTH, script.HEIGHT) and frame.notes == ()


@pytest.mark.parametrize("name", ["bird", "cat-and-dog", "ship"])
def test_the_script_draws_the_pictures_again(script: Any, name: str) -> None:
    """Drawn small, to be quick: the mean over an area does not depend on the number of pixels in it."""
    drawn = shrunk(script.draw(name, 160, 120))
    differences = {
        other: float(np.abs(drawn - shrunk(read_picture(path).pixels)).mean()) for other, path in PICTURES.items()
    }
    assert differences.pop(name) < 2.5
    assert min(differences.values()) > 10


def test_drawing_is_deterministic(script: Any) -> None:
    assert np.array_equal(script.draw("frog", 64, 48), script.draw("frog", 64, 48))


# ---- what the bundled model says


@dataclass(frozen=True, eq=False)
class Answers:
    model: Any

    def probabilities(self, name: str) -> dict[str, float]:
        with torch.inference_mode():
            values = self.model.network(self._inputs(name)).softmax(1)[0]
        return dict(zip(self.model.labels, values.tolist(), strict=True))

    def centre_of_heat(self, name: str, label: str) -> float:
        """How far right the positive part of the Grad-CAM of a class lies: 0 is the left edge, 1 the right."""
        found = explanations.get("grad-cam").explain(
            self.model.network.requires_grad_(False),
            self._inputs(name),
            block=self.model.outline.default_block,
            target=self.model.labels.index(label),
            progress=lambda share: None,
            cancelled=lambda: False,
        )
        heat = found.maps[0].clamp(min=0).sum(0)
        places = (torch.arange(len(heat)) + 0.5) / len(heat)
        return float((heat * places).sum() / heat.sum())

    def _inputs(self, name: str) -> torch.Tensor:
        view = self.model.preprocessing.view(read_picture(PICTURES[name]).pixels)
        return normalised(view.pixels[None], self.model.preprocessing, torch.device("cpu"))


@pytest.fixture(scope="module")
def answers() -> Answers:
    if not (MODEL / "weights.safetensors").is_file():
        pytest.skip("the bundled model models/cifar10-resnet20 is not here")
    from app.zoo.loading import load_model

    return Answers(load_model(str(MODEL)))


@pytest.mark.parametrize("name", OF_ONE_CLASS)
def test_a_sample_is_what_its_name_says(answers: Answers, name: str) -> None:
    assert answers.probabilities(name)[name] >= 0.9


def test_there_is_a_sample_of_every_class(answers: Answers) -> None:
    assert sorted(answers.model.labels) == OF_ONE_CLASS


@pytest.mark.parametrize(("name", "labels"), [("cat-and-dog", ("cat", "dog")), ("seaplane", ("airplane", "ship"))])
def test_the_hard_ones_are_torn_between_two_classes(answers: Answers, name: str, labels: tuple[str, str]) -> None:
    values = answers.probabilities(name)
    assert min(values[label] for label in labels) > 0.15
    assert sum(values[label] for label in labels) > 0.9


def test_the_heatmap_moves_from_the_cat_to_the_dog(answers: Answers) -> None:
    cat, dog = (answers.centre_of_heat("cat-and-dog", label) for label in ("cat", "dog"))
    assert cat < 0.5 < dog
    assert dog - cat > 0.2
