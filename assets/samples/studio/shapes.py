"""Signed distance fields: shapes around the origin, moving and joining them.

After Iñigo Quilez, “Distance functions”. Points are triples of float32 arrays; y is up; a distance is negative inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32, (N,) or (N, 3)
Point = tuple[Array, Array, Array]
Vector = tuple[float, float, float]
Distance = Callable[[Point], Array]


def colour(code: str) -> Vector:
    """“#rrggbb” as linear RGB."""
    values = [int(code[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return red, green, blue


# ---- shapes, around the origin


def sphere(radius: float) -> Distance:
    return lambda p: norm(*p) - np.float32(radius)


def ellipsoid(rx: float, ry: float, rz: float) -> Distance:
    """Nearly a distance: the bound of Quilez, exact on the surface."""

    def distance(p: Point) -> Array:
        k0 = norm(p[0] / rx, p[1] / ry, p[2] / rz)
        k1 = norm(p[0] / (rx * rx), p[1] / (ry * ry), p[2] / (rz * rz))
        return k0 * (k0 - 1) / np.maximum(k1, np.float32(1e-6))

    return distance


def box(hx: float, hy: float, hz: float, round_by: float = 0.0) -> Distance:
    """Half lengths, corners included."""

    def distance(p: Point) -> Array:
        qx, qy, qz = (np.abs(v) - np.float32(h - round_by) for v, h in zip(p, (hx, hy, hz), strict=True))
        outside = norm(np.maximum(qx, 0), np.maximum(qy, 0), np.maximum(qz, 0))
        return outside + np.minimum(np.maximum(qx, np.maximum(qy, qz)), 0) - np.float32(round_by)

    return distance


def capsule(a: Vector, b: Vector, ra: float, rb: float | None = None) -> Distance:
    """From a to b, its radius going from ra to rb."""
    end = ra if rb is None else rb
    axis = np.subtract(b, a)
    square = float(axis @ axis)

    def distance(p: Point) -> Array:
        x, y, z = (v - np.float32(c) for v, c in zip(p, a, strict=True))
        h = np.clip((x * axis[0] + y * axis[1] + z * axis[2]) / square, 0, 1).astype(np.float32)
        length = norm(x - h * np.float32(axis[0]), y - h * np.float32(axis[1]), z - h * np.float32(axis[2]))
        return (length - (ra + (end - ra) * h)).astype(np.float32)

    return distance


def cylinder(radius: float, half: float, axis: int = 2, round_by: float = 0.0) -> Distance:
    def distance(p: Point) -> Array:
        along = np.abs(p[axis]) - np.float32(half - round_by)
        u, v = (p[i] for i in range(3) if i != axis)
        across = np.sqrt(u * u + v * v) - np.float32(radius - round_by)
        outside = np.sqrt(np.maximum(along, 0) ** 2 + np.maximum(across, 0) ** 2)
        return outside + np.minimum(np.maximum(along, across), 0) - np.float32(round_by)

    return distance


def extruded(outline: list[tuple[float, float]], half: float, round_by: float = 0.0) -> Distance:
    """A polygon in the x-y plane, `half` thick to both sides along z."""
    corners = np.array(outline, np.float32)

    def distance(p: Point) -> Array:
        flat = _polygon(p[0], p[1], corners)
        along = np.abs(p[2]) - np.float32(half - round_by)
        across = flat + np.float32(round_by)
        outside = np.sqrt(np.maximum(along, 0) ** 2 + np.maximum(across, 0) ** 2)
        return outside + np.minimum(np.maximum(along, across), 0) - np.float32(round_by)

    return distance


def _polygon(x: Array, y: Array, corners: NDArray[np.float32]) -> Array:
    nearest = np.full_like(x, 1e9)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
        h = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, (wx - ex * h) ** 2 + (wy - ey * h) ** 2)
        inside ^= ((ay > y) != (by > y)) & (x < ex * (y - ay) / (ey if ey else 1e-9) + ax)
    return np.where(inside, -1, 1).astype(np.float32) * np.sqrt(nearest)


# ---- moving and joining


def moved(shape: Distance, at: Vector = (0, 0, 0), turn: Vector = (0, 0, 0), size: float = 1.0) -> Distance:
    """Scaled, turned by degrees about x, then y, then z, and put at a place."""
    back = rotation(turn).T.astype(np.float32)  # the inverse: points go back to the shape's own axes
    turned = any(turn)

    def distance(p: Point) -> Array:
        x, y, z = (v - np.float32(c) for v, c in zip(p, at, strict=True))
        if turned:
            x, y, z = (row[0] * x + row[1] * y + row[2] * z for row in back)
        if size != 1:
            x, y, z = x / np.float32(size), y / np.float32(size), z / np.float32(size)
        return shape((x, y, z)) * np.float32(size)

    return distance


def rotation(turn: Vector) -> NDArray[np.float64]:
    """The matrix that turns by degrees about x, then y, then z."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(np.radians(t)), np.sin(np.radians(t))) for t in turn)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def mirrored(shape: Distance, axis: int = 2) -> Distance:
    """The shape on the positive side of an axis, on both sides."""

    def distance(p: Point) -> Array:
        q = list(p)
        q[axis] = np.abs(q[axis])
        return shape((q[0], q[1], q[2]))

    return distance


def union(*shapes: Distance) -> Distance:
    return lambda p: np.minimum.reduce([shape(p) for shape in shapes])


def cut(shape: Distance, *away: Distance) -> Distance:
    return lambda p: np.maximum(shape(p), -np.minimum.reduce([tool(p) for tool in away]))


def both(*shapes: Distance) -> Distance:
    return lambda p: np.maximum.reduce([shape(p) for shape in shapes])


def norm(x: Array, y: Array, z: Array) -> Array:
    """(N,) lengths of vectors."""
    return np.sqrt(x * x + y * y + z * z)
