"""The `camagain` command: one subcommand per stage, each a thin wrapper around one function of the library.

Imports are lazy: `camagain evaluate` never pays for torch, and `camagain --help` answers at once.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from camagain.errors import UserError, in_words
from camagain.parent import end_with_scheduler

if TYPE_CHECKING:
    from camagain.artifacts import RunPaths
    from camagain.config import Experiment

app = typer.Typer(
    help="CAM Back Again, reproduced: fine-tune, localize, evaluate, and regenerate the paper's tables and figures.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"camagain {version('camagain')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Say which version this is.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


ExperimentFile = Annotated[Path, typer.Argument(help="Experiment file, for example config/config.yaml.")]
Training = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of a model; with several seeds of one training: MODEL/seed1.")
]
Results = Annotated[Path, typer.Option(help="Root of all runs.")]
Data = Annotated[Path, typer.Option(help="Root of all datasets.")]


@contextmanager
def at_work(
    stage: str, experiment: Path, results: Path, data: Path, training: str = "", job: str = ""
) -> Iterator[tuple["Experiment", "RunPaths"]]:
    """The experiment as one stage may see it, and where its files lie, while one of its jobs is done.

    A misspelt training is answered here, before torch is imported. No numerical library is loaded yet: this is the
    place for `compute.portable`. What the job reads is checked before, and noted with what it wrote afterwards;
    what it used is written beside its log. On a machine with several GPUs the job sees its own alone.
    """
    from camagain.config.file import load_experiment
    from camagain.devices import own_gpus
    from camagain.lineage import Lineage, Work
    from camagain.portable import enter
    from camagain.stages import gpus, stage_view
    from camagain.usage import usage_written

    settings = load_experiment(experiment)
    if settings.compute.portable:
        enter()
    view, paths = stage_view(settings, stage, training), settings.paths(results, data)
    work = Work(stage, training, job)
    # The manifest lists what all jobs used; its own would be that of the time before.
    measured = nullcontext() if stage == "manifest" else usage_written(paths.logs / f"{work.log}.tsv")
    with measured, Lineage(settings, paths).noted(work), own_gpus(gpus(settings, stage)):
        yield view, paths


@app.command(epilog="Example: camagain data config/config.yaml")
def data(
    experiment: ExperimentFile,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; list everything that is wrong at once.")
    ] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Make or fetch images again that are gone; the index stays as it is.")
    ] = False,
    results: Results = Path("results"),
    data: Data = Path("data"),
) -> None:
    """Make or fetch the dataset, check every image and box, and write its index."""
    if check or lost:
        from camagain.config.file import load_experiment
        from camagain.datasets.prepare import check_dataset, replace_lost_images

        settings = load_experiment(experiment)
        folder = settings.paths(results, data).dataset_dir
        if lost:
            replace_lost_images(settings.dataset, folder)
        if check:
            print(check_dataset(settings.dataset, folder))
        return
    with at_work("data", experiment, results, data) as (view, paths):
        from camagain.datasets.prepare import prepare_dataset

        prepare_dataset(view.dataset, paths.dataset_dir)


@app.command(epilog="Example: camagain weights config/experiments/zoo.yaml")
def weights(experiment: ExperimentFile) -> None:
    """Fetch and check the weights that an experiment starts from, ahead of jobs on machines without internet."""
    from camagain.config.file import load_experiment

    settings = load_experiment(experiment)
    from camagain.models.weights import fetch_weights

    for line in fetch_weights(settings):
        typer.echo(line)


@app.command(epilog="Example: camagain finetune config/config.yaml resnet_narrow")
def finetune(
    experiment: ExperimentFile, training: Training, results: Results = Path("results"), data: Data = Path("data")
) -> None:
    """Fine-tune one network and write its weights, card and history."""
    with at_work("finetune", experiment, results, data, training) as (view, paths):
        from camagain.training.finetune import finetune

        finetune(view, training, paths)


@app.command(epilog="Example: camagain localize config/config.yaml resnet_narrow")
def localize(
    experiment: ExperimentFile, training: Training, results: Results = Path("results"), data: Data = Path("data")
) -> None:
    """Run a network once over val and test and write score maps, predictions and channel statistics."""
    with at_work("localize", experiment, results, data, training) as (view, paths):
        from camagain.localization.extract import localize

        localize(view, training, paths)


@app.command(epilog="Example: camagain evaluate config/config.yaml resnet_narrow")
def evaluate(
    experiment: ExperimentFile,
    training: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="As for `localize`, or `baseline`: boxes that never look at the image."),
    ],
    results: Results = Path("results"),
    data: Data = Path("data"),
) -> None:
    """Turn score maps into boxes and boxes into MaxBoxAcc, MaxBoxAccV2, curves and intervals."""
    from camagain.config import BASELINE

    if training == BASELINE:
        with at_work("evaluate_baseline", experiment, results, data) as (view, paths):
            from camagain.evaluation.evaluate import evaluate_baselines

            evaluate_baselines(view, paths)
    else:
        with at_work("evaluate", experiment, results, data, training) as (view, paths):
            from camagain.evaluation.evaluate import evaluate_model

            evaluate_model(view, training, paths)


@app.command(epilog="Example: camagain erf --model resnet50.a1_in1k --images photos/ --picture erf.png")
def erf(
    experiment: Annotated[
        Path | None, typer.Argument(help="Experiment file; with --model it is left out.", show_default=False)
    ] = None,
    training: Annotated[
        str, typer.Argument(metavar="MODEL", help="One of its models, as for `localize`.", show_default=False)
    ] = "",
    model: Annotated[
        str, typer.Option(help="Your own: a name of timm, or the folder of a model that a run trained.")
    ] = "",
    weights: Annotated[
        Path | None, typer.Option(help="File of its weights; without it timm's pretrained ones.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of your images, or one image; needed by --model.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Most images of the folder, spread evenly.")] = 50,
    size: Annotated[int | None, typer.Option(help="Side of the input in pixels; default: the network's own.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Write the map as a picture (.png, .pdf).")] = None,
    results: Results = Path("results"),
    data: Data = Path("data"),
) -> None:
    """Measure the effective receptive field of one network: of an experiment, or your own with --model.

    Of an experiment it is the same as `analyze EXPERIMENT erf MODEL`.
    """
    if bool(model) == bool(experiment):
        raise UserError("erf: give EXPERIMENT and MODEL, or --model and --images; see `camagain erf --help`.")
    if experiment is not None:
        if not training:
            raise UserError(f"erf: name one of the models of {experiment}.")
        analyze(experiment, "erf", training, results=results, data=data)
        return
    if images is None:
        raise UserError("erf: --model needs --images, the images that the field is averaged over.")
    from camagain.own.erf import erf_of

    typer.echo(erf_of(model, weights, images, count, size, picture))


@app.command(epilog="Example: camagain analyze config/config.yaml gap resnet_narrow")
def analyze(
    experiment: ExperimentFile,
    name: Annotated[str, typer.Argument(help="Analysis, one of docs/analyses.md: erf, gap, pca ...")],
    training: Training,
    job: Annotated[str, typer.Option(help="The job, for an analysis of several jobs: K13-seed0, shrunk ...")] = "",
    results: Results = Path("results"),
    data: Data = Path("data"),
) -> None:
    """Make one analysis of one network: a tidy table, and one line where it does not apply."""
    from camagain.config.analysis import require_known

    require_known(name)
    with at_work(name, experiment, results, data, training, job) as (view, paths):
        from camagain.analysis.kit.run import analyze

        analyze(view, name, training, paths, job)


@app.command(epilog="Example: camagain paper config/config.yaml --part figures")
def paper(
    experiment: ExperimentFile,
    part: Annotated[list[str] | None, typer.Option(help="tables, figures, report or manifest; default: all.")] = None,
    results: Results = Path("results"),
    data: Data = Path("data"),
) -> None:
    """Regenerate tables, figures, report and manifest from a run's artifacts."""
    from camagain.paper.parts import PARTS, check_parts, write_part

    check_parts(part or [])
    for name in PARTS:
        if not part or name in part:
            with at_work(name, experiment, results, data) as (view, paths):
                write_part(name, view, paths)


