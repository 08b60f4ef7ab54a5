"""One field of the experiment's form: a widget for each kind of setting, all with the same few methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QMenu, QPushButton, QWidget

from app.training.form import Setting
from app.ui.naming import named
from app.ui.picker import Picker
from app.ui.tokens import GRID


class _Field(QWidget):
    """The widget of one setting. Each kind has `value`, as `training.config.from_mapping` takes it (text or a truth
    value), and `set_value`, which tells nobody.

    Signals:
        edited(): the user changed it.

    Attributes:
        setting: What it is of.
    """

    edited = Signal()

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.setObjectName(f"field-{setting.name}")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)

    def _add(self, widget: QWidget, stretch: int = 1) -> None:
        name = self.setting.name
        widget.setObjectName(name if stretch else f"{name}-more")
        widget.setAccessibleName(self.setting.label)
        widget.setToolTip(self.setting.help)
        self.setFocusProxy(widget)
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.addWidget(widget, stretch)


class ChoiceField(_Field):
    """A drop-down list; with `free`, values that it does not offer can be typed."""

    def __init__(self, setting: Setting, *, free: bool = False) -> None:
        super().__init__(setting)
        self.picker = Picker(setting.name, setting.label)
        self.picker.setEditable(free)
        self.picker.setMinimumContentsLength(4)
        self._add(self.picker)
        self.offer([(choice.value, choice.label) for choice in setting.choices], [one.help for one in setting.choices])
        self.picker.activated.connect(self.edited)
        if (edit := self.picker.lineEdit()) is not None:
            self.picker.setInsertPolicy(Picker.InsertPolicy.NoInsert)
            edit.setAccessibleName(setting.label)
            edit.textEdited.connect(self.edited)

    def offer(self, choices: Sequence[tuple[str, str]], tips: Sequence[str] = ()) -> None:
        """Offer values, (value, text), and what each says under the mouse; the one that is chosen stays."""
        with QSignalBlocker(self.picker):
            before = self.value() if self.picker.count() else None
            self.picker.clear()
            for place, (value, text) in enumerate(choices):
                self.picker.addItem(text, value)
                tip = tips[place] if place < len(tips) and tips[place] else text
                self.picker.setItemData(place, tip, Qt.ItemDataRole.ToolTipRole)
            if before is not None:
                self.set_value(before)

    def value(self) -> str:
        text = self.picker.currentText()
        index = self.picker.findText(text)
        return str(self.picker.itemData(index)) if index >= 0 else text.strip()

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self.picker):
            index = self.picker.findData(str(value))
            self.picker.setCurrentIndex(index)
            if index < 0 and self.picker.isEditable():
                self.picker.setEditText(str(value))
            if (edit := self.picker.lineEdit()) is not None:
                edit.setCursorPosition(0)


class NumberField(_Field):
    """A number as text: what is no number is said in words, and stays to be corrected."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.edit = QLineEdit()
        self._add(self.edit)
        if setting.low is not None and setting.high is not None:
            self.edit.setToolTip(f"{setting.help}\n{setting.low:g} – {setting.high:g}")
        self.edit.textEdited.connect(self.edited)

    def value(self) -> str:
        return self.edit.text().strip().replace("−", "-").replace(" ", "").replace(",", ".")

    def set_value(self, value: Any) -> None:
        text = f"{value:g}" if isinstance(value, float) and abs(value) < 1e5 else f"{value:.0f}"
        if self.value() != text:
            self.edit.setText(text)


class SwitchField(_Field):
    """On or off."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.box = QCheckBox()
        self._add(self.box)
        self.box.clicked.connect(lambda: self.edited.emit())

    def value(self) -> bool:
        return bool(self.box.isChecked())

    def set_value(self, value: Any) -> None:
        self.box.setChecked(bool(value))


class PathField(_Field):
    """Where something lies: typed, dropped or chosen."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.edit = QLineEdit()
        self._add(self.edit)
        self.edit.setClearButtonEnabled(True)
        self.edit.textChanged.connect(lambda: self.edited.emit())
        self._button = named(QPushButton("…"), f"{setting.name}Browse", self.tr("Choose a file or folder"))
        self._button.setToolTip(self._button.accessibleName())
        self._button.setFixedWidth(4 * GRID)
        menu = QMenu(self._button)
        menu.addAction(self.tr("A file …"), self._choose_file)
        menu.addAction(self.tr("A folder …"), self._choose_folder)
        self._button.setMenu(menu)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self._button)
        self.setFocusProxy(self.edit)

    def value(self) -> str:
        text = self.edit.text().strip().strip('"')
        return text.removeprefix("file://") if text.startswith("file://") else text

    def set_value(self, value: Any) -> None:
        with QSignalBlocker(self.edit):
            if self.value() != value:
                self.edit.setText(str(value))

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self.window(), self.setting.label, self.value())
        if chosen:
            self.edit.setText(chosen)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.window(), self.setting.label, self.value())
        if chosen:
            self.edit.setText(chosen)


Field = ChoiceField | NumberField | SwitchField | PathField


def field_of(setting: Setting) -> Field:
    """The widget for a setting."""
    if setting.name in ("depth", "batch", "device", "start_from"):
        return ChoiceField(setting, free=True)
    makers: dict[str, type[ChoiceField | SwitchField | PathField]] = {
        "choice": ChoiceField,
        "switch": SwitchField,
        "path": PathField,
    }
    return makers[setting.kind](setting) if setting.kind in makers else NumberField(setting)
