"""The registry of stages: of each its code, the settings it may read, the files that it reads and those that it writes.

Everything else that knows a stage takes it from here: the Snakemake rules (inputs, outputs, and what makes a job run
again), the view of the experiment that the command line hands to a stage, what a missing file means, where a comparison
looks for a cause, what a reference keeps, and docs/artifacts.md. The analyses say the same of themselves, each in its
`settings.py`, and are found by their folders.

Paths have placeholders. `{training}` and `{job}` stay open: they are Snakemake's wildcards. The others are filled in
from the experiment: `{method}` by each of its methods, `{table}` by each of its tables, and so on.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from string import Formatter
from typing import Any

from camagain.artifacts import RunPaths
from camagain.config import BASELINE, BASELINE_METHODS, WITHOUT_EFFECT, Experiment
from camagain.config.analysis import declared
from camagain.config.base import restricted
from camagain.config.dataset import contents, kind_module
from camagain.config.declared import AnalysisStage
from camagain.config.experiment import model_name
from camagain.config.methods import method_module, scored_under_choices
from camagain.families import family_module
from camagain.paper.registry import exhibit_modules, figure_names, table_names
from camagain.provenance import code_digest

P = RunPaths(run="{run}", dataset="{dataset}")
"""The paths with placeholders: the names of files stand in `RunPaths` alone."""


@dataclass(frozen=True)
class File:
    """One kind of file that a stage writes."""

    path: str  # with placeholders
    what: str  # for docs/artifacts.md
    kept: bool = False  # in a reference
    record: bool = False  # it records how the others were made, and may differ where they do not
    unread: bool = False  # no stage reads it


@dataclass(frozen=True)
class Stage:
    """One stage of a run. It runs once, or once for each training or job, as the placeholders of its files say."""

    what: str
    code: tuple[str, ...]  # the modules that it starts from
    settings: tuple[str, ...]  # dotted keys; "model": the entry of its own model; "training_seed": its own seed
    reads: tuple[str, ...]  # the stages whose files it reads
    writes: tuple[File, ...]  # the last is written last: where it is, the stage was finished
    gpu: bool = False
    trains: bool = False  # whether a job trains a network, in `compute.processes` processes
    jobs: bool = False  # whether one training takes several jobs

    @property
    def of_training(self) -> bool:
        """Whether it runs once for each training, and not once for the run."""
        return any(T in entry.path for entry in self.writes)


def file(path: object, what: str, kept: bool = False, record: bool = False, unread: bool = False) -> File:
    return File(str(path), what, kept, record, unread)


ALL = tuple(name for name in Experiment.model_fields if name != "run")
"""Every setting: the last files of a run show them all."""

PAPER = (*(name for name in ALL if name != "training"), "run")
"""Settings that tables and figures may read: all but the recipe, of which every model has its own copy."""

T, M = "{training}", "{method}"

CORE: Mapping[str, Stage] = {
    "data": Stage(
        "Make or fetch the images and write their index.",
        code=("camagain.datasets.prepare",),
        settings=("dataset",),
        reads=(),
        writes=(
            file(
                P.index,
                "one row per image: image_id, path, label, class_name, split (train, val, test), width, height, boxes "
                "(x0 y0 x1 y1 in original pixels; training images may have none), mask_path, ignore_path; parts: the "
                "visible parts of the object, each with `name`, `x`, `y` and, where known, its `box` (x1, y1 behind "
                "the last pixel), missing where the dataset does not say",
            ),
            file(
                P.description,
                "kind, images per split, class names, source, digest of the archive, whether boxes were given or drawn "
                "around masks, fingerprint over index and image bytes, of all images and of each split",
            ),
        ),
    ),
    "finetune": Stage(
        "Fine-tune one network with one seed.",
        code=("camagain.training.finetune",),
        settings=("compute", "dataset.name", "input", "model", "training_seed"),
        reads=("data",),
        writes=(
            file(P.weights(T), "weights after the last epoch"),
            file(P.history(T), "one row per epoch: learning rate, loss and top-1 on train (augmented) and val", True),
            file(
                P.card(T),
                "architecture, classes, input size and normalisation, recipe, source of the starting weights, device, "
                "sha256 of the weights",
                kept=True,
                record=True,
            ),
        ),
        gpu=True,
        trains=True,
    ),
    "localize": Stage(
        "Run a network once over val and test.",
        code=("camagain.localization.extract",),
        settings=("compute", "localization"),
        reads=("data", "finetune"),
        writes=(
            file(
                P.maps(T),
                "per method a float32 array (N, h, w) of score maps at feature resolution, with `image_id` and "
                "`split`; in [0, 1], but published PC1 maps, which reach from -1 to 2. `<method>.<variant>` and "
                "`<method>.<tap>` are the same maps under the other choice, for `choices.csv`",
            ),
            file(P.predictions(T), "image_id, split, label, the five most likely classes and their scores"),
            file(
                P.channels(T),
                "per image and channel: `gap_value` (N, C), `activated_cells` (T, N, C) above `theta` (T) times the "
                "channel's maximum, on a `grid` of h x w; `class_weight` (K, C)",
            ),
            file(
                P.parts(T),
                "per image, of the predicted class: maps (h, w) of the evidence for it and against it, `positive` (the "
                "sum of w f over channels with w > 0) and `negative` (of |w| f over those with w < 0); the first three "
                "principal components `component` (3, h, w) and `explained_variance` of up to 30",
            ),
            file(
                P.summary(T),
                "images, variant, tap, precision, maps without positive evidence, images with constant channels, how "
                "exactly the map decomposes the class score",
                kept=True,
                record=True,
            ),
        ),
        gpu=True,
    ),
    "evaluate": Stage(
        "Turn the score maps of a network into boxes, and boxes into scores.",
        code=("camagain.evaluation.evaluate",),
        settings=("compute", "dataset.name", "evaluation", "localization", "run", "seed", "training_seed"),
        reads=("data", "localize"),
        writes=(
            file(
                P.correct(T, M),
                "per test image, as bits along `threshold`, whether it is right, for each choice of contours and delta "
                "(`largest-0.5` ...)",
            ),
            file(
                P.images(T, M),
                "per test image: label, prediction, IoU, chosen box in original pixels, right or not",
                True,
            ),
            file(P.curve(T, M), "box accuracy for each split, choice of contours, delta and threshold"),
            file(
                P.choices(T, "{method_with_choices}"),
                "`cam` and `pc1`: MaxBoxAcc and MaxBoxAccV2 under other choices of the evaluation, with paired "
                "intervals",
            ),
            file(
                P.metrics(T, M),
                "every score with value, low, high, unit, threshold and the split that chose it; constant maps",
                True,
            ),
        ),
    ),
    "evaluate_baseline": Stage(
        "Score the baselines, which never look at the image, for comparison with any score.",
        code=("camagain.evaluation.evaluate",),
        settings=("compute.portable", "dataset.name", "evaluation", "run", "seed"),
        reads=("data",),
        writes=(
            file(P.correct(BASELINE, "{baseline}"), "as for a network"),
            file(P.images(BASELINE, "{baseline}"), "as for a network", True),
            file(P.curve(BASELINE, "{baseline}"), "as for a network"),
            file(P.metrics(BASELINE, "{baseline}"), "as for a network, without classes", True),
        ),
    ),
}


def paper_stages(analyses: Sequence[str]) -> Mapping[str, Stage]:
    """The stages that read artifacts alone and never a network."""
    measured = ("data", "finetune", "localize", "evaluate", "evaluate_baseline", *analyses)
    tables = P.tables / "{table}"
    figures = P.figures / "{figure}"
    return {
        "tables": Stage(
            "Every table, a few scores once more for `dvc metrics`, and the claims.",
            code=("camagain.paper.tables", *exhibit_modules("tables")),
            settings=PAPER,
            reads=measured,
            writes=(
                file(
                    P.headline("{model}"),
                    "the few scores of a model that `dvc metrics show` prints as its row: top-1, and MaxBoxAcc of each "
                    "kind of map, in percent, means over the seeds; empty for a model without results",
                    unread=True,
                ),
                file(f"{tables}.csv", "the numbers of a table, tidy and in full precision", True),
                file(f"{tables}.md", "the same as people read it", True),
                file(f"{tables}.tex", "LaTeX (needs booktabs and graphicx), fits the page of the CVPR format", True),
                file(
                    P.claims,
                    "each claim of the paper with its criterion, verdict, reason and numbers; whether the run can be "
                    "evidence about the paper, and what the criterion says of its own numbers either way",
                    True,
                ),
            ),
        ),
        "figures": Stage(
            "Every figure.",
            code=("camagain.paper.figures", *exhibit_modules("figures")),
            settings=PAPER,
            reads=measured,
            writes=(
                file(f"{figures}.csv", "the numbers that a figure draws", True),
                file(f"{figures}.pdf", "the figure, for print"),
                file(f"{figures}.png", "the figure, for screens", True),
            ),
        ),
        "report": Stage(
            "Everything on one page.",
            code=("camagain.paper.report.page",),
            settings=(*ALL, "run"),
            reads=(*measured, "tables", "figures"),
            writes=(file(P.report, "all of it on one page that needs no other file", record=True),),
        ),
        "explorer": Stage(
            "Every test image with its maps and boxes, on one page.",
            code=("camagain.explorer.page",),
            settings=("evaluation", "localization", "models", "run", "seeds"),
            reads=("data", "localize", "evaluate"),
            writes=(
                file(
                    P.explorer,
                    "every test image with the maps of all models and methods and a threshold that moves; photographs "
                    "are referred to where they lie. Part of `all` up to 50,000 maps; never in the manifest",
                    record=True,
                ),
            ),
        ),
        "manifest": Stage(
            "What the run was made from, and a checksum of every file.",
            code=("camagain.paper.manifest",),
            settings=(*ALL, "run"),
            reads=(*measured, "tables", "figures", "report"),
            writes=(
                file(
                    P.manifest,
                    "experiment, package versions, machine, git commit, digest of the sources behind each stage, "
                    "dataset and weight fingerprints, wall times, sha256 and size of every file",
                    kept=True,
                    record=True,
                ),
            ),
        ),
    }


def analysis_stage(name: str, declaration: AnalysisStage) -> Stage:
    """An analysis as a stage: every one writes the same files."""
    job = "{job}" if declaration.jobs else ""
    arrays = [file(P.arrays(name, T, job), declaration.arrays)] if declaration.arrays else []
    own = (f"analysis.{name}",) if declaration.settings else ()
    held = () if "compute" in declaration.may_read else ("compute.portable",)  # it changes the digits of every analysis
    return Stage(
        declaration.what,
        code=("camagain.analysis.kit.run", f"camagain.analysis.{name}.measure"),
        settings=(*own, *held, *declaration.may_read),
        reads=declaration.reads,
        writes=(
            file(P.findings(name, T, job), "what was measured: tidy, units in the header or in a column `unit`", True),
            *arrays,
            file(
                P.status(name, T, job),
                "whether the analysis applies (if not, why), and the data behind its numbers",
                True,
            ),
        ),
        gpu=declaration.gpu,
        trains=declaration.trains,
        jobs=declaration.jobs is not None,
    )


@cache
def stages() -> Mapping[str, Stage]:
    """All stages by name, in the order in which a run makes them."""
    analyses = {name: analysis_stage(name, declaration) for name, declaration in declared().items()}
    return {**CORE, **analyses, **paper_stages(tuple(analyses))}


# What a stage sees of the experiment.


def stage_view(experiment: Experiment, stage: str, training: str = "") -> Experiment:
    """The experiment as a stage may see it: only its declared settings, and its own model and seed.

    Reading any other setting raises UndeclaredSetting. UserError for a training that the experiment does not have.
    """
    if training:
        experiment = experiment.one_training(training)
    return restricted(experiment, [EXPERIMENT_KEYS.get(key, key) for key in stages()[stage].settings])


EXPERIMENT_KEYS = {"model": "models", "training_seed": "seeds"}
"""The name that a stage declares -> the experiment's key that holds it, narrowed to the stage's own training."""


def stage_settings(values: Mapping[str, Any], stage: str, training: str = "") -> dict[str, Any]:
    """The same as plain values, from plain values; a change of these runs a job again.

    Keys without effect on any result are left out.
    """
    model, _, seed = training.partition("/seed")
    chosen: dict[str, Any] = {}
    for key in stages()[stage].settings:
        if key == "model":
            chosen[key] = [entry for entry in values["models"] if entry["name"] == model]
        elif key == "training_seed":
            chosen[key] = int(seed) if seed else values.get("seeds", [values["seed"]])[0]
        else:
            chosen[key] = without_effect_left_out(key, picked(values, key.split(".")))
    return chosen


def picked(values: Mapping[str, Any] | None, path: list[str]) -> Any:
    """The value below a dotted key; None where another version of the experiment has none."""
    for name in path:
        values = (values or {}).get(name)
    return values


def without_effect_left_out(key: str, value: Any) -> Any:
    """The sections `compute` and `dataset` without the keys that change no result; anything else as it is."""
    if key == "dataset" and value:
        return contents(value)
    if key != "compute":
        return value
    return {name: setting for name, setting in (value or {}).items() if name not in WITHOUT_EFFECT}


def settings_text(values: Mapping[str, Any], stage: str, training: str = "") -> str:
    """The same as text; a job runs again when its text changes, not when other parts of the experiment do."""
    return json.dumps(stage_settings(values, stage, training), sort_keys=True)


def changed(experiment: Experiment, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The first stages whose settings differ between two experiments, in the order of dependence.

    Both experiments are given as plain values; `experiment` is the new one. Later stages differ as a consequence.
    """
    found = [
        name
        for name in stages()
        if any(
            settings_text(old, name, training) != settings_text(new, name, training)
            for training, _ in jobs(experiment, name)
        )
    ]
    return [name for name in found if not above(name) & set(found)]


