"""Colour maps and overlays: against OpenCV's tables, torch's interpolation and slow numpy references."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.core.errors import ExplorerError
from app.core.records import Heatmap
from app.render.colormaps import DIVERGING, colour_map_for, colour_map_names, lab_to_rgb, lut
from app.render.overlay import FADE, colourise, composite, enlarge, limits, sheet

ROOT = Path(__file__).resolve().parents[2]

# Machado, Oliveira and Fernandes 2009, severity 1: what is left of linear RGB without one kind of cone.
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))


def heatmap(values: NDArray[np.float32] | list[list[float]], *, signed: bool = False) -> Heatmap:
    return Heatmap(np.asarray(values, np.float32), "grad-cam", "layer4.2", 0, signed)


def linear(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    share = rgb / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB to CIELAB, D65, straight from the definition."""
    return _lab_of_linear(linear(rgb))


def _lab_of_linear(values: NDArray[np.float64]) -> NDArray[np.float64]:
    to_xyz = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    ratios = (values @ np.array(to_xyz).T) / np.array([0.95047, 1.0, 1.08883])
    roots = np.where(ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116)
    x, y, z = roots[..., 0], roots[..., 1], roots[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


# --- colour maps ---


@pytest.mark.parametrize("name", colour_map_names())
def test_the_sequential_tables_are_those_of_opencv(name: str) -> None:
    import cv2

    theirs = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], getattr(cv2, f"COLORMAP_{name.upper()}"))
    np.testing.assert_array_equal(lut(name), theirs[:, 0, ::-1])


def test_the_four_promised_maps_are_offered_and_inferno_first() -> None:
    assert colour_map_names() == ("inferno", "viridis", "cividis", "magma")


@pytest.mark.parametrize("name", colour_map_names())
def test_sequential_maps_grow_lighter_all_the_way(name: str) -> None:
    lightness = lab(lut(name))[:, 0]
    # A step may go back by what rounding to 8 bits can do, no more.
    assert np.diff(lightness).min() > -0.5
    assert lightness[-1] - lightness[0] > 60


@pytest.mark.parametrize("name", [*colour_map_names(), DIVERGING])
def test_a_table_has_256_rgb_colours_and_cannot_be_written_to(name: str) -> None:
    table = lut(name)
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0


def test_an_unknown_map_names_those_that_exist() -> None:
    with pytest.raises(ExplorerError, match=r"jet.*inferno"):
        lut("jet")


def test_the_diverging_map_is_neutral_at_zero_and_equally_dark_at_both_ends() -> None:
    colours = lab(lut(DIVERGING))
    middle = (colours[127] + colours[128]) / 2
    assert np.hypot(*middle[1:]) < 4
    assert middle[0] > 90
    np.testing.assert_allclose(colours[:128, 0], colours[:127:-1, 0], atol=0.8)  # no clipping on either side
    assert colours[0, 2] < -35  # blue
    assert colours[255, 1] > 30 and colours[255, 2] > 45  # orange


def test_the_diverging_map_takes_equal_steps_on_each_arm() -> None:
    colours = lab(lut(DIVERGING))
    for arm in (colours[:128], colours[128:]):
        steps = np.linalg.norm(np.diff(arm[::8], axis=0), axis=1)  # 8 apart: rounding to 8 bits matters less
        assert steps.max() < 1.35 * steps.min()


@pytest.mark.parametrize("blindness", [PROTANOPIA, DEUTERANOPIA], ids=["protanopia", "deuteranopia"])
def test_for_and_against_stay_apart_for_colour_blind_eyes(blindness: tuple[tuple[float, ...], ...]) -> None:
    seen = np.clip(linear(lut(DIVERGING)) @ np.array(blindness).T, 0, 1)
    colours = _lab_of_linear(seen)
    for distance in (32, 64, 127):
        against, favour = colours[127 - distance], colours[128 + distance]
        assert np.linalg.norm(against - favour) > 0.5 * distance


def test_lab_to_rgb_inverts_the_definition() -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (200, 3)).astype(np.uint8)
    assert np.abs(lab_to_rgb(lab(rgb)).astype(int) - rgb).max() <= 1


def test_signed_measurements_always_get_the_diverging_map() -> None:
    assert colour_map_for("viridis", signed=False) == "viridis"
    assert colour_map_for("viridis", signed=True) == DIVERGING


