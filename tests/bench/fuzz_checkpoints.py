"""Ten thousand damaged files through the checkpoint doctor, each in a process of its own, with its time and memory.

    python -m tests.bench.fuzz_checkpoints --count 10000 --record fuzz.jsonl

Good files of every format are damaged (`tests.unit.hostile_files.damaged`). Torch is imported once; each variant is
inspected in a fork, so that its memory and processor time are its own and a crash is seen as one. Every variant is one
line of the record; a run that was stopped goes on where it was. Variant n of a seed is always the same: `--only n`.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from app.bench.subjects import random_network
from app.networks.registry import build
from app.zoo.checkpoints import inspect_file
from tests.unit import checkpoint_files as files
from tests.unit import hostile_files as hostile

MOST_SECONDS = 20  # of processor time
MOST_MEMORY = 2 << 30  # beyond what the empty process has


@dataclass(frozen=True)
class Specimen:
    """A good file, or a folder of files, to damage.

    Attributes:
        format: How to call it.
        parts: Bytes by file name; one of them is damaged.
        given: Which file is given to the doctor.
        weight: How often it is taken: those on which answers are tried take a second and more each.
    """

    format: str
    parts: dict[str, bytes]
    given: str
    weight: int = 10


@dataclass(frozen=True)
class Outcome:
    """What became of a variant: how it ended ("accepted", "refused", or a fault), why, and what it took."""

    number: int
    format: str
    ended: str
    reason: str
    seconds: float
    mebibytes: int


FAULTS = ("crashed", "sang", "unclear", "raised", "too slow", "too large")


def specimens(folder: Path) -> list[Specimen]:
    """Every format: small files without statistics, some with statistics (answers are tried on these), larger ones."""
    state = hostile.small_state()
    network = build("cifar", "resnet8", classes=10, options={"shortcut": "B"})
    lively = {
        name: random_network(name, family=family, classes=10, **options)[0]
        for name, family, options in (
            ("resnet8", "cifar", {"shortcut": "A"}),
            ("resnet56", "cifar", {"shortcut": "A"}),
            ("resnet18", "torchvision-resnet", {}),
        )
    }
    found: list[Specimen] = []

    def one(format_: str, file: Path, weight: int = 10) -> None:
        found.append(Specimen(format_, {file.name: file.read_bytes()}, file.name, weight))

    def pickled(format_: str, tree: Any, weight: int = 10, *, legacy: bool = False) -> None:
        file = folder / "x.pth"
        (files.save_legacy if legacy else files.save_zip)(tree, file)
        one(format_, file, weight)

    wraps = files.wrappers()
    pickled("zip pickle", {"state_dict": state}, 20)
    pickled("legacy pickle", {"state_dict": state}, 20, legacy=True)
    for name in ("bare", "lightning", "optimizer beside", "model_ema", "swa averaged"):
        pickled(f"{name}, zip", wraps[name]({f"module.{key}": tensor for key, tensor in state.items()}))
    torch.save({key: tensor.numpy() for key, tensor in state.items()}, folder / "n.pth", pickle_protocol=2)
    one("pickle of arrays", folder / "n.pth")
    one("safetensors", files.save_safetensors(state, folder), 20)
    one("ONNX", files.save_onnx(network, folder, 32), 20)
    one("ONNX, numbered", files.save_onnx(network, folder, 32, named=False))
    one("TorchScript", files.save_torchscript(network, folder, 32), 20)
    for kind in (False, True):
        (shards := folder / f"shards{kind}").mkdir()
        index = files.save_shards(state, shards, pickled=kind)
        parts = {file.name: file.read_bytes() for file in sorted(shards.iterdir())}
        found.append(Specimen("shards, pickled" if kind else "shards, safetensors", parts, index.name))
    keras = b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 16
    found.append(Specimen("Keras .h5", {"x.h5": keras}, "x.h5", 2))
    pickled("zip, with statistics", lively["resnet8"].state_dict(), 20)
    pickled("zip, 56 layers with statistics", lively["resnet56"].state_dict(), 4)
    one("safetensors, 43 MiB with statistics", files.save_safetensors(lively["resnet18"].state_dict(), folder), 4)
    pickled("legacy, 43 MiB", lively["resnet18"].state_dict(), 4, legacy=True)
    return found


def damaged_inside(data: bytes, good: list[bytes], programs: list[bytes], rng: random.Random) -> bytes:
    """Damaged where the outer check does not see it: an archive's pickle with a right checksum, a header as long as it
    says; any other file as `hostile.damaged` does it."""
    if data.startswith(b"PK\x03\x04"):
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
            entries = old.namelist()
            spoilt = next(name for name in entries if name.endswith("data.pkl"))
            if rng.random() < 0.2:
                spoilt = rng.choice(entries)
            for name in entries:
                inner = old.read(name)
                new.writestr(name, hostile.damaged(inner, good, programs, rng) if name == spoilt else inner)
        return target.getvalue()
    (size,) = struct.unpack("<Q", data[:8])
    if data[8:9] == b"{" and size < len(data):
        header = hostile.damaged(data[8 : 8 + size], [data[8 : 8 + size]], [b'"shape":[', b"-1", b"99999999999"], rng)
        return struct.pack("<Q", len(header)) + header + data[8 + size :]
    return hostile.damaged(data, good, programs, rng)


def write_variant(number: int, seed: int, found: list[Specimen], canary: Path, folder: Path) -> tuple[str, Path]:
    """Variant n: its format and the file to give to the doctor."""
    rng = random.Random(f"{seed} {number}")
    chosen = rng.choices(found, [one.weight for one in found])[0]
    target = rng.choice(sorted(chosen.parts))
    good = [next(iter(one.parts.values())) for one in found if len(next(iter(one.parts.values()))) < 1 << 20]
    for old in folder.iterdir():
        old.unlink()
    damage = rng.choice((hostile.damaged, damaged_inside))
    for name, data in chosen.parts.items():
        written = damage(data, good, list(hostile.opcodes(canary).values()), rng) if name == target else data
        (folder / name).write_bytes(written)
    return chosen.format, folder / chosen.given


def _resident() -> int:
    """KiB of this process that are in memory; 0 where it cannot be told."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * resource.getpagesize() >> 10 if status.is_file() else 0


