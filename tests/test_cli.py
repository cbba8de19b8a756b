"""The command line: a user's mistake is one message and exit 2, and light commands never import torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from camagain.environment import git_state, machine, package_versions


def camagain(tools: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
    command = [str(tools / "camagain"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=300)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("finetune", "config/nothing.yaml", "m"), "config/nothing.yaml: no such experiment file"),
        (("finetune", "config/config.yaml", "resnet_narow"), "Did you mean 'resnet_narrow'?"),
        (("localize", "config/config.yaml", "nobody"), "no model 'nobody' in experiment 'demo'"),
        (("evaluate", "config/config.yaml", "nobody"), "no model 'nobody'"),
        (("paper", "config/config.yaml", "--part", "tabels"), "Did you mean 'tables'?"),
        (("compare", "config", "config"), "config: not a finished run"),
    ],
)
def test_a_mistake_is_one_message_without_a_traceback(root: Path, tools: Path, arguments, says: str, monkeypatch):
    monkeypatch.chdir(root)
    done = camagain(tools, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("camagain: ")
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [["experiment", "-"], ["weights", "-"], ["doctor", "-"], ["data", "-"]])
def test_an_unknown_architecture_is_refused_by_every_command(tiny_values: dict, tools: Path, command):
    text = json.dumps(tiny_values).replace("resnet_narrow", "resnet_narow")
    done = camagain(tools, *command, stdin=text)
    assert done.returncode == 2
    assert "unknown architecture 'resnet_narow'. Did you mean 'resnet_narrow'?" in done.stderr


def test_a_run_that_differs_exits_1(tiny_run, seal, tools: Path, tmp_path: Path):
    import shutil

    shutil.copytree(tiny_run[1].root, tmp_path / "b")
    assert camagain(tools, "compare", str(tiny_run[1].root), str(tmp_path / "b")).returncode == 0
    path = tmp_path / "b" / "evaluation" / "small-resnet" / "cam" / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["figures"]["max_box_acc"]["value"] += 90
    path.write_text(json.dumps(metrics))
    seal(tmp_path / "b")
    done = camagain(tools, "compare", str(tiny_run[1].root), str(tmp_path / "b"), "--quiet")
    assert done.returncode == 1
    assert done.stdout.startswith("DIFFER")
    assert done.stdout.count("\n") == 1


LIGHT = (
    "camagain.cli",
    "camagain.evaluation.evaluate",
    "camagain.paper.parts",
    "camagain.paper.figures",
    "camagain.paper.report.page",
    "camagain.paper.tables",
    "camagain.paper.manifest",
    "camagain.compare.command",
    "camagain.compare.judging.against_paper",
    "camagain.compare.show.html",
    "camagain.compare.show.many",
    "camagain.compare.reference",
    "camagain.compare.runs.verify",
    "camagain.export.write",
)
"""What is imported where no network runs."""


def test_light_parts_never_import_torch():
    """Nor timm, which does; one after the other, so that the first of them is named."""
    assert python("".join(f"import sys, {name}; 'torch' in sys.modules and print({name!r})\n" for name in LIGHT)) == ""


PACKAGES = ("camagain.models", "camagain.training", "camagain.localization")


def test_timm_can_be_imported_next_to_this_torch():
    """After each package that wants it; each in a process of its own that has nothing but torch."""
    code = (
        "import importlib, os, torch\n"
        f"for name in {PACKAGES}:\n"
        "    if not os.fork():\n"
        "        importlib.import_module(name)\n"
        "        import timm, torchvision\n"
        "        timm.create_model('resnet10t')\n"
        "        if name == 'camagain.models':\n"
        "            timm.create_model('replknet_narrow')\n"
        "        os._exit(0)\n"
        "    assert os.wait()[1] == 0, name\n"
    )
    assert python(code) == ""


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_torchvision_fix_does_nothing_where_torchvision_imports():
    """Where its operators are not known the test tells torch of them, as a torchvision that imports does."""
    known = "torch.library.Library('torchvision', 'FRAGMENT')"
    schema = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    defined = "; ".join(f"known.define('{name}{schema}')" for name in ("nms", "qnms"))
    imports = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True, timeout=120)
    told = f"import torch; known = {known}; {defined}; " if imports.returncode else ""
    python(f"{told}import camagain._timm as fix; assert not hasattr(fix, '_SCHEMAS')")


def test_torchs_compiler_stays_out_of_what_does_not_train():
    """It takes longer to import than everything else; torch's optimisers want it at their first step."""
    steps = (
        "import camagain.localization.extract",
        "import camagain.models.zoo",
        "import camagain.analysis.initialization.measure",
        "from camagain.compute import prepare; from camagain.config import Compute; prepare(Compute())",
    )
    code = "".join(f"import sys; {step}; 'torch._dynamo' in sys.modules and print({step!r})\n" for step in steps)
    assert python(code) == ""


