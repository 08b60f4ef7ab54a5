"""How much the layers of a network respond, over many pictures: what figure 7 of He et al. 2015 shows. No torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerResponse:
    """One layer's response: its output after batch norm, before nonlinearity and addition.

    Attributes:
        path: Of the convolution.
        kernel: Its side: 3 for 3×3.
        deviation: Standard deviation over pictures, channels and places.
    """

    path: str
    kernel: int
    deviation: float


@dataclass(frozen=True)
class ResponseRecord:
    """The responses of one network.

    Attributes:
        model: Its reference.
        title: Of the model.
        residual: Whether its blocks have shortcuts.
        data: What the pictures were taken from, the name alone.
        pictures: How many.
        layers: In the order of the network; shortcuts' convolutions are left out.
    """

    model: str
    title: str
    residual: bool
    data: str
    pictures: int
    layers: tuple[LayerResponse, ...]

    @property
    def of_figure_7(self) -> tuple[LayerResponse, ...]:
        """The 3×3 layers, which are the ones that the paper's figure shows."""
        return tuple(layer for layer in self.layers if layer.kernel == 3)

    @property
    def mean(self) -> float:
        """Of the 3×3 layers' deviations; NaN where there is none."""
        layers = self.of_figure_7
        return sum(layer.deviation for layer in layers) / len(layers) if layers else float("nan")


def response_table(records: tuple[ResponseRecord, ...]) -> str:
    """Markdown: of each network the mean, the median, the least and the greatest of its 3×3 layers."""
    lines = [
        "| network | 3×3 layers | mean deviation | median | least | greatest | pictures |",
        "|---|---|---|---|---|---|---|",
    ]
    for record in records:
        values = sorted(layer.deviation for layer in record.of_figure_7)
        if not values:
            continue
        middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
        lines.append(
            f"| {record.title} | {len(values)} | {record.mean:.3f} | {middle:.3f} | {values[0]:.3f} | {values[-1]:.3f} "
            f"| {record.pictures:,} |"
        )
    return "\n".join(lines)
