"""What all settings share: frozen sections without unknown keys, and the checked types of their fields."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from camagain.artifacts import NAME

MOST_LETTERS = 100
"""Of a name, which becomes part of file names of at most 255 bytes."""


def _name(value: str) -> str:
    if len(value) > MOST_LETTERS:
        raise ValueError(f"becomes a folder name: {MOST_LETTERS} letters or less")
    if not NAME.fullmatch(value):
        raise ValueError(
            "becomes a folder name: letters, digits, '.', '_' and '-' only, beginning with a letter or digit"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Rgb = tuple[Share, Share, Share]
Positive = Annotated[float, Field(gt=0)]


class UndeclaredSetting(Exception):
    """A stage read a setting that it does not declare: a change of the setting would not run it again."""


class Settings(BaseModel):
    """Base of all settings: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Raises for a field that is not there: these settings hold what one stage may read (see `restricted`)."""
            if name in type(self).model_fields:
                raise UndeclaredSetting(
                    f"this stage reads the setting '{name}' of {type(self).__name__}, which it does not declare: name "
                    "it where the stage is declared, in camagain/stages.py or the settings.py of the analysis."
                )
            return super().__getattr__(name)


S = TypeVar("S", bound=Settings)


def restricted(settings: S, keys: Iterable[str]) -> S:
    """The same settings with only some of their keys, given with dots: "compute", "analysis.erf".

    Reading any other key raises UndeclaredSetting.
    """
    inner: dict[str, list[str]] = {}
    for key in keys:
        name, _, rest = key.partition(".")
        inner.setdefault(name, []).append(rest)
    values = {name: getattr(settings, name) for name in inner}
    kept = {name: value if "" in inner[name] else restricted(value, inner[name]) for name, value in values.items()}
    made = settings.model_copy(update=kept)
    for name in type(settings).model_fields.keys() - kept.keys():
        del made.__dict__[name]
    return made


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name: {"a": {"b": 1}} -> {"a.b": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
