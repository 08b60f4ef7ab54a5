"""Two scenes on which a network has more than one thing to say."""

from __future__ import annotations

import numpy as np

from studio.animals import cat_bodies, dog_bodies
from studio.bodies import Body, Ground, Part, Scene, placed
from studio.scenery import day_sky, floor_boards, room, waves, with_hills
from studio.shapes import Array, Point, box, capsule, colour, ellipsoid, extruded, mirrored, moved
from studio.vehicles import GLASS, METAL, TYRE, WHITE


def cat_and_dog() -> Scene:
    """Two objects: explain the one class, then the other."""
    cat = cat_bodies("#3a3a3e", "#1c1c20")
    bodies = (*placed(cat, (-0.62, 0, -0.2), 0.95), *placed(dog_bodies(), (1.0, 0, 0.25), 0.8))
    return Scene(
        bodies,
        room,
        Ground(floor_boards),
        eye=(0, 1.5, -7),
        target=(0, 0.98, 0),
        view=26,
        sun=(-0.5, 0.75, -0.65),
        sky_light=(0.5, 0.5, 0.52),
    )


def seaplane() -> Scene:
    """An airplane that floats: the network cannot decide."""
    blue = colour("#d8641c")
    wing = moved(
        extruded([(0.55, -3.0), (0.55, 3.0), (-0.35, 2.7), (-0.35, -2.7)], 0.07, 0.05), (0.35, 0.62, 0), (90, 0, 0)
    )
    tail = moved(
        extruded([(-2.0, -0.95), (-2.0, 0.95), (-2.55, 0.8), (-2.55, -0.8)], 0.05, 0.03), (0, 0.35, 0), (90, 0, 0)
    )

    def skin(p: Point) -> Array:
        result = np.empty((len(p[0]), 3), np.float32)
        result[:] = WHITE
        result[np.abs(p[1] - 0.0) < 0.09] = blue
        result[(p[1] > 0.18) & (p[0] > -0.3) & (p[0] < 1.05) & (np.abs((p[0] * 2.2) % 1 - 0.5) < 0.4)] = GLASS
        return result

    hull = moved(ellipsoid(1.9, 0.19, 0.24), (0.1, -1.0, 0.85))
    parts = [
        Part(capsule((-0.5, 0.05, 0), (1.2, 0.05, 0), 0.46, 0.42), skin, gloss=0.35),
        Part(capsule((-0.5, 0.05, 0), (-2.5, 0.3, 0), 0.44, 0.1), WHITE, 0.2, 0.3),
        Part(capsule((1.2, 0.0, 0), (1.75, 0.0, 0), 0.36, 0.22), blue, 0.08, 0.3),
        Part(moved(box(0.02, 0.75, 0.07, 0.02), (1.99, 0.0, 0), (25, 0, 0)), TYRE, 0, 0.3),
        Part(wing, WHITE, 0.05, 0.25),
        Part(tail, WHITE, 0.03, 0.25),
        Part(extruded([(-1.95, 0.4), (-2.4, 1.25), (-2.75, 1.25), (-2.6, 0.3)], 0.06, 0.04), blue, 0.03, 0.3),
        Part(mirrored(hull), WHITE, 0, 0.3),
        *(Part(mirrored(capsule((x, -0.2, 0.2), (x + 0.1, -0.9, 0.85), 0.045)), METAL, 0, 0.3) for x in (-0.4, 0.8)),
    ]
    sea = np.array(colour("#0d4a63"), np.float32)
    return Scene(
        (Body(tuple(parts), radius=3.3, at=(0, 1.02, 0), turn=(0, 20, 0)),),
        with_hills(day_sky("#2f74c9", "#b4d6ee", 0.52, 9, 1.0), "#8fb0bd", "#6f9486", 3, 0.1),
        Ground(lambda p: np.broadcast_to(sea, (len(p[0]), 3)).astype(np.float32), waves, water=True),
        eye=(0, 2.0, -10.5),
        target=(0, 0.95, 0),
        view=30,
        sun=(-0.6, 0.6, -0.5),
        fog=0.004,
    )
