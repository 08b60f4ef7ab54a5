"""What the checkpoint doctor says of a file: plain data, ready for JSON and for a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from app.core.records import NetworkOutline
from app.zoo.verdict import Verdict


@dataclass(frozen=True)
class Renamed:
    """One tensor: the file's key, ours, and what was done to it ("" where nothing)."""

    key: str
    name: str
    change: str = ""


@dataclass(frozen=True)
class Report:
    """A file of weights, understood or refused.

    Attributes:
        file: Its path.
        bytes: Its size.
        format: Its format, in words.
        table: Where in the file the weights are ("state_dict"), and what their keys begin with ("module.").
        accepted: Whether it can be loaded.
        refusal: Why not; "" where accepted.
        remedy: What to do then.
        would_run: What reading the file the usual way would have imported or called. Nothing of it ran.
        odd_keys: The keys that break the pattern of a residual network.
        looks_like: What else the file seems to be, in words.
        title: What the network is, in words ("ResNet-20").
        family: Registry name.
        architecture: Name in the family.
        options: The family's options.
        classes: How many logits.
        parameters: How many numbers it learned.
        matched: How many tensors were taken as they are, under the same name but for a prefix.
        renamed: Tensors under another name, or changed.
        made: Tensors that the file does not have and the network needs, with the reason.
        left_over: The file's keys that the network does not need.
        missing: What the network needs and the file does not have; such a file is refused.
        labels: Class names.
        labels_source: Where they come from.
        preprocessing: What is done to a picture: resize, crop, mean, deviation, interpolation.
        verdicts: What was inferred, how surely and why, with rankings.
        claims: What the author wrote of accuracy and data.
        notes: What else the user should know.
        outline: The network's blocks: its portrait.
    """

    file: str
    bytes: int
    format: str
    table: str = ""
    accepted: bool = False
    refusal: str = ""
    remedy: str = ""
    would_run: tuple[str, ...] = ()
    odd_keys: tuple[str, ...] = ()
    looks_like: str = ""
    title: str = ""
    family: str = ""
    architecture: str = ""
    options: dict[str, object] | None = None
    classes: int = 0
    parameters: int = 0
    matched: int = 0
    renamed: tuple[Renamed, ...] = ()
    made: tuple[Renamed, ...] = ()
    left_over: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    labels_source: str = ""
    preprocessing: dict[str, Any] | None = None
    verdicts: tuple[Verdict, ...] = ()
    claims: dict[str, str] | None = None
    notes: tuple[str, ...] = ()
    outline: NetworkOutline | None = None

    def verdict(self, question: str) -> Verdict | None:
        """The answer to one question, if it came up."""
        return next((verdict for verdict in self.verdicts if verdict.question == question), None)

    def as_json(self) -> dict[str, Any]:
        """Everything but the outline, as `json.dumps` takes it."""
        table = asdict(self)
        del table["outline"]
        for given, verdict in zip(table["verdicts"], self.verdicts, strict=True):
            given["margin"] = verdict.margin
        return table


@dataclass(frozen=True)
class Inspection:
    """What the engine says of a file: the report, and what its network says of a sample picture.

    Attributes:
        report: What the checkpoint doctor says.
        guesses: The first classification: (class name, probability) of the sample picture, the likeliest first.
        trouble: Why there is none, where the file was accepted all the same; else "".
        seconds: How long it took.
    """

    report: Report
    guesses: tuple[tuple[str, float], ...] = ()
    trouble: str = ""
    seconds: float = 0.0
