"""The experiment as a form: the usual settings at once, the rest under “More”; checked at every stroke."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.core.errors import TrainingError
from app.training.config import Experiment, from_mapping
from app.training.form import GROUPS, Setting, matters, offered_depths, settings
from app.training.presets import PRESETS
from app.ui.lab.command import Wanted
from app.ui.lab.fields import ChoiceField, Field, NumberField, field_of
from app.ui.naming import named
from app.ui.tokens import GRID
from app.zoo.cards import list_cards

_OWN_ROW = {"budget_unit"}  # stands beside its number
_ORDER = (
    "depth", "block", "shortcut", "norm", "data", "data_path", "download", "batch", "budget", "seed", "twin"
)  # fmt: skip


class ExperimentForm(QWidget):
    """Shows an experiment and lets it be changed.

    Signals:
        changed(): another experiment, possible or not.

    Attributes:
        problem: Why what is shown is no experiment, or None.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("experimentForm")
        self.problem: TrainingError | None = None
        self._preset = "first-look"
        self._experiment: Experiment | None = None
        self._several = ""
        self._fields: dict[str, Field] = {}
        self._labels: dict[str, QLabel] = {}
        known = {setting.name: setting for setting in settings()}
        usual, self._more = QWidget(), named(QWidget(), "moreSettings")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(usual)
        self._lay_out(usual, [known[name] for name in _ORDER], known)
        self.more_button = named(QPushButton(self.tr("More settings")), "moreButton")
        self.more_button.setProperty("role", "link")
        self.more_button.setCheckable(True)
        self.more_button.setToolTip(self.tr("Every other setting, in groups"))
        self.more_button.toggled.connect(self._show_more)
        layout.addWidget(self.more_button, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._more)
        rest = [known[name] for name in known if name not in _ORDER and name not in _OWN_ROW]
        self._lay_out(self._more, rest, known, grouped=True)
        self._more.hide()
        self._offer_free_values()
        self.set_preset("first-look")

    @property
    def experiment(self) -> Experiment | None:
        """What is shown; None where it is impossible (see `problem`)."""
        return self._experiment

    @property
    def preset(self) -> str:
        """Where the form began."""
        return self._preset

    @property
    def wanted(self) -> Wanted | None:
        """What would be started; None where it is impossible."""
        return None if self._experiment is None else Wanted(self._experiment, self._preset)

    def set_preset(self, name: str) -> None:
        """Begin with a preset."""
        preset = PRESETS[name]
        self._preset = name
        depths = [one.depth for one in preset.experiments.values()]
        self._several = ", ".join(map(str, depths)) if len(depths) > 1 else ""
        self._show(next(iter(preset.experiments.values())))

    def set_experiment(self, experiment: Experiment) -> None:
        """Begin with an experiment of a run."""
        self._preset, self._several = "first-look", ""
        self._show(experiment)

    def set_values(self, **values: Any) -> None:
        """Change some settings, as if the user did."""
        for name, value in values.items():
            self._fields[name].set_value(value)
        for name in values:
            self._on_edited(name)

    def field(self, name: str) -> Field:
        """The field of a setting."""
        return self._fields[name]

    def _show(self, experiment: Experiment) -> None:
        depth = self._fields["depth"]
        assert isinstance(depth, ChoiceField)
        self._offer_depths(depth, experiment.block)
        for name, field in self._fields.items():
            field.set_value(getattr(experiment, name))
        if self._several:
            depth.set_value(self._several)
        self._check()

    def _offer_depths(self, field: ChoiceField, block: str) -> None:
        choices = [(str(depth), str(depth)) for depth in offered_depths(block)]
        field.offer([*([(self._several, self._several)] if self._several else []), *choices])

    def _offer_free_values(self) -> None:
        choices = {
            "batch": ["32", "64", "128", "256", "512"],
            "device": ["auto", "cpu", "cuda", "mps"],
        }
        for name, values in choices.items():
            field = self._fields[name]
            assert isinstance(field, ChoiceField)
            field.offer([(value, value) for value in values])
        models = self._fields["start_from"]
        assert isinstance(models, ChoiceField)
        cards = [card for card in list_cards() if card.weights_path.is_file()]
        models.offer([("", self.tr("New weights")), *((card.id, card.title) for card in cards)])

    def _on_edited(self, name: str) -> None:
        if name == "depth" and self._several and self._fields["depth"].value() != self._several:
            self._preset, self._several = "first-look", ""  # one experiment of the user's own
        if name == "block":
            depth = self._fields["depth"]
            assert isinstance(depth, ChoiceField)
            self._offer_depths(depth, str(self._fields["block"].value()))
        self._check()

    def _check(self) -> None:
        values: dict[str, Any] = {name: field.value() for name, field in self._fields.items()}
        if self._several and values["depth"] == self._several:
            values["depth"] = next(iter(PRESETS[self._preset].experiments.values())).depth
        try:
            self._experiment, self.problem = from_mapping(values), None
            if self._several:
                assert self.wanted is not None
                _ = self.wanted.experiments
        except TrainingError as error:
            self._experiment, self.problem = None, error
        shown = self._experiment or _shown_anyway(values)
        if shown is not None:
            for name, label in self._labels.items():
                visible = matters(name, shown)
                label.setVisible(visible)
                self._fields[name].setVisible(visible)
        self.changed.emit()

    def _lay_out(
        self, home: QWidget, chosen: list[Setting], known: dict[str, Setting], *, grouped: bool = False
    ) -> None:
        grid = QGridLayout(home)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnMinimumWidth(0, 10 * GRID)
        grid.setColumnStretch(1, 1)
        if grouped:
            chosen = sorted(chosen, key=lambda setting: GROUPS.index(setting.group))
        group = ""
        for setting in chosen:
            if grouped and setting.group != group:
                group = setting.group
                caption = QLabel(group.upper())
                caption.setProperty("role", "caption")
                grid.addWidget(caption, grid.rowCount(), 0, 1, 2)
            row = grid.rowCount()
            label = QLabel(setting.label)
            label.setProperty("role", "quiet")
            label.setToolTip(setting.help)
            label.setWordWrap(True)
            field = self._make(setting)
            label.setBuddy(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
            self._labels[setting.name] = label
            if setting.name == "budget":
                unit = self._make(known["budget_unit"])
                layout = field.layout()
                assert isinstance(field, NumberField) and isinstance(layout, QHBoxLayout)
                layout.addWidget(unit, 1)
                field.edit.setMaximumWidth(7 * GRID)

    def _make(self, setting: Setting) -> Field:
        field = field_of(setting)
        self._fields[setting.name] = field
        field.edited.connect(lambda: self._on_edited(setting.name))
        return field

    def _show_more(self, shown: bool) -> None:
        self._more.setVisible(shown)
        self.more_button.setText(self.tr("Fewer settings") if shown else self.tr("More settings"))


def _shown_anyway(values: dict[str, Any]) -> Experiment | None:
    """An experiment like an impossible one, to know which settings matter; None where none is near."""
    names = ("shortcut", "data", "optimiser", "start_from", "twin")
    for chosen in (names, names[:3], ()):
        try:
            return from_mapping({name: values[name] for name in chosen})
        except TrainingError:
            continue
    return None