@app.command(epilog="Example: camagain explorer config/config.yaml")
def explorer(experiment: ExperimentFile, results: Results = Path("results"), data: Data = Path("data")) -> None:
    """Write the explorer: every test image with its maps, boxes and a threshold that moves, on one offline page."""
    with at_work("explorer", experiment, results, data) as (view, paths):
        from camagain.explorer.page import write_explorer

        write_explorer(view, paths)
    typer.echo(paths.explorer)


@app.command(epilog="Example: camagain compare results/demo results/reference/demo --html compare.html")
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Runs, for example results/demo results/reference/demo.")],
    paper: Annotated[bool, typer.Option("--paper", help="Compare one run with the published numbers.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the one-line verdict.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="List everything that differs.")] = False,
    fail_on: Annotated[
        str,
        typer.Option(help="Exit with 1 from this verdict on: within-tolerance, same-conclusion, undecided, differs."),
    ] = "differs",
    worst: Annotated[int, typer.Option(min=0, help="Images to name per model and method, and to picture.")] = 8,
    json: Annotated[Path | None, typer.Option(help="Write the comparison as JSON; - for the terminal.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write it as Markdown; - for the terminal.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one page with pictures of the worst images.")] = None,
    junit: Annotated[Path | None, typer.Option(help="Write it as JUnit XML for CI; - for the terminal.")] = None,
    data: Annotated[Path, typer.Option(help="Root of all datasets, for the pictures.")] = Path("data"),
    spread: Annotated[
        Path | None, typer.Option(help="A reference whose spread over seeds widens the tolerances of two other runs.")
    ] = None,
) -> None:
    """Compare two runs, a run with the paper, or many; exit 0 agree, 1 differ, 2 not decided."""
    from camagain.compare.command import Choices, Outputs, run_compare

    choices = Choices(quiet, everything, worst, fail_on, data, spread)
    raise typer.Exit(run_compare(runs, paper, Outputs(json, markdown, html, junit), choices))


@app.command(epilog="Example: camagain score maps.npz --boxes boxes.csv")
def score(
    maps: Annotated[Path, typer.Argument(help="Score maps of any method: an npz (docs/own-method.md).")],
    boxes: Annotated[
        Path, typer.Option(help="True boxes: a CSV of image_id, x0, y0, x1, y1, width, height; or an index.parquet.")
    ],
    size: Annotated[int, typer.Option(min=16, help="Side to which maps and boxes are scaled, pixels.")] = 224,
    interpolation: Annotated[
        str, typer.Option(help="How maps are resized: linear, or cubic as in wsolevaluation.")
    ] = "linear",
    step: Annotated[float, typer.Option(help="Step of the threshold grid over [0, 1).")] = 0.001,
    threads: Annotated[int, typer.Option(min=1, help="At most so many processes share the search for boxes.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Write all scores as JSON.")] = None,
    images: Annotated[Path | None, typer.Option(help="Write box and IoU of every image as CSV.")] = None,
) -> None:
    """Score your own maps against boxes: MaxBoxAcc, MaxBoxAccV2, and PxAP where there are masks."""
    from camagain.evaluation.own import in_words, score_file, settings_of, write_scores

    settings = settings_of(size, interpolation, step)
    found = score_file(maps, boxes, settings, threads)
    write_scores(found, json, images)
    typer.echo(in_words(found, settings))


@app.command(epilog="Example: camagain verify results/demo")
def verify(
    run: Annotated[Path, typer.Argument(help="A finished run or a reference, for example results/demo.")],
) -> None:
    """Check every file of a run against its manifest; exit 0 unchanged, 1 changed, gone or unlisted, 2 no run."""
    from camagain.compare.runs.verify import text, verify_run

    verification = verify_run(run)
    print(text(verification))
    raise typer.Exit(verification.exit_code)


@app.command(epilog="Example: camagain runs --json - | jq")
def runs(
    results: Annotated[Path, typer.Argument(help="Root of all runs.")] = Path("results"),
    json: Annotated[Path | None, typer.Option(help="Write the table as JSON; - for the terminal.")] = None,
) -> None:
    """List all runs below a folder: when, on what data, which networks, scores from the lowest to the highest."""
    from camagain.artifacts import write_text
    from camagain.compare.runs.index import as_json, in_words, runs_in

    table = runs_in(results)
    if json is not None and str(json) != "-":
        write_text(json, as_json(table))
    typer.echo(as_json(table).rstrip() if str(json) == "-" else in_words(table))


@app.command(epilog="Example: camagain reference results/demo results/reference/demo")
def reference(
    run: Annotated[Path, typer.Argument(help="A finished run, for example results/demo.")],
    target: Annotated[Path, typer.Argument(help="Where its small results go, for example results/reference/demo.")],
    seeds: Annotated[
        list[Path] | None,
        typer.Option(help="A run that differs only in its seed, for the spread."),
    ] = None,
) -> None:
    """Copy the small results of a run (scores, tables, figures; no weights, no maps) to a folder kept in git."""
    from camagain.compare.reference import write_reference

    write_reference(run, target, tuple(seeds or ()))


@app.command(epilog="Example: camagain export results/demo --output demo-crate.zip")
def export(
    run: Annotated[Path, typer.Argument(help="A finished run or a reference, for example results/demo.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Where the crate goes: a new folder, or a .zip; default: <run>-crate.", show_default=False),
    ] = None,
    data: Data = Path("data"),
) -> None:
    """Write a run for others as an RO-Crate: results, workflow, description of the data, checklist; no photographs."""
    from camagain.export.write import export_run

    typer.echo(export_run(run, output, data))


@app.command(epilog="Example: camagain experiment config/config.yaml")
def experiment(
    source: ExperimentFile,
    target: Annotated[Path | None, typer.Argument(help="Where to write it; default: the terminal.")] = None,
) -> None:
    """Validate an experiment and write it with every default filled in."""
    from camagain.artifacts import write_text
    from camagain.config.file import dump_experiment, load_experiment

    text = dump_experiment(load_experiment(source))
    if target is None:
        print(text, end="")
    else:
        write_text(target, text)


@app.command(epilog="Example: camagain rehearse config/experiments/teaser.yaml")
def rehearse(
    experiment: ExperimentFile,
    folder: Annotated[
        Path | None, typer.Argument(help="Where everything of it goes; default: rehearsal/<run>.")
    ] = None,
    narrow: Annotated[
        bool,
        typer.Option("--narrow", help="One block a stage in place of networks of full size: seconds, not minutes."),
    ] = False,
) -> None:
    """Write a rehearsal: the experiment with small inputs and few models, on stand-ins for its images and weights."""
    from camagain.config.file import load_experiment
    from camagain.rehearsal.write import rehearse

    settings = load_experiment(experiment)
    for line in rehearse(settings, str(experiment), folder or Path("rehearsal", settings.run), narrow):
        typer.echo(line)


@app.command(epilog="Example: camagain doctor config/experiments/teaser.yaml")
def doctor(
    experiment: Annotated[
        Path | None,
        typer.Argument(help="An experiment: list what it lacks on this machine, and its GPU hours."),
    ] = None,
    models: Annotated[bool, typer.Option("--models", help="List every architecture name that can be used.")] = False,
    results: Results = Path("results"),
    data: Data = Path("data"),
) -> None:
    """Say what this machine has. With EXPERIMENT: what that lacks here; exit 0 where it can run, 1 where it cannot."""
    if experiment is None:
        from camagain.doctor import architectures, diagnosis

        print(architectures() if models else diagnosis())
    else:
        from camagain.config.file import load_experiment

        settings = load_experiment(experiment)
        from camagain.readiness.check import in_words, readiness

        lines = readiness(settings, results, data)
        print(in_words(settings, lines))
        raise typer.Exit(int(any(line.state == "MISSING" for line in lines)))


def main() -> None:
    """The command line in this process: a UserError is one message on stderr and exit status 2.

    So is what the machine is to blame for. Any other exception keeps its traceback.
    """
    end_with_scheduler()
    gc.set_threshold(50_000)  # new objects between two looks for garbage, not 700: torch alone brings 800,000 to keep
    try:
        app()
    except Exception as error:
        message = in_words(error)
        if message is None:
            raise
        print(f"camagain: {message}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("camagain: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        gc.freeze()  # nothing is collected while the process ends, which would take a second
