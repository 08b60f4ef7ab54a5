"""Scenes with animals: bird, cat, deer, dog, frog, horse."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.bodies import Body, Colour, Ground, Part, Scene
from studio.noise import cloudy
from studio.scenery import day_sky, floor_boards, forest, leaves_blurred, meadow, room, soil, tree, tufts, with_hills
from studio.shapes import Array, Point, Vector, box, capsule, colour, ellipsoid, extruded, mirrored, moved, sphere

EYE = colour("#0c0b0a")
DARK = colour("#1f1915")


def chain(
    points: list[Vector], radii: list[float], paint: Colour, blend: float = 0.12, gloss: float = 0.04
) -> tuple[Part, ...]:
    """A limb: capsules from point to point."""
    return tuple(
        Part(capsule(points[i], points[i + 1], radii[i], radii[i + 1]), paint, blend, gloss)
        for i in range(len(points) - 1)
    )


def fur(base: str, belly: str | None = None, height: float = 0.0, soft: float = 0.25, grain: float = 8.0) -> Colour:
    """A coat with a lighter underside below a height."""
    back = np.array(colour(base), np.float32)
    under = np.array(colour(belly or base), np.float32)

    def paint(p: Point) -> Array:
        share = np.clip((height - p[1]) / soft + 0.5, 0, 1)[:, None]
        hair = 0.82 + 0.36 * cloudy(p[0] * grain + p[2] * 3, p[1] * grain * 0.6 + p[2] * grain, 4, 21)[:, None]
        return ((back * (1 - share) + under * share) * hair).astype(np.float32)

    return paint


def horse_body(**place: Any) -> Body:
    coat = fur("#7a4424", "#6a3a20", 1.1)
    mane = fur("#22160f", grain=20)
    parts = [
        Part(capsule((-0.8, 1.56, 0), (0.62, 1.52, 0), 0.48, 0.46), coat),
        Part(moved(ellipsoid(0.55, 0.55, 0.46), (-0.85, 1.55, 0)), coat, 0.35),
        Part(moved(ellipsoid(0.42, 0.52, 0.42), (0.7, 1.5, 0)), coat, 0.35),
        *chain([(0.75, 1.72, 0), (1.15, 2.25, 0), (1.38, 2.58, 0)], [0.42, 0.26, 0.2], coat, 0.25),
        *chain([(1.38, 2.58, 0), (1.68, 2.32, 0), (1.92, 2.02, 0)], [0.2, 0.19, 0.13], coat, 0.12),
        Part(moved(sphere(0.135), (1.96, 1.98, 0)), colour("#3a241a"), 0.1),
        Part(mirrored(moved(ellipsoid(0.06, 0.16, 0.045), (1.34, 2.82, 0.1), (0, 0, 12))), coat, 0.05),
        Part(mirrored(moved(sphere(0.045), (1.6, 2.5, 0.16))), EYE, 0.0, 0.8),
        *chain(
            [(1.34, 2.78, 0), (1.08, 2.56, 0), (0.72, 2.16, 0), (0.5, 1.98, 0)], [0.07, 0.11, 0.11, 0.05], mane, 0.08
        ),
        *chain(
            [(-1.28, 1.72, 0), (-1.58, 1.5, 0), (-1.68, 1.0, 0), (-1.62, 0.62, 0)], [0.07, 0.14, 0.15, 0.04], mane, 0.08
        ),
    ]
    for z, shift in ((0.24, 0.3), (-0.24, -0.08)):
        parts += chain(
            [(0.68, 1.3, z), (0.7 + shift, 0.78, z), (0.68 + shift * 0.6, 0.2, z)], [0.24, 0.115, 0.08], coat, 0.15
        )
        parts += chain([(0.68 + shift * 0.6, 0.2, z), (0.72 + shift * 0.6, 0.06, z)], [0.085, 0.12], DARK, 0.03)
        parts += chain(
            [(-0.92, 1.35, z), (-1.02 + shift, 0.86, z), (-0.9 + shift, 0.22, z)], [0.34, 0.14, 0.08], coat, 0.18
        )
        parts += chain([(-0.9 + shift, 0.22, z), (-0.86 + shift, 0.06, z)], [0.085, 0.12], DARK, 0.03)
    return Body(tuple(parts), centre=(0.1, 1.4, 0), radius=2.4, **place)


def horse() -> Scene:
    return Scene(
        (horse_body(turn=(0, 16, 0)), tree(-6.5, 11, 1.2), tree(6.5, 12, 1.4, "#5d8a3a")),
        with_hills(day_sky("#2f74c9", "#a9d0ee", 0.5, 3, 1.0), "#8fb0bd", "#7fa27a", 4, 0.12),
        Ground(meadow, tufts),
        eye=(0.1, 1.75, -9),
        target=(0.1, 1.42, 0),
        view=24,
        sun=(-0.35, 0.8, -0.7),
        fog=0.006,
    )


def deer_body(**place: Any) -> Body:
    coat, leg = fur("#9a5c2c", "#d8b890", 1.2, 0.16), fur("#8a5228")
    horn = colour("#cdb491")
    pale = colour("#efe3cf")
    parts = [
        Part(capsule((-0.62, 1.5, 0), (0.5, 1.5, 0), 0.37, 0.36), coat),
        Part(moved(ellipsoid(0.42, 0.42, 0.34), (-0.66, 1.5, 0)), coat, 0.2),
        *chain([(0.55, 1.62, 0), (0.86, 2.1, 0), (0.98, 2.42, 0)], [0.3, 0.17, 0.14], coat, 0.2),
        *chain([(0.98, 2.45, 0), (1.2, 2.38, 0), (1.46, 2.22, 0)], [0.17, 0.15, 0.085], coat, 0.1),
        Part(moved(sphere(0.07), (1.53, 2.2, 0)), EYE, 0.03, 0.5),
        Part(mirrored(moved(ellipsoid(0.07, 0.2, 0.05), (0.86, 2.6, 0.24), (45, 0, 25))), coat, 0.05),
        Part(mirrored(moved(sphere(0.042), (1.14, 2.47, 0.135))), EYE, 0.0, 0.8),
        Part(moved(ellipsoid(0.1, 0.17, 0.09), (-1.06, 1.58, 0), (0, 0, -25)), pale, 0.05),
    ]
    antler = [
        [(0.98, 2.58, 0.08), (0.85, 2.85, 0.26), (0.95, 3.12, 0.42), (1.15, 3.28, 0.46)],
        [(0.85, 2.85, 0.26), (1.08, 2.96, 0.3)],
        [(0.92, 3.05, 0.38), (0.74, 3.24, 0.46)],
    ]
    for line in antler:
        for i in range(len(line) - 1):
            parts.append(Part(mirrored(capsule(line[i], line[i + 1], 0.045, 0.03)), horn, 0.04))
    for z, shift in ((0.17, 0.24), (-0.17, -0.05)):
        parts += chain(
            [(0.5, 1.35, z), (0.52 + shift, 0.82, z), (0.5 + shift, 0.14, z)], [0.18, 0.085, 0.055], leg, 0.12
        )
        parts += chain([(0.5 + shift, 0.14, z), (0.54 + shift, 0.05, z)], [0.06, 0.08], DARK, 0.02)
        parts += chain(
            [(-0.72, 1.38, z), (-0.84 + shift, 0.9, z), (-0.72 + shift, 0.14, z)], [0.27, 0.1, 0.055], leg, 0.14
        )
        parts += chain([(-0.72 + shift, 0.14, z), (-0.68 + shift, 0.05, z)], [0.06, 0.08], DARK, 0.02)
    return Body(tuple(parts), centre=(0.15, 1.75, 0), radius=2.3, **place)


def deer() -> Scene:
    return Scene(
        (deer_body(turn=(0, 22, 0)),),
        forest,
        Ground(lambda p: meadow(p, "#3f5a24", "#8c9a4a"), tufts),
        eye=(0.1, 1.9, -9),
        target=(0.15, 1.6, 0),
        view=24,
        sun=(-0.3, 0.8, -0.7),
        fog=0.02,
        haze=(0.25, 0.33, 0.14),
    )


def frog_body(**place: Any) -> Body:
    skin_low, skin_high = np.array(colour("#3f7d1e"), np.float32), np.array(colour("#86b62c"), np.float32)
    cream = np.array(colour("#dfe0a8"), np.float32)

    def skin(p: Point) -> Array:
        spots = np.clip((cloudy(p[0] * 4.5, p[2] * 4.5 + p[1] * 2, 2, 61) - 0.52) * 8, 0, 1)[:, None]
        light = skin_high * (1 - spots) + skin_low * spots
        belly = (
            np.clip((0.36 - p[1]) / 0.16 + 0.3 * (p[0] > 0.4), 0, 1)[:, None]
            * np.clip((p[0] + 0.25) * 3, 0, 1)[:, None]
        )
        return (light * (1 - belly) + cream * belly).astype(np.float32)

    def limb(p: Point) -> Array:
        spots = np.clip((cloudy(p[0] * 5, p[2] * 5 + p[1] * 3, 2, 63) - 0.55) * 8, 0, 1)[:, None]
        return (skin_high * 0.85 * (1 - spots) + skin_low * spots).astype(np.float32)

    def eyeball(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = colour("#d9a52a")
        result[((p[0] - 0.79) ** 2 * 0.55 + (p[1] - 1.1) ** 2 * 1.8 < 0.0055) & (np.abs(p[2]) > 0.4)] = EYE
        return result

    parts = [
        Part(moved(ellipsoid(0.92, 0.52, 0.68), (-0.12, 0.56, 0), (0, 0, 24)), skin, gloss=0.35),
        Part(moved(ellipsoid(0.56, 0.36, 0.6), (0.66, 0.84, 0), (0, 0, -6)), skin, 0.28, 0.35),
        Part(mirrored(moved(sphere(0.2), (0.7, 1.06, 0.36))), skin, 0.12, 0.3),
        Part(mirrored(moved(sphere(0.165), (0.76, 1.09, 0.43))), eyeball, 0.0, 0.9),
        Part(mirrored(moved(ellipsoid(0.6, 0.3, 0.24), (-0.5, 0.34, 0.66), (0, -12, 20))), limb, 0.12, 0.35),
    ]
    for z in (1, -1):
        parts += chain(
            [(-0.9, 0.2, 0.72 * z), (-0.2, 0.12, 0.95 * z), (0.22, 0.07, 1.08 * z)], [0.15, 0.11, 0.07], limb, 0.1, 0.3
        )
        parts += chain(
            [(0.42, 0.6, 0.44 * z), (0.5, 0.3, 0.62 * z), (0.72, 0.08, 0.62 * z)], [0.17, 0.12, 0.08], limb, 0.12, 0.3
        )
        for angle in (-35, 0, 35):
            a = np.radians(angle)
            toe = (0.72 + 0.3 * float(np.cos(a)), 0.05, 0.62 * z + 0.3 * float(np.sin(a)))
            parts += chain([(0.72, 0.07, 0.62 * z), toe], [0.06, 0.05], limb, 0.05, 0.3)
            toe = (0.22 + 0.36 * float(np.cos(a)), 0.05, 1.08 * z + 0.3 * float(np.sin(a)))
            parts += chain([(0.22, 0.07, 1.08 * z), toe], [0.06, 0.05], limb, 0.05, 0.3)
    return Body(tuple(parts), centre=(0, 0.6, 0), radius=1.75, **place)


def frog() -> Scene:
    return Scene(
        (frog_body(turn=(0, 40, 0)),),
        forest,
        Ground(soil, tufts),
        eye=(0.2, 1.5, -6),
        target=(0.05, 0.55, 0),
        view=25,
        sun=(-0.2, 0.8, -0.65),
        fog=0.02,
        haze=(0.25, 0.33, 0.14),
    )


def bird_body(**place: Any) -> Body:
    def plumage(p: Point) -> Array:
        grain = (0.85 + 0.3 * cloudy(p[0] * 14, p[1] * 14 + p[2] * 9, 3, 81))[:, None]
        back = np.array(colour("#6d5a48"), np.float32)
        breast = np.array(colour("#d9682a"), np.float32)
        belly = np.array(colour("#ece4d6"), np.float32)
        front = np.clip((p[0] * 0.8 - (p[1] - 1.05) * 0.25 - 0.1) / 0.12, 0, 1)[:, None]
        low = np.clip((0.62 - p[1] + p[0] * 0.2) / 0.2, 0, 1)[:, None]
        light = back * (1 - front) + breast * front
        return ((light * (1 - low) + belly * low) * grain).astype(np.float32)

    feather = fur("#54453a", grain=16)
    parts = [
        Part(moved(ellipsoid(0.66, 0.52, 0.47), (0, 0.85, 0), (0, 0, 32)), plumage),
        Part(moved(sphere(0.36), (0.42, 1.38, 0)), plumage, 0.22),
        Part(capsule((0.74, 1.38, 0), (0.95, 1.33, 0), 0.075, 0.015), colour("#3b332c"), 0.03, 0.3),
        Part(mirrored(moved(sphere(0.06), (0.58, 1.47, 0.28))), EYE, 0.0, 0.9),
        Part(mirrored(moved(ellipsoid(0.58, 0.27, 0.1), (-0.22, 0.8, 0.42), (0, 8, 36))), feather, 0.05),
        Part(moved(box(0.5, 0.05, 0.16, 0.04), (-0.86, 0.34, 0), (0, 0, 40)), feather, 0.1),
    ]
    for z in (0.14, -0.14):
        parts += chain([(0.08, 0.45, z), (0.12, 0.1, z)], [0.05, 0.03], colour("#8a5a3a"), 0.03)
    return Body(tuple(parts), centre=(0, 0.85, 0), radius=1.5, **place)


def bird() -> Scene:
    bark = fur("#6a513c", grain=9)
    branch = Body(
        (
            *chain(
                [(-4, -0.35, 0.2), (-1.2, -0.02, 0), (1.2, -0.06, 0), (4, 0.45, 0.1)],
                [0.17, 0.13, 0.11, 0.06],
                bark,
                0.05,
            ),
            *chain([(1.5, -0.02, 0), (2.2, 0.62, -0.2)], [0.06, 0.03], bark, 0.05),
            Part(moved(ellipsoid(0.34, 0.05, 0.17), (2.45, 0.8, -0.2), (20, 0, 35)), colour("#6f9d3a"), 0.02, 0.2),
            Part(moved(ellipsoid(0.3, 0.05, 0.15), (2.0, 0.85, -0.25), (-30, 0, 110)), colour("#5f8d32"), 0.02, 0.2),
            Part(moved(ellipsoid(0.3, 0.05, 0.15), (-2.2, 0.2, -0.1), (35, 0, 130)), colour("#6f9d3a"), 0.02, 0.2),
        ),
    )
    return Scene(
        (bird_body(turn=(0, 28, 0)), branch),
        leaves_blurred,
        eye=(0, 1.1, -7),
        target=(0.02, 0.72, 0),
        view=24,
        sun=(-0.3, 0.75, -0.7),
    )


def cat_head(base: str, mask: str) -> list[Part]:
    """Looking towards -z, around the origin."""
    coat_light, coat_dark = np.array(colour(base), np.float32), np.array(colour(mask), np.float32)
    white = np.array(colour("#f3ece2"), np.float32)

    def coat(p: Point) -> Array:
        wave = np.cos(p[0] * 27 + 1.2 * (cloudy(p[0] * 5, p[1] * 5, 3, 101) - 0.5)) - 2 * np.maximum(
            np.abs(p[0]) - 0.26, 0
        )
        stripes = np.clip(wave * 1.6, 0, 1)[:, None] * np.clip((p[1] - 0.14) * 7, 0, 1)[:, None] * 0.85
        hair = (0.85 + 0.3 * cloudy(p[0] * 16, p[1] * 22, 4, 102))[:, None]
        light = coat_light * (1 - stripes) + coat_dark * stripes
        muzzle = np.clip(((-p[1] - 0.06) * 5) - np.abs(p[0]) * 1.2, 0, 1)[:, None]
        return ((light * (1 - muzzle) + white * muzzle) * hair).astype(np.float32)

    def iris(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = colour("#a9b83c")
        result[(np.abs(p[0]) - 0.225 - 0.03 * np.sign(p[0])) ** 2 / 0.0016 + (p[1] - 0.055) ** 2 / 0.0085 < 1] = EYE
        return result

    pink = colour("#d99a8f")
    ear = extruded([(-0.2, 0), (0.2, 0), (0.03, 0.44)], 0.07, 0.05)
    inner = extruded([(-0.12, 0.02), (0.12, 0.02), (0.02, 0.3)], 0.05, 0.03)
    parts = [
        Part(ellipsoid(0.58, 0.48, 0.46), coat),
        Part(mirrored(moved(sphere(0.22), (0.3, -0.14, -0.22)), 0), coat, 0.2),
        Part(mirrored(moved(ear, (0.36, 0.3, 0.02), (0, -15, -22)), 0), coat, 0.1),
        Part(mirrored(moved(inner, (0.355, 0.31, -0.06), (0, -15, -22)), 0), pink, 0.03),
        Part(mirrored(moved(ellipsoid(0.17, 0.13, 0.12), (0.1, -0.2, -0.44)), 0), coat, 0.06),
        Part(mirrored(moved(ellipsoid(0.115, 0.105, 0.06), (0.225, 0.06, -0.41), (0, -24, 8)), 0), iris, 0.0, 0.9),
        Part(moved(ellipsoid(0.07, 0.045, 0.05), (0, -0.1, -0.54)), pink, 0.02, 0.4),
    ]
    for angle in (-8, 4, 16):
        a = np.radians(angle)
        end = (0.2 + 0.75 * float(np.cos(a)), -0.2 + 0.75 * float(np.sin(a)), -0.4)
        parts.append(Part(mirrored(capsule((0.2, -0.2, -0.5), end, 0.008, 0.004), 0), colour("#ffffff"), 0.0))
    return parts


def cat_bodies(base: str = "#c58a4a", mask: str = "#7d4a1f") -> tuple[Body, ...]:
    """A sitting cat that looks at us."""
    head = Body(tuple(cat_head(base, mask)), radius=1.15, at=(0, 1.5, -0.45), turn=(6, 14, 4), size=1.25)
    coat = fur(base, "#efe4d2", 0.6, 0.9)
    body = Body(
        (
            Part(moved(ellipsoid(0.66, 0.85, 0.62), (0, 0.6, 0.25)), coat),
            Part(moved(ellipsoid(0.42, 0.5, 0.3), (0, 0.72, -0.3)), colour("#f0e6d8"), 0.2),
            *chain([(-0.25, 0.6, -0.25), (-0.26, 0.1, -0.5)], [0.2, 0.15], coat, 0.12),
            *chain([(0.25, 0.6, -0.25), (0.26, 0.1, -0.5)], [0.2, 0.15], coat, 0.12),
            Part(mirrored(moved(ellipsoid(0.17, 0.11, 0.2), (0.26, 0.08, -0.58)), 0), colour("#f0e6d8"), 0.08),
            Part(mirrored(moved(ellipsoid(0.32, 0.35, 0.45), (0.52, 0.3, 0.2)), 0), coat, 0.15),
            *chain(
                [(0.4, 0.16, 0.6), (0.95, 0.14, 0.35), (1.18, 0.14, -0.1), (1.0, 0.13, -0.5), (0.78, 0.13, -0.6)],
                [0.13, 0.13, 0.13, 0.12, 0.08],
                fur(base),
                0.08,
            ),
        ),
        centre=(0, 0.7, 0),
        radius=1.6,
    )
    return body, head


def cat() -> Scene:
    return Scene(
        cat_bodies(),
        room,
        Ground(floor_boards),
        eye=(0, 1.5, -7),
        target=(0, 1.08, 0),
        view=25,
        sun=(-0.5, 0.75, -0.65),
        sky_light=(0.5, 0.5, 0.52),
    )


def dog_bodies() -> tuple[Body, ...]:
    """A sitting dog that looks at us."""
    tan, white, nose = fur("#b8793f"), fur("#f3ede2"), EYE
    blaze_tan = np.array(colour("#b8793f"), np.float32)
    blaze_white = np.array(colour("#f3ede2"), np.float32)

    def face(p: Point) -> Array:
        share = np.clip((0.15 - np.abs(p[0]) - 0.12 * (p[1] - 0.1)) / 0.05, 0, 1)[:, None]
        hair = (0.85 + 0.3 * cloudy(p[0] * 16, p[1] * 22, 4, 102))[:, None]
        return ((blaze_tan * (1 - share) + blaze_white * share) * hair).astype(np.float32)

    head = Body(
        (
            Part(ellipsoid(0.5, 0.5, 0.46), face),
            Part(moved(ellipsoid(0.27, 0.22, 0.4), (0, -0.17, -0.5)), white, 0.15),
            Part(moved(ellipsoid(0.12, 0.09, 0.08), (0, -0.07, -0.88)), nose, 0.02, 0.6),
            Part(mirrored(moved(sphere(0.085), (0.21, 0.1, -0.4)), 0), EYE, 0.0, 0.9),
            Part(
                mirrored(moved(ellipsoid(0.12, 0.46, 0.24), (0.53, -0.12, 0.02), (0, 0, 12)), 0), fur("#7d4a22"), 0.06
            ),
            Part(moved(ellipsoid(0.09, 0.03, 0.16), (0.0, -0.36, -0.62), (25, 0, 0)), colour("#d4696b"), 0.02, 0.3),
        ),
        radius=1.1,
        at=(0, 1.62, -0.45),
        turn=(4, 20, 5),
        size=1.2,
    )
    body = Body(
        (
            Part(moved(ellipsoid(0.62, 0.85, 0.6), (0, 0.65, 0.25)), tan),
            Part(moved(ellipsoid(0.42, 0.6, 0.3), (0, 0.78, -0.25)), white, 0.2),
            *chain([(-0.27, 0.75, -0.25), (-0.28, 0.1, -0.45)], [0.2, 0.15], tan, 0.12),
            *chain([(0.27, 0.75, -0.25), (0.28, 0.1, -0.45)], [0.2, 0.15], tan, 0.12),
            Part(mirrored(moved(ellipsoid(0.19, 0.12, 0.24), (0.28, 0.09, -0.55)), 0), white, 0.08),
            Part(mirrored(moved(ellipsoid(0.3, 0.38, 0.45), (0.5, 0.32, 0.2)), 0), tan, 0.15),
            *chain([(0.4, 0.2, 0.7), (1.0, 0.4, 0.8), (1.25, 0.85, 0.8)], [0.13, 0.11, 0.06], tan, 0.08),
        ),
        centre=(0, 0.7, 0),
        radius=1.7,
    )
    return body, head


def dog() -> Scene:
    return Scene(
        dog_bodies(),
        with_hills(day_sky("#2f74c9", "#a9d0ee", 0.5, 13, 1.0), "#8fb0bd", "#7fa27a", 8),
        Ground(meadow, tufts),
        eye=(0, 1.6, -7),
        target=(0, 1.15, 0),
        view=25,
        sun=(-0.5, 0.75, -0.65),
    )
