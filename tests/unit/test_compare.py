"""Several models on one picture: what they agree on, and how many are held in memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from app.bench.subjects import random_network
from app.core.errors import CancelledError, ModelError
from app.core.preprocessing import Preprocessing
from app.core.records import Heatmap, ModelInfo, Request
from app.engine import compare, service
from app.evaluation.agreement import Shared, jensen_shannon, map_correlation, shared_classes
from app.evaluation.matching import find_class, wordnet_ids
from app.zoo import cards
from app.zoo.card import Architecture, Card, Weights
from app.zoo.loading import LoadedModel

BOX = (0.0, 0.0, 8.0, 8.0)


def heatmap(values: np.ndarray, *, signed: bool = False) -> Heatmap:
    return Heatmap(values.astype(np.float32), "grad-cam", "layer3.2", 0, signed)


def test_jensen_shannon_by_hand() -> None:
    a, b = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert jensen_shannon(a, a) == 0.0
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    assert jensen_shannon(a, b) == pytest.approx(0.5)  # half of the mass is shared
    assert jensen_shannon(a, b) == jensen_shannon(b, a)


def classes(*labels: str, ids: tuple[str, ...] = ()) -> ModelInfo:
    _, outline = random_network("resnet20", family="cifar", classes=len(labels))
    return ModelInfo("m", "M", outline, labels, Preprocessing(32, 32), "cpu", "CPU", False, ids)


def shared(one: tuple[str, ...], other: tuple[str, ...]) -> Shared:
    return shared_classes(classes(*one), classes(*other))


def test_which_classes_two_models_share() -> None:
    turned = shared(("Cat", "dog", "sea_lion"), ("sea lion", "cat", "Dog"))
    assert turned.all and turned.there == (1, 2, 0) and turned.back == (2, 0, 1)
    part = shared(("cat", "dog"), ("dog", "lynx", "horse"))
    assert not part.all and part.count == 1 and part.there == (None, 0)
    assert part.same(1, 0) is True
    assert part.same(1, 1) is False, "the second has “dog”, and did not say it"
    assert part.same(0, 0) is False, "the first has “dog”, and did not say it"
    assert part.same(0, 1) is None, "neither has the other's class: nothing can be said"
    none = shared(("cat",), ("dog", "lynx"))
    assert none.count == 0 and not none.all and none.same(0, 0) is None


def test_bare_numbers_are_the_same_classes_only_in_the_same_list() -> None:
    assert shared(("class 0", "class 1"), ("class 0", "class 1")).all
    assert shared(("class 0", "class 1"), ("class 0", "class 1", "class 2")).count == 0


def test_wordnet_ids_and_synonyms_tell_classes_of_other_names_apart_and_together() -> None:
    large = classes(*cards.imagenet_labels())
    goldfish, crane_bird, crane_machine = wordnet_ids()[1], wordnet_ids()[134], wordnet_ids()[517]
    small = classes("Carassius auratus, a fish", "crane", "crane", ids=(goldfish, crane_machine, crane_bird))
    found = shared_classes(small, large)
    assert found.there == (1, 517, 134) and found.back[1] == 0 and found.back[517] == 1
    assert found.same(1, 134) is False and found.same(2, 134) is True
    assert find_class("GOLDFISH", ("tench", "goldfish, Carassius auratus")) == 1
    assert find_class("cat", ("tench", "goldfish, Carassius auratus")) is None


def test_an_id_that_the_other_does_not_have_is_not_overruled_by_a_name() -> None:
    """The dog “Cardigan” (n02113186) is not the garment “cardigan” (n02963159)."""
    large = classes(*cards.imagenet_labels())
    dog, garment = wordnet_ids().index("n02113186"), wordnet_ids().index("n02963159")
    small = classes("cardigan", "tench", ids=("n02963159", "n01440764"))
    found = shared_classes(large, small)
    assert found.there[dog] is None and found.there[garment] == 0 and found.back == (garment, 0)
    assert found.same(dog, 0) is False
    assert find_class("n02113186_Cardigan", small.labels, small.label_ids) is None
    assert find_class("n02113186_Cardigan", small.labels) == 0, "without ids the name is all there is"
    assert find_class("Cardigan", small.labels, small.label_ids) == 0
    named = classes("cardigan", "Tench")
    assert shared_classes(small, named).there == (0, 1), "only one has ids"
    own = classes("cardigan", "tench", ids=("first", "second"))
    assert shared_classes(large, own).there[garment] == 0, "ids of another kind say nothing"


def test_maps_of_other_sizes_and_crops_are_compared_where_both_looked() -> None:
    ramp = np.tile(np.linspace(0, 1, 8), (8, 1))
    assert map_correlation(heatmap(ramp), BOX, heatmap(ramp), BOX) == pytest.approx(1)
    assert map_correlation(heatmap(ramp), BOX, heatmap(1 - ramp), BOX) == pytest.approx(-1)
    coarse = ramp.reshape(4, 2, 4, 2).mean((1, 3))
    assert map_correlation(heatmap(ramp), BOX, heatmap(coarse), BOX) > 0.99
    bump = np.exp(-((np.arange(16) - 5.0) ** 2)[None, :] / 8) * np.ones((16, 1))
    # The right half, seen by a network that cuts out only that.
    assert map_correlation(heatmap(bump), (0, 0, 16, 16), heatmap(bump[:, 8:]), (8, 0, 16, 16)) > 0.95


def test_a_flat_map_or_crops_apart_have_no_correlation() -> None:
    flat, ramp = np.full((4, 4), 0.3), np.tile(np.arange(4.0), (4, 1))
    assert map_correlation(heatmap(flat), BOX, heatmap(ramp), BOX) is None
    assert map_correlation(heatmap(ramp), BOX, heatmap(ramp), (8.0, 0.0, 16.0, 8.0)) is None
    assert map_correlation(heatmap(-ramp), BOX, heatmap(ramp), BOX) is None, "what Grad-CAM's ReLU cuts off is flat"
    assert map_correlation(heatmap(-ramp, signed=True), BOX, heatmap(ramp, signed=True), BOX) == pytest.approx(-1)


# --- the engine's side


SPECS = {  # family, architecture, classes, side
    "residual": ("cifar", "resnet20", 10, 32),
    "plain": ("cifar", "plain20", 10, 32),
    "wide": ("torchvision-resnet", "resnet18", 37, 64),
    "large": ("torchvision-alexnet", "alexnet", 1000, 64),
    "fifth": ("cifar", "resnet32", 7, 32),
}


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Networks of different classes and sizes, with random weights; the list says which were loaded."""
    loaded: list[str] = []

    def load(reference: str) -> LoadedModel:
        if reference not in SPECS:
            raise ModelError(f"There is no model called “{reference}”.")
        loaded.append(reference)
        family, architecture, classes, side = SPECS[reference]
        network, outline = random_network(architecture, family=family, classes=classes)
        labels = tuple(f"{reference} {index}" for index in range(classes))
        preprocessing = Preprocessing(side, side)
        card = Card(
            reference, reference, "mine", Architecture(family, architecture, classes), labels, preprocessing,
            Weights("w", ""), compare.__file__ and __import__("pathlib").Path(),
        )  # fmt: skip
        return LoadedModel(card, network, outline, labels, preprocessing)

    monkeypatch.setattr(compare, "load_model", load)
    compare._held.clear()
    service.hello("cpu")
    yield loaded
    compare._held.clear()


