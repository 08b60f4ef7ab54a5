"""How much the layers of a network respond, over many pictures: what figure 7 of He et al. 2015 shows. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from app.core.errors import DataError
from app.core.files import write_text

SUFFIX = ".responses.json"


@dataclass(frozen=True)
class LayerResponse:
    """One layer's response: its output after batch norm, before nonlinearity and addition.

    Attributes:
        path: Of the convolution.
        kernel: Its side: 3 for 3×3.
        deviation: Standard deviation over pictures, channels and places.
    """

    path: str
    kernel: int
    deviation: float


@dataclass(frozen=True)
class ResponseRecord:
    """The responses of one network.

    Attributes:
        model: Its reference.
        title: Of the model.
        residual: Whether its blocks have shortcuts.
        data: What the pictures were taken from, the name alone.
        pictures: How many.
        layers: In the order of the network; shortcuts' convolutions are left out.
        date: When it was measured, UTC, ISO 8601; "" where nobody wrote it down.
        device: On which.
        command: Which command does the same, with the paths of this machine for a model of the user's.
    """

    model: str
    title: str
    residual: bool
    data: str
    pictures: int
    layers: tuple[LayerResponse, ...]
    date: str = ""
    device: str = ""
    command: str = ""

    @property
    def of_figure_7(self) -> tuple[LayerResponse, ...]:
        """The 3×3 layers, which are the ones that the paper's figure shows."""
        return tuple(layer for layer in self.layers if layer.kernel == 3)

    @property
    def mean(self) -> float:
        """Of the 3×3 layers' deviations; NaN where there is none."""
        layers = self.of_figure_7
        return sum(layer.deviation for layer in layers) / len(layers) if layers else float("nan")


def response_table(records: tuple[ResponseRecord, ...]) -> str:
    """Markdown: of each network the mean, the median, the least and the greatest of its 3×3 layers."""
    lines = [
        "| network | 3×3 layers | mean deviation | median | least | greatest | pictures |",
        "|---|---|---|---|---|---|---|",
    ]
    for record in records:
        values = sorted(layer.deviation for layer in record.of_figure_7)
        if not values:
            continue
        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        lines.append(
            f"| {record.title} | {len(values)} | {record.mean:.3f} | {middle:.3f} | {values[0]:.3f} | {values[-1]:.3f} "
            f"| {record.pictures:,} |"
        )
    return "\n".join(lines)


def write_responses(folder: Path, record: ResponseRecord, *, reference: str = "", data: Path | None = None) -> Path:
    """Keep a record in a folder, in place of an earlier one of the same model and data; its file.

    Args:
        reference: The model's, in full where it is a file: many are called best.pth, and many folders val. With `data`
            it tells the record's file from theirs; without, the file has the names alone, as those of the program.
        data: Where the pictures are.

    Raises:
        DataError: where it cannot be written.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", f"{Path(record.model).name} {record.data}".lower()).strip("-")
    plain = folder / f"{slug}{SUFFIX}"
    path = plain
    if reference and data is not None:
        what = f"{reference}\n{data.resolve()}".encode("utf-8", "surrogatepass")
        path = folder / f"{slug}-{hashlib.sha256(what).hexdigest()[:8]}{SUFFIX}"
    try:
        write_text(path, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).", "Make room on the disk.") from error
    if path != plain and _is_earlier(plain, record, reference):
        with contextlib.suppress(OSError):  # then it is shown beside the new one, as another's is
            plain.unlink(missing_ok=True)
    return path


def _is_earlier(path: Path, record: ResponseRecord, reference: str) -> bool:
    """Whether the file with the names alone, as all had once, is of the same model and data as far as it says."""
    try:
        other = read_responses(path) if path.is_file() else None
    except DataError:
        return False
    if other is None or (other.model, other.data) != (record.model, record.data):
        return False
    said = Path(other.command.removeprefix("python main.py anatomy ").partition(" --responses")[0]).parts
    return not other.command or Path(reference).parts[-len(said) :] == said


def read_responses(path: Path) -> ResponseRecord:
    """The record in a file.

    Raises:
        DataError: where it cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        layers = tuple(
            LayerResponse(str(layer["path"]), int(layer["kernel"]), float(layer["deviation"]))
            for layer in values.pop("layers")
        )
        return ResponseRecord(**values, layers=layers)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no record of responses ({error}).", "Delete it, and measure again.") from error


def list_responses(*folders: Path) -> tuple[tuple[ResponseRecord, ...], tuple[DataError, ...]]:
    """Every record in these folders, by name, and a complaint for each file that is none. A later folder's record
    takes the place of an earlier one's of the same model and data, whose names are compared: what comes with the
    program says no more."""
    found: dict[str, ResponseRecord] = {}
    problems: list[DataError] = []
    for folder in folders:
        own: dict[str, ResponseRecord] = {}
        for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
            try:
                own[path.name] = read_responses(path)
            except DataError as problem:
                problems.append(problem)
        measured = {(one.model, one.data) for one in own.values()}
        found = {name: one for name, one in found.items() if (one.model, one.data) not in measured} | own
    return tuple(found[name] for name in sorted(found)), tuple(problems)
