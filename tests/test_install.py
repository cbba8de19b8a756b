"""The wheel, installed into an environment of its own: what works with the packages of each extra, and with no others."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

BLOCK = """
import sys

HIDDEN = {hidden!r}


class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Hide())
"""
"""Makes what a package set lacks impossible to import, although the environment sees all packages of this one."""


@dataclass
class Installed:
    """An environment with the wheel alone."""

    python: Path
    site: Path

    def hide(self, modules: set[str]) -> None:
        (self.site / "sitecustomize.py").write_text(BLOCK.format(hidden=modules))

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        command = [str(self.python), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=600)


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, without a network."""
    pytest.importorskip("setuptools", "77", reason="needs setuptools to build a wheel without a network")
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("needs a git checkout, whose tracked files are packed")
    for name in filter(None, listed.stdout.split("\0")):
        if name.split("/")[0] in ("src", "pyproject.toml", "README.md", "LICENSE") and (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((root / name).read_bytes())
    build = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return next((folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    python = folder / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    here = next(path for path in map(Path, sys.path) if (path / "numpy").is_dir())
    (site / "packages.pth").write_text(f"{here}\n")
    return Installed(python, site)


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    return [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]


def hidden(wheel: Path, *extras: str) -> set[str]:
    """The top-level modules of every installed package that the wheel with these extras does not ask for."""
    known = {dist.metadata["Name"].lower().replace("_", "-"): dist for dist in distributions()}
    wanted: set[tuple[str, str]] = set()
    pending = [("camagain", extra) for extra in ("", *extras)]
    while pending:
        name, extra = pending.pop()
        if (name, extra) in wanted:
            continue
        wanted.add((name, extra))
        if name == "camagain":
            needs = requirements(wheel)
        elif name in known:
            needs = [Requirement(line) for line in known[name].requires or ()]
        else:
            continue
        for need in needs:
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                other = need.name.lower().replace("_", "-")
                pending += [(other, inner) for inner in ("", *need.extras)]
    names = {name for name, _ in wanted}
    kept = {module for name in names if name in known for module in top_level(known[name])}
    return {module for name, dist in known.items() if name not in names for module in top_level(dist)} - kept


def top_level(dist) -> set[str]:
    files = [str(file).replace("\\", "/") for file in dist.files or ()]
    inside = {name.split("/")[0].partition(".")[0] for name in files if name.endswith((".py", ".so"))}
    return {name for name in inside if name.isidentifier()} - {"camagain"}


def test_the_wheel_has_every_file_that_modules_read(wheel: Path, root: Path):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("camagain/")}
    source = root / "src"
    endings = {".py", ".pyi", ".j2", ".css", ".js", ".csv", ".typed"}
    listed = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.suffix in endings}
    assert packed == {name for name in listed if ".egg-info" not in name} | {"camagain/py.typed"}


def test_the_evaluator_needs_none_of_the_extras(installed: Installed, wheel: Path, tmp_path: Path, root: Path):
    away = hidden(wheel)
    assert {"torch", "timm", "matplotlib", "jinja2", "snakemake", "dvc", "accelerate"} <= away
    assert not away & {"numpy", "cv2", "pandas", "numba", "typer"}
    installed.hide(away)
    np.savez(tmp_path / "maps.npz", a=np.eye(9), b=np.ones((4, 4)))
    (tmp_path / "boxes.csv").write_text("image_id,x0,y0,x1,y1,width,height\na,0,0,99,99,100,100\nb,0,0,9,9,100,100\n")
    done = installed.run("-m", "camagain", "score", "maps.npz", "--boxes", "boxes.csv", cwd=tmp_path)
    assert done.returncode == 0 and "MaxBoxAccV2" in done.stdout, done.stderr
    assert installed.run("-m", "camagain", "--version", cwd=tmp_path).stdout.startswith("camagain 0.")
    run = str(root / "results" / "reference" / "demo")
    assert installed.run("-m", "camagain", "verify", run, cwd=tmp_path).returncode == 0
    assert installed.run("-m", "camagain", "compare", run, run, "--quiet", cwd=tmp_path).returncode == 0
    refused = installed.run("-m", "camagain", "erf", "--model", "resnet18", "--images", "boxes.csv", cwd=tmp_path)
    assert refused.returncode == 2 and "pip install 'camagain[networks]'" in refused.stderr


def test_networks_need_neither_snakemake_nor_dvc(installed: Installed, wheel: Path, tmp_path: Path):
    away = hidden(wheel, "networks")
    assert {"snakemake", "dvc", "accelerate"} <= away and not away & {"torch", "timm", "matplotlib"}
    installed.hide(away)
    code = (
        "import camagain, camagain.own.erf, torch; from PIL import Image;"
        "network = camagain.create('slak_narrow', 3);"
        "found = camagain.localize(network, Image.effect_noise((80, 60), 90));"
        "found.picture(); print(found.map.shape);"
        "print(camagain.contribution_map(network, torch.rand(1, 3, 64, 64)).shape)"
    )
    done = installed.run("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "(64, 64)"


def test_the_pipeline_hides_nothing_that_the_package_imports(wheel: Path, root: Path):
    import ast

    away = hidden(wheel, "pipeline", "grad-cam", "lite")
    imported = {
        name.partition(".")[0]
        for path in (root / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "torch" in imported and not imported & away
