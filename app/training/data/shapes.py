"""Shapes: ten classes of generated 32×32 pictures, made on this machine in seconds and never downloaded.

A picture is a textured ground, clutter, one shape at a random place, size, angle and slant in a colour that is no
hint, more clutter over it, and noise. No single pixel tells the class, so a linear model does little better than
chance with it, while a convolutional network can learn it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.training.data import DataRequest, DataSet, LabelledPictures, Progress, channel_statistics, data_sources
from app.training.data.cached import cached_pictures

Grid = NDArray[np.floating[Any]]

SIDE = 32
TRAIN, TEST = 10_000, 2_000
SEED = 2015
VERSION = 1
"""Raise it whenever the pictures change: cached ones are made anew, and records name it."""
_AT_ONCE = 500


def _disc(u: Grid, v: Grid) -> Grid:
    return np.hypot(u, v) - 0.9


def _ring(u: Grid, v: Grid) -> Grid:
    return np.abs(np.hypot(u, v) - 0.72) - 0.26


def _square(u: Grid, v: Grid) -> Grid:
    return np.maximum(np.abs(u), np.abs(v)) - 0.8


def _triangle(u: Grid, v: Grid) -> Grid:
    sides = [u * np.float32(np.cos(a)) + v * np.float32(np.sin(a)) for a in (0.0, 2 * np.pi / 3, 4 * np.pi / 3)]
    return np.maximum(np.maximum(sides[0], sides[1]), sides[2]) - 0.55


def _star(u: Grid, v: Grid) -> Grid:
    """Five points; one edge of the star, in coordinates folded around its tip."""
    wedge = 2 * np.pi / 5
    angle = np.abs((np.arctan2(v, u) + wedge / 2) % wedge - wedge / 2)
    radius = np.hypot(u, v)
    inner = 0.42 * np.array([np.cos(wedge / 2), np.sin(wedge / 2)])
    edge = inner - np.array([1.05, 0.0])
    normal = np.array([edge[1], -edge[0]]) / np.hypot(*edge)
    return np.asarray((radius * np.cos(angle) - 1.05) * normal[0] + radius * np.sin(angle) * normal[1], np.float32)


def _cross(u: Grid, v: Grid) -> Grid:
    u, v = np.abs(u), np.abs(v)
    result: Grid = np.minimum(np.maximum(u - 1, v - 0.32), np.maximum(u - 0.32, v - 1))
    return result


def _crescent(u: Grid, v: Grid) -> Grid:
    result: Grid = np.maximum(np.hypot(u, v) - 1, 0.78 - np.hypot(u - 0.48, v))
    return result


def _heart(u: Grid, v: Grid) -> Grid:
    """A square on its corner with a disc on each upper side."""
    half = 0.55
    u, v = (u + v) * np.float32(np.sqrt(0.5)) + 0.2, (v - u) * np.float32(np.sqrt(0.5)) + 0.2
    box = np.maximum(np.abs(u), np.abs(v)) - half
    return np.minimum(box, np.minimum(np.hypot(u, v - half), np.hypot(u - half, v)) - half)


def _dome(u: Grid, v: Grid) -> Grid:
    result: Grid = np.maximum(np.hypot(u, v + 0.45) - 1.05, -0.45 - v)
    return result


def _hourglass(u: Grid, v: Grid) -> Grid:
    return np.maximum(np.abs(v) - 0.95, (np.abs(u) - np.abs(v) * 0.9 - 0.08) * 0.74)


SHAPES: dict[str, Callable[[Grid, Grid], Grid]] = {
    "disc": _disc,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "cross": _cross,
    "crescent": _crescent,
    "heart": _heart,
    "dome": _dome,
    "hourglass": _hourglass,
}
"""For each class, the distance to its outline in units of its radius, negative inside."""


class ShapesSource:
    """The built-in data set."""

    name = "shapes"
    title = "Drawn shapes"
    summary = "10 classes of 32×32 pictures, generated here: nothing is downloaded."
    path_help = ""
    downloadable = ""
    classes = len(SHAPES)

    def look(self, request: DataRequest) -> str:
        return f"{len(SHAPES)} classes, {TRAIN:,} pictures to learn from, {TEST:,} to test; drawn on this machine."

    def load(self, request: DataRequest, progress: Progress) -> DataSet:
        train = _part("train", TRAIN, progress)
        test = _part("test", TEST, progress)
        mean, deviation = channel_statistics(train.pixels)
        return DataSet(self.name, f"Shapes {VERSION}", tuple(SHAPES), train, test, mean, deviation)


data_sources.register("shapes")(ShapesSource())


def _part(part: str, count: int, progress: Progress) -> LabelledPictures:
    def make() -> LabelledPictures:
        return generate(count, seed=SEED + (part == "test"), progress=progress)

    return cached_pictures(f"shapes-{VERSION}-{part}-{count}", make)


def generate(count: int, *, seed: int, progress: Progress | None = None) -> LabelledPictures:
    """Draw pictures; equal seeds give equal pictures, and as many of each class as the count allows."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % len(SHAPES))
    pixels = np.empty((count, SIDE, SIDE, 3), np.uint8)
    for start in range(0, count, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, count))
        pixels[part] = _draw(labels[part], random)
        if progress is not None:
            progress("Drawing shapes", part.stop / count)
    return LabelledPictures(pixels, labels.astype(np.int64))


