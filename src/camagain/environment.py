"""What this machine and this checkout are: versions, platform, git commit. Imports none of the packages it reports."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "torch", "torchvision", "timm", "accelerate", "safetensors", "numpy", "pandas", "pyarrow", "scipy",
    "numba", "opencv-python-headless", "pillow", "matplotlib", "seaborn", "pydantic", "snakemake", "dvc",
    "grad-cam", "scikit-learn",  # of the optional extra
)  # fmt: skip
"""Packages whose version can change a number or a picture."""


def package_versions(names: Iterable[str] = ("camagain", *PACKAGES)) -> dict[str, str | None]:
    """Installed versions of packages, by default of those that matter; None where one is missing."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def machine() -> dict[str, str | int]:
    """Operating system, processor, code paths, cores and memory; no host name, no user, no path.

    The traits of the processor are absent where the system does not tell them.
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "libc": " ".join(platform.libc_ver()).strip() or "unknown",
        "machine": platform.machine(),
        "processor": processor(),
        **processor_traits(),
        "code_path": code_path(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
    }


def processor() -> str:
    """The processor's model name. Two processors of one name need not be alike: see `processor_traits`."""
    return cpu_info().get("model name") or platform.processor() or "unknown"


TRAITS = {"vendor_id": "vendor", "cpu family": "family", "model": "model", "stepping": "stepping"}
"""Lines of /proc/cpuinfo -> their names in the record of a machine."""

ARITHMETIC_FLAGS = (
    "sse4_2", "avx", "f16c", "fma", "bmi2", "avx2", "avx_vnni", "avx512f", "avx512dq", "avx512cd", "avx512bw",
    "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "asimd", "sve", "sve2", "bf16",
)  # fmt: skip
"""Instruction sets by which numerical libraries choose their code, as Linux names them."""

CODE_PATH = re.compile("ATEN_CPU|ONEDNN_|DNNL_|MKL_|OPENBLAS_|NPY_|NUMBA_CPU|OPENCV_(CPU|IPP)|GLIBC_TUNABLES")
"""Begins the names of the variables by which numerical libraries are told which code to run."""


def processor_traits() -> dict[str, str]:
    """Vendor, family, model, stepping and instruction sets of the processor, as far as the system tells them."""
    info, flags = cpu_info(), cpu_flags()
    found = {ours: info[theirs] for theirs, ours in TRAITS.items() if theirs in info}
    if flags is not None:
        found["instruction_sets"] = " ".join(flag for flag in ARITHMETIC_FLAGS if flag in flags)
    return found


def code_path() -> str:
    """The variables of the environment that choose the code of numerical libraries, "NAME=value ...", sorted."""
    return " ".join(f"{name}={value}" for name, value in sorted(os.environ.items()) if CODE_PATH.match(name))


def cpu_flags() -> frozenset[str] | None:
    """The features of the processor as Linux names them; None where it does not say."""
    info = cpu_info()
    listed = info.get("flags") or info.get("Features")
    return None if listed is None else frozenset(listed.split())


@cache
def cpu_info() -> dict[str, str]:
    """What /proc/cpuinfo says of the first processor; empty where there is no such file."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return {}
    first = info.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def git_state(folder: Path = Path(__file__).parent) -> dict[str, str | bool | None]:
    """The commit of a checkout and whether tracked files differ from it, by default of the checkout of this code.

    Both None outside git, and where the checkout does not hold the folder: a package that is installed inside another
    project is not of that project's commit.
    """
    held = _git(folder, "ls-files", "--error-unmatch", ".") is not None
    commit = _git(folder, "rev-parse", "HEAD") if held else None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no") if held else None
    return {"commit": commit, "modified": None if changes is None else bool(changes)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