def test_listing_the_maps_does_not_import_numpy() -> None:
    code = (
        "import sys; from app.render.colormaps import colour_map_names; colour_map_names();"
        "sys.exit('numpy' in sys.modules or 'cv2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == 0


# --- scale ---


def test_an_unsigned_scale_starts_at_zero_because_negative_values_are_cut() -> None:
    assert limits(heatmap([[-5, 0], [1, 3]])) == (0, 3)
    assert limits(heatmap([[-5, -1]])) == (0, 0)


def test_a_signed_scale_is_symmetric() -> None:
    assert limits(heatmap([[-5, 1], [0, 3]], signed=True)) == (-5, 5)


def test_one_scale_for_two_maps_holds_both() -> None:
    assert limits(heatmap([[0, 2]]), heatmap([[0, 7]])) == (0, 7)
    assert limits(heatmap([[-1, 2]], signed=True), heatmap([[-9, 7]], signed=True)) == (-9, 9)


def test_values_that_are_not_finite_do_not_stretch_the_scale() -> None:
    assert limits(heatmap([[np.nan, np.inf], [-np.inf, 2]])) == (0, 2)
    assert limits(heatmap([[np.nan, np.nan]])) == (0, 0)


# --- enlargement ---


@pytest.mark.parametrize(
    ("cells", "size"), [((7, 7), (224, 224)), ((1, 1), (5, 9)), ((3, 5), (64, 33)), ((8, 8), (4, 4))]
)
def test_enlargement_is_torchs_bilinear_interpolation(cells: tuple[int, int], size: tuple[int, int]) -> None:
    import torch

    values = np.random.default_rng(0).normal(size=cells).astype(np.float32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=size, mode="bilinear", align_corners=False
    )[0, 0]
    rows, columns = (np.arange(size[0]) + 0.5) / size[0], (np.arange(size[1]) + 0.5) / size[1]
    np.testing.assert_allclose(enlarge(values, rows, columns), theirs.numpy(), atol=2e-6)


def test_what_is_not_finite_counts_as_nothing_and_does_not_spread() -> None:
    values = np.array([[np.nan, 1], [np.inf, 1]], np.float32)
    result = enlarge(values, np.array([0.25, 0.75]), np.array([0.25, 0.5, 0.75]))
    np.testing.assert_allclose(result, [[0, 0.5, 1], [0, 0.5, 1]])


# --- colours ---


def test_colours_are_those_of_the_table_and_the_strongest_is_opaque() -> None:
    values = np.array([[0, 0.5, 1]], np.float32)
    pixels = colourise(values, limits=(0, 1), name="viridis", signed=False, size=(3, 1))
    assert pixels.shape == (1, 3, 4)
    np.testing.assert_array_equal(pixels[0, 2], [*lut("viridis")[255], 255])
    np.testing.assert_array_equal(pixels[0, 1, :3], lut("viridis")[128])
    assert pixels[0, 0, 3] == 0


def test_the_ramp_of_alpha_never_falls_and_ends_where_it_is_said_to() -> None:
    values = np.linspace(0, 1, 256, dtype=np.float32)[None]
    alpha = colourise(values, limits=(0, 1), name="inferno", signed=False, size=(256, 1))[0, :, 3].astype(int)
    assert alpha[0] == 0
    assert (np.diff(alpha) >= 0).all()
    assert (alpha[round(FADE * 255) + 1 :] == 255).all()
    assert 0 < alpha[round(FADE * 255) // 2] < 255


def test_a_signed_map_is_transparent_at_zero_and_equally_opaque_on_both_sides() -> None:
    values = np.array([[-2, -0.5, 0, 0.5, 2]], np.float32)
    pixels = colourise(values, limits=(-2, 2), name="inferno", signed=True, size=(5, 1))[0]
    assert pixels[2, 3] == 0
    assert pixels[0, 3] == pixels[4, 3] == 255
    assert abs(int(pixels[1, 3]) - int(pixels[3, 3])) <= 3
    np.testing.assert_array_equal(pixels[0, :3], lut(DIVERGING)[0])
    np.testing.assert_array_equal(pixels[4, :3], lut(DIVERGING)[255])


def test_values_outside_a_locked_scale_get_its_ends() -> None:
    pixels = colourise(np.array([[-9, 9]], np.float32), limits=(0, 1), name="magma", signed=False, size=(2, 1))[0]
    assert pixels[0, 3] == 0
    np.testing.assert_array_equal(pixels[1], [*lut("magma")[255], 255])


@pytest.mark.parametrize("ends", [(0.0, 0.0), (1.0, 0.0)])
def test_an_empty_scale_shows_nothing(ends: tuple[float, float]) -> None:
    values = np.full((2, 2), 3, np.float32)
    assert not colourise(values, limits=ends, name="inferno", signed=False, size=(8, 8)).any()


def test_a_map_full_of_nothing_finite_is_transparent() -> None:
    values = np.full((2, 2), np.nan, np.float32)
    assert not colourise(values, limits=(0, 1), name="inferno", signed=False, size=(8, 8))[..., 3].any()


# --- composite ---


def reference(
    picture: NDArray[np.uint8], made: Heatmap, box: tuple[float, float, float, float], opacity: float, name: str
) -> NDArray[np.float64]:
    """The overlay, one pixel at a time."""
    low, high = limits(made)
    left, top, right, bottom = box
    height, width = made.values.shape
    table = lut(colour_map_for(name, signed=made.signed)).astype(float)
    result = picture.astype(float)
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            u, v = (x + 0.5 - left) / (right - left), (y + 0.5 - top) / (bottom - top)
            if not (0 <= u < 1 and 0 <= v < 1):
                continue
            column, row = min(max(u * width - 0.5, 0), width - 1), min(max(v * height - 0.5, 0), height - 1)
            x0, y0 = min(int(column), max(0, width - 2)), min(int(row), max(0, height - 2))
            x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
            fx, fy = column - x0, row - y0
            value = (
                made.values[y0, x0] * (1 - fx) * (1 - fy)
                + made.values[y0, x1] * fx * (1 - fy)
                + made.values[y1, x0] * (1 - fx) * fy
                + made.values[y1, x1] * fx * fy
            )
            level = round(min(max((value - low) / (high - low) * 255, 0), 255))
            share = abs(2 * level / 255 - 1) if made.signed else level / 255
            ramp = min(share / FADE, 1)
            alpha = opacity * ramp * ramp * (3 - 2 * ramp)
            result[y, x] += alpha * (table[level] - result[y, x])
    return result


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("box", [(4, 0, 36, 32), (-6.5, -3.25, 50.5, 40), (10.5, 6.25, 20.25, 30)])
def test_a_composite_equals_the_slow_reference(box: tuple[float, float, float, float], signed: bool) -> None:
    rng = np.random.default_rng(5)
    picture = rng.integers(0, 256, (32, 40, 3)).astype(np.uint8)
    made = heatmap(rng.normal(size=(4, 5)).astype(np.float32), signed=signed)
    ours = composite(picture, made, box, opacity=0.6, name="inferno")
    expected = reference(picture, made, box, 0.6, "inferno")
    difference = np.abs(ours - expected)
    # A value halfway between two of the 256 levels may fall to either side; that is one step of the table.
    assert np.quantile(difference, 0.99) <= 1
    assert difference.max() < 12


def test_a_large_picture_is_composed_in_strips_without_seams() -> None:
    picture = np.full((700, 30, 3), 90, np.uint8)
    made = heatmap(np.outer(np.linspace(0, 1, 7), np.ones(7)).astype(np.float32))
    ours = composite(picture, made, (0, 0, 30, 700), opacity=1.0, name="cividis").astype(int)
    assert np.abs(np.diff(ours[:, 15], axis=0)).max() <= 4


def test_the_picture_is_left_alone_outside_the_box_and_itself_not_changed() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    before = picture.copy()
    result = composite(picture, heatmap(np.ones((2, 2), np.float32)), (5, 4, 15, 14), opacity=1.0, name="inferno")
    np.testing.assert_array_equal(picture, before)
    changed = (result != picture).any(axis=-1)
    assert changed[4:14, 5:15].all()
    changed[4:14, 5:15] = False
    assert not changed.any()


def test_nothing_to_see_leaves_the_picture_as_it_is() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    full = (0.0, 0.0, 9.0, 9.0)
    for made in (heatmap([[0, 0]]), heatmap([[-1, -2]]), heatmap([[np.nan, np.nan]])):
        np.testing.assert_array_equal(composite(picture, made, full, opacity=1, name="inferno"), picture)
    some = heatmap([[1, 2]])
    np.testing.assert_array_equal(composite(picture, some, full, opacity=0, name="inferno"), picture)
    np.testing.assert_array_equal(composite(picture, some, (20, 20, 30, 30), opacity=1, name="inferno"), picture)


def test_two_pictures_can_share_one_scale() -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    weak = heatmap(np.full((1, 1), 1, np.float32))
    box = (0, 0, 4, 4)
    alone = composite(picture, weak, box, opacity=1, name="inferno")
    shared = composite(picture, weak, box, opacity=1, name="inferno", scale=(0, 4))
    assert alone[0, 0].sum() > shared[0, 0].sum()


def test_a_sheet_over_many_pictures_is_the_composite_of_each() -> None:
    random = np.random.default_rng(0)
    heatmap = Heatmap(random.normal(size=(7, 7)).astype(np.float32), "grad-cam", "layer4.1", 0, False)
    box = (-3.0, 10.5, 60.0, 73.5)
    made = sheet((64, 80), heatmap, box, opacity=0.6, name="inferno")
    for _ in range(3):
        pixels = random.integers(0, 256, (80, 64, 3), dtype=np.uint8)
        before = pixels.copy()
        expected = composite(pixels, heatmap, box, opacity=0.6, name="inferno")
        assert np.abs(made.over(pixels).astype(int) - expected).max() <= 1, "one grey level of rounding"
        np.testing.assert_array_equal(pixels, before)
