"""Every table and figure that a run can have: one module each, found by looking and read without importing it.

An exhibit is a module of `paper/exhibits/`, or one of `analysis/<name>/` whose file name begins with `show`; that of
the analysis itself is `show.py`. At its top level it has these constants, written out:

    NAME          of its files: tables/NAME.csv, figures/NAME.png
    TITLE         its heading
    PLACE         its rank in the report, a whole number; an analysis stands where the experiment names it
    KEYS          the columns that identify a row of its CSV, by which two runs are compared

A table also has

    numbers(results) -> DataFrame               its CSV
    text(results, table) -> TextTable           how people read it, made of these numbers

and a figure

    CAPTION       what stands below it
    figure(results) -> (Figure, DataFrame)      the picture, and the CSV that it draws

One module may have both, under one name. Optional constants:

    FIGURE_TITLE  heading of the figure, where it is not TITLE
    FIGURE_KEYS   keys of the figure's CSV, where they are not KEYS
    UNJUDGED      why a difference between two runs means nothing
    PHOTOGRAPHS   True where the figure shows images of the dataset, which may not be published
    SHOWN_IF      a function of the experiment, by its full name; the exhibit is left out where it finds nothing

Nothing else has to be edited to add one.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from camagain import provenance
from camagain.artifacts import write_text
from camagain.config import ANALYSES, Experiment
from camagain.errors import UserError

Part = Literal["tables", "figures"]

FUNCTIONS: Mapping[Part, str] = {"tables": "text", "figures": "figure"}
"""The function that makes a module a table, or a figure."""

SPECIAL = re.compile(r"([\\*`|_])")
"""Characters that reStructuredText reads as marks."""

SHOW = "show"
"""The module of an analysis that shows what it measured."""

KINDS: Mapping[str, type] = {
    "NAME": str,
    "TITLE": str,
    "PLACE": int,
    "KEYS": tuple,
    "CAPTION": str,
    "FIGURE_TITLE": str,
    "FIGURE_KEYS": tuple,
    "UNJUDGED": str,
    "PHOTOGRAPHS": bool,
    "SHOWN_IF": str,
}
"""The constants of an exhibit, and the type of each."""


@dataclass(frozen=True)
class Exhibit:
    """A table, a figure, or both, as the source of its module describes them."""

    module: str
    summary: str  # the first sentence of the module
    analysis: str  # the analysis that it belongs to; empty for none
    said: Mapping[str, Any]  # its constants of KINDS
    functions: frozenset[str]  # that it defines

    @property
    def file(self) -> str:
        return f"{self.module.replace('.', '/')}.py"

    @property
    def name(self) -> str:
        return self.said["NAME"]

    @property
    def title(self) -> str:
        return self.said["TITLE"]

    @property
    def figure_title(self) -> str:
        return self.said.get("FIGURE_TITLE", self.title)

    @property
    def caption(self) -> str:
        return self.said["CAPTION"]

    @property
    def keys(self) -> tuple[str, ...]:
        return self.said["KEYS"]

    @property
    def figure_keys(self) -> tuple[str, ...]:
        return self.said.get("FIGURE_KEYS", self.keys)

    @property
    def unjudged(self) -> str:
        return self.said.get("UNJUDGED", "")

    @property
    def has_photographs(self) -> bool:
        return self.said.get("PHOTOGRAPHS", False)

    @property
    def is_of_analysis(self) -> bool:
        """Whether it shows an analysis itself; others in the folder of an analysis set it beside something else."""
        return self.module.endswith(f".{SHOW}")

    def has(self, part: Part) -> bool:
        """Whether it has a table, or a figure."""
        return FUNCTIONS[part] in self.functions

    def words(self, part: Part) -> str:
        """What it shows: a figure's caption, or, as a table's caption has numbers of the run, the module's summary."""
        return self.caption if part == "figures" else self.summary

    def is_shown(self, experiment: Experiment) -> bool:
        """Whether a run of this experiment has it."""
        if self.analysis and self.analysis not in experiment.analysis.names:
            return False
        if "SHOWN_IF" not in self.said:
            return True
        module, _, function = self.said["SHOWN_IF"].rpartition(".")
        return bool(getattr(import_module(module), function)(experiment))

    def load(self) -> ModuleType:
        """The module itself."""
        return import_module(self.module)


def exhibits() -> tuple[Exhibit, ...]:
    """All exhibits in the order of the report, those of analyses last; UserError where one is not complete."""
    return _exhibits(provenance.PACKAGE)


