"""One thing that the checkpoint doctor inferred, and how surely. Plain data: the window reads it without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sureness = Literal["sure", "likely", "unsure"]


@dataclass(frozen=True)
class Verdict:
    """One question, decided.

    Attributes:
        question: "normalisation", "shortcut", "stem", "stride", "projection".
        answer: In words.
        sureness: How surely.
        why: What decided.
        ranking: Every answer that was tried with its disagreement in nats, best first; empty where none was tried.
        others: Further answers that the user may choose, which were not tried.
    """

    question: str
    answer: str
    sureness: Sureness
    why: str
    ranking: tuple[tuple[str, float], ...] = ()
    others: tuple[str, ...] = ()

    @property
    def offered(self) -> tuple[str, ...]:
        """Every answer that the user may choose, the best first; empty where there is no choice."""
        answers = dict.fromkeys((*(answer for answer, _ in self.ranking), self.answer, *self.others))
        return tuple(answers) if len(answers) > 1 else ()

    @property
    def margin(self) -> float | None:
        """How many times worse the second-best answer agrees than the best."""
        if len(self.ranking) < 2:
            return None
        return self.ranking[1][1] / max(self.ranking[0][1], 1e-6)
