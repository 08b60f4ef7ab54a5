"""A checkpoint's report, a card and a download's progress, as lines on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.zoo.cards import Card
    from app.zoo.download import Progress
    from app.zoo.report import Inspection
    from app.zoo.verdict import Verdict

_MOST_KEYS = 12


def report_lines(inspection: Inspection) -> list[str]:
    """What the checkpoint doctor says, for people."""
    report = inspection.report
    lines = [f"{report.file}: {report.format}, {report.bytes / 2**20:.1f} MiB"]
    lines += [f"  weights in: {report.table}"] if report.table else []
    if not report.accepted:
        lines += [f"Refused: {report.refusal}.", f"  {report.remedy}"]
        lines += _listed("It would have run or imported", report.would_run)
        lines += _listed("Keys that break the pattern", report.odd_keys)
        return lines
    lines.append(f"{report.title}: {report.classes:,} classes, {report.parameters:,} parameters")
    options = ", ".join(f"{name} {value}" for name, value in (report.options or {}).items())
    lines.append(f"  {report.family} {report.architecture}" + (f" ({options})" if options else ""))
    for verdict in report.verdicts:
        lines += _verdict_lines(verdict)
    lines.append(
        f"Keys: {report.matched} as they are, {len(report.renamed)} renamed, {len(report.left_over)} left over, "
        f"{len(report.made)} made"
    )
    lines += _listed("Left over", report.left_over)
    lines += _listed("Made", tuple(f"{one.name}: {one.change}" for one in report.made))
    named = ", ".join(report.labels[:6]) + (" …" if len(report.labels) > 6 else "")
    lines.append(f"Classes ({report.labels_source}): {named}")
    lines += [f"The author writes: {key} {value}" for key, value in (report.claims or {}).items()]
    lines += [f"Note: {note}" for note in report.notes]
    guesses = ", ".join(f"{name} {share:.1%}" for name, share in inspection.guesses)
    lines.append(f"The sample picture of a cat: {guesses or inspection.trouble}")
    return lines


def _verdict_lines(verdict: Verdict) -> list[str]:
    margin = f", the next best {verdict.margin:.2f} times worse" if verdict.margin is not None else ""
    lines = [f"{verdict.question}: {verdict.answer} [{verdict.sureness}{margin}; {verdict.why}]"]
    return lines + [f"    {score:8.4f}  {answer}" for answer, score in verdict.ranking]


def _listed(title: str, keys: tuple[str, ...]) -> list[str]:
    if not keys:
        return []
    more = [f"    … and {len(keys) - _MOST_KEYS} more"] if len(keys) > _MOST_KEYS else []
    return [f"{title}:", *(f"    {key}" for key in keys[:_MOST_KEYS]), *more]


def card_lines(card: Card) -> list[str]:
    """Everything that a card says."""
    options = ", ".join(f"{name} {value}" for name, value in card.architecture.options.items())
    preprocessing = card.preprocessing
    rows = [
        ("title", card.title),
        ("kind", card.kind),
        ("architecture", f"{card.architecture.name} ({card.architecture.family})"),
        ("options", options),
        ("classes", f"{len(card.labels)}: {', '.join(card.labels[:6])}{' …' if len(card.labels) > 6 else ''}"),
        ("preprocessing", preprocessing.summary),
        ("mean", ", ".join(f"{one:g}" for one in preprocessing.mean)),
        ("deviation", ", ".join(f"{one:g}" for one in preprocessing.deviation)),
        ("parameters", f"{card.parameters:,}" if card.parameters else ""),
        ("multiply-adds", f"{card.gflops:.3f} G" if card.gflops else ""),
        ("size", f"{card.weights.mebibytes:.1f} MiB" if card.weights.mebibytes else ""),
        ("weights", f"{card.weights_path}{'' if card.available else ' (not here)'}"),
        ("address", card.weights.url),
        ("sha256", card.weights.sha256),
        ("data", card.training.data),
        ("trained by", card.training.command),
        ("date", card.training.date),
        *(("accuracy", _accuracy(one)) for one in card.accuracy),
        ("source", card.source),
        ("licence", card.licence),
        ("limits", card.limits),
    ]
    return [card.id, *(f"  {name:14} {text}" for name, text in rows if text)]


def _accuracy(one: object) -> str:
    from app.zoo.cards import Accuracy

    assert isinstance(one, Accuracy)
    top5 = f", {one.top5:.3f} % top-5" if one.top5 is not None else ""
    interval = f" (95 % interval {one.interval[0]:.2f} to {one.interval[1]:.2f})" if one.interval else ""
    pictures = f", {one.pictures:,} pictures" if one.pictures else ""
    return f"{one.top1:.3f} % top-1{interval}{top5} on {one.data}{pictures}; {one.origin}: {one.command or one.source}"


class ProgressLine:
    """A download's progress on one line of standard error; nothing where that is no terminal but the end."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown = False
        self._tenth = -1

    def show(self, progress: Progress) -> None:
        """Say how far it is; on a terminal in place, elsewhere a line for every tenth."""
        text = progress_text(progress)
        if self.terminal:
            click.echo(f"\r\x1b[K{self.card.id}: {text}", err=True, nl=False)
            self._shown = True
            return
        tenth = int(10 * progress.done / progress.total) if progress.total else 0
        if tenth > self._tenth:
            self._tenth = tenth
            click.echo(f"{self.card.id}: {text}", err=True)

    def end(self) -> None:
        """Leave the line."""
        if self._shown:
            click.echo(err=True)
            self._shown = False


def progress_text(progress: Progress) -> str:
    """“34.1 of 97.8 MiB, 35 %, 5.2 MiB/s, 12 s left”."""
    if progress.waiting:
        return "another process downloads it; waiting"
    parts = [f"{progress.done / 2**20:.1f} MiB"]
    if progress.total:
        parts = [f"{progress.done / 2**20:.1f} of {progress.total / 2**20:.1f} MiB"]
        parts.append(f"{progress.done / progress.total:.0%}")
    if progress.speed:
        parts.append(f"{progress.speed / 2**20:.1f} MiB/s")
    if (left := progress.seconds_left) is not None and progress.total and progress.done < progress.total:
        parts.append(f"{left:.0f} s left" if left < 90 else f"{left / 60:.0f} min left")
    return ", ".join(parts)
