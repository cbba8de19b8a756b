"""The wheel in an environment of its own: what works with the packages of each extra, and with no others."""

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions, packages_distributions
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

INDIRECT = {"threadpoolctl", "markupsafe", "huggingface-hub"}
"""Packages that only come with others, and that the sources do without or find there for certain."""


@dataclass
class Installed:
    """An environment with the wheel, and with those packages of this environment that are linked into it."""

    python: Path
    site: Path

    def offer(self, wanted: dict[str, Distribution]) -> None:
        """Links these packages, and no others."""
        shutil.rmtree(self.site / "linked", ignore_errors=True)
        (self.site / "linked").mkdir()
        (self.site / "linked.pth").write_text(f"{self.site / 'linked'}\n")
        for dist in wanted.values():
            for entry in entries(dist):
                link = self.site / "linked" / entry
                if not link.is_symlink():  # several packages may have their folders in one: nvidia/cublas, nvidia/cufft
                    link.symlink_to(dist.locate_file(entry))

    def run(self, *arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
        command, environment = [str(self.python), *arguments], {**plain(), **variables}
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=600)


def plain() -> dict[str, str]:
    """The variables of this process without those of Python: with a PYTHONPATH, pip finds the project installed."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


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
    done = subprocess.run(pip, capture_output=True, text=True, timeout=300, env=plain())
    assert done.returncode == 0, done.stderr
    return Installed(python, site)


def requirements(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    return [Requirement(line.partition(": ")[2]) for line in lines if line.startswith("Requires-Dist: ")]


def wanted(wheel: Path, *extras: str) -> dict[str, Distribution]:
    """The packages that the wheel with these extras asks for, directly or not, as far as they are here."""
    known = {normal(dist.metadata["Name"]): dist for dist in distributions()}
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    pending = [("camagain", extra) for extra in ("", *extras)]
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen or (name != "camagain" and name not in known):
            continue
        seen.add((name, extra))
        if name == "camagain":
            needs = requirements(wheel)
        else:
            found[name] = known[name]
            needs = [Requirement(line) for line in known[name].requires or ()]
        for need in needs:
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                pending += [(normal(need.name), inner) for inner in ("", *need.extras)]
    return found


def normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def entries(dist: Distribution) -> set[str]:
    """The files and folders of a package in the folder of all packages."""
    return {file.parts[0] for file in dist.files or () if file.parts[0] not in ("..", "__pycache__")}


def test_the_wheel_has_every_file_that_modules_read(wheel: Path, root: Path):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("camagain/")}
    source = root / "src"
    endings = {".py", ".pyi", ".j2", ".css", ".js", ".csv", ".typed"}
    listed = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.suffix in endings}
    assert packed == {name for name in listed if ".egg-info" not in name} | {"camagain/py.typed"}


def test_the_evaluator_needs_none_of_the_extras(installed: Installed, wheel: Path, tmp_path: Path, root: Path):
    needed = wanted(wheel)
    assert {"numpy", "pandas", "numba", "typer"} <= needed.keys()
    assert not {"torch", "timm", "matplotlib", "jinja2", "snakemake", "dvc", "accelerate"} & needed.keys()
    installed.offer(needed)
    np.savez(tmp_path / "maps.npz", a=np.eye(9), b=np.ones((4, 4)))
    (tmp_path / "boxes.csv").write_text("image_id,x0,y0,x1,y1,width,height\na,0,0,99,99,100,100\nb,0,0,9,9,100,100\n")
    command = ("-m", "camagain", "score", "maps.npz", "--boxes", "boxes.csv")
    done = installed.run(*command, cwd=tmp_path, NUMBA_DISABLE_JIT="1")  # compiling takes longer than all of this
    assert done.returncode == 0 and "MaxBoxAccV2" in done.stdout, done.stderr
    assert installed.run("-m", "camagain", "--version", cwd=tmp_path).stdout.startswith("camagain 0.")
    run = str(root / "results" / "reference" / "demo")
    assert installed.run("-m", "camagain", "verify", run, cwd=tmp_path).returncode == 0
    assert installed.run("-m", "camagain", "compare", run, run, "--quiet", cwd=tmp_path).returncode == 0
    refused = installed.run("-m", "camagain", "erf", "--model", "resnet18", "--images", "boxes.csv", cwd=tmp_path)
    assert refused.returncode == 2 and "pip install 'camagain[networks]'" in refused.stderr


def test_networks_need_neither_snakemake_nor_dvc(installed: Installed, wheel: Path, tmp_path: Path):
    needed = wanted(wheel, "networks")
    assert {"torch", "timm", "matplotlib"} <= needed.keys() and not {"snakemake", "dvc", "accelerate"} & needed.keys()
    installed.offer(needed)
    code = (
        "import camagain, camagain.own.erf, torch; from PIL import Image;"
        "network = camagain.create('slak_narrow', 3);"
        "found = camagain.localize(network, Image.effect_noise((80, 60), 90));"
        "found.picture(); print(found.map.shape);"
        "print(camagain.contribution_map(network, torch.rand(1, 3, 64, 64)).shape)"
    )
    done = installed.run("-c", code, cwd=tmp_path, NUMBA_DISABLE_JIT="1")  # as above
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "(64, 64)"


def test_the_extras_name_every_package_that_the_sources_import(wheel: Path, root: Path):
    """Directly: what is only there because another package wants it may be gone with that package's next version."""
    names = {normal(need.name) for need in requirements(wheel)}
    of_module = {module: set(map(normal, packages)) for module, packages in packages_distributions().items()}
    for path in (root / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for module in {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"camagain"}:
                assert of_module.get(module, {module}) & (names | INDIRECT), f"{path.name} imports {module}"
