"""Where blocks go: from 8 to 1202 layers, narrow and wide, nothing overlaps and nothing is lost."""

from __future__ import annotations

import itertools

import pytest

from app.core.records import NetworkOutline
from app.ui.spine_geometry import Layout, lay_out
from tests.ui.outlines import RESNET50, cifar, googlenet, residual, vgg

NETWORKS = {
    "resnet8": cifar(8),
    "resnet20": cifar(20),
    "resnet50": residual(RESNET50, kind="bottleneck"),
    "resnet56": cifar(56),
    "resnet110": cifar(110),
    "resnet1202": cifar(1202),
    "plain1202": cifar(1202, plain=True),
    "vgg16": vgg(),
    "googlenet": googlenet(),
}
WIDTHS = (120, 320, 640, 1000, 1900, 3800)


@pytest.mark.parametrize("ratio", [1.0, 1.25, 2.0, 3.0])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NETWORKS)
def test_everything_fits_in_order_without_overlap(name: str, width: int, ratio: float) -> None:
    blocks = NETWORKS[name].blocks
    layout = lay_out(blocks, width, 88, ratio=ratio)
    assert len(layout.lefts) == len(layout.widths) == len(blocks)
    assert layout.lefts[0] >= layout.margin - 1e-6
    assert layout.lefts[-1] + layout.widths[-1] <= width - layout.margin + 1e-6
    assert layout.width == width  # nothing to scroll
    ends = [left + wide for left, wide in zip(layout.lefts, layout.widths, strict=True)]
    assert all(end <= start + 1e-6 for end, start in zip(ends, layout.lefts[1:], strict=False))
    assert min(layout.widths) > 0


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ratio", [1.0, 2.0])
def test_blocks_of_a_row_are_alike_and_begin_on_device_pixels(name: str, ratio: float) -> None:
    layout = lay_out(NETWORKS[name].blocks, 1000, 88, ratio=ratio)
    if layout.mode == "strip":
        return
    inside = [i for i in range(len(layout.lefts)) if i not in layout.chips]
    assert {round(layout.widths[i] * ratio, 6) for i in inside} == {round((layout.pitch - layout.gap) * ratio, 6)}
    assert all(abs(layout.lefts[i] * ratio - round(layout.lefts[i] * ratio)) < 1e-6 for i in inside)


def test_blocks_become_bars_and_then_a_strip_as_depth_grows() -> None:
    modes = [lay_out(cifar(depth).blocks, 1000, 88).mode for depth in (8, 20, 56, 110, 1202)]
    assert modes == ["blocks", "blocks", "blocks", "bars", "strip"]


def test_blocks_become_bars_and_then_a_strip_as_room_shrinks() -> None:
    order = ("blocks", "bars", "strip")
    ranks = [order.index(lay_out(NETWORKS["resnet56"].blocks, width, 88).mode) for width in range(1600, 80, -20)]
    assert ranks == sorted(ranks)
    assert set(ranks) == {0, 1, 2}


@pytest.mark.parametrize("name", NETWORKS)
def test_stages_are_those_of_the_network(name: str) -> None:
    outline = NETWORKS[name]
    layout = lay_out(outline.blocks, 1000, 88)
    counted = {
        stage: sum(1 for block in outline.blocks if block.stage == stage)
        for stage in sorted({block.stage for block in outline.blocks} - {0})
    }
    assert {stage.number: stage.last - stage.first + 1 for stage in layout.stages} == counted
    for stage in layout.stages:
        assert stage.left == layout.lefts[stage.first]
        assert stage.right == pytest.approx(layout.lefts[stage.last] + layout.widths[stage.last])
    assert [outline.blocks[index].stage for index in layout.chips] == [0] * len(layout.chips)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("zoom", [1.0, 4.0, 1e9])
def test_every_block_is_found_at_its_middle(name: str, zoom: float) -> None:
    layout = lay_out(NETWORKS[name].blocks, 1000, 88, zoom=zoom)
    for index, (left, width) in enumerate(zip(layout.lefts, layout.widths, strict=True)):
        assert layout.index_at(left + width / 2) == index


def test_between_stages_and_outside_there_is_no_block() -> None:
    layout = lay_out(NETWORKS["resnet50"].blocks, 1000, 88)
    first, second = layout.stages[:2]
    assert layout.index_at((first.right + second.left) / 2) is None
    assert layout.index_at(0) is None
    assert layout.index_at(999) is None


@pytest.mark.parametrize("start", [0.0, 500.0, 20_000.0])
def test_what_is_painted_is_all_that_is_seen(start: float) -> None:
    layout = lay_out(NETWORKS["resnet1202"].blocks, 1000, 88, zoom=1e9)
    seen = {
        index
        for index, (left, width) in enumerate(zip(layout.lefts, layout.widths, strict=True))
        if left + width > start and left < start + 1000
    }
    painted = set(layout.visible(start, start + 1000))
    assert seen <= painted
    assert len(painted) <= len(seen) + 4


def _at_zoom(zoom: float, outline: NetworkOutline = NETWORKS["resnet1202"]) -> Layout:
    return lay_out(outline.blocks, 1000, 88, zoom=zoom)


def test_zoom_grows_blocks_up_to_their_greatest_size() -> None:
    pitches = [_at_zoom(zoom).pitch for zoom in (1, 2, 4, 8, 16, 32, 64)]
    assert pitches == sorted(pitches)
    assert _at_zoom(1e9).pitch == pytest.approx(72)
    assert _at_zoom(1e9).width > 600 * 70


def test_places_survive_zooming() -> None:
    before, after = _at_zoom(1), _at_zoom(20)
    for x in (100.0, 512.5, 900.0):
        assert before.x_of(before.place_of(x)) == pytest.approx(x, abs=1e-6)
        place = before.place_of(x)
        assert after.place_of(after.x_of(place)) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize("height", [20, 40, 64, 88, 120, 200])
@pytest.mark.parametrize("compact", [False, True])
def test_captions_are_dropped_before_blocks_are_cut(height: int, compact: bool) -> None:
    layout = lay_out(NETWORKS["resnet50"].blocks, 1000, height, compact=compact, caption_height=14)
    assert layout.top - layout.arc >= -8
    if height >= 40:
        assert layout.top >= layout.arc
        assert layout.top + layout.height <= height
    below = layout.top + layout.height
    assert layout.caption_top == height or below < layout.caption_top <= height - 14


def test_twins_line_up() -> None:
    for depth, compact in itertools.product((20, 56, 1202), (False, True)):
        one = lay_out(cifar(depth).blocks, 900, 60, compact=compact)
        other = lay_out(cifar(depth, plain=True).blocks, 900, 60, compact=compact)
        assert one == other
