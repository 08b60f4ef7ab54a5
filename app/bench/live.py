"""Live mode: a window that follows a video at 30 frames per second, ResNet-18 or ResNet-50 with Grad-CAM behind it.

With ResNet-18 the source may be the limit; with ResNet-50 on two cores it is the processor.

The rates are compared with bare forwards of the same network on the same share of the processor: while the window
shows the same video and asks nothing, this process runs forwards as torchvision hands the network out.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.bench.harness import BenchResult, benches, choices, skipped
from app.core.errors import ExplorerError

ARCHITECTURE = "resnet18"
ARCHITECTURES = ((ARCHITECTURE, "ResNet-18"), ("resnet50", "ResNet-50"))
RATE = 30
SIZE = (640, 480)
VIDEO_SECONDS = 20
ROUNDS = 5
SECONDS = 6.0  # of each way, in each round


@benches.register("live")
def live() -> Sequence[BenchResult]:
    """Rates and latency."""
    return [result for architecture, title in ARCHITECTURES for result in _followed(architecture, title)]


def _followed(architecture: str, title: str) -> list[BenchResult]:
    import torch

    from app.bench.subjects import random_network

    name = "live"
    network, _ = random_network(architecture)
    picture = torch.randn(1, 3, 224, 224)
    shown: list[float] = []
    ratios: list[float] = []
    answers: list[float] = []
    bare: list[float] = []
    milliseconds: list[float] = []
    latencies: list[float] = []
    late: list[float] = []
    dropped = 0
    with _probe(network) as order:
        order("watch 3")
        for number in range(ROUNDS):
            told: dict[str, Any] = {}
            for way in ("watch", "bare") if number % 2 == 0 else ("bare", "watch"):
                if way == "watch":
                    told = order(f"watch {SECONDS}")
                else:
                    bare.append(order(f"play {SECONDS}", lambda: _forwards(network, picture, SECONDS)))
            shown.append(told["shown"])
            answers.append(told["classified"])
            milliseconds.append(told["milliseconds"])
            # Where forwards are quicker than the source, every picture can be asked about once, and no more.
            ratios.append(told["classified"] / min(bare[-1], told["shown"]))
            dropped += told["dropped"]
            ordered = sorted(told["latencies"])
            latencies.append(ordered[math.ceil(0.95 * len(ordered)) - 1])
            late.append(1000 * latencies[-1] / (1.5 * told["milliseconds"] + 1000 / RATE))
    rates = f"answers {statistics.median(answers):.1f}, bare forwards {statistics.median(bare):.1f} per second"
    allowed = 1.5 * statistics.median(milliseconds) + 1000 / RATE
    waits = f"{1000 * statistics.median(latencies):.0f} ms against 1.5 × {statistics.median(milliseconds):.0f} ms + "
    waits += f"{1000 / RATE:.0f} ms = {allowed:.0f} ms; medians of {ROUNDS} rounds of {SECONDS:g} s"
    painted = f"{dropped} dropped of {round(ROUNDS * SECONDS * RATE)}"
    return [
        BenchResult(
            name, f"pictures shown, source at 30, {title}", statistics.median(shown), "per s", 29.0, "at least", painted
        ),
        BenchResult(
            name,
            f"answers (class and map), {title}, against bare forwards on the same share of the processor"
            + (", or the source's rate" if statistics.median(bare) > RATE else ""),
            statistics.median(ratios),
            "×",
            0.9,
            "at least",
            rates,
        ),
        BenchResult(
            name,
            f"picture to painted heatmap, {title}, p95, against 1.5 predictions-and-maps + one frame",
            statistics.median(late),
            "×",
            1.0,
            detail=waits,
        ),
    ]


@benches.register("live-soak")
def soak() -> Sequence[BenchResult]:
    """Memory over minutes (`--minutes`), and what is left after the end."""
    from app.bench.subjects import random_network

    name = "live-soak"
    try:
        import psutil  # noqa: F401
    except ImportError:
        return skipped(name, "live mode for minutes", "install the extra “bench”")
    minutes = choices.minutes
    with _probe(random_network(ARCHITECTURE)[0]) as order:
        told = order(f"soak {60 * minutes:g}")
    # Lanes of the window's own background threads begin when they are first used, and serve until its end.
    lanes = sum(one.startswith("window-") for one in told["names"])
    left = max(told["threads"] - lanes, len(told["names"]) - lanes)
    figures = [
        (f"the {process}'s memory grew in {minutes:g} minutes", told[process], "MB", 20.0, f"to {memory:.0f} MB")
        for process, memory in zip(("window", "engine"), told["memory"], strict=True)
    ]
    figures += [
        (f"{what} left after the end", float(count), "", 0.0, f"{told['shown']} shown, {told['classified']} answered")
        for what, count in (("threads", left), ("handles", told["handles"]), ("timers", told["timers"]))
    ]
    return [BenchResult(name, what, value, unit, bar, detail=detail) for what, value, unit, bar, detail in figures]


def _forwards(network: Any, picture: Any, seconds: float) -> float:
    """Bare eager forwards per second, over so many seconds."""
    import torch

    count = 0
    time.sleep(0.5)  # the window has heard its order
    with torch.inference_mode():
        network(picture)
        start = time.perf_counter()
        while (taken := time.perf_counter() - start) < seconds:
            network(picture)
            count += 1
    return count / taken


@contextlib.contextmanager
def _probe(network: Any) -> Iterator[Any]:
    """A window of its own that follows orders: `order(text, meanwhile)` gives its answer, or meanwhile's."""
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        model, video = Path(folder) / "model.safetensors", Path(folder) / "video.avi"
        save_file({key: value.contiguous() for key, value in network.state_dict().items()}, model)
        write_video(video)
        environment = {**os.environ, "RESNET_EXPLORER_HOME": folder}
        if sys.platform.startswith("linux") and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
            environment["QT_QPA_PLATFORM"] = "offscreen"
        command = [sys.executable, "-m", "app.ui.live.probe", str(video), str(model)]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            stdin, stdout = process.stdin, process.stdout
            assert stdin is not None and stdout is not None

            def answer() -> dict[str, Any]:
                line = stdout.readline()
                if not line:
                    trouble = process.communicate()[1].strip()[-500:]
                    raise ExplorerError(f"The window told nothing: {trouble}", "Look into the log.")
                told: dict[str, Any] = json.loads(line)
                return told

            def order(text: str, meanwhile: Any = None) -> Any:
                stdin.write(f"{text}\n")
                stdin.flush()
                result = meanwhile() if meanwhile is not None else None
                told = answer()
                return told if meanwhile is None else result

            try:
                answer()
                yield order
            finally:
                stdin.close()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()


def write_video(path: Path) -> None:
    """Moving shapes on a moving ground, 640 × 480 at 30 per second, as Motion JPEG: what webcams send."""
    import numpy as np

    from app.sources.opencv import opencv

    cv2 = opencv()
    width, height = SIZE
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"MJPG"), RATE, SIZE)
    ground = cv2.resize(
        np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8), SIZE, interpolation=cv2.INTER_CUBIC
    )
    for number in range(RATE * VIDEO_SECONDS):
        picture = np.roll(ground, 2 * number, axis=1)
        angle = 2 * math.pi * number / (4 * RATE)
        place = (round(width / 2 + 150 * math.cos(angle)), round(height / 2 + 120 * math.sin(angle)))
        cv2.circle(picture, place, 90, (40, 80, 220), -1)
        writer.write(picture)
    writer.release()
