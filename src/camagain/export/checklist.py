"""Answers to a checklist for reproducible machine learning, from what a run recorded of itself.

The questions are those of the checklists of Pineau et al. (version 2.0) and of NeurIPS, in our own words. An answer is
computed, or it is said that the run does not know it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from camagain.artifacts import INSIDE, read_json
from camagain.compare.runs.folder import RunFolder
from camagain.config.dataset import licence, may_be_published
from camagain.export.images import Images
from camagain.export.project import Project
from camagain.stages import jobs, stages

YES, NO, PARTLY, NONE, YOURS = "yes", "no", "partly", "does not apply", "yours to answer"

DRAWN = "drawn by camagain"
"""The source of a data set that a program of this package draws."""

STAGES_OF_TIME = ("finetune", "analysis", "localize", "evaluate")
"""Beginnings of the names of jobs whose time is told apart; the rest is one sum."""


@dataclass(frozen=True)
class Answer:
    """One row: a question, the answer in a word, and what it rests on."""

    question: str
    answer: str
    because: str


def checklist(run: RunFolder, results: Sequence[str], images: Images, project: Project) -> str:
    """The whole page as Markdown. `results`: the files of the run that are passed on."""
    parts = {
        "Models and methods": models(run),
        "Data": data(run, images),
        "Code": code(run, results, project),
        "Experiments": experiments(run),
        "Claims, limits and people": limits(run, results),
    }
    lines = [
        f"# Reproducibility of {run.manifest.get('run')}",
        "",
        "Written by `camagain export` from manifest.json, the settings and the scores of this run. The questions are "
        "those of the machine learning reproducibility checklist (Pineau et al., version 2.0) and of NeurIPS, in other "
        "words.",
    ]
    for title, answers in parts.items():
        lines += ["", f"## {title}", "", "| question | answer | |", "|---|---|---|"]
        lines += [f"| {row.question} | **{row.answer}** | {cell(row.because)} |" for row in answers]
    return "\n".join(lines) + "\n"


def cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def models(run: RunFolder) -> Iterator[Answer]:
    cards = run.manifest.get("models") or {}
    networks = "; ".join(
        f"{name}: {card.get('architecture')}, {card['parameters']:,} parameters, from {card.get('starting_weights')}"
        if "parameters" in card
        else f"{name}: {card.get('architecture')}"
        for name, card in cards.items()
    )
    methods = ", ".join(run.values["localization"]["methods"])
    yield Answer(
        "Are networks and methods described?",
        YES if cards else NO,
        f"{networks}. Score maps: {methods}. docs/networks.md and docs/metrics.md of the project define them.",
    )
    memory = [entry["peak_memory_mb"] for entry in times(run, "finetune") if entry.get("peak_memory_mb")]
    known = [f"main memory of training: at most {max(memory):,} MB"] if memory else []
    yield Answer(
        "Is the cost of a network given?",
        YES if known else PARTLY,
        "; ".join(["parameters above", *known, "time below"]) + ".",
    )
    yield Answer("Are theorems proven?", NONE, "The run measures; it proves nothing.")


def data(run: RunFolder, images: Images) -> Iterator[Answer]:
    about = run.dataset
    splits = ", ".join(f"{count:,} {name}" for name, count in about["splits"].items())
    yield Answer(
        "Are size and splits given?",
        YES,
        f"{about['name']}: {about['images']:,} images of {len(about['classes'])} classes; {splits}. "
        + (
            f"val: {about['val_per_class']} of each class, out of the training part by seed {about['split_seed']}."
            if about.get("val_per_class") is not None
            else "The splits are given with the images."
        ),
    )
    shown = run.values["input"]
    yield Answer(
        "Is preprocessing described, and what was left out?",
        YES,
        f"Images are scaled to {shown['size']} x {shown['size']} px ({shown['interpolation']}), mean {shown['mean']}, "
        f"standard deviation {shown['std']}. {scored_images(run)}",
    )
    source = about.get("source") or ""
    drawn = source == DRAWN
    place = (
        "Nothing has to be fetched: `camagain data experiment.yaml` draws the same images again."
        if drawn
        else f"Published at {source}."
        if source.startswith("http")
        else f"They were read from a folder, {source or 'whose name is not recorded'}; its origin is not recorded."
    )
    digests = (
        "images.csv and boxes.csv list every image with its SHA-256, and every box."
        if images.at_hand
        else "The images were not at hand at export: images.csv lists those of the test split, without digests."
    )
    yield Answer(
        "Can others have the data?",
        YES if drawn or source.startswith("http") else NO,
        f"{place} None is part of this crate. {digests} Digest of all: {about['fingerprint'][:12]}.",
    )
    yield Answer("Is the licence of the data named?", named(licence(about["kind"])), licence(about["kind"]))
    yield Answer(
        "Were new data collected, and are they described?",
        YES if drawn else YOURS,
        "Drawn by a program from the settings in experiment.yaml; nobody was photographed or asked."
        if drawn
        else "The run reads images that others collected, and does not know how.",
    )


def named(terms: str) -> str:
    return YES if terms.startswith("http") else NO


def scored_images(run: RunFolder) -> str:
    """How many test images were scored, of how many there are."""
    counts = {metrics["images"]["test"] for metrics in scores(run) if "images" in metrics}
    whole = run.dataset["splits"]["test"]
    if counts == {whole}:
        return f"All {whole:,} test images were scored by every network and method."
    listed = ", ".join(f"{count:,}" for count in sorted(counts)) or "an unknown number"
    return f"Scored were {listed} of {whole:,} test images."


def code(run: RunFolder, results: Sequence[str], project: Project) -> Iterator[Answer]:
    git, packages = run.manifest.get("git") or {}, run.manifest["packages"]
    commit = git.get("commit")
    exact = bool(commit) and not git.get("modified")
    yield Answer(
        "Is the code named exactly?",
        YES if exact else PARTLY if commit else NO,
        f"camagain {packages.get('camagain')}, {f'commit {commit}' if commit else 'no commit recorded'}"
        + (", with changes that were not committed. " if git.get("modified") else ". ")
        + f"Snakefile and rules are in this crate, {project.state}. The manifest has a digest of the sources behind "
        f"each of {len(run.manifest.get('code') or {})} stages.",
    )
    versions = sum(version is not None for version in packages.values())
    yield Answer(
        "Are dependencies named?",
        YES,
        f"{versions} packages with versions, and Python {(run.manifest.get('machine') or {}).get('python')}, are in "
        f"the manifest{'; requirements.lock of that commit has all' if commit else ''}.",
    )
    yield Answer(
        "Is there code for training and for evaluation, with a command?",
        YES,
        "`snakemake --configfile experiment.yaml` in the folder of this crate, with the package installed, does both."
        + (" Each job is a command; ro-crate-metadata.json lists them with time and memory." if times(run) else ""),
    )
    weights = {file for file in run.listed if fnmatchcase(file, "models/*/" + INSIDE.weights("").name)}
    weights |= {file for file in run.listed if fnmatchcase(file, "models/*/*/" + INSIDE.weights("").name)}
    yield Answer(
        "Are trained networks passed on?",
        NO if weights - set(results) else NONE,
        f"{several(len(weights), 'file')} of weights left out; the manifest has each SHA-256 under `files_left_out`; "
        "`camagain verify` checks what is put into its place."
        if weights
        else "The run has no file of weights.",
    )
    yield Answer(
        "Can a claim of sameness be checked?",
        YES,
        "`camagain verify` checks every file here against the manifest; `camagain compare` holds others against it.",
    )


def experiments(run: RunFolder) -> Iterator[Answer]:
    values, seeds = run.values, run.seeds
    recipe = values["training"]
    trained = [model["name"] for model in values["models"] if model["training"]["epochs"] > 0]
    own = [model["name"] for model in values["models"] if model["training"] != recipe]
    said = (
        f"Optimizer {recipe['optimizer']}, {recipe['epochs']} epochs, batch {recipe['batch_size']}, learning rate "
        f"{recipe['learning_rate']}; all keys in experiment.yaml"
        + (f", where {', '.join(own)} differ from it" if own else "")
        if trained
        else "Nothing is trained"
    )
    yield Answer("Are hyperparameters given?", YES, f"{said}.")
    yield Answer(
        "Is it said how they were chosen, and in which range they were searched?",
        NO if trained else NONE,
        "The run records the values that it used, and no search for them." if trained else "Nothing is trained.",
    )
    missing = run.manifest.get("missing_models") or {}
    more = {
        name: len(jobs(run.experiment, name)) for name, stage in stages().items() if stage.trains and name != "finetune"
    }
    beside = ", ".join(f"{count} by the analysis `{name}`" for name, count in more.items() if count)
    yield Answer(
        "Is the number of runs given?",
        YES,
        f"Networks that are trained: {len(trained)} of {len(values['models'])}; {several(len(seeds), 'training')} each "
        f"(seed {', '.join(map(str, seeds))}), scored once with each kind of map."
        + (f" More trainings: {beside}." if beside else "")
        + (f" Without results: {', '.join(missing)}." if missing else " Every network has results."),
    )
    yield from scores_and_errors(run, len(trained), len(seeds))
    yield from cost(run)
    held = values["compute"].get("portable") and values["compute"]["device"] == "cpu"
    yield Answer(
        "Are random numbers fixed, and what else moves the digits?",
        YES,
        f"Seed {values['seed']} for everything but training, whose seeds stand above. "
        + (
            "Libraries are held to one code path (compute.portable), so that another x86 processor should give the "
            "same digits with the same packages."
            if held
            else "Libraries choose their code by the processor, so digits differ from machine to machine."
        ),
    )


def scores_and_errors(run: RunFolder, trained: int, seeds: int) -> Iterator[Answer]:
    evaluation = run.values["evaluation"]
    found = list(scores(run))
    chosen = Counter(
        entry.get("threshold_chosen_on")
        for metrics in found
        for entry in metrics["figures"].values()
        if entry is not None
    )
    yield Answer(
        "Are the scores defined?",
        YES,
        "MaxBoxAcc, MaxBoxAccV2, top-1, Loc and PxAP by docs/metrics.md. "
        f"{chosen['test']:,} scores choose their threshold on the test images, as the published measure does, and "
        f"{chosen['val']:,} on val; the name of the latter ends in `_val_threshold`.",
    )
    entries = [entry for metrics in found for entry in metrics["figures"].values() if entry is not None]
    bounded = sum("low" in entry and "high" in entry for entry in entries)
    images = (
        f"{bounded:,} of {len(entries):,} scores have an interval over images ({evaluation['confidence']:.0%}, "
        f"{evaluation['bootstrap']:,} resamples where it is bootstrapped)."
    )
    spread = (
        "Nothing is trained, so there is no spread over seeds."
        if not trained
        else f"Over {seeds} trainings tables give means and deviations."
        if seeds > 1
        else "With one training of each network the intervals say nothing about other seeds."
    )
    complete = bounded == len(entries) and bounded > 0 and (seeds > 1 or not trained)
    yield Answer("Are errors given, and what of?", YES if complete else PARTLY if bounded else NO, f"{images} {spread}")


def cost(run: RunFolder) -> Iterator[Answer]:
    timed = times(run)
    if timed:
        sums = {stage: sum(entry["seconds"] for entry in times(run, stage)) for stage in STAGES_OF_TIME}
        total = sum(entry["seconds"] for entry in timed)
        shares = ", ".join(f"{stage} {hours(seconds)}" for stage, seconds in sums.items() if seconds)
        yield Answer(
            "Is the time given?",
            YES,
            f"{len(timed)} jobs took {hours(total)} in sum: {shares}. Earlier tries are not in it.",
        )
    else:
        yield Answer("Is the time given?", NO, "The jobs were not timed: the run was not made by the command line.")
    yield Answer("Is the energy given?", NO, "It is not measured.")
    machine = run.manifest.get("machine") or {}
    devices = sorted({card["device"] for card in (run.manifest.get("models") or {}).values() if card.get("device")})
    yield Answer(
        "Is the hardware given?",
        YES if machine else NO,
        f"{machine.get('processor')}, {machine.get('cores')} cores, {machine.get('memory_gib')} GiB, "
        f"{machine.get('system')}. Trained on: {'; '.join(devices) or 'not recorded'}."
        if machine
        else "Not recorded.",
    )


def limits(run: RunFolder, results: Sequence[str]) -> Iterator[Answer]:
    name = str(INSIDE.claims)
    if name in results:
        claims = read_json(run.path(name))
        verdicts = Counter(claim["verdict"] for claim in claims["claims"])
        words = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        evidence = "is" if claims["evidence_about_the_paper"] else "is no"
        yield Answer(
            "Is it said which claims the results support?",
            YES,
            f"Each of the paper's {len(claims['claims'])} claims is judged by a criterion in claims.json: {words}. The "
            f"run {evidence} evidence about the paper ({claims['data']}).",
        )
    else:
        yield Answer("Is it said which claims the results support?", YOURS, "The run has no claims.json.")
    said = run.values["purpose"]
    yield Answer(
        "Are purpose and limits said?",
        PARTLY if said else YOURS,
        f"The experiment says of itself: {said}" if said else "The experiment has no `purpose`.",
    )
    skipped = [
        f"{Path(file).parent.relative_to('analysis').as_posix()} ({status['reason']})"
        for file in results
        if fnmatchcase(file, str(INSIDE.status("*", "*"))) and not (status := read_json(run.path(file)))["applies"]
    ]
    yield Answer(
        "Is it said what was not measured?",
        YES,
        f"Analyses that do not apply: {'; '.join(skipped)}."
        if skipped
        else "Every analysis that was asked for applied.",
    )
    left = [file for file in run.listed if file not in results]
    photographs = (
        ""
        if may_be_published(run.dataset["kind"])
        else (" Report and pictures that show photographs are among them: these may not be passed on.")
    )
    yield Answer(
        "Is it said what is not here?",
        YES,
        f"{len(left):,} of {len(run.listed):,} files of the run are left out ({kinds(left)}); the manifest lists each "
        f"with its SHA-256.{photographs}",
    )
    for question in (
        "Were people the subject, and did a board approve?",
        "Can the results do harm, and what is done against it?",
        "Were language models used?",
    ):
        yield Answer(question, YOURS, "The run does not know it.")


def kinds(files: Sequence[str]) -> str:
    """How many files of which folder: "9 of models, 5 of localization"."""
    counts = Counter(file.split("/")[0] for file in files)
    return ", ".join(f"{count} of {name}" for name, count in counts.most_common()) or "none"


def several(count: int, thing: str) -> str:
    """A count with its noun: "1 file", "4 files"."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def scores(run: RunFolder) -> Iterator[Mapping[str, Any]]:
    """The scores of every network and method, baselines too."""
    for file in sorted(run.manifest["files"]):
        if fnmatchcase(file, str(INSIDE.metrics("*", "*"))):
            yield run.json(file)


def times(run: RunFolder, stage: str = "") -> list[Mapping[str, Any]]:
    """Time and memory of the jobs, or of those of one stage."""
    return [entry for entry in run.manifest.get("wall_times") or [] if not stage or entry["job"].split("/")[0] == stage]


def hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"
