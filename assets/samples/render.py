"""Draws the sample pictures: `python assets/samples/render.py [NAME…]`, about 15 s each on one processor core.

Everything is computed: bodies are signed distance fields, lit and ray-marched (the package `studio` beside this file).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from studio import animals, marcher, pairs, vehicles

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 960, 720
QUALITY = 92

SCENES = {
    "airplane": vehicles.airplane,
    "automobile": vehicles.automobile,
    "bird": animals.bird,
    "cat": animals.cat,
    "cat-and-dog": pairs.cat_and_dog,
    "deer": animals.deer,
    "dog": animals.dog,
    "frog": animals.frog,
    "horse": animals.horse,
    "seaplane": pairs.seaplane,
    "ship": vehicles.ship,
    "truck": vehicles.truck,
}


def draw(name: str, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """(height, width, 3) RGB of one sample."""
    return marcher.render(SCENES[name](), width, height)


def main() -> int:
    """Write the pictures that were named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SCENES)}; all where none is named")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the folder to write to (default: beside this file)")
    arguments = parser.parse_args()
    for name in arguments.names or SCENES:
        if name not in SCENES:
            parser.error(f"there is no sample called {name}")
        path = arguments.out / f"{name}.jpg"
        Image.fromarray(draw(name)).save(path, quality=QUALITY, subsampling=0, optimize=True)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
