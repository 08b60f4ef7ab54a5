"""What the Lab can show of each block, and of each step."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from app.runs.records import MEASURES


@dataclass(frozen=True)
class BlockQuantity:
    """Something that every block has at every step, or wherever it was measured.

    Attributes:
        name: Of `runs.records.MEASURES`, or BRANCHES.
        title: As the user reads it.
        short: For axes and tables.
    """

    name: str
    title: str
    short: str


@dataclass(frozen=True)
class Curve:
    """A chart over steps.

    Attributes:
        name: Of the choice.
        title: Above the chart.
        scalar: Of `runs.records.SCALARS`, at every step.
        tested: Of `runs.records.Evaluation`, the same on the test pictures; "" for none.
        y_title: For axes and tables.
        unit: Behind values.
        log: Whether to begin with a logarithmic axis.
    """

    name: str
    title: str
    scalar: str
    tested: str
    y_title: str
    unit: str = ""
    log: bool = False


BRANCHES = "branches"


def block_quantities() -> tuple[BlockQuantity, ...]:
    """In the order of the choice."""
    tr = QCoreApplication.translate
    found = (
        BlockQuantity("output_gradient", tr("Lab", "Gradient norm at block outputs"), tr("Lab", "gradient norm")),
        BlockQuantity(
            "parameter_gradient", tr("Lab", "Gradient norm of parameters"), tr("Lab", "gradient norm of parameters")
        ),
        BlockQuantity("update_ratio", tr("Lab", "Update to weight"), tr("Lab", "update to weight")),
        BlockQuantity(BRANCHES, tr("Lab", "Branch to shortcut"), tr("Lab", "branch to shortcut")),
    )
    assert {one.name for one in found} == {*MEASURES, BRANCHES}
    return found


def curves() -> tuple[Curve, ...]:
    """In the order of the choice."""
    tr = QCoreApplication.translate
    return (
        Curve("loss", tr("Lab", "Loss"), "loss", "test_loss", tr("Lab", "loss"), log=True),
        Curve("errors", tr("Lab", "Errors"), "error", "test_error", tr("Lab", "error"), unit="%"),
        Curve("rate", tr("Lab", "Learning rate"), "rate", "", tr("Lab", "learning rate")),
        Curve("speed", tr("Lab", "Pictures per second"), "speed", "", tr("Lab", "pictures per second")),
    )
