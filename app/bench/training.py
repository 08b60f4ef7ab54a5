"""The bars of the Lab: what measuring costs, whether the loop is as fast as a bare one, twins, the run store, depth."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from app import paths
from app.bench.harness import BenchResult, benches, in_turns, skipped
from app.core.errors import ExplorerError

DEPTH, BATCH, ROUNDS = 56, 128, 30
TWIN_STEPS, TWIN_ROUNDS = 40, 3


@benches.register("lab-step")
def lab_step() -> Sequence[BenchResult]:
    """A training step of ResNet-56 with every measurement, against the same without; and against a bare loop."""
    import torch

    from app.bench.lab import against_bare, measuring
    from app.training.config import Experiment

    name = "lab-step"
    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    results = []
    for kind in kinds:
        device = torch.device(kind)
        experiment = Experiment(depth=DEPTH, batch=BATCH, data="shapes", device=kind)
        cost = measuring(experiment, device, rounds=ROUNDS)
        detail = f"measured {1000 * cost.ours:.0f} ms, not measured {1000 * cost.other:.0f} ms, {ROUNDS} rounds"
        what = f"a step with every measurement, against none, ResNet-{DEPTH}, {kind}"
        results.append(BenchResult(name, what, cost.ratio, "×", 1.02, detail=detail))
        bare = against_bare(experiment, device, rounds=ROUNDS)
        detail = f"ours {1000 * bare.ours:.0f} ms, bare {1000 * bare.other:.0f} ms a step, {ROUNDS} rounds"
        what = f"pictures per second of our loop, measured, against a bare PyTorch loop, {kind}"
        results.append(BenchResult(name, what, 1 / bare.ratio, "×", 1.0, "at least", detail=detail))
    return results


@benches.register("lab-gpu")
def lab_gpu() -> Sequence[BenchResult]:
    """On a GPU: ResNet-20 as fast as it goes (bfloat16, channels last, CUDA graphs), against a plain eager loop."""
    import torch

    from app.bench.lab import against_plain, measuring
    from app.training.config import Experiment

    name, what = "lab-gpu", "pictures per second, bfloat16 and CUDA graphs, measured, against a plain float32 loop"
    if not torch.cuda.is_available():
        return skipped(name, what, "it needs a GPU of NVIDIA's")
    device = torch.device("cuda")
    experiment = Experiment(depth=20, batch=BATCH, data="shapes", device="cuda", precision="bfloat16", graphs=True)
    fast = against_plain(experiment, device, rounds=ROUNDS)
    detail = f"ours {1000 * fast.ours:.2f} ms, plain {1000 * fast.other:.2f} ms a step of {BATCH}, {ROUNDS} rounds"
    cost = measuring(experiment, device, rounds=ROUNDS)
    of_cost = f"measured {1000 * cost.ours:.2f} ms, not measured {1000 * cost.other:.2f} ms, {ROUNDS} rounds"
    return [
        BenchResult(name, what, 1 / fast.ratio, "×", 2.0, "at least", detail=detail),
        BenchResult(
            name, "a recorded step with every measurement, against none", cost.ratio, "×", 1.02, detail=of_cost
        ),
    ]


@benches.register("lab-twins")
def lab_twins() -> Sequence[BenchResult]:
    """Both twins in one process tree, against one after the other, from the command to the end."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        number = iter(range(10_000))

        def train(*changes: str) -> None:
            words = ["train", "--preset", "first-look", "--run", str(home / f"run-{next(number)}")]
            for change in ("budget_unit=steps", f"budget={TWIN_STEPS}", "device=cpu", *changes):
                words += ["--set", change]
            _run(words, home)

        def together() -> None:
            train("twin=yes")

        def one_by_one() -> None:
            train("twin=no")
            train("twin=no", "shortcut=none")

        timings = in_turns({"together": together, "one by one": one_by_one}, rounds=TWIN_ROUNDS, warm_up=1)
    return [
        BenchResult(
            "lab-twins",
            "both twins at once, against one after the other",
            timings.ratio("together", "one by one"),
            "×",
            1.0,
            detail=timings.summary,
        )
    ]


@benches.register("lab-store")
def lab_store() -> Sequence[BenchResult]:
    """The run store: appending a row for 600 blocks; reading 64,000 steps of 54 blocks."""
    from app.bench.lab import appending, reading

    return [
        BenchResult("lab-store", "append a row for 600 blocks", appending(), "ms", 0.2),
        BenchResult("lab-store", "read 64,000 steps of 54 blocks for a plot", reading(), "s", 0.3),
    ]


@benches.register("lab-deepest")
def lab_deepest() -> Sequence[BenchResult]:
    """A network of 1202 layers: built, a measured step, its memory. In a process of its own: memory is its peak."""
    code = (
        "import json, torch; from app.bench.lab import deepest; "
        "torch.set_num_threads(torch.get_num_threads()); print(json.dumps(deepest(torch.device('cpu'))))"
    )
    import json

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=paths.root(), timeout=900)
    if done.returncode:
        raise ExplorerError(f"The deepest network failed: {done.stderr.strip()[-300:]}", "Look into the log.")
    told = json.loads(done.stdout.strip().splitlines()[-1])
    detail = f"built in {told['build']:.1f} s, a step of 2 pictures in {told['step']:.1f} s"
    return [
        BenchResult("lab-deepest", "1202 layers: build, one measured step", told["step"], "s", 60.0, detail=detail),
        BenchResult("lab-deepest", "1202 layers: memory of the whole process", told["megabytes"], "MB", 4000.0),
    ]


def _run(words: list[str], home: Path) -> None:
    """One training, quiet, in a home of its own that keeps the generated pictures."""
    environment = {**os.environ, "RESNET_EXPLORER_HOME": str(home / "home")}
    done = subprocess.run(paths.program_command(*words), env=environment, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise ExplorerError(f"A training failed: {done.stderr.strip()[-300:] or done.stdout.strip()[-300:]}", "")
    time.sleep(0.1)


@benches.register("lab-window")
def lab_window() -> Sequence[BenchResult]:
    """The page with two living runs of 64,000 steps and 54 blocks: how long a redraw takes, how long it is deaf."""
    from app.ui.lab.probe import page

    told = page()
    detail = f"{told['charts']} charts, two networks and the list; mean {told['mean_redraw']:.1f} ms"
    return [
        BenchResult("lab-window", "everything visible drawn anew", told["redraw"], "ms", 16.0, detail=detail),
        BenchResult("lab-window", "longest time without listening, opening both runs", told["opening"], "ms", 50.0),
        BenchResult("lab-window", "longest time without listening, while rows come", told["living"], "ms", 50.0),
        BenchResult("lab-window", "longest time without listening, while scrubbing", told["scrubbing"], "ms", 50.0),
    ]
