"""What is built from an author's file answers as the author's network does; the networks are in `author_recipes`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.zoo.checkpoints import diagnose
from app.zoo.loading import as_loaded
from tests.unit.author_networks import Network, normalised
from tests.unit.author_recipes import RECIPES


@pytest.mark.parametrize("author", RECIPES)
def test_it_answers_as_its_authors_network_does(author: str, tmp_path: Path) -> None:
    recipe = RECIPES[author]
    theirs = Network(recipe)
    theirs.live()
    torch.save(recipe.wrap(theirs.state), tmp_path / "x.pth")
    diagnosis = diagnose(tmp_path / "x.pth", choices=recipe.choices)
    report = diagnosis.report
    assert report.accepted, (report.refusal, report.odd_keys[:4])
    assert report.classes == recipe.classes
    pictures = normalised(recipe, 4, seed=5)
    ours = as_loaded(diagnosis, tmp_path / "x.pth").network
    with torch.inference_mode():
        wanted, answers = theirs(pictures), ours(pictures)
    scale = float(wanted.abs().max())
    verdicts = [(one.question, one.answer, one.sureness, one.ranking[:2]) for one in report.verdicts]
    assert torch.allclose(answers, wanted, atol=1e-4 * scale, rtol=1e-4), (report.options, verdicts)
    assert report.preprocessing is not None
    assert report.preprocessing["mean"] == pytest.approx(list(recipe.normalisation[0]), abs=1e-3), verdicts
