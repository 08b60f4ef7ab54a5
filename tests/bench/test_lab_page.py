"""The bench of the Lab's page runs, with short runs: its figures mean nothing then."""

from __future__ import annotations

import pytest

from app.bench import lab_page


def test_the_page_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_page, "STEPS", 1500)
    monkeypatch.setattr(lab_page, "LIVE_STEPS", 500)
    redraw, slowest, opening, live = lab_page.lab_page()
    assert [one.bar for one in (redraw, slowest, opening, live)] == [16.0, 16.0, 50.0, 50.0]
    assert 0 < redraw.value <= slowest.value
    assert "does nothing" in live.detail
    steps = int(redraw.what.split()[-2])
    assert 1000 < steps <= 1500, "the last ones were written while they were read"
