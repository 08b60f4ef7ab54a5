"""What an engine could say of a network's anatomy, made up without torch."""

from __future__ import annotations

import numpy as np

from app.core.anatomy import BlockMeasurement, Filters, Measurement, Mosaic, OpenedBlock, Response, Step
from app.core.lesions import gate_of
from app.core.records import NetworkOutline, Prediction, Request

CHANNELS = 8


def mosaic(channels: int = CHANNELS, side: int = 4, *, low: float = -1.0, high: float = 3.0) -> Mosaic:
    """Channel c is as strong as (5 · c) mod channels, so that the strongest is not the first."""
    pixels = np.arange(channels * side * side, dtype=np.int64).reshape(channels, side, side) % 256
    strength = np.array([5 * channel % channels for channel in range(channels)], np.float32)
    return Mosaic(pixels.astype(np.uint8), low, high, 2, strength)


def step(kind: str, lane: str, symbol: str = "", path: str = "", *, channels: int = CHANNELS, **others: object) -> Step:
    values: dict[str, object] = {
        "shape": (1, channels, 8, 8),
        "kernel": 3 if kind == "convolution" else 0,
        "stride": 1 if kind == "convolution" else 0,
        "groups": 1 if kind == "convolution" else 0,
        "parameters": 576 if kind == "convolution" else 0,
        "multiply_adds": 36_864 if kind == "convolution" else 0,
        "norm": 2.0,
        "mean": 0.5,
        "deviation": 1.0,
        "minimum": -1.0,
        "maximum": 3.0,
        "mosaic": mosaic(channels),
    }
    return Step(kind, lane, symbol, path, **{**values, **others})  # type: ignore[arg-type]


def opened(outline: NetworkOutline, request: Request, name: str) -> OpenedBlock:
    """A basic block after He et al. 2015, or a layer, or the stem."""
    block = outline.block(name)
    assert block is not None
    if block.kind == "basic":
        steps = [
            step("input", "trunk", "x", norm=3.0),
            step("convolution", "branch", path=f"{name}.conv1"),
            step("norm", "branch", path=f"{name}.bn1"),
            step("relu", "branch"),
            step("convolution", "branch", path=f"{name}.conv2"),
            step("norm", "branch", "F(x)", f"{name}.bn2", norm=1.5),
        ]
        if block.shortcut == "projection":
            steps.append(step("convolution", "shortcut", path=f"{name}.downsample.0", kernel=1, stride=2))
            steps.append(step("norm", "shortcut", path=f"{name}.downsample.1"))
        if block.shortcut != "none":
            steps.append(step("padding" if block.shortcut == "padding" else "identity", "shortcut", "s(x)", norm=3.0))
            steps.append(step("addition", "trunk", "F(x) + s(x)", norm=3.5))
    else:
        first = 3 if block.kind == "stem" else CHANNELS
        steps = [step("input", "trunk", "x", channels=first), step("convolution", "trunk", path=f"{name}.0")]
    steps.append(step("output", "trunk", "y", norm=3.2))
    contribution = np.array([channel - 3 for channel in range(CHANNELS)], np.float32)
    filters = None
    if block.kind == "stem":
        filters = Filters("conv1", np.full((CHANNELS, 3, 3, 3), 128, np.uint8), np.ones(CHANNELS, np.float32))
    return OpenedBlock(
        request.id,
        request.model,
        block,
        name,
        block.shortcut,
        gate_of(request.lesions, name),
        tuple(steps),
        contribution,
        7,
        filters,
    )


def measurement(outline: NetworkOutline, request: Request) -> Measurement:
    """Every block's numbers grow with its place."""
    blocks = tuple(
        BlockMeasurement(
            name=block.name,
            shape_in=(1, 16, 32, 32),
            shape=(1, 10) if block.kind == "head" else (1, 16, 32, 32),
            ratio=0.1 * place if block.shortcut != "none" else None,
            energy=1.0 + place,
            gradient=None if block.kind == "head" else 10.0 / (1 + place),
            responses=(Response(f"{block.name}.conv1", 3, 0.5),),
            parameters=block.parameters,
            multiply_adds=1_234_567 * (1 + place),
            milliseconds=0.5,
            activation_bytes=65_536,
        )
        for place, block in enumerate(outline.blocks)
    )
    shares = np.full(10, 0.1, np.float32)
    return Measurement(
        request.id,
        request.model,
        "cpu",
        7,
        Prediction(np.log(shares), shares),
        blocks,
        outline.parameters,
        sum(block.multiply_adds for block in blocks),
        272_474,
        0.041,
        0.5 * len(blocks),
    )
