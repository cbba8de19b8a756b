"""Comparing runs: each kind of difference is planted, and named as what it is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from camagain.artifacts import write_csv, write_parquet
from camagain.compare.judging.comparison import Comparison, compare_runs
from camagain.compare.judging.verdicts import Verdict
from camagain.compare.show.record import record
from camagain.compare.show.text import summary, text
from camagain.errors import UserError

Seal = Callable[[Path], None]
RESNET = "evaluation/small-resnet/cam"


def shift(run: Path, points: float) -> None:
    """Moves one score."""
    path = run / RESNET / "metrics.json"
    content = json.loads(path.read_text())
    content["figures"]["max_box_acc"]["value"] += points
    path.write_text(json.dumps(content))


def change(path: Path, row: int, column: str, value: object) -> None:
    """Sets one cell of a CSV table."""
    table = pd.read_csv(path)
    table[column] = table[column].astype(object)
    table.loc[row, column] = value
    write_csv(path, table)


def table(comparison: Comparison, file: str):
    return next(table for table in comparison.tables if table.file == file)


def test_a_run_agrees_with_itself(runs):
    comparison = compare_runs(*runs)
    assert comparison.exit_code() == 0
    assert comparison.verdict in (Verdict.IDENTICAL_BYTES, Verdict.IDENTICAL_VALUES)
    assert set(comparison.counts) == {
        "scores", "claims", "images", "tables", "analyses", "figure data", "curves", "training"
    }  # fmt: skip
    assert not comparison.causes and not comparison.differences and not comparison.notices and not comparison.ranks
    assert summary(comparison).startswith("agree:")
    assert "to the last digit" in summary(comparison)


def lose(run: Path, methods: tuple[str, ...], images: int) -> None:
    """Turns some images of each of these maps wrong, and lowers their scores by as many."""
    for method in methods:
        folder = run / "evaluation" / "small-resnet" / method
        table = pd.read_parquet(folder / "images.parquet")
        right = table.index[table["correct"]][:images]
        table.loc[right, "correct"], table.loc[right, "iou"] = False, 0.1
        write_parquet(folder / "images.parquet", table)
        content = json.loads((folder / "metrics.json").read_text())
        content["figures"]["max_box_acc"]["value"] -= 100 * len(right) / len(table)
        (folder / "metrics.json").write_text(json.dumps(content))


def every_image_right(run: Path, method: str) -> None:
    """Makes all images of one map right, so that there is something to lose."""
    path = run / "evaluation" / "small-resnet" / method / "images.parquet"
    write_parquet(path, pd.read_parquet(path).assign(correct=True, iou=0.9))


@pytest.mark.parametrize(("methods", "images"), [(("cam", "cam-gt", "pc1"), 3), (("cam",), 2), (("cam",), 1)])
def test_with_the_same_weights_every_lost_image_differs(runs, seal: Seal, methods: tuple[str, ...], images: int):
    for run in runs:
        for method in methods:
            every_image_right(run, method)
    lose(runs[0], methods, images)
    for run in runs:
        seal(run)
    comparison = compare_runs(*runs)
    assert comparison.exit_code() == 1
    assert summary(comparison).startswith("DIFFER:")
    assert {(row.key["method"], row.source) for row in comparison.scores.rows} == {(m, "same weights") for m in methods}
    found = {images.method: images for images in comparison.images if images.verdict is Verdict.DIFFERS}
    assert set(found) == set(methods)
    assert all(len(entry.flipped) == images for entry in found.values())
    assert "flipped: " in text(comparison)


def test_other_weights_without_a_known_spread_are_undecided_where_the_seed_may_be_the_cause(
    runs, seal: Seal, edit, retrain
):
    for run in runs:
        every_image_right(run, "cam")
    lose(runs[0], ("cam",), 11)  # of 12 images: McNemar p = 0.001
    retrain(runs[0], "small-resnet")
    for run in runs:
        seal(run)
    comparison = compare_runs(*runs)
    assert comparison.exit_code() == 1, "the seed and the machine are the same: the weights should be, too"
    edit(runs[0] / "manifest.json", "experiment", "seeds", value=[1])
    comparison = compare_runs(*runs)
    assert (comparison.verdict, comparison.exit_code()) == (Verdict.UNDECIDED, 2)
    assert comparison.exit_code(fail_on=Verdict.UNDECIDED) == 1
    assert summary(comparison).startswith("UNDECIDED:")
    assert "camagain reference" in summary(comparison)
    shown = text(comparison)
    assert "small-resnet: undecided, p = 0.006 for images right in one run alone" in shown


def test_other_weights_without_a_known_spread_agree_where_images_do(runs, seal: Seal, retrain):
    shift(runs[0], 1.0)
    retrain(runs[0], "small-resnet")
    seal(runs[0])
    comparison = compare_runs(*runs)
    assert comparison.exit_code() == 0
    assert comparison.exit_code(fail_on=Verdict.WITHIN_TOLERANCE) == 1
    assert "within tolerance" in summary(comparison)


def test_an_edited_score_is_named_with_the_step_that_made_it(runs, seal: Seal):
    shift(runs[1], 80.0)
    seal(runs[1])
    cause = compare_runs(*runs).causes[0]
    assert cause.subjects == ("small-resnet",)
    assert cause.file == f"{RESNET}/metrics.json"
    assert cause.stage == "evaluate"
    assert not cause.inputs
    assert str(cause).endswith(
        "the cause is not known; settings, code, packages and machine are the same as far as recorded"
    ), "nothing was found, and nothing else is claimed"


PLACES = {
    "finetune": ("models/small-resnet/history.csv", 0, "train_loss", "trained with "),
    "erf": ("analysis/erf/small-resnet/table.csv", 2, "area_ratio", ""),
}
"""Stage -> a number that it makes, and how the traits of its machine are called."""


@pytest.mark.parametrize("stage", PLACES)
@pytest.mark.parametrize(
    ("trait", "value"),
    [
        ("model", "49"),  # another processor, whose name is the same
        ("vendor", "AuthenticAMD"),
        ("instruction_sets", "sse4_2 avx f16c fma bmi2 avx2"),
        ("code_path", "ATEN_CPU_CAPABILITY=default"),
        ("torch_capability", "AVX2"),
        ("libc", "glibc 2.17"),
        ("cores", 4096),  # which changes no number
    ],
)
def test_another_processor_is_named_where_its_stage_differs(runs, seal: Seal, edit, stage: str, trait: str, value):
    file, row, column, prefix = PLACES[stage]
    for run in runs:  # as on a system that tells all of it
        known = {"processor": "X", "vendor": "GenuineIntel", "family": "6", "model": "85", "stepping": "7"}
        known |= {"instruction_sets": "sse4_2 avx avx2 avx512f", "code_path": "", "libc": "glibc 2.36"}
        libraries = {"torch_capability": "AVX512", "mkl": "2024.2", "onednn": "3.12"}
        for model in ("small-resnet", "small-convnext"):
            edit(run / "manifest.json", "models", model, "arithmetic", value={**known, **libraries})
        edit(run / "manifest.json", "machine", value={**known, "cores": 2})
    change(runs[1] / file, row, column, 0.5)
    seal(runs[1])
    if trait in ("libc", "cores", *known):
        edit(runs[1] / "manifest.json", "machine", trait, value=value)
    if trait in libraries or trait in known:
        for model in ("small-resnet", "small-convnext"):
            edit(runs[1] / "manifest.json", "models", model, "arithmetic", trait, value=value)
    (cause,) = compare_runs(*runs).causes
    assert cause.stage == stage
    assert cause.unrecorded == ()
    named = [found.name for found in cause.inputs]
    if trait == "cores" or (trait in libraries and stage != "finetune"):
        assert named == []
    else:
        assert f"{prefix}{trait}" in named or trait in named
        assert "not known" not in str(cause)


def test_what_one_run_does_not_record_is_no_difference_and_is_said(runs, seal: Seal, edit):
    change(runs[1] / "models/small-resnet/history.csv", 0, "train_loss", 0.5)
    seal(runs[1])
    manifest = json.loads((runs[0] / "manifest.json").read_text())  # as older versions wrote it
    for name in ("vendor", "family", "model", "stepping", "instruction_sets", "libc", "code_path"):
        manifest["machine"].pop(name, None)
    for model in manifest["models"].values():
        del model["arithmetic"]
    (runs[0] / "manifest.json").write_text(json.dumps(manifest))
    comparison = compare_runs(*runs)
    assert not comparison.differences
    (cause,) = comparison.causes
    assert str(cause).partition("not recorded in both runs: ")[2].split(", ") == list(cause.unrecorded)
    assert {"vendor", "instruction_sets", "trained with torch_capability"} <= set(cause.unrecorded)
    assert "processor" not in cause.unrecorded, "which both have"
    assert record(comparison)["causes"][0]["not_recorded"] == list(cause.unrecorded)
    for word in ("deterministic", "edited", "because"):
        assert word not in text(comparison)


def test_one_flipped_image_is_named(runs, seal: Seal):
    path = runs[1] / RESNET / "images.parquet"
    images = pd.read_parquet(path)
    flipped = images["image_id"].iloc[3]
    images.loc[3, "correct"] = not images["correct"].iloc[3]
    images.loc[3, "iou"] = 0.123
    write_parquet(path, images.sample(frac=1, random_state=0))  # the order of rows says nothing
    seal(runs[1])
    comparison = compare_runs(*runs)
    found = next(images for images in comparison.images if images.name == "small-resnet / cam")
    assert found.verdict is Verdict.DIFFERS
    assert [pair.image_id for pair in found.flipped] == [flipped]
    assert found.moved == 1
    assert found.test is not None and found.test.only_first + found.test.only_second == 1
    assert f"flipped: {flipped} (IoU" in text(comparison)
    others = [images for images in comparison.images if images.name != "small-resnet / cam"]
    assert {images.verdict for images in others} == {Verdict.IDENTICAL_BYTES}
    assert comparison.causes[0].file == f"{RESNET}/images.parquet"


def test_maps_are_correlated_image_by_image(runs, seal: Seal):
    path = runs[1] / "localization" / "small-resnet" / "maps.npz"
    with np.load(path) as arrays:
        content = dict(arrays)
    content["cam"] = 1 - content["cam"]
    np.savez(path, **content)
    images = pd.read_parquet(runs[1] / RESNET / "images.parquet")
    write_parquet(runs[1] / RESNET / "images.parquet", images.assign(iou=images["iou"] / 2))
    seal(runs[1])
    comparison = compare_runs(*runs)
    found = next(images for images in comparison.images if images.name == "small-resnet / cam")
    assert found.map_correlation == pytest.approx((-1.0, -1.0, -1.0))
    assert found.worst[0].iou_b == pytest.approx(found.worst[0].iou_a / 2)
    cause = comparison.causes[0]
    assert (cause.file, cause.stage) == ("localization/small-resnet/maps.npz", "localize")


def test_the_order_of_rows_says_nothing(runs, seal: Seal):
    for file in ("tables/paired-tests.csv", "analysis/gap/small-resnet/table.csv", "figures/threshold-curves.csv"):
        path = runs[1] / file
        write_csv(path, pd.read_csv(path).iloc[::-1])
    seal(runs[1])
    comparison = compare_runs(*runs)
    assert comparison.verdict is Verdict.IDENTICAL_VALUES
    assert table(comparison, "tables/paired-tests.csv").verdict is Verdict.IDENTICAL_VALUES


def test_a_number_without_a_tolerance_has_to_be_the_same(runs, seal: Seal):
    file = "analysis/erf/small-resnet/table.csv"
    change(runs[1] / file, 2, "area_ratio", 0.5)
    seal(runs[1])
    found = table(compare_runs(*runs), file)
    assert found.verdict is Verdict.DIFFERS
    assert (found.rows[0].column, found.rows[0].b, found.rows[0].tolerance) == ("area_ratio", 0.5, None)


def test_a_missing_model_is_named(runs, seal: Seal, edit):
    for folder in ("evaluation", "models", "localization"):
        shutil.rmtree(runs[1] / folder / "small-convnext")
    edit(runs[1] / "manifest.json", "missing_models", value={"small-convnext": "models/small-convnext/model.json"})
    seal(runs[1])
    comparison = compare_runs(*runs)
    assert comparison.exit_code() == 1
    assert {row.key["model"] for row in comparison.scores.rows} == {"small-convnext"}
    assert {row.verdict for row in comparison.scores.rows} == {Verdict.MISSING}
    assert comparison.notices[0].endswith(
        "is partial: small-convnext has no results (models/small-convnext/model.json is not there)"
    )
    assert "ATTENTION" in text(comparison)


def test_a_file_that_a_run_lost_is_missing_and_one_that_a_reference_leaves_out_is_not(runs, seal: Seal, edit):
    file = "analysis/erf/small-resnet/table.csv"
    (runs[1] / file).unlink()
    lost = table(compare_runs(*runs), file)
    assert lost.verdict is Verdict.IDENTICAL_BYTES, "the manifest still knows its checksum"
    change(runs[0] / file, 0, "area_ratio", 0.5)
    seal(runs[0])
    assert table(compare_runs(*runs), file).verdict is Verdict.MISSING
    manifest = json.loads((runs[1] / "manifest.json").read_text())
    edit(runs[1] / "manifest.json", "files_left_out", value={file: manifest["files"].pop(file)})
    edit(runs[1] / "manifest.json", "files", value=manifest["files"])
    comparison = compare_runs(*runs)
    assert table(comparison, file).verdict is Verdict.NOT_COMPARABLE
    assert comparison.exit_code() == 0


def test_other_images_cannot_be_compared(runs, edit):
    for name in ("fingerprint", "split_fingerprints"):
        edit(runs[1] / "manifest.json", "dataset", name, value="0" * 64 if name == "fingerprint" else {"test": "0"})
    with pytest.raises(UserError, match="cannot be compared: they were measured on different images"):
        compare_runs(*runs)


def test_another_division_of_the_training_images_is_said_loudly_and_named_as_the_cause(runs, seal: Seal, edit):
    edit(runs[1] / "manifest.json", "dataset", "fingerprint", value="0" * 64)
    edit(runs[1] / "manifest.json", "experiment", "dataset", "split_seed", value=7)
    shift(runs[1], 80)
    seal(runs[1])
    comparison = compare_runs(*runs)
    assert comparison.notices == (
        "the same test images, but another division of the rest into training and validation",
    )
    assert comparison.causes[0].stage == "data"
    assert [str(found) for found in comparison.causes[0].inputs] == ["dataset.split_seed: 0 against 7"]


def test_a_changed_package_is_named_where_weights_differ_first(runs, seal: Seal, edit, retrain):
    edit(runs[1] / "manifest.json", "packages", "torch", value="1.0")
    retrain(runs[1], "small-resnet")
    seal(runs[1])
    comparison = compare_runs(*runs)
    cause = comparison.causes[0]
    assert (cause.subjects, cause.file) == (("small-resnet",), "models/small-resnet/model.safetensors")
    assert [found.name for found in cause.inputs] == ["torch"]
    assert "against 1.0" in text(comparison)
    assert comparison.exit_code() == 0, "no value differs"


def test_a_changed_source_is_named_for_its_stage_alone(runs, seal: Seal, edit):
    edit(runs[1] / "manifest.json", "code", "erf", value="0" * 12)
    edit(runs[1] / "manifest.json", "code", "gap", value="0" * 12)
    change(runs[1] / "analysis/erf/small-resnet/table.csv", 2, "area_ratio", 0.5)
    seal(runs[1])
    (cause,) = compare_runs(*runs).causes
    assert cause.stage == "erf"
    assert [found.name for found in cause.inputs] == ["sources of erf"]


def test_settings_are_named_by_their_path_and_their_model(runs, edit):
    manifest = json.loads((runs[1] / "manifest.json").read_text())
    models = manifest["experiment"]["models"]
    models[1]["training"]["epochs"] = 99
    edit(runs[1] / "manifest.json", "experiment", "models", value=models[::-1])  # their order says nothing
    comparison = compare_runs(*runs)
    assert [str(found) for found in comparison.differences] == ["models[small-convnext].training.epochs: 1 against 99"]
    assert comparison.notices == ("small-convnext was trained for 1 epochs against 99",)
    assert "settings: models[small-convnext].training.epochs: 1 against 99" in text(comparison)


def test_scores_made_in_another_way_are_announced(runs, edit):
    edit(runs[1] / "manifest.json", "experiment", "evaluation", "size", value=224)
    edit(runs[1] / "manifest.json", "experiment", "localization", "methods", value=["cam"])
    notices = compare_runs(*runs).notices
    assert f"only {runs[0]} has the method cam-gt, pc1" in notices
    assert "the scores are made in different ways: evaluation: size 64 against 224" in notices


def test_a_change_of_rank_is_named(runs, seal: Seal):
    scores = {"small-resnet": 90.0, "small-convnext": 10.0}
    for run, values in ((runs[0], scores), (runs[1], dict(zip(scores, reversed(scores.values()), strict=True)))):
        for model, value in values.items():
            path = run / "evaluation" / model / "cam" / "metrics.json"
            content = json.loads(path.read_text())
            content["figures"]["max_box_acc"]["value"] = value
            path.write_text(json.dumps(content))
        seal(run)
    named = [str(change) for change in compare_runs(*runs).ranks if change.what == "models"]
    assert "max_box_acc of cam: small-resnet is number 1 of 2 in A, number 2 in B" in named
    assert "max_box_acc of cam: small-convnext is number 2 of 2 in A, number 1 in B" in named


def test_runs_conclude_the_same_of_a_claim_where_only_numbers_differ(runs, seal: Seal):
    path = runs[1] / "claims.json"
    content = json.loads(path.read_text())
    content["claims"][0]["numbers"] = [{"t": 1}]
    content["claims"][1]["verdict"] = "supported"
    content["claims"][2]["numbers"] = [{"t": 1}]
    path.write_text(json.dumps(content))
    seal(runs[1])
    there = runs[0] / "claims.json"
    before = json.loads(there.read_text())
    for side in (content, before):
        side["claims"][0]["in_this_run"]["verdict"] = "supported"
        side["claims"][2]["in_this_run"]["verdict"] = "undecided"
    for run, side in ((runs[1], content), (runs[0], before)):
        (run / "claims.json").write_text(json.dumps(side))
        seal(run)
    comparison = compare_runs(*runs)
    verdicts = [claim.verdict for claim in comparison.claims]
    assert verdicts[:3] == [Verdict.SAME_CONCLUSION, Verdict.DIFFERS, Verdict.NOT_COMPARABLE]
    assert comparison.exit_code() == 1


def test_the_record_is_json_and_stable(runs, seal: Seal):
    shift(runs[1], 80.0)
    seal(runs[1])
    first, second = (json.dumps(record(compare_runs(*runs)), allow_nan=False) for _ in range(2))
    assert first == second
    assert json.loads(first)["exit_code"] == 1


def test_a_curve_of_other_weights_goes_with_its_images(runs, seal: Seal, retrain):
    file = f"{RESNET}/curve.csv"
    rows = pd.read_csv(runs[1] / file)
    write_csv(runs[1] / file, rows.assign(box_acc_percent=100 - rows["box_acc_percent"]))
    seal(runs[1])
    found = table(compare_runs(*runs), file)
    assert found.verdict is Verdict.DIFFERS
    assert found.rows[0].source == "same weights"
    retrain(runs[1], "small-resnet")
    seal(runs[1])
    found = table(compare_runs(*runs), file)
    assert found.verdict is Verdict.WITHIN_TOLERANCE
    assert (found.counts, found.note) == ({Verdict.WITHIN_TOLERANCE: len(rows)}, "judged with its images")


def test_maps_that_differ_by_rounding_excuse_an_image(runs, seal: Seal):
    path = runs[1] / "localization" / "small-resnet" / "maps.npz"
    images = pd.read_parquet(runs[1] / RESNET / "images.parquet")
    images.loc[0, "correct"] = not images["correct"].iloc[0]
    write_parquet(runs[1] / RESNET / "images.parquet", images)
    with np.load(path) as arrays:
        content = dict(arrays)
    for moved, verdict in ((1e-6, Verdict.WITHIN_TOLERANCE), (0.1, Verdict.DIFFERS)):
        np.savez(path, **{**content, "cam": content["cam"] + np.float32(moved)})
        seal(runs[1])
        comparison = compare_runs(*runs)
        found = next(images for images in comparison.images if images.name == "small-resnet / cam")
        assert found.verdict is verdict
        assert len(found.flipped) == 1


def test_same_weights_on_another_machine_without_maps_are_granted_rounding(runs, seal: Seal, edit):
    images = pd.read_parquet(runs[1] / RESNET / "images.parquet")
    images.loc[0, "correct"] = not images["correct"].iloc[0]
    write_parquet(runs[1] / RESNET / "images.parquet", images)
    file = "localization/small-resnet/maps.npz"
    seal(runs[1])
    manifest = json.loads((runs[1] / "manifest.json").read_text())
    manifest["files"].pop(file)
    manifest["files_left_out"] = {file: {"sha256": "0" * 64, "bytes": 1}}
    (runs[1] / "manifest.json").write_text(json.dumps(manifest))
    assert compare_runs(*runs).exit_code() == 1
    edit(runs[1] / "manifest.json", "machine", "processor", value="another one")
    comparison = compare_runs(*runs)
    assert comparison.exit_code() == 0
    assert "flipped: " in text(comparison)


def test_tables_without_rows_are_the_same(runs, seal: Seal):
    file = "analysis/erf/small-resnet/table.csv"
    keys = ["state", "input", "cells", "gradients", "t"]
    for run, columns in zip(runs, ([*keys, "more"], keys), strict=True):
        write_csv(run / file, pd.DataFrame(columns=columns))
        seal(run)
    comparison = compare_runs(*runs)
    assert table(comparison, file).verdict is Verdict.IDENTICAL_VALUES
    assert not comparison.causes


@pytest.mark.parametrize(
    ("keys", "value", "named"),
    [
        (("models", "small-resnet", "device"), "cuda, a card", "machine: device: cpu"),
        (("models", "small-resnet", "starting_weights"), "others", "weights: small-resnet: starting_weights: random"),
        (("git", "commit"), "f" * 40, "code: git commit: "),
        (("machine", "processor"), "another one", "machine: processor: "),
    ],
)
def test_what_a_run_was_made_from_is_named_where_no_value_differs(runs, edit, keys: tuple, value: str, named: str):
    edit(runs[1] / "manifest.json", *keys, value=value)
    comparison = compare_runs(*runs)
    shown = text(comparison)
    assert named in shown
    assert "without effect on any value" in shown
    assert comparison.exit_code() == 0


def test_a_run_that_learned_from_fewer_images_is_announced(runs, edit):
    edit(runs[1] / "manifest.json", "dataset", "splits", "train", value=5000)
    edit(runs[1] / "manifest.json", "dataset", "fingerprint", value="0" * 64)
    notices = compare_runs(*runs).notices
    assert any(notice.endswith("images against 5,000") for notice in notices)


@pytest.mark.parametrize("said", ["supported", "contradicted"])
def test_two_runs_that_contradict_a_claim_alike_conclude_the_same(runs, seal: Seal, said: str):
    for number, run in enumerate(runs):
        content = json.loads((run / "claims.json").read_text())
        content["claims"][0] |= {"verdict": said, "reason": f"by the numbers of run {number}"}
        content["claims"][0].pop("in_this_run", None)
        (run / "claims.json").write_text(json.dumps(content))
        seal(run)
    claim = compare_runs(*runs).claims[0]
    assert (claim.verdict, claim.a, claim.b) == (Verdict.SAME_CONCLUSION, said, said)
    assert claim.verdict.option == "same-conclusion"


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [("supported", "contradicted", Verdict.DIFFERS), ("supported", "undecided", Verdict.NOT_COMPARABLE)],
)
def test_of_networks_trained_anew_only_opposite_claims_differ(
    runs, seal: Seal, retrain, a: str, b: str, verdict: Verdict
):
    retrain(runs[0], "small-resnet")
    for run, said in zip(runs, (a, b), strict=True):
        content = json.loads((run / "claims.json").read_text())
        content["claims"][0] |= {"verdict": said}
        content["claims"][0].pop("in_this_run", None)
        (run / "claims.json").write_text(json.dumps(content))
        seal(run)
    assert compare_runs(*runs).claims[0].verdict is verdict