def stage_code(values: Mapping[str, Any], stage: str, training: str = "") -> str:
    """The digest of the sources behind a stage, or behind one training of it; the experiment is given as plain values.

    Of families of networks it counts those that the experiment, or the training, uses; of kinds of dataset and methods
    those that the experiment names, where the stage may read their names at all.
    """
    about = stages()[stage]
    return _digest(about.code, used_modules(values, about.settings, model_name(training)))


@cache
def _digest(modules: tuple[str, ...], used: frozenset[str]) -> str:
    return code_digest(*modules, used=used)


def used_modules(values: Mapping[str, Any], settings: Sequence[str], model: str = "") -> frozenset[str]:
    """The modules of registries that count for a stage with such settings; of families those of one model if given."""
    networks = [entry["architecture"] for entry in values["models"] if model in ("", entry["name"])]
    found = {module for architecture in networks if (module := family_module(architecture))}
    if "dataset" in settings:
        found.add(kind_module(values["dataset"]["kind"]))
    if "localization" in settings:
        found.update(method_module(method) for method in values["localization"]["methods"])
    return frozenset(found)


# The files of a stage.


def inside(entry: File, training: str = "*") -> str:
    """A pattern for the paths of a kind of file below a run's folder: "evaluation/resnet/*/metrics.json"."""
    below = entry.path.removeprefix(f"{P.root}/")
    return re.sub(r"\{\w+\}", "*", below.replace(T, training))


