"""Things that people built: airplane, automobile, ship, truck."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.bodies import Body, Ground, Part, Scene
from studio.scenery import day_sky, road, tree, tufts_beside_road, waves, with_hills
from studio.shapes import Array, Point, box, capsule, colour, cut, cylinder, extruded, mirrored, moved, union

WHITE = colour("#f4f4f2")
GLASS = colour("#1c2733")
TYRE = colour("#17181a")
METAL = colour("#a9b0b8")


def airplane() -> Scene:
    def skin(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = WHITE
        window = (np.abs(p[1] - 0.1) < 0.05) & (p[0] > -1.1) & (p[0] < 2.0) & (np.abs((p[0] * 5) % 1 - 0.5) < 0.27)
        result[window] = colour("#26384d")
        result[p[1] < -0.17] = colour("#c9d0d8")
        result[(p[0] > 2.42) & (p[1] > 0.1) & (p[0] < 2.66)] = GLASS
        return result

    blue = colour("#1f5fc4")
    wing = moved(
        extruded([(0.7, 0.2), (-0.75, 3.1), (-1.15, 3.1), (-0.7, 0.2)], 0.055, 0.04), (0.2, -0.14, 0), (83, 0, 0)
    )
    tailplane = moved(
        extruded([(-2.05, 0.1), (-2.65, 1.25), (-2.95, 1.25), (-2.75, 0.1)], 0.04, 0.03), (0, 0.18, 0), (86, 0, 0)
    )
    fin = extruded([(-1.85, 0.25), (-2.6, 1.3), (-3.0, 1.3), (-2.8, 0.2)], 0.05, 0.04)
    engine = moved(cylinder(0.23, 0.42, axis=0, round_by=0.08), (0.35, -0.42, 1.2))
    hole = moved(cylinder(0.16, 0.2, axis=0), (0.72, -0.42, 1.2))
    body = Body(
        (
            Part(capsule((-1.2, 0, 0), (2.35, 0, 0), 0.42), skin, gloss=0.35),
            Part(capsule((-1.2, 0, 0), (-2.85, 0.2, 0), 0.42, 0.08), WHITE, 0.15, 0.3),
            Part(mirrored(wing), colour("#dfe4ea"), 0.12, 0.25),
            Part(mirrored(tailplane), colour("#dfe4ea"), 0.05, 0.25),
            Part(fin, blue, 0.03, 0.3),
            Part(mirrored(cut(engine, hole)), blue, 0.0, 0.4),
            Part(mirrored(hole), TYRE, 0.0, 0.0),
        ),
        radius=3.6,
        turn=(-18, 18, 14),
    )
    return Scene(
        (body,),
        day_sky("#1f66c4", "#8fc3ee", 0.55, 4, 1.0, aloft=True),
        eye=(0, -0.6, -11),
        target=(0, 0.1, 0),
        view=32,
        sun=(-0.35, 0.85, -0.5),
        bounce=(0.4, 0.45, 0.55),
    )


def ship_body(**place: Any) -> Body:
    side = extruded([(-2.6, -0.6), (2.35, -0.6), (3.05, 0.75), (2.0, 0.55), (-1.9, 0.5), (-2.75, 0.6)], 0.62, 0.04)
    deck = moved(
        extruded(
            [
                (-2.9, -0.5),
                (-2.9, 0.5),
                (-2.5, 0.62),
                (1.4, 0.62),
                (2.4, 0.35),
                (3.1, 0.0),
                (2.4, -0.35),
                (1.4, -0.62),
                (-2.5, -0.62),
            ],
            1.2,
        ),
        turn=(90, 0, 0),
    )

    def hull(p: Point) -> Array:
        return np.maximum(side(p), deck(p))

    def paint(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = colour("#1d3f73")
        result[p[1] < 0.12] = colour("#b3342c")
        result[(p[1] > 0.4) & (p[1] < 0.5)] = WHITE
        return result

    def house(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = WHITE
        for y in (0.72, 1.06, 1.4):
            result[(np.abs(p[1] - y) < 0.07) & (np.abs((p[0] * 3.2) % 1 - 0.5) < 0.3)] = colour("#2a4257")
        return result

    def funnel(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = colour("#d8392f")
        result[p[1] > 2.02] = colour("#22262c")
        result[np.abs(p[1] - 1.85) < 0.06] = WHITE
        return result

    return Body(
        (
            Part(hull, paint, gloss=0.3),
            Part(moved(box(1.75, 0.2, 0.46, 0.05), (-0.5, 0.72, 0)), house, 0, 0.2),
            Part(moved(box(1.4, 0.2, 0.42, 0.05), (-0.55, 1.06, 0)), house, 0, 0.2),
            Part(moved(box(0.75, 0.2, 0.38, 0.05), (-0.05, 1.4, 0)), house, 0, 0.2),
            Part(moved(cylinder(0.24, 0.5, axis=1, round_by=0.03), (-1.25, 1.7, 0)), funnel, 0, 0.2),
            Part(moved(cylinder(0.035, 0.75, axis=1), (0.35, 1.9, 0)), METAL, 0, 0.2),
            Part(moved(box(0.02, 0.02, 0.3), (0.35, 2.3, 0)), METAL, 0, 0.2),
            Part(moved(cylinder(0.03, 0.35, axis=1), (2.55, 0.95, 0)), METAL, 0, 0.2),
        ),
        centre=(0, 0.8, 0),
        radius=3.35,
        **place,
    )


def ship() -> Scene:
    sea = np.array(colour("#0d4a63"), np.float32)
    return Scene(
        (ship_body(at=(0, -0.05, 0), turn=(0, 28, 0)),),
        day_sky("#2f74c9", "#b4d6ee", 0.52, 9, 1.0),
        Ground(lambda p: np.broadcast_to(sea, (len(p[0]), 3)).astype(np.float32), waves, water=True),
        eye=(0, 1.7, -10.5),
        target=(0, 0.75, 0),
        view=31,
        sun=(-0.6, 0.6, -0.5),
        fog=0.004,
    )


def wheel(x: float, z: float, radius: float = 0.42, half: float = 0.16) -> tuple[Part, Part]:
    def rim(p: Point) -> Array:
        across, up = p[0] - np.float32(x), p[1] - np.float32(radius)
        around, out = np.arctan2(up, across), np.sqrt(across * across + up * up) / np.float32(radius)
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = colour("#c6ccd2")
        result[(out > 0.2) & (out < 0.5) & (np.abs((around * 5 / (2 * np.pi)) % 1 - 0.5) < 0.27)] = colour("#3a3e44")
        return result

    return (
        Part(moved(cylinder(radius, half, 2, 0.07), (x, radius, z)), TYRE, 0, 0.1),
        Part(moved(cylinder(radius * 0.62, half + 0.012, 2, 0.03), (x, radius, z)), rim, 0, 0.45),
    )


def car_body(paint: str, **place: Any) -> Body:
    lower = extruded(
        [(-2.1, 0.35), (-2.12, 0.8), (-1.95, 0.98), (-1.2, 1.02), (0.9, 1.0), (1.85, 0.86), (2.12, 0.68), (2.12, 0.35)],
        0.86,
        0.14,
    )
    arches = union(*(moved(cylinder(0.5, 1.2, 2), (x, 0.42, 0)) for x in (-1.3, 1.32)))
    upper = moved(
        extruded([(-1.75, 0.9), (-1.15, 1.5), (-0.8, 1.58), (0.25, 1.56), (0.55, 1.46), (1.2, 0.9)], 0.72, 0.16)
    )
    red = colour(paint)

    def cabin(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = GLASS
        result[(p[1] > 1.47) | (np.abs(p[0] + 0.3) < 0.06) | (p[1] < 1.0)] = red
        pillar = (np.abs(p[2]) > 0.56) & (
            (np.abs(p[0] - 0.95 + (p[1] - 1.0) * 0.95) < 0.06) | (np.abs(p[0] + 1.55 - (p[1] - 1.0)) < 0.09)
        )
        result[pillar] = red
        return result

    def shell(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = red
        result[p[1] < 0.42] = colour("#25272b")
        lamp = (p[0] > 1.93) & (np.abs(p[1] - 0.72) < 0.1) & (np.abs(p[2]) > 0.42)
        result[lamp] = colour("#fdf6d8")
        result[(p[0] > 2.05) & (np.abs(p[1] - 0.55) < 0.1) & (np.abs(p[2]) < 0.5)] = TYRE
        result[(p[0] < -1.98) & (np.abs(p[1] - 0.8) < 0.09) & (np.abs(p[2]) > 0.4)] = colour("#8c1010")
        door = (np.abs(p[2]) > 0.8) & (p[1] > 0.42) & ((np.abs(p[0] + 0.85) < 0.014) | (np.abs(p[0] - 0.55) < 0.014))
        result[door] = tuple(c * 0.35 for c in red)
        return result

    wheels = [part for x in (-1.3, 1.32) for z in (-0.72, 0.72) for part in wheel(x, z)]
    return Body(
        (Part(upper, cabin, 0, 0.7), Part(cut(lower, arches), shell, 0.05, 0.2), *wheels),
        centre=(0, 0.8, 0),
        radius=2.4,
        **place,
    )


def automobile() -> Scene:
    return Scene(
        (
            car_body("#c4161c", turn=(0, 30, 0)),
            tree(-4.2, 8, 1.1),
            tree(4.6, 9.5, 1.3, "#5d8a3a"),
            tree(7.5, 13, 1.5),
            tree(-9, 14, 1.4),
        ),
        with_hills(day_sky("#2f74c9", "#a9d0ee", 0.5, 5, 1.2), "#8fb0bd", "#7fa27a"),
        Ground(road, tufts_beside_road),
        eye=(0, 1.75, -9),
        target=(0, 0.75, 0),
        view=28,
        sun=(-0.45, 0.8, -0.6),
        fog=0.006,
    )


def truck_body(cab: str, box_colour: str, **place: Any) -> Body:
    shade = colour(cab)
    front = extruded(
        [(1.35, 0.5), (1.35, 2.25), (1.6, 2.4), (2.35, 2.35), (2.6, 1.45), (2.75, 1.3), (2.75, 0.5)], 0.95, 0.12
    )

    def cabin(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = shade
        result[(p[1] > 1.5) & (p[1] < 2.12) & (p[0] > 2.0) & (np.abs(p[2]) < 0.78)] = GLASS
        result[
            (p[1] > 1.5) & (p[1] < 2.1) & (p[0] > 1.62) & (p[0] < 2.3 - (p[1] - 1.5) * 0.3) & (np.abs(p[2]) > 0.8)
        ] = GLASS
        result[(p[0] > 2.6) & (np.abs(p[1] - 1.0) < 0.2) & (np.abs(p[2]) < 0.55)] = colour("#2a2d31")
        result[(p[0] > 2.6) & (np.abs(p[1] - 0.75) < 0.1) & (np.abs(p[2]) > 0.6)] = colour("#fff3c4")
        result[p[1] < 0.58] = colour("#2a2d31")
        return result

    def cargo(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = colour(box_colour)
        result[np.abs((p[0] * 2.2) % 1 - 0.5) < 0.03] = tuple(c * 0.75 for c in colour(box_colour))
        result[np.abs(p[1] - 1.0) < 0.07] = shade
        return result

    wheels = [part for x in (-2.0, -1.1, 2.05) for z in (-0.75, 0.75) for part in wheel(x, z, 0.46, 0.2)]
    return Body(
        (
            Part(moved(box(2.0, 1.12, 0.98, 0.06), (-0.85, 1.95, 0)), cargo, 0, 0.25),
            Part(moved(box(2.6, 0.12, 0.7, 0.04), (-0.1, 0.68, 0)), colour("#2b2d30"), 0, 0.1),
            Part(front, cabin, 0, 0.45),
            *wheels,
        ),
        centre=(0, 1.5, 0),
        radius=3.4,
        **place,
    )


def truck() -> Scene:
    return Scene(
        (
            truck_body("#d8641c", "#f1eee6", turn=(0, 33, 0)),
            tree(-6.5, 9, 1.2),
            tree(6, 10, 1.4, "#5d8a3a"),
            tree(9, 15, 1.5),
        ),
        with_hills(day_sky("#2f74c9", "#a9d0ee", 0.48, 7, 1.2), "#8fb0bd", "#7fa27a", 6),
        Ground(road, tufts_beside_road),
        eye=(0, 1.9, -11.5),
        target=(0, 1.45, 0),
        view=28,
        sun=(-0.45, 0.8, -0.6),
        fog=0.006,
    )
