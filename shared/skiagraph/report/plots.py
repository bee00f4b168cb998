"""Plots of what an evaluation found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..folder_work.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = {"accuracy": "Accuracy", "completeness": "Completeness", "f1": "F1"}
# Colours of Okabe and Ito, which the colour-blind can tell apart; the dashes tell in print.
_CURVES = {
    "": ("all", "#222222", "-"),
    "_high": ("high intensity", "#0072B2", "-"),
    "_low": ("low intensity", "#D55E00", "--"),
}
_CLICKS = {
    "mre_px": ("the worst point put right", "#0072B2", "-"),
    "fix_next_mre_px": ("the proposed point put right", "#009E73", "--"),
    "manual_mre_px": ("by hand, without the network", "#222222", ":"),
}
# On the 128 test images of AASCE: Kim et al. (MICCAI 2022, arXiv 2209.07163), and the networks of the vertebra project.
_PUBLISHED_CLICKS = {
    "Kim et al. 2022": ((58.6, 35.4, 29.4, 24.0, 21.1, 17.7), "o-"),
    "UNet-IKEM": ((59.5, 38.3, 29.1, 22.6, 19.3, 17.5), "s-"),
    "HRNet-OCR-IKEM": ((63.2, 43.0, 33.9, 30.0, 27.0, 25.3), "^-"),
}


def plot_distance_curves(summary: Mapping[str, float], path: str | Path) -> None:
    """Draw accuracy, completeness and F1 of surfaces against the distance that is allowed, as a PNG.

    Args:
        summary: ``accuracy_0.5mm``, ``f1_low_1.0mm``, ... as `skiagraph.metrics` writes them, shares 0 to 1. Curves of
            high and low intensity are left out where they are missing or NaN.
        path: file to write.
    """
    # Here, because inference imports this room and draws no plots; and neither a display nor pyplot's state is needed.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for axes, (name, title) in zip(panels, _PANELS.items(), strict=True):
        for part, (label, colour, style) in _CURVES.items():
            curve = _curve(summary, name + part)
            if curve:
                axes.plot(*zip(*curve, strict=True), style, color=colour, label=label, linewidth=1.6)
        _calm(axes, title)
    panels[0].set_ylabel("share of length")
    if panels[1].lines:  # completeness is defined wherever there is truth, of all bones or of some
        panels[1].legend(frameon=False, loc="lower right")
    with whole_file(path) as temporary:
        canvas.print_png(temporary)


def plot_click_curve(summary: Mapping[str, float], path: str | Path) -> None:
    """Draw the mean error of keypoints against the number of clicks, beside the published curves, as a PNG.

    Args:
        summary: ``mre_px_k0``, ``mre_px_k1``, ...; ``fix_next_mre_px_kN`` and ``manual_mre_px_kN`` may be missing.
        path: file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name, (label, colour, style) in _CLICKS.items():
        means = [summary[key] for key in (f"{name}_k{click}" for click in range(len(summary))) if key in summary]
        if means:
            axes.plot(range(len(means)), means, style, color=colour, label=label, linewidth=1.8)
    for label, (published, marker) in _PUBLISHED_CLICKS.items():
        axes.plot(range(len(published)), published, marker, color="#999999", label=label, markersize=5, linewidth=0.8)
    axes.set_xlabel("points put right")
    axes.set_ylabel("mean radial error (pixels of the file)")
    axes.set_ylim(bottom=0)
    axes.grid(color="#e5e5e5", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    with whole_file(path) as temporary:
        canvas.print_png(temporary)


def _curve(summary: Mapping[str, float], name: str) -> list[tuple[float, float]]:
    """(distance in mm, share) in order of distance; NaN is left out."""
    found = ((re.fullmatch(rf"{name}_(\d+\.\d)mm", key), value) for key, value in summary.items())
    return sorted((float(match[1]), value) for match, value in found if match and value == value)


def _calm(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set_xlabel("distance allowed (mm)")
    axes.set_xlim(0, 2)
    axes.set_ylim(0, 1.02)
    axes.grid(color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