def _bounded() -> None:
    """In the fork: no more memory and time than the bar allows."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    if pages:
        limit = pages * resource.getpagesize() + MOST_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _in_fork(file: Path, pipe: int) -> None:
    _bounded()
    os.write(pipe, f"{_resident()}\n".encode())
    try:
        report = inspect_file(file)
        ended = "accepted" if report.accepted else "refused"
        unclear = not report.accepted and (not report.refusal or not report.remedy or "Error:" in report.refusal)
        answer = ["unclear" if unclear else ended, report.refusal]
    except BaseException as error:  # noqa: BLE001 - whatever comes is the finding
        answer = ["raised", f"{type(error).__name__}: {error}"]
    os.write(pipe, json.dumps(answer)[:60_000].encode())


def try_variant(number: int, format_: str, file: Path, canary: Path) -> Outcome:
    """Inspect it in a fork."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _in_fork(file, write)
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    _, status, usage = os.wait4(child, 0)
    before, _, answer = answer.partition(b"\n")
    seconds, grown = usage.ru_utime + usage.ru_stime, usage.ru_maxrss - int(before or 0)
    ended, reason = json.loads(answer) if answer else ("crashed", f"exit status {status}")
    if os.WIFSIGNALED(status):
        killed = os.WTERMSIG(status)
        ended = "too slow" if killed in (signal.SIGXCPU, signal.SIGKILL) else "crashed"
        reason = f"signal {killed}"
    if seconds > MOST_SECONDS:
        ended = "too slow"
    if grown * 1024 > MOST_MEMORY:
        ended = "too large"
    if canary.exists():
        ended = "sang"
        canary.rmdir()
    return Outcome(number, format_, ended, reason[:400], round(seconds, 3), grown >> 10)


def main() -> None:
    """Try the variants, and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, default=-1, help="Just this variant.")
    parser.add_argument("--record", type=Path, help="One line of JSON per variant; what is in it is not done again.")
    parser.add_argument("--most-seconds", type=float, default=1e9, help="Stop after so long.")
    options = parser.parse_args()
    torch.set_num_threads(1)  # a fork has only the thread that forked
    began, outcomes = time.monotonic(), list[Outcome]()
    if options.record and options.record.is_file():
        outcomes = [Outcome(**json.loads(line)) for line in options.record.read_text().splitlines()]
    done = {one.number for one in outcomes}
    with tempfile.TemporaryDirectory() as name:
        (made := Path(name) / "good").mkdir()
        (folder := Path(name) / "variant").mkdir()
        canary = Path(name) / "canary"
        found = specimens(made)
        for number in range(options.count) if options.only < 0 else [options.only]:
            if number in done or time.monotonic() - began > options.most_seconds:
                continue
            format_, file = write_variant(number, options.seed, found, canary, folder)
            outcome = try_variant(number, format_, file, canary)
            outcomes.append(outcome)
            if options.record:
                with options.record.open("a") as record:
                    record.write(json.dumps(asdict(outcome)) + "\n")
            if outcome.ended in FAULTS or options.only >= 0:
                print(outcome, flush=True)
    _summarise(outcomes, time.monotonic() - began)


def _summarise(outcomes: list[Outcome], seconds: float) -> None:
    ended = Counter(one.ended for one in outcomes)
    slowest = max(outcomes, key=lambda one: one.seconds)
    largest = max(outcomes, key=lambda one: one.mebibytes)
    print(
        f"{len(outcomes):,} variants of {len({one.format for one in outcomes})} kinds of files in {seconds:.0f} s: "
        + ", ".join(f"{count:,} {how}" for how, count in ended.most_common())
        + f"; slowest {slowest.seconds:.1f} s of processor time ({slowest.format}, variant {slowest.number}); most "
        f"memory beyond an empty process {largest.mebibytes:,} MiB ({largest.format}, variant {largest.number}); "
        f"{len({one.reason for one in outcomes})} different reasons"
    )


if __name__ == "__main__":
    main()