def above(stage: str) -> set[str]:
    """The stages that a stage depends on, directly or indirectly."""
    found = set(stages()[stage].reads)
    return found.union(*(above(other) for other in found))


def patterns(experiment: Experiment, stage: str, unread: bool = True) -> list[str]:
    """The files that a stage writes, with `{training}` and `{job}` left open; with those that no stage reads or not."""
    entries = [entry for entry in stages()[stage].writes if unread or not entry.unread]
    return [path for entry in entries for path in filled(experiment, entry.path)]


def files(experiment: Experiment, stage: str, unread: bool = True) -> list[str]:
    """The files that a stage writes over all its trainings and jobs; none for an analysis that is not asked for."""
    return [path for written in files_by_job(experiment, stage, unread) for path in written]


def files_by_job(experiment: Experiment, stage: str, unread: bool = True) -> Iterator[list[str]]:
    """The same for each of its jobs, the file that is written last at the end."""
    open_paths = patterns(experiment, stage, unread)
    for training, job in jobs(experiment, stage):
        yield [path.format(training=training, job=job) for path in open_paths]


def jobs(experiment: Experiment, stage: str) -> list[tuple[str, str]]:
    """(training, job) of everything that a stage does; both empty for a stage that runs once."""
    if not stages()[stage].of_training:
        return [("", "")]
    if stage in declared():
        return experiment.jobs(stage)
    return [(training, "") for training in experiment.trainings]


