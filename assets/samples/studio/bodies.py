"""What a scene is made of: parts melted into bodies, a ground, a sky, a camera, a sun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from studio.shapes import Array, Distance, Point, Vector, norm, rotation

Sky = Callable[[Point], Array]  # (N, 3) light from unit directions
Colour = Vector | Callable[[Point], Array]  # a function gets points in the body's own axes and returns (N, 3)


@dataclass(frozen=True)
class Part:
    """A shape and what its surface is like.

    Attributes:
        blend: How far it melts into the parts before it in its body.
        gloss: 0 matt to 1 like lacquer: highlight and reflection of the sky.
    """

    shape: Distance
    colour: Colour
    blend: float = 0.0
    gloss: float = 0.08


@dataclass(frozen=True)
class Body:
    """Parts within a sphere, outside of which they need not be looked at."""

    parts: tuple[Part, ...]
    centre: Vector = (0, 0, 0)
    radius: float = 1e3
    at: Vector = (0, 0, 0)
    turn: Vector = (0, 0, 0)
    size: float = 1.0

    def local(self, p: Point) -> Point:
        """World points in the body's own axes."""
        back = rotation(self.turn).T.astype(np.float32)
        q = [(v - np.float32(c)) / np.float32(self.size) for v, c in zip(p, self.at, strict=True)]
        x, y, z = (row[0] * q[0] + row[1] * q[1] + row[2] * q[2] for row in back)
        return x, y, z

    def distance(self, p: Point) -> Array:
        """(N,) signed distances of world points."""
        q = self.local(p)
        bound = norm(*(v - np.float32(c) for v, c in zip(q, self.centre, strict=True))) - np.float32(self.radius)
        near = bound < 1  # closer than that shadows and occlusion must see the shape, not the sphere
        if near.all():
            return self._joined(q) * np.float32(self.size)
        result = bound
        if near.any():
            result[near] = self._joined((q[0][near], q[1][near], q[2][near]))
        return result * np.float32(self.size)

    def _joined(self, q: Point) -> Array:
        total: Array | None = None
        for part in self.parts:
            distance = part.shape(q).astype(np.float32)
            if total is None:
                total = distance
            elif part.blend:
                h = np.maximum(part.blend - np.abs(total - distance), 0) / np.float32(part.blend)
                total = np.minimum(total, distance) - h * h * np.float32(part.blend / 4)
            else:
                total = np.minimum(total, distance)
        assert total is not None
        return total

    def surface(self, p: Point) -> tuple[Array, Array, Array]:
        """(N,) distance, (N, 3) colour and (N,) gloss of world points close to the surface."""
        q = self.local(p)
        total = np.full_like(q[0], 1e9)
        tint = np.zeros((len(q[0]), 3), np.float32)
        gloss = np.zeros_like(q[0])
        for part in self.parts:
            distance = part.shape(q).astype(np.float32)
            reach = np.float32(max(part.blend, 1e-4))
            share = np.clip(0.5 + 0.5 * (total - distance) / reach, 0, 1)
            h = np.maximum(reach - np.abs(total - distance), 0) / reach
            total = np.minimum(total, distance) - h * h * reach / 4
            own = part.colour(q) if callable(part.colour) else np.array(part.colour, np.float32)
            tint += (own - tint) * share[:, None]
            gloss += (np.float32(part.gloss) - gloss) * share
        return total * np.float32(self.size), tint, gloss


@dataclass(frozen=True)
class Ground:
    """The plane y = 0.

    Attributes:
        colour: Of world points.
        bump: Of world points: (N, 2) slopes in x and z, of waves or tufts.
        water: Whether it mirrors bodies and sky.
    """

    colour: Colour
    bump: Callable[[Point], Array] | None = None
    water: bool = False


@dataclass(frozen=True)
class Scene:
    """What is drawn, and from where.

    Attributes:
        sky: (N, 3) of unit directions.
        sun: Towards the sun.
        view: Vertical angle of view, degrees.
        fog: Share of the haze's colour taken on per unit of distance.
    """

    bodies: tuple[Body, ...]
    sky: Sky
    ground: Ground | None = None
    eye: Vector = (0, 1, -6)
    target: Vector = (0, 0.5, 0)
    view: float = 35.0
    sun: Vector = (-0.5, 0.8, -0.5)
    sun_colour: Vector = (2.5, 2.2, 1.8)
    sky_light: Vector = (0.4, 0.52, 0.72)
    bounce: Vector = (0.2, 0.19, 0.15)
    fog: float = 0.0
    haze: Vector = (0.6, 0.75, 0.9)
    exposure: float = 0.8
    roll: float = 0.0


def placed(bodies: tuple[Body, ...], at: Vector, size: float = 1.0) -> tuple[Body, ...]:
    """Bodies that belong together, scaled and put somewhere else."""
    return tuple(
        replace(body, at=tuple(o + size * c for o, c in zip(at, body.at, strict=True)), size=body.size * size)
        for body in bodies
    )
