"""A small ray marcher: soft sun, sky light, ambient occlusion, reflections.

After Iñigo Quilez, “Raymarching distance fields” and “Soft shadows in raymarched SDFs”. Colours are linear RGB until
the last step.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from studio.bodies import Scene
from studio.shapes import Array, Point, Vector, norm

FAR = 60.0
HIT = 8e-4


def render(scene: Scene, width: int, height: int, samples: int = 2) -> NDArray[np.uint8]:
    """(height, width, 3) sRGB, each pixel the mean of samples² rays."""
    rows = max(1, 120_000 // (width * samples * samples))
    image = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        image[top : top + rows] = _rows(scene, width, height, samples, top, min(height, top + rows))
    return image


def _rows(scene: Scene, width: int, height: int, samples: int, top: int, bottom: int) -> NDArray[np.uint8]:
    inner = (np.arange(samples) + 0.5) / samples
    v = (top + np.arange(bottom - top)[:, None] + inner).ravel()
    u = (np.arange(width)[:, None] + inner).ravel()
    grid_u, grid_v = np.meshgrid((u - width / 2) / height, (height / 2 - v) / height)
    directions = _directions(scene, grid_u.ravel(), grid_v.ravel())
    origin = tuple(np.full_like(directions[0], c) for c in scene.eye)
    light = shade(scene, (origin[0], origin[1], origin[2]), directions, mirrors=True)
    mapped = _tone(light * np.float32(scene.exposure))
    grid = mapped.reshape(bottom - top, samples, width, samples, 3).mean(axis=(1, 3))
    edge = 1 - 0.22 * _vignette(width, height, top, bottom)[..., None]
    grain = (np.random.default_rng(top).random(grid.shape[:2])[..., None] - 0.5) / 255  # against banding
    return np.clip(np.rint(_gamma(grid * edge) * 255 + grain * 255), 0, 255).astype(np.uint8)


def _directions(scene: Scene, u: NDArray[np.float64], v: NDArray[np.float64]) -> Point:
    forward = np.subtract(scene.target, scene.eye)
    forward = forward / np.linalg.norm(forward)
    roll = np.radians(scene.roll)
    right = np.cross([np.sin(roll), np.cos(roll), 0], forward)
    right /= np.linalg.norm(right)
    up = np.cross(forward, right)
    half = 2 * np.tan(np.radians(scene.view) / 2)
    rays = forward + half * (u[:, None] * right + v[:, None] * up)
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    x, y, z = rays.T.astype(np.float32)
    return x, y, z


def shade(scene: Scene, origin: Point, direction: Point, *, mirrors: bool) -> Array:
    """(N, 3) linear light that comes along rays; with `mirrors` glossy things show their surroundings."""
    light = scene.sky(direction)
    where = march(scene, origin, direction)
    floor = _floor_distance(scene, origin, direction)
    on_floor = floor < where
    on_body = (where < FAR) & ~on_floor
    for mask, distance in ((on_body, where), (on_floor & (floor < FAR * 20), floor)):
        if not mask.any():
            continue
        ray = _pick(direction, mask)
        start = _pick(origin, mask)
        length = distance[mask]
        p = (start[0] + ray[0] * length, start[1] + ray[1] * length, start[2] + ray[2] * length)
        if mask is on_body:
            lit = _body_light(scene, p, ray, mirrors=mirrors)
        else:
            lit = _floor_light(scene, p, ray, mirrors=mirrors)
        clear = np.exp(-np.float32(scene.fog) * length)[:, None]
        light[mask] = lit * clear + np.array(scene.haze, np.float32) * (1 - clear)
    return light


def march(scene: Scene, origin: Point, direction: Point, steps: int = 110) -> Array:
    """(N,) distance to the first body, FAR where there is none."""
    travelled = np.full_like(direction[0], 0.02)
    alive = np.arange(len(travelled))
    result = np.full_like(travelled, FAR)
    for _ in range(steps):
        o, d, t = _pick(origin, alive), _pick(direction, alive), travelled[alive]
        distance = _distance(scene, (o[0] + d[0] * t, o[1] + d[1] * t, o[2] + d[2] * t))
        hit = distance < HIT * (1 + t)
        result[alive[hit]] = t[hit]
        travelled[alive] = t + distance * np.float32(0.92)
        alive = alive[~hit & (travelled[alive] < FAR)]
        if not len(alive):
            break
    return result


def _distance(scene: Scene, p: Point) -> Array:
    total = np.full_like(p[0], 1e3)
    for body in scene.bodies:
        total = np.minimum(total, body.distance(p))
    return total


def _floor_distance(scene: Scene, origin: Point, direction: Point) -> Array:
    if scene.ground is None:
        return np.full_like(direction[0], 1e9)
    down = direction[1] < -1e-4
    return np.where(down, -origin[1] / np.where(down, direction[1], -1), 1e9).astype(np.float32)


def _body_light(scene: Scene, p: Point, ray: Point, *, mirrors: bool) -> Array:
    nearest = np.full_like(p[0], 1e9)
    tint = np.zeros((len(p[0]), 3), np.float32)
    gloss = np.zeros_like(p[0])
    for body in scene.bodies:
        distance, own, shine = body.surface(p)
        closer = distance < nearest
        nearest[closer] = distance[closer]
        tint[closer], gloss[closer] = own[closer], shine[closer]
    return _light(scene, p, _normal(scene, p), ray, tint, gloss, mirrors=mirrors)


def _floor_light(scene: Scene, p: Point, ray: Point, *, mirrors: bool) -> Array:
    ground = scene.ground
    assert ground is not None
    tint = ground.colour(p) if callable(ground.colour) else np.full((len(p[0]), 3), ground.colour, np.float32)
    normal = (np.zeros_like(p[0]), np.ones_like(p[0]), np.zeros_like(p[0]))
    if ground.bump is not None:
        slope = ground.bump(p)
        normal = _unit((-slope[:, 0], normal[1], -slope[:, 1]))
    if not ground.water:
        return _light(scene, p, normal, ray, tint, np.full_like(p[0], 0.02), mirrors=False)
    facing = np.clip(-_dot(ray, normal), 0, 1)
    fresnel = (0.03 + 0.97 * (1 - facing) ** 5)[:, None].astype(np.float32)
    reflected = _reflect(ray, normal)
    reflected = _unit((reflected[0], np.maximum(reflected[1], 0.02), reflected[2]))
    above = (p[0], p[1] + np.float32(0.01), p[2])
    mirror = shade(replace(scene, ground=None), above, reflected, mirrors=False) if mirrors else scene.sky(reflected)
    sun = _unit_vector(scene.sun)
    glint = np.clip(_dot(reflected, tuple(np.float32(c) for c in sun)), 0, 1)[:, None] ** 220
    shadow = soft_shadow(scene, p, normal)[:, None]
    deep = tint * (0.45 + 0.55 * shadow)
    return deep * (1 - fresnel) + mirror * fresnel + glint * shadow * np.array(scene.sun_colour, np.float32) * 1.5


def _light(scene: Scene, p: Point, normal: Point, ray: Point, tint: Array, gloss: Array, *, mirrors: bool) -> Array:
    sun = _unit_vector(scene.sun)
    towards = tuple(np.float32(c) for c in sun)
    diffuse = np.clip(_dot(normal, towards), 0, 1)
    lit = diffuse > 0
    shadow = np.zeros_like(diffuse)
    if lit.any():
        shadow[lit] = soft_shadow(scene, _pick(p, lit), _pick(normal, lit))
    occlusion = ambient_occlusion(scene, p, normal)
    above = (0.5 + 0.5 * normal[1]) * occlusion
    below = (0.5 - 0.5 * normal[1]) * occlusion
    light = (diffuse * shadow)[:, None] * np.array(scene.sun_colour, np.float32)
    light = light + above[:, None] * np.array(scene.sky_light, np.float32)
    light = light + below[:, None] * np.array(scene.bounce, np.float32)
    result = tint * light
    reflected = _reflect(ray, normal)
    facing = np.clip(-_dot(ray, normal), 0, 1)
    fresnel = (gloss * (0.06 + 0.94 * (1 - facing) ** 5))[:, None]
    shiny = gloss > 0.3
    mirror = scene.sky((reflected[0], np.abs(reflected[1]), reflected[2])) * 0.8
    if mirrors and shiny.any():
        offset = tuple(v[shiny] + n[shiny] * np.float32(0.01) for v, n in zip(p, normal, strict=True))
        mirror[shiny] = shade(scene, (offset[0], offset[1], offset[2]), _pick(reflected, shiny), mirrors=False)
    result = result * (1 - fresnel) + mirror * fresnel * (0.3 + 0.7 * occlusion[:, None])
    highlight = np.clip(_dot(reflected, towards), 0, 1) ** (10 + 260 * gloss)
    return result + (highlight * shadow * gloss * 0.9)[:, None] * np.array(scene.sun_colour, np.float32)


def soft_shadow(scene: Scene, p: Point, normal: Point, softness: float = 14.0) -> Array:
    """(N,) share of the sun that reaches points: 0 to 1."""
    sun = [np.float32(c) for c in _unit_vector(scene.sun)]
    start = tuple(v + n * np.float32(0.02) for v, n in zip(p, normal, strict=True))
    light = np.ones_like(p[0])
    travelled = np.full_like(p[0], 0.02)
    alive = np.arange(len(light))
    for _ in range(46):
        t = travelled[alive]
        at = tuple(start[i][alive] + sun[i] * t for i in range(3))
        distance = _distance(scene, (at[0], at[1], at[2]))
        light[alive] = np.minimum(light[alive], np.clip(softness * distance / t, 0, 1))
        travelled[alive] = t + np.clip(distance, 0.02, 0.6)
        alive = alive[(light[alive] > 0.01) & (travelled[alive] < 14)]
        if not len(alive):
            break
    return light * light * (3 - 2 * light)


def ambient_occlusion(scene: Scene, p: Point, normal: Point) -> Array:
    """(N,) share of the sky that points see, guessed from distances along the normal."""
    hidden = np.zeros_like(p[0])
    weight = 1.0
    for step in (0.03, 0.1, 0.22, 0.42):
        at = tuple(v + n * np.float32(step) for v, n in zip(p, normal, strict=True))
        distance = _distance(scene, (at[0], at[1], at[2]))
        if scene.ground is not None:
            distance = np.minimum(distance, np.maximum(at[1], 0))
        hidden += np.float32(weight) * np.maximum(step - distance, 0)
        weight *= 0.75
    return np.clip(1 - 1.5 * hidden, 0.12, 1).astype(np.float32)


# ---- arithmetic


def _pick(p: Point, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Point:
    return p[0][mask], p[1][mask], p[2][mask]


def _dot(a: Point, b: tuple[Array, ...] | tuple[np.float32, ...]) -> Array:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _unit(p: Point) -> Point:
    length = np.maximum(norm(*p), 1e-9)
    return p[0] / length, p[1] / length, p[2] / length


def _unit_vector(vector: Vector) -> NDArray[np.float64]:
    return np.asarray(vector) / np.linalg.norm(vector)


def _reflect(ray: Point, normal: Point) -> Point:
    twice = 2 * _dot(ray, normal)
    return ray[0] - twice * normal[0], ray[1] - twice * normal[1], ray[2] - twice * normal[2]


def _normal(scene: Scene, p: Point) -> Point:
    """The gradient of the distance, from the corners of a tetrahedron."""
    total = [np.zeros_like(p[0]) for _ in range(3)]
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        at = tuple(v + np.float32(0.0015 * c) for v, c in zip(p, corner, strict=True))
        distance = _distance(scene, (at[0], at[1], at[2]))
        total = [t + distance * np.float32(c) for t, c in zip(total, corner, strict=True)]
    return _unit((total[0], total[1], total[2]))


def _tone(light: Array) -> Array:
    """The filmic curve of Narkowicz (2015): bright things stay coloured."""
    return np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)


def _gamma(linear: Array) -> Array:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def _vignette(width: int, height: int, top: int, bottom: int) -> NDArray[np.float64]:
    y, x = np.mgrid[top:bottom, 0:width]
    return (((x + 0.5) / width - 0.5) ** 2 + ((y + 0.5) / height - 0.5) ** 2) * 2
