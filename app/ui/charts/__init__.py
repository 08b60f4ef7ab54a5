"""The program's charts: numpy arrays in, never torch, never a file of a run.

    loss = LineChart("lossChart", self.tr("Training loss"), y_title="loss", log=True)
    loss.add_series("residual", "residual-56", colour=RESIDUAL)          # tokens: RESIDUAL, PLAIN, series_tokens()
    loss.add_series("residual/test", "test", colour=RESIDUAL, dashed=True, kind="evaluations")
    card = ChartCard(loss, self.tr("Training loss"), background=shell.background)
    card.set_note("…")                                                    # what the paper found
    card.said.connect(shell.window.set_status); card.failed.connect(…)

    loss.append("residual", new.steps, new.scalars["loss"])               # as rows come; redraws at most 60 a second
    loss.cut("residual", new.back_to)                                     # before, where the run was resumed
    loss.set_total(status.steps)                                          # the axis reaches there from the beginning

    blocks = BlockChart("gradients", …, y_title="gradient norm"); blocks.set_blocks(outline.blocks)
    blocks.add_series("residual", …); blocks.set_values("residual", values)         # (B,)

    shared = SharedScale(page)                                            # one scale of colours for both maps
    heat = StepHeatMap("residualMap", …, value_title="gradient norm", scale=shared)
    heat.append(new.block_steps, new.blocks["output_gradient"])           # (n,), (n, B)
    heat.show_columns(follower.data.columns[measure])                     # or a table that RunFollower fills; then
    heat.refresh_columns()                                                # after every `appended`

    sweep = BarChart("sweep", …, y_title="error", unit="%"); sweep.set_reference(8.4, self.tr("whole network"))
    calibration = ReliabilityChart("calibration", …); calibration.set_bins(edges, confidence, accuracy, counts)
    paths = LineChart(…, x_title=self.tr("path length"), x_word=self.tr("{0} blocks long"))   # x need not be a step

All charts: `hovered(x or None)` and `show_hover(x)` link crosshairs; `picked(x)` is a click (scrub there, choose this
block); `set_marker(step)` shows the scrub position and fades what comes after; `set_log`, `set_visible(key, …)`,
`set_empty_text`, `entries()`, `table()`. Everything on the window's thread.
"""

from __future__ import annotations

from app.ui.charts.bars import BarChart, ReliabilityChart
from app.ui.charts.blocks import BlockChart
from app.ui.charts.card import ChartCard
from app.ui.charts.colours import PLAIN, RESIDUAL, series_colour, series_tokens
from app.ui.charts.columns import StepColumns
from app.ui.charts.heat import SharedScale, StepHeatMap
from app.ui.charts.lines import LineChart
from app.ui.charts.plot import Entry, Plot, Table

__all__ = [
    "PLAIN",
    "RESIDUAL",
    "BarChart",
    "BlockChart",
    "ChartCard",
    "Entry",
    "LineChart",
    "Plot",
    "ReliabilityChart",
    "SharedScale",
    "StepColumns",
    "StepHeatMap",
    "Table",
    "series_colour",
    "series_tokens",
]
