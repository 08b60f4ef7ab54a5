"""Every action of the program in one table: the shortcuts sheet and the palette are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget


@dataclass(frozen=True)
class ActionSpec:
    """One thing that the user can do.

    Attributes:
        name: How code calls it.
        group: Under which heading the shortcuts sheet lists it.
        text: What the user reads.
        shortcuts: In Qt's portable notation; the first is shown.
        page: The only page on which it works; "" for everywhere. Pages may use the same keys.
    """

    name: str
    group: str
    text: str
    shortcuts: tuple[str, ...] = ()
    page: str = ""


ACTIONS = (
    ActionSpec("open", "Pictures", "Open pictures …", ("Ctrl+O",)),
    ActionSpec("open-folder", "Pictures", "Open a folder …", ("Ctrl+Shift+O",)),
    ActionSpec("paste", "Pictures", "Paste a picture", ("Ctrl+V",)),
    ActionSpec("samples", "Pictures", "Show the sample pictures"),
    ActionSpec("next", "Pictures", "Next picture", ("PgDown",)),
    ActionSpec("previous", "Pictures", "Previous picture", ("PgUp",)),
    ActionSpec("remove", "Pictures", "Take the picture off the strip", ("Ctrl+Backspace",)),
    ActionSpec("clear-recent", "Pictures", "Forget the recent pictures"),
    ActionSpec("network-view", "View", "What the network saw", ("V",)),
    ActionSpec("heatmap", "View", "Show or hide the heatmap", ("H",)),
    ActionSpec("opacity-up", "View", "Heatmap more opaque", ("]",)),
    ActionSpec("opacity-down", "View", "Heatmap more transparent", ("[",)),
    ActionSpec("fit", "View", "Fit the picture", ("Ctrl+0",)),
    ActionSpec("zoom-in", "View", "Zoom in", ("Ctrl++", "Ctrl+=")),
    ActionSpec("zoom-out", "View", "Zoom out", ("Ctrl+-",)),
    ActionSpec("scheme", "View", "Light, dark or as the system", ("Ctrl+Shift+L",)),
    ActionSpec("winning-class", "Explanation", "Explain the winning class", ("W",)),
    ActionSpec("last-block", "Explanation", "Explain at the last block", ("L",)),
    ActionSpec("next-block", "Explanation", "Explain one block later", ("Alt+Right",)),
    ActionSpec("previous-block", "Explanation", "Explain one block earlier", ("Alt+Left",)),
    ActionSpec("next-method", "Explanation", "Next method", ("M",)),
    ActionSpec("cancel", "Explanation", "Stop the explanation under way", ("Esc",)),
    ActionSpec("camera", "Live", "Camera, video or stream …", ("C",), page="explore"),
    ActionSpec("freeze", "Live", "Freeze the picture, or go on", ("Space",), page="explore"),
    ActionSpec("snapshot", "Live", "Put the picture on the strip, and go on", ("S",), page="explore"),
    ActionSpec("record", "Live", "Record, or stop recording", ("Ctrl+R",), page="explore"),
    ActionSpec("play-pause", "Live", "Play or pause", ("P",), page="explore"),
    ActionSpec("frame-later", "Live", "One frame later", (".",), page="explore"),
    ActionSpec("frame-earlier", "Live", "One frame earlier", (",",), page="explore"),
    ActionSpec("mirror", "Live", "Mirror the picture", ("X",), page="explore"),
    ActionSpec("turn", "Live", "Turn the picture", ("T",), page="explore"),
    ActionSpec("square", "Live", "Outline the square crop", ("Q",), page="explore"),
    ActionSpec("figures", "Live", "Show or hide the figures", ("F",), page="explore"),
    ActionSpec("bypass", "Network", "Bypass the chosen block, or bring it back", ("B",)),
    ActionSpec("undo-lesion", "Network", "Undo the last change of the network", ("Ctrl+Z",)),
    ActionSpec("redo-lesion", "Network", "Redo the change of the network", ("Ctrl+Shift+Z", "Ctrl+Y")),
    ActionSpec("restore-network", "Network", "Put the network back as it was", ("R",)),
    ActionSpec("lesions-again", "Network", "Change the network as last time"),
    ActionSpec("gate-up", "Anatomy", "Let the chosen block count more", ("Ctrl+Up",), page="anatomy"),
    ActionSpec("gate-down", "Anatomy", "Let the chosen block count less", ("Ctrl+Down",), page="anatomy"),
    ActionSpec("swap-block", "Anatomy", "Swap the chosen block with the one beside the button", ("S",), page="anatomy"),
    ActionSpec("anatomy-next-colour", "Anatomy", "Colour the blocks by the next quantity", ("N",), page="anatomy"),
    ActionSpec("anatomy-next-panel", "Anatomy", "Next panel", ("Ctrl+PgDown",), page="anatomy"),
    ActionSpec("anatomy-previous-panel", "Anatomy", "Previous panel", ("Ctrl+PgUp",), page="anatomy"),
    ActionSpec("copy-blocks", "Anatomy", "Copy the table of blocks", ("Ctrl+Alt+C",), page="anatomy"),
    ActionSpec("save-blocks", "Anatomy", "Save the table of blocks (CSV) …", ("Ctrl+Alt+S",), page="anatomy"),
    ActionSpec("open-model", "Models", "Open a model file …", ("Ctrl+M",)),
    ActionSpec("open-hub", "Models", "Open a model of the Hugging Face Hub …", ("Ctrl+Shift+M",)),
    ActionSpec("save-picture", "Save and copy", "Save the picture with its heatmap …", ("Ctrl+S",)),
    ActionSpec("save-map", "Save and copy", "Save the raw map (NPY) …", ("Ctrl+Shift+S",)),
    ActionSpec("save-table", "Save and copy", "Save the predictions (CSV) …", ("Ctrl+E",)),
    ActionSpec("copy-picture", "Save and copy", "Copy the picture with its heatmap", ("Ctrl+C",)),
    ActionSpec("copy-table", "Save and copy", "Copy the predictions", ("Ctrl+Shift+C",)),
    ActionSpec("page-explore", "Program", "Explore", ("Ctrl+1",)),
    ActionSpec("page-anatomy", "Program", "Anatomy", ("Ctrl+2",)),
    ActionSpec("page-lab", "Program", "Lab", ("Ctrl+3",)),
    ActionSpec("page-models", "Program", "Models", ("Ctrl+4",)),
    ActionSpec("palette", "Program", "Search actions", ("Ctrl+K", "Ctrl+Shift+P")),
    ActionSpec("shortcuts", "Program", "Keyboard shortcuts", ("?", "F1")),
    ActionSpec("log-folder", "Program", "Open the folder with the logs"),
    ActionSpec("about", "Program", "About ResNet Explorer"),
    ActionSpec("quit", "Program", "Quit", ("Ctrl+Q",)),
)


class Actions:
    """The table as QActions of one window.

    Args:
        window: Its shortcuts work anywhere in this window.
    """

    def __init__(self, window: QWidget) -> None:
        self._actions: dict[str, QAction] = {}
        for spec in ACTIONS:
            action = QAction(QCoreApplication.translate("Actions", spec.text), window)
            action.setObjectName(spec.name)
            action.setShortcuts([QKeySequence(shortcut) for shortcut in spec.shortcuts])
            action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            window.addAction(action)
            self._actions[spec.name] = action

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())

    def enable_for(self, page: str) -> None:
        """Let those actions work that work on this page."""
        for spec in ACTIONS:
            self._actions[spec.name].setEnabled(spec.page in ("", page))

    def on(self, name: str, slot: Callable[[], object]) -> None:
        """Call a function when the action is triggered."""
        self._actions[name].triggered.connect(lambda: slot())

    def tip(self, name: str) -> str:
        """The action's text and its shortcut, for tooltips."""
        action = self._actions[name]
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        return f"{action.text()}  ({keys})" if keys else action.text()
