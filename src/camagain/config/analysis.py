"""Which analyses there are, and which of them an experiment makes: one folder of `camagain.analysis` is one analysis.

A folder with a `settings.py` is found by itself; nothing lists it. So adding an analysis changes no file that other
stages depend on, and none of their jobs runs again.
"""

import ast
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model, field_validator

from camagain.config.base import Settings
from camagain.config.declared import AnalysisStage
from camagain.errors import UserError, nearest

FOLDER = Path(__file__).parents[1] / "analysis"

REQUIRED: Mapping[str, tuple[str, ...]] = {"settings.py": ("STAGE",), "measure.py": ("COLUMNS", "analyze")}
"""What each file of an analysis has to define; `camagain.paper.registry` says the same of `show.py`."""


@cache
def declared() -> Mapping[str, AnalysisStage]:
    """Every analysis by name, in the order of the report; UserError, naming file and name, for an incomplete one."""
    found = {}
    for folder in sorted(path.parent for path in FOLDER.glob("*/settings.py")):
        check_complete(folder)
        found[folder.name] = import_module(f"camagain.analysis.{folder.name}.settings").STAGE
    return dict(sorted(found.items(), key=lambda entry: (entry[1].place, entry[0])))


def check_complete(folder: Path) -> None:
    """UserError unless the files of an analysis define what they have to; read from their source, without torch."""
    for file, names in REQUIRED.items():
        path = folder / file
        found = defined(path) if path.is_file() else set()
        missing = ", ".join(name for name in names if name not in found)
        if missing:
            lack = f"lacks {missing}" if path.is_file() else f"is missing; it has to define {missing}"
            raise UserError(f"the analysis '{folder.name}' is not complete: {path} {lack}. See docs/architecture.md.")


def defined(path: Path) -> set[str]:
    """The names that a source file defines at its top level."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found


ANALYSES: tuple[str, ...] = tuple(declared())
"""Every analysis, in the order of the report; docs/analyses.md describes each."""


def require_known(name: str) -> None:
    """UserError for the name of no analysis."""
    if name not in ANALYSES:
        raise UserError(f"unknown analysis '{name}'; expected one of {list(ANALYSES)}.{nearest(name, ANALYSES)}")


class Chosen(Settings):
    """What the networks look at, measured."""

    names: tuple[str, ...] = Field(
        default=tuple(name for name, stage in declared().items() if not stage.package),
        description="Analyses to make (docs/analyses.md). By default all that need no optional package; `faithfulness` "
        "needs grad-cam.",
    )

    @field_validator("names")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in ANALYSES:
                raise ValueError(f"no analysis '{name}'; expected some of {list(ANALYSES)}.{nearest(name, ANALYSES)}")
            if names.count(name) > 1:
                raise ValueError(f"'{name}' is named twice")
        return names

    def of(self, name: str) -> Any:
        """The settings of one analysis; None where it has none."""
        return getattr(self, name) if declared()[name].settings else None


if TYPE_CHECKING:

    class Analysis(Chosen):
        """`Chosen`, and for each analysis with settings a field of its name."""

        def __getattr__(self, name: str) -> Any: ...
else:
    Analysis = create_model(
        "Analysis",
        __base__=Chosen,
        __doc__=Chosen.__doc__,
        **{
            name: (stage.settings, Field(default=stage.settings(), description=stage.what))
            for name, stage in declared().items()
            if stage.settings
        },
    )
