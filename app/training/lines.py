"""What a trainer says on its standard output: sentences for people, or one JSON document a line for programs."""

from __future__ import annotations

import json
import logging
import math
import sys
import time
from dataclasses import dataclass, replace
from typing import Any

log = logging.getLogger(__name__)

SECONDS_BETWEEN_STEPS = 10.0


@dataclass
class Lines:
    """Prints records; a `Report`.

    Attributes:
        as_json: One JSON document a line.
        run: Which of several runs speaks.
        quiet: Whether nothing is printed.
        next_step: When to print a step again.
    """

    as_json: bool
    run: str = ""
    quiet: bool = False
    next_step: float = 0.0

    def named(self, name: str) -> Lines:
        """The same for one of several runs."""
        return replace(self, run="/".join(part for part in (self.run, name) if part))

    def silent(self) -> Lines:
        """One that prints nothing: for all processes but the first."""
        return replace(self, quiet=True)

    def __call__(self, record: dict[str, Any]) -> None:
        """Print a record. Where nobody reads any more, training goes on in silence."""
        if self.quiet or (record["event"] == "step" and not self._step_is_due()):
            return
        text = self._json(record) if self.as_json else _sentence(record)
        if not text:
            return
        prefix = f"{self.run}: " if self.run and not self.as_json else ""
        try:
            sys.stdout.write(f"{prefix}{text}\n")  # in one piece: twins share the stream
            sys.stdout.flush()
        except OSError as error:
            log.info("nobody reads what is printed: %s", error)
            self.quiet = True

    def _step_is_due(self) -> bool:
        """People need not read of every step."""
        now = time.monotonic()
        if not self.as_json and now < self.next_step:
            return False
        self.next_step = now + SECONDS_BETWEEN_STEPS
        return True

    def _json(self, record: dict[str, Any]) -> str:
        plain = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in record.items()
        }
        return json.dumps({"run": self.run} | plain, ensure_ascii=False)


def _sentence(record: dict[str, Any]) -> str:
    match record["event"]:
        case "step":
            return (
                f"step {record['step']} of {record['steps']}: loss {record['loss']:.4f}, "
                f"error {record['error']:.1f} %, {record['speed']:.0f} pictures/s, {_time_left(record['seconds_left'])}"
            )
        case "evaluation":
            return (
                f"epoch {record['epoch']}: loss {record['train_loss']:.4f}, train error {record['train_error']:.2f} %, "
                f"test error {record['test_error']:.2f} %"
            )
        case "preparing":
            return str(record["text"]) if record["done"] == 0 else ""
        case "failed":
            return f"{record['text']} {record.get('remedy', '')}".strip()
        case kind:
            return f"{kind}: {record['text']}" if record["text"] else str(kind)


def _time_left(seconds: float) -> str:
    if seconds < 0:
        return "no estimate yet"
    if seconds < 90:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 5400 else f"{seconds / 3600:.1f} h left"
