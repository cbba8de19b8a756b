"""What all settings share: frozen sections without unknown keys, and the checked types of their fields."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from camagain.artifacts import NAME


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            "becomes a folder name: letters, digits, '.', '_' and '-' only, beginning with a letter or digit"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Share = Annotated[float, Field(ge=0, le=1)]
Rgb = tuple[float, float, float]


class Settings(BaseModel):
    """Base of all settings: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted name: {"a": {"b": 1}} -> {"a.b": 1}."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found
