"""Draws the figures: one small chart for each, with medians and the range of all rounds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from pywinmmf import InvalidArgumentError
from pywinmmf.whole_file import replace_file

from .report import number
from .runner import BARE_C, Outcome

COLUMNS = 2
WIDE = 50
"""Figures further apart than this are drawn on a logarithmic scale."""
OWN, BARE, PEER = "#1f6fb4", "#555555", "#c9c9c9"


def check_name(file: Path) -> None:
    """`InvalidArgumentError` unless the picture is a PNG."""
    if file.suffix.lower() != ".png":
        raise InvalidArgumentError(f"plot {str(file)!r}: expected a name that ends with .png")


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write a PNG."""
    outcomes = [outcome for outcome in outcomes if outcome.measured]
    if not outcomes:
        raise InvalidArgumentError(f"plot {str(file)!r}: there is no measurement to draw")
    lines = (len(outcomes) + COLUMNS - 1) // COLUMNS
    figure, axes = pyplot.subplots(lines, COLUMNS, figsize=(13, 2.4 * lines), squeeze=False, layout="constrained")
    for axis, outcome in zip(axes.flat, outcomes):
        _draw_one(axis, outcome)
    for axis in axes.flat[len(outcomes) :]:
        axis.set_axis_off()
    png = io.BytesIO()
    figure.savefig(png, dpi=110, format=file.suffix[1:])
    replace_file(file, png.getvalue())
    pyplot.close(figure)


def _draw_one(axis: Axes, outcome: Outcome) -> None:
    names = list(outcome.measured)
    medians = [outcome.measured[name].median for name in names]
    least = [median - min(outcome.measured[name].values) for name, median in zip(names, medians)]
    most = [max(outcome.measured[name].values) - median for name, median in zip(names, medians)]
    bars = axis.barh(names, medians, color=[_colour(name) for name in names], xerr=(least, most), ecolor="#888888")
    axis.bar_label(bars, [_label(outcome, name) for name in names], label_type="edge", padding=4, fontsize=8)
    if max(medians) > WIDE * min(medians):
        axis.set_xscale("log")
    better = "more" if outcome.figure.more_is_better else "less"
    axis.set_title(f"{outcome.title}\n{outcome.figure.unit}, {better} is better", fontsize=9, loc="left")
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _colour(name: str) -> str:
    return BARE if name == BARE_C else OWN if name.startswith("pywinmmf") else PEER


def _label(outcome: Outcome, name: str) -> str:
    torn = outcome.measured[name].torn
    return number(outcome.measured[name].median) + (f" ({torn} torn)" if torn else "")
