"""What `import camagain` offers: public names that are found late, documented, tried by their examples, and typed."""

import ast
import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import camagain
from camagain.config import ANALYSES

LIGHT = ("score", "score_file", "best_ious", "boxes_at", "max_box_acc", "max_box_acc_v2", "area_ratios", "Evaluation")
"""Public names that need no torch."""

PUBLIC = {name: getattr(camagain, name) for name in camagain.__all__}
MODULES = sorted({value.__module__ for value in PUBLIC.values()})


def pages(root: Path) -> str:
    """What a reader of the library reads."""
    return "".join((root / "docs" / f"{name}.md").read_text() for name in ("own-model", "own-method"))


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_importing_camagain_imports_nothing():
    done = python("import sys, camagain; print(sorted({'numpy', 'torch', 'pydantic', 'typer'} & set(sys.modules)))")
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("name", LIGHT)
def test_the_evaluation_needs_no_torch(name: str):
    assert PUBLIC[name].__module__.startswith("camagain.")
    code = f"import sys, camagain; camagain.{name}; sys.exit('torch' in sys.modules)"
    assert python(code).returncode == 0


def test_the_stub_lists_what_is_there(root: Path):
    tree = ast.parse((root / "src" / "camagain" / "__init__.pyi").read_text())
    imported = [(node.module, alias.name, alias.asname) for node in tree.body if isinstance(node, ast.ImportFrom)
                for alias in node.names]  # fmt: skip
    assert len(imported) > 15 and imported == sorted(imported)
    for module, name, alias in imported:
        assert name == alias, f"{name}: only a name imported as itself is public to type checkers"
        assert getattr(importlib.import_module(module), name) is PUBLIC[name]
    assert [name for _, name, _ in imported] and set(camagain.__all__) == {name for _, name, _ in imported}
    assert set(camagain.__all__) < set(dir(camagain))
    assert (root / "src" / "camagain" / "py.typed").is_file()


def test_the_settings_of_every_analysis_can_be_imported_first():
    """They import parts of `camagain.config`, which reads all of them: a circle unless that comes first."""
    code = (
        "import importlib, os, sys, pydantic\n"
        "for name in sys.argv[1:]:\n"
        "    if not os.fork():\n"
        "        importlib.import_module(name)\n"
        "        os._exit(0)\n"
        "    assert os.wait()[1] == 0, name\n"
    )
    modules = [f"camagain.analysis.{name}.settings" for name in ANALYSES]
    done = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, timeout=120)
    assert len(modules) > 8 and done.returncode == 0, done.stderr


def test_star_brings_the_public_names():
    done = python("from camagain import *; print(best_ious.__name__, __import__('camagain').__version__)")
    assert done.stdout.startswith("best_ious 0."), done.stderr


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(AttributeError, match=r"no attribute 'best_iou'; it has .*best_ious"):
        camagain.best_iou  # noqa: B018


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_is_documented_with_an_example(name: str, root: Path):
    value, page = PUBLIC[name], pages(root)
    text = inspect.getdoc(value) or ""
    assert text.split("\n")[0].endswith(".")
    assert f"`{name}`" in page or f"camagain.{name}" in page
    listed = re.findall(r"^::: (\S+)$", (root / "docs" / "api.md").read_text(), flags=re.MULTILINE)
    assert f"{camagain._public()[name]}.{name}" in listed, "docs/api.md lists every public name"
    if inspect.isfunction(value):
        assert ">>>" in text, f"{value.__module__}.{name} shows no example"
        hints = inspect.signature(value).parameters.values()
        assert all(p.annotation is not inspect.Parameter.empty for p in hints if p.kind is not p.VAR_KEYWORD)


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_say(module: str):
    found = doctest.testmod(importlib.import_module(module))
    assert found.failed == 0


def test_a_missing_package_is_named_with_the_extra_that_brings_it(tmp_path: Path):
    block = "import sys; sys.modules['torch'] = None; import camagain; camagain."
    done = python(block + "localize")
    assert "ImportError: camagain.localize: this needs the package torch" in done.stderr
    assert "pip install 'camagain[networks]'" in done.stderr
    assert python(block + "score").returncode == 0


def test_the_pages_of_the_library_run_as_they_are_written(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every Python block in order, and the command that scores; weights that want the internet are random here."""
    import numpy as np
    from PIL import Image
    from safetensors.torch import save_file

    from camagain.own import network

    made = network.create
    monkeypatch.setattr(network, "create", lambda *names, **options: made(*names, **options | {"pretrained": False}))
    monkeypatch.chdir(tmp_path)
    Image.effect_noise((90, 60), 80).convert("RGB").save("bird.jpg")
    pd = importlib.import_module("pandas")
    pd.DataFrame(
        [(name, 1, 1, 50, 40, 90, 60) for name in ("bird-1", "bird-2")],
        columns=["image_id", "x0", "y0", "x1", "y1", "width", "height"],
    ).to_csv("boxes.csv", index=False)
    np.random.seed(0)
    text = pages(root).replace("replknet_31b", "replknet_narrow")
    save_file(made("replknet_narrow", 3).state_dict(), "mine.safetensors")
    blocks = re.findall(r"(?<!`:\n\n)```python\n(.*?)```", text, flags=re.DOTALL)  # but the files of recipes
    assert len(blocks) >= 6
    names: dict = {}
    for block in blocks:
        exec(compile(block, "docs", "exec"), names)
    assert Image.open("bird-cam.png").width == 900
    assert set(names["found"].scores) == {"max_box_acc", "max_box_acc_v2"}
    command = re.search(r"^camagain (score maps.npz --boxes boxes.csv)$", text, flags=re.MULTILINE)
    done = subprocess.run([sys.executable, "-m", "camagain", *command[1].split()], capture_output=True, text=True)
    assert done.returncode == 0 and "MaxBoxAccV2" in done.stdout