@cache
def _exhibits(package: Path) -> tuple[Exhibit, ...]:
    files = sorted([*package.glob("paper/exhibits/*.py"), *package.glob(f"analysis/*/{SHOW}*.py")])
    found = [_read(file, package) for file in files if file.stem != "__init__"]
    wrong = [f"{exhibit.file}: {fault}" for exhibit in found for fault in _faults(exhibit)]
    named = Counter(exhibit.said.get("NAME") for exhibit in found)
    wrong += [f"{count} exhibits are named '{name}'" for name, count in named.items() if name and count > 1]
    own = {exhibit.analysis for exhibit in found if exhibit.is_of_analysis}
    wrong += [f"camagain/analysis/{name}/{SHOW}.py missing" for name in ANALYSES if name not in own]
    if wrong:
        raise UserError(f"{'; '.join(wrong)}. camagain/paper/registry.py says what a table and a figure need.")
    order: dict[str, int] = {name: place for place, name in enumerate(ANALYSES)}
    return tuple(sorted(found, key=lambda one: (order.get(one.analysis, -1), one.said.get("PLACE", 0), one.module)))


def _read(file: Path, package: Path) -> Exhibit:
    """What the source of a module says of its exhibit."""
    tree = ast.parse(file.read_text(encoding="utf-8"), file)
    said, functions = {}, set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            functions.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (target.id for target in targets if isinstance(target, ast.Name) and target.id in KINDS):
                said[name] = _literal(node.value)
    place = file.relative_to(package).with_suffix("").parts
    summary = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    analysis = place[1] if place[0] == "analysis" else ""
    return Exhibit(".".join((package.name, *place)), " ".join(summary.split()), analysis, said, frozenset(functions))


def _literal(value: ast.expr) -> Any:
    """A value that is written out; None for one that has to be computed."""
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None


def _faults(exhibit: Exhibit) -> Iterator[str]:
    """What is missing or wrong, each in a few words."""
    wanted = ["NAME", "TITLE", "KEYS", *([] if exhibit.analysis else ["PLACE"])]
    wanted += ["CAPTION"] if exhibit.has("figures") else []
    wanted += ["numbers", "text"] if exhibit.functions & {"numbers", "text"} or exhibit.is_of_analysis else []
    missing = [name for name in wanted if name not in exhibit.said and name not in exhibit.functions]
    if missing:
        yield f"{', '.join(missing)} missing"
    if not exhibit.functions & {"numbers", "text", "figure"}:
        yield "neither a table (functions numbers and text) nor a figure (function figure)"
    for name, value in exhibit.said.items():
        if not isinstance(value, KINDS[name]):
            yield f"{name} is no {KINDS[name].__name__} that is written out"
    if exhibit.is_of_analysis and exhibit.said.get("NAME", exhibit.analysis) != exhibit.analysis:
        yield f"NAME is '{exhibit.said['NAME']}'; expected '{exhibit.analysis}', the analysis that it shows"
    if not exhibit.summary:
        yield "no docstring that says what it shows"


def check_exhibits() -> None:
    """UserError that names every module that is not a complete exhibit, and what it lacks."""
    exhibits()


def shown(experiment: Experiment, part: Part) -> tuple[Exhibit, ...]:
    """The tables, or the figures, of a run in the order of its report."""
    order: dict[str, int] = {name: place for place, name in enumerate(experiment.analysis.names)}
    found = [exhibit for exhibit in exhibits() if exhibit.has(part) and exhibit.is_shown(experiment)]
    return tuple(sorted(found, key=lambda exhibit: order.get(exhibit.analysis, -1)))


def table_names(experiment: Experiment) -> tuple[str, ...]:
    """The tables of a run, in the order of its report."""
    return tuple(exhibit.name for exhibit in shown(experiment, "tables"))


def figure_names(experiment: Experiment) -> tuple[str, ...]:
    """The figures of a run, in the order of its report."""
    return tuple(exhibit.name for exhibit in shown(experiment, "figures"))


def exhibit_modules(part: Part) -> tuple[str, ...]:
    """The modules that make tables, or figures: what the stage of that name runs beside its own code."""
    return tuple(exhibit.module for exhibit in exhibits() if exhibit.has(part))


def write_captions(folder: Path) -> None:
    """Writes what `snakemake --report` says of each table and figure: NAME.rst in tables/ and figures/ of a folder."""
    for exhibit in exhibits():
        for part in FUNCTIONS:
            if exhibit.has(part):
                words = SPECIAL.sub(r"\\\1", exhibit.words(part))
                write_text(folder / part / f"{exhibit.name}.rst", f"{words}\n")
