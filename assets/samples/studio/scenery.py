"""Skies, water, grass, roads, trees, rooms."""

from __future__ import annotations

import numpy as np

from studio.bodies import Body, Part, Sky
from studio.noise import cloudy
from studio.shapes import Array, Point, capsule, colour, ellipsoid, moved, sphere


def day_sky(
    top: str, horizon: str, clouds: float = 0.0, seed: int = 0, scale: float = 3.0, *, aloft: bool = False
) -> Sky:
    """A sky with some share of clouds, lit from above; seen from `aloft` they reach below the horizon."""
    high, low = np.array(colour(top), np.float32), np.array(colour(horizon), np.float32)

    def density(x: Array, y: Array) -> Array:
        warp = cloudy(x * 0.8 + 3.1, y * 0.8, 3, seed + 20)
        return cloudy(x + warp * 1.3, y + warp * 0.7, 6, seed)

    def sky(d: Point) -> Array:
        height = np.clip(d[1] * 1.6, 0, 1)[:, None] ** 0.7
        light = (low * (1 - height) + high * height).astype(np.float32)
        if clouds:
            x, y = np.arctan2(d[0], d[2]) * scale * 2 + 11.3, d[1] * scale * 3.4
            amount = density(x, y)
            thickness = np.clip((amount - (1 - clouds)) / 0.3, 0, 1)
            lit = np.clip(0.62 + 2.2 * (amount - density(x - 0.06, y + 0.16)), 0.3, 1)[:, None]
            share = (thickness * thickness * (3 - 2 * thickness))[:, None]
            share = share if aloft else share * np.clip(d[1] * 14 + 0.35, 0, 1)[:, None]
            puff = lit * np.array((1.9, 1.85, 1.8), np.float32) + (1 - lit) * np.array((0.6, 0.7, 0.86), np.float32)
            light = light * (1 - share) + puff * share
        return light.astype(np.float32)

    return sky


def waves(p: Point, strength: float = 0.06) -> Array:
    """The slopes of a light breeze on water: a few sines, bent by noise, calmer far away."""
    x, z = p[0], p[2]
    far = 1 / (1 + 0.03 * np.maximum(z + 8, 0))
    result = np.zeros((len(x), 2), np.float32)
    for number, (angle, length, height) in enumerate(
        ((0.3, 1.9, 1.0), (1.2, 1.1, 0.7), (-0.5, 0.63, 0.55), (2.1, 0.37, 0.4), (0.9, 0.21, 0.3))
    ):
        wobble = cloudy(x * 0.7 + number, z * 0.7, 2, number) * 5
        phase = (x * np.cos(angle) + z * np.sin(angle)) * (2 * np.pi / length) + wobble
        slope = np.cos(phase) * height * strength * far
        result[:, 0] += slope * np.cos(angle)
        result[:, 1] += slope * np.sin(angle)
    return result


def meadow(p: Point, low: str = "#4f7d2c", high: str = "#a3b955") -> Array:
    """Grass: patches, tufts, and lighter tips."""
    patches = cloudy(p[0] * 0.5 + 3, p[2] * 0.5, 3, 12)
    tufts = cloudy(p[0] * 7, p[2] * 5, 4, 8)
    share = np.clip(0.25 + 0.7 * (patches - 0.3) + 0.9 * (tufts - 0.45), 0, 1)[:, None]
    return (np.array(colour(low), np.float32) * (1 - share) + np.array(colour(high), np.float32) * share).astype(
        np.float32
    )


def tufts(p: Point, strength: float = 1.6) -> Array:
    """The slopes of grass."""
    near = strength / (1 + 0.06 * np.maximum(p[2] + 6, 0))
    return np.stack([(cloudy(p[0] * 9 + s, p[2] * 9, 3, 30 + s) - 0.45) * near for s in (0, 5)], axis=-1).astype(
        np.float32
    )


def road(p: Point) -> Array:
    """Asphalt with a white line, and grass behind it."""
    grain = cloudy(p[0] * 14, p[2] * 14, 3, 3)[:, None]
    wear = cloudy(p[0] * 0.6, p[2] * 2.0, 3, 5)[:, None]
    result = (np.array(colour("#6c6f76"), np.float32) * (0.55 + 0.5 * grain + 0.35 * wear)).astype(np.float32)
    edge = p[2] + 0.25 * (cloudy(p[0] * 2, p[2] * 2, 3, 4) - 0.5)
    grass = edge > 3.2
    result[grass] = meadow(p)[grass]
    result[np.abs(p[2] - 2.7) < 0.06] = colour("#d9d9d2")
    return result


def tufts_beside_road(p: Point) -> Array:
    """Its slopes."""
    return tufts(p) * (p[2] > 3.2)[:, None] + tufts(p, 0.25) * (p[2] <= 3.2)[:, None]


