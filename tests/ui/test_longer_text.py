"""Other languages take more room: with every text 40 % longer, every page still fits into a window of 1024 × 640."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QTranslator
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from app.ui.composition import Composition
from app.ui.elided_label import ElidedLabel
from tests.ui.prompt_engine import PromptEngine

SIZE = (1024, 640)
LONGER = 0.4


class Longer(QTranslator):
    """Says everything in more words; in a longer word where it was one."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str:
        more = max(1, round(LONGER * len(text)))
        return text + (" mehr" * more)[:more] if " " in text else text + more * "ö"


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composition]:
    """The whole window in that language."""
    monkeypatch.setenv("RESNET_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    translator = Longer()
    assert QCoreApplication.installTranslator(translator)
    composition = Composition((), client=PromptEngine)  # type: ignore[arg-type]
    qtbot.addWidget(composition.window)
    composition.window.resize(*SIZE)
    composition.show()
    qtbot.waitUntil(lambda: composition.explore.model is not None and composition.explore.method is not None)
    yield composition
    composition.close()
    composition.window.hide()
    QCoreApplication.removeTranslator(translator)


@pytest.mark.parametrize("page", ["explore", "anatomy", "lab", "models"])
def test_every_page_fits_with_longer_text(window: Composition, qtbot: QtBot, page: str) -> None:
    window.window.show_page(page)
    shown = window.window.pages.currentWidget()
    tabs = [one for one in shown.findChildren(QPushButton) if one.property("role") == "tab" and one.isVisible()]
    for tab in [None, *tabs]:
        if tab is not None:
            tab.click()
        name = f"{page}, {tab.text() if tab is not None else 'as it opens'}"
        qtbot.waitUntil(lambda: fits(window.window), timeout=5000)
        smallest = window.window.minimumSizeHint()
        assert smallest.width() <= SIZE[0] and smallest.height() <= SIZE[1], name
        assert (window.window.width(), window.window.height()) == SIZE, name


def test_the_check_sees_what_is_cut_off(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    label = QLabel("A sentence that is much too long for its place", page)
    label.setGeometry(0, 0, 50, 20)
    shortened = ElidedLabel("A sentence that is much too long for its place", page)
    shortened.setGeometry(0, 30, 50, 20)
    page.show()
    assert cut_off(page) == ["QLabel: A sentence that is much too long for its place"]
    assert shortened.toolTip() == shortened.text()


def fits(whole: QWidget) -> bool:
    """Whether everything does; else pytest-qt shows what does not."""
    assert cut_off(whole) == []
    return True


def cut_off(whole: QWidget) -> list[str]:
    """Texts that have less room than they take, and pages that are wider than the window's part for them."""
    found = []
    for widget in whole.findChildren(QWidget):
        if widget.visibleRegion().isEmpty():
            continue
        if isinstance(widget, QScrollArea) and widget.widgetResizable() and widget.widget() is not None:
            if widget.widget().width() > widget.viewport().width():
                found.append(f"{widget.objectName()} is {widget.widget().width()} wide")
        elif isinstance(widget, QAbstractButton | QLabel) and not isinstance(widget, ElidedLabel):
            if isinstance(widget, QLabel) and widget.wordWrap():
                continue
            text = re.sub("<.*?>|&(?!&)", "", widget.text())
            wanted = max((widget.fontMetrics().horizontalAdvance(line) for line in text.split("\n")), default=0)
            if wanted > widget.width() + 1:
                found.append(f"{widget.objectName() or type(widget).__name__}: {text}")
    return found