def ask(model: str, number: int = 1, method: str | None = "grad-cam") -> Request:
    side = SPECS[model][3] if model in SPECS else 32
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Request(number, model, pixels, method)


def test_models_of_other_classes_and_sizes_answer_side_by_side(models: list[str]) -> None:
    for name in ("residual", "plain", "wide", "large"):
        info = compare.load(name)
        answer = compare.answer(ask(name))
        assert len(info.labels) == len(answer.prediction.probabilities) == SPECS[name][2]
        assert answer.heatmap is not None and np.isfinite(answer.heatmap.values).all()
        assert answer.prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert compare.answer(ask(name, method=None)).prediction.top(1) == answer.prediction.top(1)
    for name in ("residual", "plain", "wide", "large"):
        compare.answer(ask(name, 2))
    assert models == ["residual", "plain", "wide", "large"], "kept between pictures"


def test_the_fifth_makes_room_and_so_does_a_large_one(models: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("residual", "plain", "wide", "large"):
        compare.load(name)
    compare.load("residual")
    compare.load("fifth")
    assert compare.held() == ("wide", "large", "residual", "fifth"), "the one asked longest ago went"
    monkeypatch.setattr(compare, "MOST_BYTES", 10_000_000)
    compare.load("plain")
    assert compare.held() == ("residual", "fifth", "plain")
    compare.load("large")
    assert compare.held() == ("large",), "a model larger than the limit is held alone"


def test_a_missing_model_does_not_disturb_the_others(models: list[str]) -> None:
    compare.load("residual")
    with pytest.raises(ModelError, match="nothing"):
        compare.answer(ask("nothing"))
    assert compare.held() == ("residual",)


def test_a_call_is_timed_and_its_operations_counted(models: list[str]) -> None:
    assert compare.call("residual") is None, "what is not in memory is not brought there"
    compare.load("residual")
    cost = compare.call("residual")
    assert cost is not None and cost.milliseconds > 0
    assert cost.multiply_adds == 40_551_040, "ResNet-20 on 32 × 32: 27 k + 40.5 M of convolutions, 640 of the head"
    assert compare.call("residual").multiply_adds == cost.multiply_adds
    compare.forget("residual")
    compare.forget("residual")
    assert compare.held() == () and compare.call("residual") is None


def test_answers_equal_those_of_explore(models: list[str]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    request = Request(1, "residual", pixels, "grad-cam")
    model = compare.load_model("residual")
    from app.explain.registry import explanations
    from app.inference.classifier import Classifier

    classifier = Classifier(
        model.network, outline=model.outline, labels=model.labels, preprocessing=model.preprocessing,
        device=torch.device("cpu"),
    )  # fmt: skip
    found = explanations.get("grad-cam").explain(
        classifier.network, classifier.inputs(pixels[None]), block=model.outline.default_block, target=None,
        progress=lambda _share: None, cancelled=lambda: False,
    )  # fmt: skip
    answer = compare.answer(request)
    np.testing.assert_allclose(answer.prediction.logits, found.logits[0].numpy(), rtol=1e-5)
    np.testing.assert_allclose(answer.heatmap.values, found.maps[0].numpy(), rtol=1e-4, atol=1e-6)


def test_a_withdrawn_question(models: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "watch", lambda _id: ((lambda _share: None), lambda: True))
    with pytest.raises(CancelledError):
        compare.answer(ask("residual"))