def tree(x: float, z: float, size: float = 1.0, green: str = "#4c7f35") -> Body:
    """A round tree."""
    crown = np.array(colour(green), np.float32)

    def leaves(p: Point) -> Array:
        spots = cloudy(p[0] * 4 + p[1] * 3, p[2] * 4 + p[1] * 2, 3, 6)[:, None]
        return (crown * (0.6 + 0.9 * spots)).astype(np.float32)

    return Body(
        (
            Part(capsule((0, -0.2, 0), (0, 1.4, 0), 0.16, 0.1), colour("#6b4a33")),
            Part(moved(ellipsoid(0.95, 0.85, 0.95), (0, 2.0, 0)), leaves, 0.1, 0),
            Part(moved(sphere(0.62), (0.55, 1.7, -0.2)), leaves, 0.25, 0),
            Part(moved(sphere(0.58), (-0.6, 1.75, 0.1)), leaves, 0.25, 0),
            Part(moved(sphere(0.55), (0.1, 2.65, 0.0)), leaves, 0.25, 0),
        ),
        centre=(0, 1.6, 0),
        radius=1.95,
        at=(x, 0, z),
        size=size,
    )


def hills(seed: int, d: Point, low: float, high: float, frequency: float) -> Array:
    """Whether a direction meets hills on the horizon."""
    angle = np.arctan2(d[0], d[2])
    return d[1] < low + (high - low) * cloudy(angle * frequency + seed, angle * 0, 4, seed)


def with_hills(sky: Sky, far: str, near: str, seed: int = 2, height: float = 0.1) -> Sky:
    """A sky above two ranges of hills."""
    one, two = np.array(colour(far), np.float32), np.array(colour(near), np.float32)

    def scenery(d: Point) -> Array:
        light = sky(d)
        light[hills(seed, d, 0.02, height, 4)] = one
        light[hills(seed + 5, d, -0.01, height * 0.62, 7)] = two
        return light

    return scenery


def forest(d: Point) -> Array:
    """Trunks and foliage out of focus."""
    angle = np.arctan2(d[0], d[2])
    leaves = cloudy(angle * 9, d[1] * 9, 4, 41)[:, None]
    light = np.array(colour("#35552a"), np.float32) * (1 - leaves) + np.array(colour("#b9cc6a"), np.float32) * leaves
    trunks = np.clip((cloudy(angle * 13 + d[1] * 0.8, d[1] * 0.5, 2, 47) - 0.5) * 9, 0, 1)[:, None] * 0.75
    light = light * (1 - trunks) + np.array(colour("#4a3d2c"), np.float32) * trunks
    glow = np.exp(-((angle + 0.12) ** 2 + (d[1] - 0.2) ** 2) * 22)[:, None]
    return (light * (0.65 + 1.3 * glow) + glow * np.array((0.25, 0.25, 0.1), np.float32)).astype(np.float32)


def soil(p: Point) -> Array:
    """Forest floor: earth with moss."""
    grain = cloudy(p[0] * 6, p[2] * 6, 5, 71)[:, None]
    earth = np.array(colour("#5d4a36"), np.float32) * (0.5 + grain)
    moss = np.clip((cloudy(p[0] * 1.3, p[2] * 1.3, 4, 75) - 0.45) * 5, 0, 1)[:, None]
    return (earth * (1 - moss) + np.array(colour("#5f7a2c"), np.float32) * (0.5 + grain) * moss).astype(np.float32)


def leaves_blurred(d: Point) -> Array:
    """A garden out of focus."""
    angle = np.arctan2(d[0], d[2])
    share = cloudy(angle * 6 + 2, d[1] * 6, 3, 91)[:, None]
    light = np.array(colour("#3d6b35"), np.float32) * (1 - share) + np.array(colour("#c9db8d"), np.float32) * share
    sky = np.clip((d[1] - 0.02) * 2.5 + 0.4 * (share[:, 0] - 0.4), 0, 1)[:, None]
    return (light * (1 - sky) + np.array(colour("#d7e8ef"), np.float32) * sky).astype(np.float32)


def room(d: Point) -> Array:
    """A wall with soft light from a window."""
    glow = np.exp(-((d[0] + 0.25) ** 2 + (d[1] - 0.12) ** 2) * 9)[:, None]
    wall = np.array(colour("#7f93a1"), np.float32)
    return (wall * (0.45 + 0.9 * glow)).astype(np.float32)


def floor_boards(p: Point) -> Array:
    """A wooden floor."""
    board = np.floor(p[2] / 0.8)
    tone = 0.75 + 0.25 * np.modf(np.abs(np.sin(board * 12.9)) * 43.7)[0]
    grain = cloudy(p[0] * 1.2 + board * 7, p[2] * 14, 4, 111)
    gap = np.abs((p[2] / 0.8) % 1 - 0.5) > 0.485
    light = (tone * (0.7 + 0.5 * grain) * np.where(gap, 0.35, 1))[:, None]
    return (np.array(colour("#a9794f"), np.float32) * light).astype(np.float32)