def _draw(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
    count = len(labels)
    axis = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE * 2 - 1
    x, y = np.broadcast_arrays(axis[None, None, :], axis[None, :, None])
    ground, figure = _colours(count, random)
    picture = _texture(x, y, ground, random)
    for _ in range(4):
        picture = _over(picture, _stroke(x, y, count, random), _any_colour(count, random))
    picture = _over(picture, _figure(x, y, labels, random), _texture(x, y, figure, random))
    for _ in range(2):
        picture = _over(picture, _stroke(x, y, count, random, widest=0.07), _any_colour(count, random))
    light = random.uniform(0.6, 1.15, (count, 1, 1, 1)).astype(np.float32)
    noise = random.uniform(0.01, 0.12, (count, 1, 1, 1)).astype(np.float32)
    picture = picture * light + noise * random.standard_normal(picture.shape, np.float32)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _figure(x: Grid, y: Grid, labels: NDArray[np.int64], random: np.random.Generator) -> Grid:
    """How much of each pixel the shape covers, (N, S, S)."""
    count = len(labels)
    size = _each(count, random, 0.3, 0.75)
    room = 0.95 - size
    angle, slant = _each(count, random, 0, 2 * np.pi), _each(count, random, -0.25, 0.25)
    stretch = np.exp(_each(count, random, -0.2, 0.2))
    dx, dy = x - room * _each(count, random, -1, 1), y - room * _each(count, random, -1, 1)
    u = (np.cos(angle) * dx + np.sin(angle) * dy) / size * stretch
    v = (np.cos(angle) * dy - np.sin(angle) * dx) / size / stretch
    u = u + slant * v
    distance = np.empty(np.broadcast_shapes(x.shape, size.shape), np.float32)
    for label, shape in enumerate(SHAPES.values()):
        of_class = labels == label
        distance[of_class] = shape(u[of_class], v[of_class])
    return np.clip(0.5 - distance * size * (SIDE / 2), 0, 1)


def _stroke(x: Grid, y: Grid, count: int, random: np.random.Generator, widest: float = 0.14) -> Grid:
    """A short thick line, (N, S, S): clutter."""
    left, top = _each(count, random, -1, 1), _each(count, random, -1, 1)
    length, angle = _each(count, random, 0.0, 0.8), _each(count, random, 0, 2 * np.pi)
    width = _each(count, random, 0.03, widest)
    along = (x - left) * np.cos(angle) + (y - top) * np.sin(angle)
    across = (y - top) * np.cos(angle) - (x - left) * np.sin(angle)
    distance = np.hypot(across, along - np.clip(along, 0, length)) - width
    result: Grid = np.clip(0.5 - distance * (SIDE / 2), 0, 1)
    return result


def _texture(x: Grid, y: Grid, colours: Grid, random: np.random.Generator) -> Grid:
    """Two waves, soft or sharp, that mix two colours: plain, shaded, striped, chequered or blotched; (N, S, S, 3)."""
    count = len(colours)
    waves = []
    for _ in range(2):
        frequency, angle = 12 * _each(count, random, 0, 1) ** 2, _each(count, random, 0, 2 * np.pi)
        along = x * np.cos(angle) + y * np.sin(angle)
        waves.append(np.sin(frequency * along + _each(count, random, 0, 2 * np.pi)))
    product = _each(count, random, 0, 1) < 0.4
    wave = np.where(product, waves[0] * waves[1], waves[0])
    mix = (0.5 + 0.5 * np.tanh(_each(count, random, 0.5, 5) * wave))[..., None]
    return np.asarray(mix * colours[:, None, None, 0] + (1 - mix) * colours[:, None, None, 1], np.float32)


def _colours(count: int, random: np.random.Generator) -> tuple[Grid, Grid]:
    """Two colours for the ground and two for the figure, (N, 2, 3) each; their means differ enough to be seen."""
    ground = random.uniform(0.05, 0.95, (count, 3))
    figure = random.uniform(0.05, 0.95, (count, 3))
    while (close := np.linalg.norm(ground - figure, axis=1) < 0.45).any():
        figure[close] = random.uniform(0.05, 0.95, (int(close.sum()), 3))

    def pair(colour: NDArray[np.float64]) -> Grid:
        spread = random.uniform(-0.3, 0.3, (count, 3))
        return np.stack([colour + spread / 2, colour - spread / 2], axis=1).astype(np.float32)

    return pair(ground), pair(figure)


def _any_colour(count: int, random: np.random.Generator) -> Grid:
    return random.uniform(0, 1, (count, 1, 1, 3)).astype(np.float32)


def _over(picture: Grid, cover: Grid, colour: Grid) -> Grid:
    """Paint a colour, (N, S, S, 3) or broadcast to it, where `cover` is 1."""
    return picture + cover[..., None] * (colour - picture)


def _each(count: int, random: np.random.Generator, low: float, high: float) -> Grid:
    """One number for each picture, (N, 1, 1)."""
    return random.uniform(low, high, (count, 1, 1)).astype(np.float32)
