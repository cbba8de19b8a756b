"""A note beside each artifact says what it was made from; what does not fit is refused in one sentence."""

from pathlib import Path

import pytest

from camagain.artifacts import RunPaths, read_json
from camagain.cli import app
from camagain.config import Experiment
from camagain.config.file import parse_experiment
from camagain.errors import UserError
from camagain.lineage import Lineage, Work
from camagain.stages import jobs, stages

MODEL = "small-resnet"
CHAIN = (Work("data"), Work("finetune", MODEL), Work("localize", MODEL), Work("evaluate", MODEL))


@pytest.fixture
def lineage(tiny_values: dict, tmp_path: Path) -> Lineage:
    return of(tiny_values, tmp_path)


def of(values: dict, folder: Path) -> Lineage:
    experiment = parse_experiment(values, "tiny")
    return Lineage(experiment, experiment.paths(folder / "results", folder / "data"))


def do(lineage: Lineage, *works: Work, content: str = "") -> None:
    """Does jobs as the command line does them; each writes files that say which job it was."""
    for work in works:
        with lineage.noted(work):
            for path in lineage.files(work).values():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{work} {path.name} {content}")


def every(experiment: Experiment) -> list[Work]:
    return [Work(stage, training, job) for stage in stages() for training, job in jobs(experiment, stage)]


def test_a_run_from_beginning_to_end_is_accepted(lineage: Lineage):
    do(lineage, *every(lineage.experiment))
    for work in every(lineage.experiment):
        lineage.checked(work)
    assert not list(lineage.damaged())


@pytest.mark.parametrize("stage", sorted({"data", "finetune", "localize", "evaluate", "evaluate_baseline", "tables"}))
def test_a_note_lists_what_a_job_read_and_wrote_and_is_hidden(lineage: Lineage, stage: str):
    do(lineage, *every(lineage.experiment))
    work = next(work for work in every(lineage.experiment) if work.stage == stage)
    path = lineage.note(work)
    assert path is not None and path.name == f".{stage}.json"
    note = read_json(path)
    assert len(note["files"]) == len(lineage.files(work))
    read = {file.split("/", 2)[2] for source in lineage.sources(work) for file in lineage.files(source)}
    assert set(note["made_from"]) == {name for name in read if not name.endswith(("model.json", "summary.json"))}


def test_no_two_jobs_share_a_note(lineage: Lineage):
    notes = [path for work in every(lineage.experiment) if (path := lineage.note(work))]
    assert len(set(notes)) == len(notes) == len(every(lineage.experiment)) - 2  # nothing reads report and manifest


def test_a_model_of_other_images_is_refused(tiny_values: dict, tmp_path: Path):
    """Trained on 48 px, localized on 64 px of the same name, each step by hand."""
    larger = {**tiny_values, "dataset": {**tiny_values["dataset"], "image_size": 64}}
    small, large = of(tiny_values, tmp_path), of(larger, tmp_path)
    assert small.paths.dataset != large.paths.dataset
    do(small, *CHAIN[:2], content="48 px")
    do(large, CHAIN[0], content="64 px")
    with pytest.raises(UserError, match=rf"`finetune` of '{MODEL}' of run 'tiny' was made from another index.parquet"):
        large.checked(CHAIN[2])
    assert large.note(CHAIN[2]) is not None and not large.files(CHAIN[2]).popitem()[1].exists()


def test_maps_of_another_training_are_refused(lineage: Lineage):
    do(lineage, *CHAIN)
    do(lineage, CHAIN[1], content="once more")
    lineage.checked(CHAIN[3])  # it reads no weights: the maps are whole, and those of their predictions
    with pytest.raises(
        UserError, match=r"was made from another models/small-resnet/model.safetensors .* do not belong"
    ):
        lineage.checked(Work("tables"))
    do(lineage, *CHAIN[2:])
    lineage.checked(Work("tables"))


def test_another_record_of_the_same_weights_is_accepted(lineage: Lineage):
    """The card says on which machine a network was trained; its weights may be equal all the same."""
    do(lineage, *CHAIN)
    note, card = lineage.note(CHAIN[1]), lineage.paths.card(MODEL)
    assert note is not None
    card.write_text("on another machine")
    note.unlink()
    lineage.checked(Work("tables"))


def test_the_commands_that_messages_name_are_commands(lineage: Lineage):
    for work in every(lineage.experiment):
        command, *arguments = work.command.split()[1:]
        known = {registered.callback.__name__ for registered in app.registered_commands}  # type: ignore[union-attr]
        assert command in known and arguments[0] == "EXPERIMENT", work.command
    assert Work("gap", MODEL).command == f"camagain analyze EXPERIMENT gap {MODEL}"


def test_one_changed_byte_is_found_by_what_reads_it(lineage: Lineage):
    do(lineage, *CHAIN[:3])
    path = lineage.paths.maps(MODEL)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert not list(lineage.damaged())
    with pytest.raises(
        UserError, match=r"maps.npz: .* it is damaged, or was replaced. Delete it and run `make results`"
    ):
        do(lineage, CHAIN[3])


def test_a_lost_end_is_found_before_anything_reads_it(lineage: Lineage):
    do(lineage, *CHAIN[:3])
    path = lineage.paths.maps(MODEL)
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[:5])
    (found,) = lineage.damaged()
    assert (found.file, found.size, found.expected) == ("results/tiny/localization/small-resnet/maps.npz", 5, whole)


def test_a_job_that_fails_leaves_no_note_and_files_without_one_are_taken(lineage: Lineage):
    do(lineage, *CHAIN[:2])
    with pytest.raises(KeyError), lineage.noted(CHAIN[1]):
        raise KeyError
    note = lineage.note(CHAIN[1])
    assert note is not None and not note.exists()
    lineage.paths.weights(MODEL).write_text("of an earlier version")
    lineage.checked(CHAIN[2])


@pytest.mark.parametrize("text", ["", "[]", "{", '{"files": {}}', '{"made_from": {}}'])
def test_a_damaged_note_says_nothing(lineage: Lineage, text: str):
    do(lineage, *CHAIN[:2])
    note = lineage.note(CHAIN[1])
    assert note is not None
    note.write_text(text)
    lineage.checked(CHAIN[2])
    assert not list(lineage.damaged())


def test_the_paths_are_those_of_the_run(lineage: Lineage):
    paths: RunPaths = lineage.paths
    assert paths.weights(MODEL) in lineage.files(CHAIN[1]).values()
    assert paths.index in lineage.files(CHAIN[0]).values()
