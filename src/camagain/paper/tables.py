"""All tables of a run, each as CSV (full precision, tidy), Markdown and LaTeX (rounded, with intervals)."""

from camagain.artifacts import write_csv, write_json, write_text
from camagain.config import BASELINE
from camagain.drawing.results import RunResults
from camagain.paper.claims.verdicts import write_claims
from camagain.paper.registry import shown


def write_tables(results: RunResults) -> None:
    """Writes `tables/` of a run, all its scores once more as `metrics.json`, and `claims.json`."""
    paths = results.paths
    write_json(paths.all_metrics, summary(results))
    for exhibit in shown(results.experiment, "tables"):
        module = exhibit.load()
        numbers = results.once(module.numbers)
        text = module.text(results, numbers)
        write_csv(paths.tables / f"{exhibit.name}.csv", numbers)
        write_text(paths.tables / f"{exhibit.name}.md", text.markdown())
        write_text(paths.tables / f"{exhibit.name}.tex", text.latex(exhibit.name))
    write_claims(results)


def summary(results: RunResults) -> dict[str, dict[str, dict[str, float]]]:
    """Every score in percent, model -> method -> score, for `dvc metrics`."""
    return {
        model: {
            method: {name: entry["value"] for name, entry in results.scores(model, method).items() if entry is not None}
            for owner, method in results.keys
            if owner == model
        }
        for model in (*results.models, BASELINE)
    }
