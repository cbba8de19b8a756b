"""What each choice of the evaluation costs: the experiment's own number, and what changing one choice does to it."""

import pandas as pd

from camagain.drawing.render import TextTable
from camagain.drawing.results import MAP_NAMES, RunResults
from camagain.evaluation.ways import ALTERNATIVES
from camagain.paper.exhibits.localization import LOCALIZATION

VALUE_NAMES = {
    "size": "{} px",
    "class_choice": "{} class",
    "variant": "{} maps",
    "tap": "{}",
    "interpolation": "{}",
    "threshold_step": "step {}",
    "contours": "{} contours",
}
"""How a value of each choice reads."""


def choices_table(results: RunResults) -> pd.DataFrame:
    """The rows of every model's choices.csv."""
    return results.choices()


def single_changes(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that differ from the experiment's own way in one choice, with that choice's name and new value."""
    rows = []
    for _, group in table.groupby(["model", "method", "figure"], sort=False):
        base = group[group["changed"] == ""].iloc[0]
        for _, row in group.iterrows():
            differing = [name for name in ALTERNATIVES if row[name] != base[name]]
            if len(differing) == 1:
                rows.append({**row, "choice": differing[0], "option": option_name(differing[0], row[differing[0]])})
    return pd.DataFrame(rows)


def option_name(choice: str, value: object) -> str:
    """A choice's value in words, such as "384 px"; of contours "the other", since the two figures begin differently."""
    return "other contours" if choice == "contours" else VALUE_NAMES[choice].format(value)


def choices_text(results: RunResults) -> TextTable:
    """A row for each model, map and figure: the own value, and the difference that each single change makes."""
    table = results.choices()
    single = single_changes(table) if len(table) else pd.DataFrame(columns=["option"])
    options = list(dict.fromkeys(option for choice in ALTERNATIVES for option in options_of(single, choice)))
    combined = bool(len(table)) and len(table) > len(single) + len(table[table["changed"] == ""])
    rows = []
    for (model, method, figure), group in table.groupby(["model", "method", "figure"], sort=False):
        base = group[group["changed"] == ""].iloc[0]
        here = single[(single["model"] == model) & (single["method"] == method) & (single["figure"] == figure)]
        cells = {row["option"]: difference(row) for _, row in here.iterrows()}
        row = [model, MAP_NAMES[method], LOCALIZATION[figure], f"{base['value_percent']:.1f}"]
        row += [cells.get(option, "–") for option in options]
        if combined:
            row.append(f"{group['value_percent'].min():.1f} to {group['value_percent'].max():.1f}")
        rows.append(tuple(row))
    columns = ("Model", "Map", "Figure", "own", *options, *(["all combinations"] if combined else []))
    return TextTable(caption(results), columns, tuple(rows), text_columns=3)


def options_of(single: pd.DataFrame, choice: str) -> list[str]:
    return list(single.loc[single["choice"] == choice, "option"]) if len(single) else []


def difference(row: pd.Series) -> str:
    """A change in points with its paired interval; "0" where not one image came out otherwise."""
    low, high = row["difference_low_points"], row["difference_high_points"]
    if row["difference_points"] == low == high == 0:
        return "0"
    return f"{row['difference_points']:+.1f} [{low:+.1f}, {high:+.1f}]"


def caption(results: RunResults) -> str:
    """What the table stands on, and what "own" is."""
    own, maps = results.experiment.evaluation, results.experiment.localization
    return (
        f"What each open choice costs: the same networks scored again with one choice changed, on {results.scope} Own: "
        f"{own.size} px, predicted class, {maps.variant} maps, {maps.tap}, {own.interpolation}, step "
        f"{own.threshold_step:g}; largest contour for MaxBoxAcc, all for MaxBoxAccV2. Differences in points with "
        "paired intervals; 0: the same in every resample. A dash: nothing to change, as where no norm stands between "
        "maps and classifier. evaluation-choices.csv also counts the images that change sides."
    )
