"""A run from its first step, or from its checkpoint, to its end: the loop, and everything around it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from app.core.errors import RunError, TrainingError
from app.runs.folder import SUMMARY, write_json
from app.runs.records import Evaluation, StepRow
from app.runs.status import Pulse
from app.runs.store import RunWriter
from app.training import branches, checkpoint, memory, not_finite, random_numbers, warm_up
from app.training.batches import BatchStream, DevicePictures
from app.training.checkpoint import Progress
from app.training.distributed import Ranks
from app.training.gradient_flow import GradientFlow
from app.training.recorder import STEPS_TOGETHER, Recorder
from app.training.trainer import Trainer
from app.training.wishes import Wishes

CHECKPOINT_SECONDS = 30.0
LOOK_SECONDS = 0.3
_PAUSE_LOOK = 0.2

Outcome = Literal["finished", "stopped"]
Report = Callable[[dict[str, Any]], None]
"""Told what happens, as plain records: {"event": "step" | "evaluation" | …, …}."""


class _StopAsked(Exception):
    """Somebody asked the run to stop."""


class Session:
    """Trains, and keeps the run's folder.

    Args:
        trainer: At its beginning.
        stream: Of the training pictures, at its beginning.
        test: This process's share of the test pictures.
        test_count: How many test pictures there are, over all processes.
        folder: The run's; written by the first process alone.
        pulse: The run's heartbeat; None but in the first process.
        ranks: This process among the others.
        report: Told what happens.
        stop: Whether this process was asked to end (a signal).
        measure: Whether to measure blocks.

    Attributes:
        progress: What a checkpoint holds beside tensors.
    """

    def __init__(
        self,
        trainer: Trainer,
        stream: BatchStream,
        test: DevicePictures,
        *,
        test_count: int,
        folder: Path,
        pulse: Pulse | None,
        ranks: Ranks,
        report: Report,
        stop: Callable[[], bool] = lambda: False,
        measure: bool = True,
    ) -> None:
        self.trainer = trainer
        self.stream = stream
        self.progress = Progress(threads=torch.get_num_threads())
        self._test = test
        self._test_count = test_count
        self._folder = folder
        self._pulse = pulse
        self._ranks = ranks
        self._report = report
        self._wishes = Wishes(folder, pulse=pulse, ranks=ranks, stop=stop)
        together = trainer.device.type == "cuda"
        self._flow = GradientFlow(trainer.network, trainer.outline, together=together) if measure else None
        self._recorder = Recorder(self._flow, device=trainer.device, batch=trainer.experiment.batch, ranks=ranks)
        self._writer: RunWriter | None = None
        self._clock_start = 0.0
        self._attempt_start = 0.0
        self._next_checkpoint = 0.0
        self._next_look = 0.0

    def run(self, *, resumed: bool, notices: Sequence[str] = ()) -> Outcome:
        """Train to the end, or until somebody asks to stop.

        Args:
            resumed: Go on from the folder's checkpoint; else write the first one.
            notices: What the user should know from the start.

        Raises:
            TrainingError: where a number is no longer finite, or memory does not suffice.
            RunError: where the folder cannot be written.
        """
        random_numbers.begin(self.trainer.experiment.seed, rank=self._ranks.rank)
        if resumed:
            self._go_back()
        elif self._ranks.first:
            checkpoint.save(self._folder, self.trainer, self.stream.state(), self.progress)
        if self._ranks.first:
            self._writer = RunWriter(self._folder, from_step=self.trainer.step)
        try:
            self._event("resumed" if resumed else "started", f"At step {self.trainer.step} of {self.trainer.steps}.")
            for notice in notices:
                self._event("notice", notice)
            outcome = self._train_whatever_the_memory()
        except RunError:
            if self._writer is not None:
                self._writer.abandon()
            raise
        except BaseException:
            if self._writer is not None:
                self._writer.close()
            raise
        if self._writer is not None:
            self._writer.close()
        return outcome

    def _train_whatever_the_memory(self) -> Outcome:
        while True:
            try:
                self._train()
                self._finish()
                return "finished"
            except _StopAsked:
                self._flush(wait=True)
                self._save()
                self._event("stopped", "Somebody asked for it.")
                return "stopped"
            except RuntimeError as error:
                if not memory.is_full(error):
                    raise
                smaller = memory.smaller_pieces(self.trainer, error, alone=self._ranks.world == 1)
            self._go_back_to_compute(smaller)  # here, where the error no longer holds the step's activations

    def _train(self) -> None:
        trainer = self.trainer
        trainer.learn()
        self._update_status(state="running", message="", step=trainer.step, steps=trainer.steps)
        self._start_clock()
        self._attempt_start = self.progress.seconds
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        self._heed()
        if self._flow is None:
            self._loop()
            return
        with self._flow:
            self._loop()

    def _loop(self) -> None:
        trainer, stream = self.trainer, self.stream
        if trainer.step and self._evaluation_is_due():
            self._evaluate()  # the run was stopped just before
        while trainer.step < trainer.steps:
            pixels, labels = stream.next()
            rate = trainer.rate
            result = trainer.train_step(pixels, labels, self._flow)
            self._recorder.add(result, step=trainer.step, epoch=stream.epoch, rate=rate, seconds=self._seconds())
            if self._recorder.due:
                self._flush(wait=False)
            if trainer.warming and stream.at_epoch_end:
                self._flush(wait=True)
                self._end_warm_up()
            if self._look_is_due():
                self._heed()
            if self._evaluation_is_due():
                self._flush(wait=True)
                self._evaluate()
            if self._checkpoint_is_due():
                self._flush(wait=True)
                self._save()
        self._flush(wait=True)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _flush(self, *, wait: bool) -> None:
        """Write the rows that have arrived, and look whether they are finite."""
        rows = self._recorder.fetch(wait=wait)
        if not rows:
            return
        bad = next((place for place, row in enumerate(rows) if not self._is_finite(row)), None)
        if bad is not None:
            rows = rows[: bad + 1]
        if self._writer is not None:
            self._writer.extend(rows)
        for row in rows:
            self.progress.loss_sum += row.loss
            self.progress.wrong_sum += row.error
            if self.trainer.warming:
                warm_up.count(self.progress, row.error)
        self.progress.counted += len(rows)
        self._report_row(rows[-1])
        if bad is not None:
            self._stop_not_finite(rows[bad])

    def _is_finite(self, row: StepRow) -> bool:
        # With float16 a step whose gradient overflows is left out and the loss scaled down: only the loss counts.
        numbers = [row.loss]
        if row.update_ratio is not None and self.trainer.experiment.precision != "float16":
            numbers.append(float(row.update_ratio.sum()))
        return bool(torch.isfinite(torch.tensor(numbers)).all())

    def _report_row(self, row: StepRow) -> None:
        left = self.trainer.steps - row.step
        seconds_left = left * self.trainer.experiment.batch / row.speed if row.speed else -1.0
        self._update_status(
            step=row.step,
            speed=row.speed,
            seconds_left=seconds_left,
            loss=_told(row.loss),
            train_error=_told(row.error),
            measuring=self._measuring_share(),
        )
        self._report(
            {
                "event": "step",
                "step": row.step,
                "steps": self.trainer.steps,
                "epoch": row.epoch,
                "loss": row.loss,
                "error": row.error,
                "rate": row.rate,
                "speed": row.speed,
                "seconds_left": seconds_left,
            }
        )

    # -- evaluation, checkpoints, the end ------------------------------------------------------------------------------

    def _evaluation_is_due(self) -> bool:
        every, step = self.trainer.experiment.evaluate_every, self.trainer.step
        return step == self.trainer.steps or (step % every == 0 if every else self.stream.at_epoch_end)

    def _evaluate(self) -> None:
        if self.progress.evaluation.get("step") == self.trainer.step:
            return
        seconds = self._stop_clock()
        sums = self._ranks.add_up(torch.stack(self.trainer.evaluate(self._test)))
        loss, wrong = (float(number) for number in sums)
        counted = max(1, self.progress.counted)
        row = Evaluation(
            self.trainer.step,
            self.stream.epoch,
            self.progress.loss_sum / counted,
            self.progress.wrong_sum / counted,
            loss / self._test_count,
            100 * wrong / self._test_count,
            seconds,
        )
        self.progress.loss_sum = self.progress.wrong_sum = 0.0
        self.progress.counted = 0
        self.progress.evaluation = vars(row).copy()
        if self._writer is not None:
            self._writer.evaluated(row)
        self._update_status(train_error=_told(row.train_error), test_error=_told(row.test_error))
        self._report({"event": "evaluation", **vars(row)})
        self._start_clock()

    def _end_warm_up(self) -> None:
        """Once an epoch's rows have arrived, whose errors are sums over all processes: each decides alike."""
        if warm_up.is_over(self.progress, self.stream.batches_per_epoch):
            self.trainer.warming = False
            self._event("rate", warm_up.OVER)

    def _checkpoint_is_due(self) -> bool:
        late = time.monotonic() > self._next_checkpoint
        if self._ranks.world > 1:  # everybody at the same step: rows travel together
            late = self.trainer.step % 500 == 0
        return late or (self.stream.at_epoch_end and not self.trainer.experiment.evaluate_every)

    def _save(self) -> None:
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        if self._ranks.first:
            self.progress.seconds = self._stop_clock()
            checkpoint.save(self._folder, self.trainer, self.stream.state(), self.progress)
            self._start_clock()

    def _finish(self) -> None:
        self._evaluate()
        self._save()
        self._measure_branches()
        if not self._ranks.first:
            return
        checkpoint.save_weights(self._folder, self.trainer)
        summary = {
            "steps": self.trainer.step,
            "epochs": self.stream.epoch,
            "seconds": self.progress.seconds,
            "pictures_per_second": self.trainer.step * self.trainer.experiment.batch / max(self.progress.seconds, 1e-9),
            "parameters": self.trainer.outline.parameters,
            "micro_batch": self.trainer.micro_batch,
            "test_pictures": self._test_count,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        figures = ("train_loss", "train_error", "test_loss", "test_error")
        summary |= {name: self.progress.evaluation[name] for name in figures}
        write_json(self._folder / SUMMARY, summary)
        self._event("finished", f"{self.trainer.step} steps.")

    def _measure_branches(self) -> None:
        if not self._ranks.first or self._writer is None:
            return
        ratios = branches.measured(self.trainer, self._test)
        if ratios is None:
            self._event("notice", "The branches were not measured: memory does not suffice for it.")
        else:
            self._writer.branches(self.trainer.step, ratios)

    # -- wishes --------------------------------------------------------------------------------------------------------

    def _heed(self) -> None:
        """Do what was asked for by files in the folder or a signal; notice that the folder is gone."""
        self._next_look = time.monotonic() + LOOK_SECONDS
        paused = False
        while True:
            asked = self._wishes.look(self.trainer.device)
            if "measure" in asked:
                self._measure_branches()
                self._wishes.grant("measure")
            if "stop" in asked:
                if paused:
                    self._start_clock()  # or the pause would count as training
                self._wishes.grant("stop", "pause")
                raise _StopAsked
            if ("pause" in asked) != paused:
                paused = not paused
                self._turn_pause(paused)
            if not paused:
                return
            time.sleep(_PAUSE_LOOK)

    def _look_is_due(self) -> bool:
        if self._ranks.world > 1:  # everybody at the same step
            return self.trainer.step % STEPS_TOGETHER == 0
        return time.monotonic() > self._next_look

    def _turn_pause(self, paused: bool) -> None:
        if paused:
            self._flush(wait=True)
            self._save()
            self._stop_clock()
            self._event("paused", "Somebody asked for it.")
            self._update_status(state="paused", speed=0.0)
        else:
            self._event("continued", "")
            self._update_status(state="running")
            self._start_clock()

    # -- faults --------------------------------------------------------------------------------------------------------

    def _go_back(self) -> None:
        """Go to the last checkpoint."""
        stream, self.progress = checkpoint.load(self._folder, self.trainer)
        self.stream.restore(stream)
        self._recorder.forget()
        if not self._ranks.first:  # the checkpoint has the first process's
            random_numbers.begin(self.trainer.experiment.seed, rank=self._ranks.rank, step=self.trainer.step)

    def _go_back_to_compute(self, smaller: int) -> None:
        before = self.trainer.micro_batch
        memory.give_back(self.trainer)
        self._go_back()
        self.trainer.micro_batch = smaller
        if self._writer is not None:
            self._writer.close()
        self._writer = RunWriter(self._folder, from_step=self.trainer.step)
        self._event("memory", memory.told(self.trainer.experiment, before, smaller))

    def _stop_not_finite(self, row: StepRow) -> None:
        """Find the block, say so, and stop; the last checkpoint is from before.

        Raises:
            TrainingError: always.
        """
        block = self._find_not_finite(row.step) or not_finite.updated_block(row, self.trainer.outline)
        where = f" The first block with such numbers is {block}." if block else ""
        what = f"At step {row.step} the loss was {row.loss:g} and numbers were no longer finite.{where}"
        self._event("not finite", what, step=row.step, block=block)
        deep = "fewer layers" if self.trainer.experiment.norm == "batch" else "batch normalisation"
        raise TrainingError(what, f"Step {self.progress.step} is kept. Try a lower learning rate, clipping, or {deep}.")

    def _find_not_finite(self, step: int) -> str:
        """Go back to the last checkpoint and to the step before, and look at every block."""
        if self._ranks.world > 1:
            return ""
        pieces = self.trainer.micro_batch  # perhaps fewer than at the checkpoint, since memory did not suffice
        self._go_back()
        self.trainer.micro_batch = pieces
        return not_finite.found_again(self.trainer, self.stream, step, self._flow)

    # -- small things --------------------------------------------------------------------------------------------------

    def _event(self, kind: str, text: str, *, step: int | None = None, block: str = "") -> None:
        step = self.trainer.step if step is None else step
        if self._writer is not None:
            self._writer.happened(step, kind, text, block=block)
        self._report({"event": kind, "step": step, "text": text, "block": block})

    def _update_status(self, **changes: object) -> None:
        if self._pulse is not None:
            self._pulse.update(**changes)

    def _measuring_share(self) -> float:
        """Of this attempt's training time; see `Status.measuring`."""
        trained = self._seconds() - self._attempt_start
        if self._flow is None or self.trainer.device.type != "cpu" or trained <= 0:
            return -1.0
        return self._flow.seconds / trained

    def _seconds(self) -> float:
        return self.progress.seconds + time.monotonic() - self._clock_start

    def _start_clock(self) -> None:
        self._clock_start = time.monotonic()
        self._recorder.started(self.progress.seconds)

    def _stop_clock(self) -> float:
        self.progress.seconds = self._seconds()
        self._clock_start = time.monotonic()
        return self.progress.seconds


def _told(number: float) -> float:
    """A number for the status file, which is JSON and has no NaN."""
    return number if math.isfinite(number) else -1.0
