"""One look for every figure: sizes that fit a paper's column, and one colour per architecture family everywhere."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # never a window: jobs run in threads and on machines without a screen

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from camagain.artifacts import atomic, write_csv
from camagain.families import FAMILIES, family_of

PAGE_INCHES = 7.0
"""Width of the two columns of the CVPR format."""

OTHER_COLORS = ("#56B4E9", "#E69F00", "#F0E442", "#000000")
"""Colours of networks without a family; with the families' they are Okabe and Ito's, safe for colour-blind readers."""

BASELINE_COLOR = "#7F7F7F"

DOTS_PER_INCH = {"pdf": 300, "png": 200}
"""PDF is for print. PNG is for screens, and small enough to be kept in git."""

TALL_INCHES = 10
TALL_DOTS_PER_INCH = 130
"""What a PNG has that is taller than a page, as the heatmaps of many networks are; it would be megabytes large."""


MARGIN_INCHES = 0.03
"""Between what is drawn and the edge of a picture."""


def apply_style() -> None:
    """Sets seaborn's and matplotlib's defaults for all figures of this process."""
    sns.set_theme(
        context="paper",
        style="ticks",
        rc={
            "font.size": 8,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 7,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.dpi": 100,
            "pdf.fonttype": 42,  # fonts stay text; type 3 fonts are refused by many publishers
            "svg.hashsalt": "camagain",
        },
    )


def model_colors(architectures: dict[str, str]) -> dict[str, str]:
    """A colour for each model (name -> architecture): that of its family, else the next free one."""
    free = iter(OTHER_COLORS * (1 + len(architectures)))
    families = {name: family_of(architecture) for name, architecture in architectures.items()}
    return {name: FAMILIES[family].color if family else next(free) for name, family in families.items()}


def color_labels(architectures: dict[str, str], drawn: list[str]) -> dict[str, str]:
    """The legend of `model_colors` for the models drawn (label -> colour): a model's name, or a family with the number
    of its models where several share the colour."""
    colors = model_colors(architectures)
    labels: dict[str, str] = {}
    for color in dict.fromkeys(colors[name] for name in drawn):
        alike = [name for name in drawn if colors[name] == color]
        family = family_of(architectures[alike[0]])
        several = f"{FAMILIES[family].name}, {len(alike)} models" if family else f"{len(alike)} others"
        labels[alike[0] if len(alike) == 1 else several] = color
    return labels


def save_figure(figure: Figure, data: pd.DataFrame, folder: Path, name: str) -> None:
    """Writes a figure as PDF and PNG and the table it draws as CSV, and closes it. Same data, same bytes.

    Where everything stands is found once, at the resolution of the PNG, and is the same in both.
    """
    write_csv(folder / f"{name}.csv", data)
    dots = dict(DOTS_PER_INCH)
    if figure.get_figheight() > TALL_INCHES:
        dots["png"] = TALL_DOTS_PER_INCH
    figure.set_dpi(dots["png"])
    figure.draw_without_rendering()
    figure.set_layout_engine(None)
    box = figure.get_tightbbox().padded(MARGIN_INCHES)
    for kind, metadata in (("pdf", {"CreationDate": None}), ("png", {"Software": None})):
        with atomic(folder / f"{name}.{kind}") as temporary:
            figure.savefig(temporary, format=kind, dpi=dots[kind], metadata=metadata, bbox_inches=box)
    plt.close(figure)
