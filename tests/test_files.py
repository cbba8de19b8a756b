"""House rules that a linter does not know."""

import re
from pathlib import Path

import yaml

SUFFIXES = {".py", ".smk", ".yaml", ".yml", ".md", ".toml", ".rst", ".j2", ".css", ".cff"}


def texts(root: Path) -> list[Path]:
    folders = ["src", "workflow", "tests", "config", "docs", "profiles"]
    found = [path for folder in folders for path in (root / folder).rglob("*") if path.suffix in SUFFIXES]
    return [path for path in found if "egg-info" not in str(path)] + sorted(root.glob("*.*"))


def test_no_file_names_a_machine(root: Path):
    pattern = re.compile(r"(?<![\w./-])/(?:home|root|Users)/\w")
    named = [path.name for path in texts(root) if path.is_file() and pattern.search(path.read_text(errors="ignore"))]
    assert not named


def test_links_in_documents_lead_somewhere(root: Path):
    for document in [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name} links to {target}, which is not there"


def test_the_library_knows_neither_snakemake_nor_dvc(root: Path):
    for path in (root / "src").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) (snakemake|dvc)\b", path.read_text(), flags=re.MULTILINE), path


def test_no_photograph_is_part_of_the_repository(root: Path):
    pictures = {
        path.relative_to(root).as_posix()
        for kind in ("jpg", "jpeg")
        for path in root.glob(f"results/reference/**/*.{kind}")
    }
    assert not pictures
    assert not (root / "results" / "reference" / "cub27" / "figures" / "heatmaps.png").exists()


def test_what_is_linted_before_a_commit_is_what_make_lints(root: Path):
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (root / "Makefile").read_text(), flags=re.MULTILINE)
    hooks = yaml.safe_load((root / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert recipe
    assert {hook["entry"].removeprefix(".venv/bin/") for hook in hooks} == set(
        recipe[1].replace("\t$(BIN)/", "").splitlines()
    )