def processes(experiment: Experiment, stage: str) -> int:
    """The processes that share one job of a stage: those of a training, else one."""
    return experiment.compute.processes if stages()[stage].trains else 1


def gpus(experiment: Experiment, stage: str) -> int:
    """The GPUs that one job of a stage asks for: one for each of its processes, none in an experiment for the CPU."""
    return processes(experiment, stage) if stages()[stage].gpu and experiment.compute.device != "cpu" else 0


def inputs_by_job(experiment: Experiment, stage: str, without: Collection[str] = ()) -> Iterator[list[str]]:
    """The files that a stage reads of others, in one list for each job that writes them, the last written at the end.

    Of its own training where it has one, with `{training}` left open, else of all. The stages `without` are left out.
    """
    for other in stages()[stage].reads:
        if other in without:
            continue
        if stages()[stage].of_training:
            yield patterns(experiment, other, unread=False)
        else:
            yield from files_by_job(experiment, other, unread=False)


def filled(experiment: Experiment, path: str) -> Iterator[str]:
    """A path with every combination of values for its placeholders; `{training}` and `{job}` stay as they are."""
    names = [name for _, name, _, _ in Formatter().parse(path) if name]
    options = [VALUES[name](experiment) if name in VALUES else [f"{{{name}}}"] for name in names]
    for combination in product(*options):
        yield path.format(**dict(zip(names, combination, strict=True)))


VALUES: Mapping[str, Callable[[Experiment], Sequence[str]]] = {
    "run": lambda experiment: [experiment.paths().run],
    "dataset": lambda experiment: [experiment.paths().dataset],
    "method": lambda experiment: experiment.localization.methods,
    "method_with_choices": lambda experiment: [*filter(scored_under_choices, experiment.localization.methods)],
    "baseline": lambda experiment: BASELINE_METHODS,
    "model": lambda experiment: [*(model.name for model in experiment.models), BASELINE],
    "table": table_names,
    "figure": figure_names,
}
"""What finds the values of each placeholder other than training and job; the sources of exhibits are read for the last
two alone."""
