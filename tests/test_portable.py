"""`compute.portable`: libraries are held to one code path by the command line alone, before they are loaded."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from camagain import portable
from camagain.cli import at_work
from camagain.config.file import dump_experiment, parse_experiment
from camagain.environment import cpu_flags
from camagain.errors import UserError
from camagain.stages import changed, settings_text, stages

usable = pytest.mark.skipif(
    platform.machine() != "x86_64" or not set(portable.NEEDED) <= (cpu_flags() or set()),
    reason="needs an x86 processor with AVX2",
)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without the variables, which is put back afterwards."""
    for name in (*portable.SETTINGS, *portable.CONFLICTING):
        monkeypatch.setenv(name, "")  # so that it is restored, whatever the test sets
        monkeypatch.delenv(name)
    return monkeypatch


def python(code: str, **environment: str) -> str:
    """What a fresh Python prints that runs such lines."""
    kept = {name: value for name, value in os.environ.items() if name not in portable.SETTINGS}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**kept, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_library_sets_nothing():
    code = "import os; before = dict(os.environ); import camagain.cli, camagain.portable, camagain.compute; "
    assert python(f"{code} print(dict(os.environ) == before)") == "True"


def test_a_processor_without_avx2_is_answered(clean: pytest.MonkeyPatch):
    clean.setattr(platform, "machine", lambda: "x86_64")
    clean.setattr(portable, "cpu_flags", lambda: frozenset({"sse4_2", "avx"}))
    with pytest.raises(UserError, match=r"no avx2, fma, bmi2, f16c.*`compute.portable: false`"):
        portable.enter()
    assert not portable.active()


def test_other_processors_are_left_alone(clean: pytest.MonkeyPatch):
    clean.setattr(platform, "machine", lambda: "aarch64")
    portable.enter()
    assert not set(portable.SETTINGS) & set(os.environ)


def test_a_library_that_is_loaded_cannot_be_held(clean: pytest.MonkeyPatch):
    clean.setattr(platform, "machine", lambda: "x86_64")
    clean.setattr(portable, "cpu_flags", lambda: None)  # the system does not say
    clean.setitem(sys.modules, "numpy", sys)
    with pytest.raises(UserError, match=r"numpy.* is loaded already"):
        portable.enter()
    assert not portable.active()


def test_variables_that_choose_otherwise_are_taken_away(clean: pytest.MonkeyPatch):
    clean.setattr(platform, "machine", lambda: "x86_64")
    clean.setattr(portable, "cpu_flags", lambda: None)
    clean.setattr(portable, "READERS", ())
    clean.setenv("NPY_DISABLE_CPU_FEATURES", "AVX2")
    clean.setenv("ATEN_CPU_CAPABILITY", "default")
    portable.enter()
    assert portable.active()
    assert "NPY_DISABLE_CPU_FEATURES" not in os.environ


@pytest.mark.parametrize("wanted", [True, False])
def test_the_command_line_enters_where_the_experiment_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_values: dict, wanted: bool
):
    entered: list[bool] = []
    monkeypatch.setattr(portable, "enter", lambda: entered.append(True))
    file = tmp_path / "tiny.yaml"
    values = {**tiny_values, "compute": {"device": "cpu", "portable": wanted}}
    file.write_text(dump_experiment(parse_experiment(values, "tiny")))
    for name in stages():
        with at_work(name, file, tmp_path, tmp_path):
            pass
    assert len(entered) == wanted * len(stages())


def test_a_change_of_the_setting_runs_every_stage_again_but_the_data(tiny_values: dict):
    one = parse_experiment(tiny_values, "tiny")
    other = parse_experiment({**tiny_values, "compute": {**tiny_values["compute"], "portable": True}}, "tiny")
    old, new = (experiment.model_dump(mode="json") for experiment in (one, other))
    same = {name for name in stages() if settings_text(old, name) == settings_text(new, name)}
    assert same == {
        "data",
        "explorer",
    }  # the explorer shows what is there; data's images have checksums, and belong to several experiments
    assert changed(other, old, new) == ["finetune", "evaluate_baseline"]


WORK = """
import hashlib, os
if os.environ.pop("ENTER", ""):
    from camagain.portable import enter
    enter()
import numpy as np, torch
from camagain.compute import arithmetic, prepare
from camagain.config import Compute
prepare(Compute(device="cpu"))
values = np.random.Generator(np.random.PCG64(0)).random((64, 3, 33, 33)) - 0.5
maps = torch.from_numpy(values.astype(np.float32))
weight = torch.linspace(-1, 1, 8 * 27).view(8, 3, 3, 3).requires_grad_()
seen = torch.nn.functional.conv2d(maps, weight)
(torch.nn.functional.gelu(seen).flatten(2) @ maps[:, :1].flatten(2)[..., :961].mT).sum().backward()
parts = [seen.detach(), weight.grad, torch.linalg.svd(maps[0])[1], maps.flatten(1).log_softmax(1)]
found = [part.numpy() for part in parts] + [np.exp(values), values.sum(0), values[0, 0] @ values[1, 0]]
"""


@usable
def test_digits_do_not_depend_on_what_the_environment_hides():
    """A stand-in for other machines: the environment hides instructions in each library's own way."""
    code = WORK + (
        "print(hashlib.sha256(b''.join(np.ascontiguousarray(part).tobytes() for part in found)).hexdigest())"
    )
    weaker = {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL",
    }
    assert python(code, ENTER="yes") == python(code, ENTER="yes", **weaker)
    assert python(code) != python(code, **weaker), "else the test sees nothing"


@usable
def test_the_records_tell_the_code_path():
    code = WORK.partition("values =")[0] + "print(arithmetic()['torch_capability'], arithmetic()['code_path'])"
    said = python(code, ENTER="yes")
    assert said.startswith("AVX2 ")
    assert all(f"{name}={value}" in said for name, value in portable.SETTINGS.items())


def test_no_command_has_loaded_a_library_before_it_reads_the_experiment():
    """Every stage goes through `at_work`; what is imported until there could no longer be held to a code path."""
    program = "import sys, camagain.cli, camagain.config.file, camagain.stages, camagain.paper.parts; "
    program += "import camagain.config.analysis; print([name for name in sys.argv[1:] if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", program, *portable.READERS], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
