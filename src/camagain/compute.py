"""Device, threads and seeds: set once at the start of a job, so that results depend on the experiment alone."""

import ctypes
import os
import platform
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from camagain.by_numpy import take_over
from camagain.config import Compute
from camagain.environment import code_path, processor, processor_traits
from camagain.errors import UserError
from camagain.portable import active


def prepare(compute: Compute) -> torch.device:
    """Fixes the number of CPU threads, asks for deterministic kernels, and returns the device to work on."""
    torch.set_num_threads(compute.threads)
    if active():
        take_over()
    keep_freed_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this set
    # As `use_deterministic_algorithms(True, warn_only=True)`, which also loads torch's compiler: 0.7 s for nothing.
    torch.set_deterministic_debug_mode("warn")
    # Single precision means single precision: by default cuDNN rounds the inputs of a convolution to 10 bits (TF32),
    # which moved score maps of the narrow networks by up to 0.006 of full scale.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    # With that torch also fills every new tensor with NaN, so that reads of unwritten memory show. It costs time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if compute.device == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[compute.device]:
        usable = [kind for kind, here in available.items() if here]
        raise UserError(
            f"compute.device: '{compute.device}' is not usable on this machine; usable: {usable}, or `auto`."
        )
    return torch.device(compute.device)


def keep_freed_memory() -> None:
    """Lets glibc keep large freed blocks for the next tensor; does nothing on other systems.

    By default every large tensor is mapped anew and its pages are faulted in one by one. On a virtual machine
    with two cores, training steps of EfficientNet-Lite0 at 224 px spent 40 % of their CPU time in the kernel, and 13 %
    with this.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)


def describe(device: torch.device, compute: Compute) -> str:
    """The device by name, for the records of a run."""
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    return f"{device.type}, {processor()}, {compute.threads} threads"


def arithmetic() -> dict[str, str]:
    """Which code of the numerical libraries a job ran on the CPU, for the records of a run.

    MKL and oneDNN do not tell which of their code they run; their limits are among the variables of `code_path`.
    """
    built = dict(re.findall(r"(oneAPI Math Kernel Library|MKL-DNN) [vV](?:ersion )?([\d.]+)", torch.__config__.show()))
    found = {
        "processor": processor(),
        **processor_traits(),
        "torch_capability": torch.backends.cpu.get_cpu_capability(),
        "mkl": built.get("oneAPI Math Kernel Library", "none"),
        "onednn": built.get("MKL-DNN", "none"),
        "code_path": code_path(),
    }
    try:
        from threadpoolctl import threadpool_info  # comes with scikit-learn, of the optional package grad-cam
    except ImportError:
        return found
    # The architecture is that of numpy's and scipy's OpenBLAS; OpenCV brings one, too, which makes no number here.
    used = {
        library["architecture"]
        for library in threadpool_info()
        if library["prefix"] == "libscipy_openblas" and library.get("architecture")
    }
    return {**found, "openblas": " ".join(sorted(used)) or "not loaded"}


def channels_last(network: torch.nn.Module) -> None:
    """Stores a network's kernels channels-last, in place: training ResNets on a CPU is about a fifth faster so."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def derived_seed(*key: int) -> int:
    """A seed of 63 bits that depends on every number of the key, and on their order."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and torch on every device: what timm's transforms, mixup, drop path and dropout draw from."""
    seed_cpu(seed)
    torch.manual_seed(seed)


def seed_cpu(seed: int) -> None:
    """Seeds the generators that image transforms draw from, and no GPU's.

    `torch.manual_seed` would seed the GPUs anew for every image, and drop path with them. On a machine without a GPU it
    takes half a millisecond an image, as it notes down a traceback for the day when CUDA starts.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)


@contextmanager
def generators_kept() -> Iterator[None]:
    """Puts the states of the CPU generators back after a block that seeds or draws."""
    python, numpy, pytorch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(pytorch)