def test_scipys_distributions_stay_out_of_every_job():
    """They take half a second; for quantiles, ranks and shares there is less."""
    code = (
        "import sys, numpy as np\n"
        "from camagain.statistics.bootstrap import wilson_interval\n"
        "from camagain.statistics.correlation import ranked\n"
        "from camagain.statistics.paired import mcnemar\n"
        "right = np.arange(9) < 5\n"
        "wilson_interval(right), mcnemar(right, ~right), ranked(np.eye(3))\n"
        "sys.exit('scipy.stats' in sys.modules)\n"
    )
    python(code)


def test_whoever_calls_torchs_compiler_gets_it():
    """torchvision's function imports it; a decorated function then runs as if torch's own had decorated it."""
    python(
        "import sys, torch\n"
        "from camagain._timm import compiler_when_called\n"
        "from torchvision.ops.roi_align import is_compile_supported\n"
        "with compiler_when_called():\n"
        "    plain = torch.compiler.disable(lambda x: x + 1)\n"
        "    named = torch.compiler.disable(recursive=False)(lambda x: x + 1)\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "assert is_compile_supported('cpu') in (True, False)\n"
        "import torch._dynamo.utils\n"
        "assert plain(1) == named(1) == 2\n"
        "assert torch._dynamo.utils.is_compile_supported is not is_compile_supported\n"
        "assert torch.compiler.disable(lambda x: x + 1)(1) == 2\n"
        "assert torch.compiler.disable.__module__ == 'torch.compiler'\n"
    )


def test_the_package_itself_is_the_command():
    done = subprocess.run([sys.executable, "-m", "camagain", "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "finetune" in done.stdout


def test_doctor_names_versions_and_device(tools: Path):
    text = camagain(tools, "doctor").stdout
    for word in ("torch", "timm", "snakemake", "device", "lite-package"):
        assert word in text
    assert "resnet_narrow" in camagain(tools, "doctor", "--models").stdout.splitlines()


def test_the_environment_says_nothing_about_the_user(root: Path):
    text = str(machine()) + str(package_versions())
    assert str(Path.home()) not in text
    assert package_versions()["torch"]
    assert git_state(root)["commit"] is None or len(git_state(root)["commit"] or "") == 40


def test_the_commit_is_that_of_the_code_wherever_a_run_lies(root: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # as `snakemake --directory` does
    assert git_state() == git_state(root)


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path):
    """Nor for a package that is installed in the folder of another project, in files that git does not hold."""
    installed = tmp_path / "environment" / "package"
    installed.mkdir(parents=True)
    (installed / "module.py").touch()
    nothing = {"commit": None, "modified": None}
    assert git_state(installed) == nothing
    (tmp_path / "own.py").touch()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "own.py"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    assert len(git_state(tmp_path)["commit"]) == 40 and git_state(tmp_path)["modified"] is False
    assert git_state(installed) == nothing


def test_every_command_shows_an_example():
    """One that the command itself can read, so that no example outlives what it shows."""
    import typer

    from camagain.cli import app

    group = typer.main.get_command(app)
    assert len(group.commands) >= 18
    for name, command in group.commands.items():
        example = (command.epilog or "").removeprefix("Example: ").split(" | ")[0].split()
        assert example[:2] == ["camagain", name], f"{name} shows no example"
        command.make_parser(typer.Context(command)).parse_args(example[2:])


def test_the_version_is_that_of_the_package():
    from importlib.metadata import version

    done = subprocess.run([sys.executable, "-m", "camagain", "--version"], capture_output=True, text=True, timeout=120)
    assert done.stdout == f"camagain {version('camagain')}\n"


def test_completion_can_be_shown_for_every_shell(tools: Path):
    for shell, says in (("bash", "_CAMAGAIN_COMPLETE"), ("zsh", "#compdef camagain"), ("fish", "complete")):
        code = f"import shellingham; shellingham.detect_shell = lambda: ({shell!r}, {shell!r}); "
        code += "import sys; sys.argv = ['camagain', '--show-completion']; from camagain.cli import main; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert says in done.stdout, done.stderr
