"""Ten thousand damaged files through the checkpoint doctor, each with its time; the suite tries some hundred.

python -m tests.bench.fuzz_checkpoints --count 10000 --seed 1
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from app.zoo.checkpoints import inspect_file
from tests.unit import hostile_files as hostile


def main() -> None:
    """Try the variants, and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most-seconds", type=float, default=1e9, help="Stop after so long.")
    options = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    accepted = refused = unclear = 0
    slowest, began = 0.0, time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        canary, file = folder / "canary", folder / "variant.pth"
        good = hostile.good_files(folder)
        for data in hostile.variants(good, canary, seed=options.seed, count=options.count):
            file.write_bytes(data)
            start = time.process_time()
            report = inspect_file(file)
            slowest = max(slowest, time.process_time() - start)
            accepted += report.accepted
            refused += not report.accepted
            unclear += not report.accepted and (not report.refusal or "Error:" in report.refusal)
            assert not canary.exists(), "a canary sang"
            if time.monotonic() - began > options.most_seconds:
                break
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{accepted + refused:,} variants: {refused:,} refused, {accepted:,} accepted, {unclear} unclear; "
        f"no canary; slowest {slowest:.2f} s of processor time; memory grew by {(peak - before) / 1024:.0f} MiB to "
        f"{peak / 1024:.0f} MiB; {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
