"""The score maps that an experiment can ask for, by name; `-gt` behind a name takes the true class, not the predicted.

Each module of `camagain.localization.methods` declares one, or several. The declarations are read without importing
torch or an optional package, because the configuration is checked before.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from camagain.config.base import Settings
from camagain.errors import UserError
from camagain.registry import declarations, functions, source_of


class ScoreMap(Settings):
    """A way to make score maps, as its module declares it."""

    name: str = Field(pattern=r"[a-z][a-z0-9-]*", description="Name in experiments and files.")
    title: str = Field(description="Name in tables and figures.")
    package_class: str | None = Field(
        default=None,
        description="The class of the optional package grad-cam that makes it. None: it is native. Then a function in "
        "its module that has its name, with _ for -, makes it: features (B, C, h, w), class weights (B, C), variant -> "
        "maps (B, h, w).",
    )
    variants: bool = Field(
        default=False, description="Whether `published` and `described` are different maps; if not, it is one map."
    )
    choices: bool = Field(
        default=False, description="Whether its maps of the predicted class are scored under other choices, too."
    )
    in_model_zoo: bool = Field(default=False, description="Whether the authors print numbers of it in their model zoo.")
    class_free: bool = Field(
        default=False, description="Whether it ignores the class: with and without `-gt` it is the same map."
    )

    @property
    def native(self) -> bool:
        """Whether camagain makes it itself."""
        return self.package_class is None

    @property
    def function(self) -> str:
        """The name of the function that makes a native one."""
        return self.name.replace("-", "_")


_TRUE_CLASS = "-gt"


def _modules() -> dict[ScoreMap, str]:
    """Every declared method, native ones first, and the module that declares it."""
    found = declarations("camagain.localization.methods", ScoreMap)
    modules = {method: module for module, method in sorted(found, key=lambda pair: not pair[1].native)}
    names: dict[str, str] = {}
    for method, module in modules.items():
        path = source_of(module)
        if method.name in names or method.name.endswith(_TRUE_CLASS):
            other = names.get(method.name, f"the ending {_TRUE_CLASS}, which stands for the true class")
            raise UserError(f"{path}: the name '{method.name}' is taken by {other}; choose another.")
        names[method.name] = str(path)
        if method.native and method.function not in functions(path):
            raise UserError(
                f"{path}: declares the method '{method.name}' and has no function "
                f"`{method.function}(features, weights, variant)` that makes its maps."
            )
    return modules


MODULES: Mapping[ScoreMap, str] = _modules()
_BY_NAME = {method.name: method for method in MODULES}

METHODS: tuple[str, ...] = tuple(f"{name}{ending}" for name in _BY_NAME for ending in ("", _TRUE_CLASS))
"""Every name that an experiment can ask for."""

if TYPE_CHECKING:
    Method = str
else:
    Method = Literal[METHODS]


def base_of(method: str) -> str:
    """The method without its choice of class: `cam-gt` -> `cam`, `cam` -> `cam`."""
    return method.removesuffix(_TRUE_CLASS)


def uses_true_class(method: str) -> bool:
    """Whether a method's name asks for the map of the true class."""
    return method.endswith(_TRUE_CLASS)


def declared(method: str) -> ScoreMap:
    """The declaration of a method, with or without `-gt`."""
    return _BY_NAME[base_of(method)]


def method_module(method: str) -> str:
    """The module that declares a method."""
    return MODULES[declared(method)]


def scored_under_choices(method: str) -> bool:
    """Whether a method is scored again under other choices of the evaluation; only maps of the predicted class are."""
    return declared(method).choices and not uses_true_class(method)


def _display_name(method: str) -> str:
    name, true_class = declared(method).title, uses_true_class(method)
    if declared(method).class_free:
        return f"{name}, no class (-gt)" if true_class else f"{name}, no class"
    return f"{name}, true class" if true_class else f"{name}, predicted class"


METHOD_NAMES: Mapping[str, str] = {method: _display_name(method) for method in METHODS}
"""Names of score maps in tables and figures."""
