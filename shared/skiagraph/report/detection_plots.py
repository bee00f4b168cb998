"""Plots of how well boxes are found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..folder_work.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

# Colours of Okabe and Ito, which the colour-blind can tell apart; the markers tell in print.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")
_MARKERS = "os^Dv<>"
_OVERLAPS = {"IoU 0.5": "-", "IoU 0.75": "--"}
# From a tenth of what is asked for at least to ten times what is asked for at most.
_FALSE_PER_IMAGE = (0.01, 10)


def plot_precision_recall(recalls: Array, precisions: Mapping[str, Array], path: str | Path) -> None:
    """Draw precision against recall, a colour a class, as a PNG.

    Args:
        recalls: (points,).
        precisions: of each class (2, points), at IoU 0.5 and 0.75.
        path: file to write.
    """
    with _axes(path, "recall", "precision", precisions) as axes:
        for (name, both), (colour, _) in zip(precisions.items(), _styles(), strict=False):
            for precision, (overlap, dashes) in zip(both, _OVERLAPS.items(), strict=True):
                label = f"{name}, {overlap}"
                axes.plot(recalls, precision, dashes, color=colour, label=label, linewidth=1.8)
        axes.set_xlim(0, 1)


def plot_froc(curves: Mapping[str, tuple[Array, Array]], path: str | Path) -> None:
    """Draw the share of boxes found against false boxes per image, on a scale of powers of ten, as a PNG.

    Args:
        curves: of each class, false boxes per image (points,), ascending, and share of true boxes found (points,).
        path: file to write.
    """
    with _axes(path, "false boxes per image", "share of boxes found, at IoU 0.5", curves) as axes:
        axes.set_xscale("log")
        for (name, (false, found)), (colour, _) in zip(curves.items(), _styles(), strict=False):
            # What is reached without a false box holds from the left edge on, and the last share to the right one.
            steps = np.append(np.maximum(false, _FALSE_PER_IMAGE[0]), max(false[-1], _FALSE_PER_IMAGE[1]))
            shares = np.append(found, found[-1])
            axes.step(steps, shares, where="post", color=colour, label=name, linewidth=1.8)
        axes.set_xlim(*_FALSE_PER_IMAGE)


def plot_reliability(curves: Mapping[str, tuple[Array, Array, Array]], path: str | Path) -> None:
    """Draw the share of true boxes against their score, beside the line where both are equal, as a PNG.

    Args:
        curves: of each class and bin of score, mean score, share of true boxes (bins,), NaN in an empty bin, and how
            many boxes there are, which the area of a marker shows.
        path: file to write.
    """
    with _axes(path, "score", "share of true boxes, at IoU 0.5", curves) as axes:
        axes.plot((0, 1), (0, 1), ":", color="#999999", linewidth=1)
        for (name, (score, share, boxes)), (colour, marker) in zip(curves.items(), _styles(), strict=False):
            filled = boxes > 0
            axes.plot(score[filled], share[filled], "-", color=colour, linewidth=1)
            area = 20 + 180 * boxes[filled] / boxes.max(initial=1)
            axes.scatter(score[filled], share[filled], area, color=colour, marker=marker, label=name, alpha=0.8)
        axes.set_xlim(0, 1)


def _styles() -> Iterator[tuple[str, str]]:
    """Colour and marker of each class, in their order."""
    return cycle(zip(_COLOURS, _MARKERS, strict=True))


@contextmanager
def _axes(path: str | Path, across: str, up: str, curves: Mapping[str, Any]) -> Iterator[Axes]:
    """Axes to draw shares in, written to the file when all is drawn; with a legend where there are curves."""
    # Here, because inference imports this room and draws no plots; and neither a display nor pyplot's state is needed.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    yield axes
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(0, 1.02)
    axes.grid(color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if curves:
        axes.legend(frameon=False, fontsize=8)
    with whole_file(path) as temporary:
        canvas.print_png(temporary)
