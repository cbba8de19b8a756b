"""The faults of an experiment file in sentences: the key, what was found, what was expected, the nearest key."""

import re
from reprlib import Repr
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from camagain.errors import nearest


def explain(error: ValidationError, settings: type[BaseModel]) -> list[str]:
    """One sentence for each root fault found while validating `settings`."""
    return list(dict.fromkeys(sentence(dict(fault), settings) for fault in root_faults(error)))


def root_faults(error: ValidationError) -> list[Any]:
    """The faults without repetitions: one in `training` shows in every model's copy, one in a list also as a whole."""
    faults = error.errors(include_url=False)
    recipe = {fault["loc"][1:] for fault in faults if fault["loc"][:1] == ("training",)}
    around = {fault["loc"][:length] for fault in faults for length in range(len(fault["loc"]))}
    around |= {("models",)} if recipe else set()

    def echo(where: tuple[int | str, ...]) -> bool:
        copied = where[:1] == ("models",) and where[2:3] == ("training",) and where[3:] in recipe
        return copied or where in around

    return [fault for fault in faults if not echo(fault["loc"])]


def sentence(fault: dict[str, Any], settings: type[BaseModel]) -> str:
    """One validation fault as a sentence."""
    where = [str(part) for part in fault["loc"]]
    key, message = ".".join(where), fault["msg"].removeprefix("Value error, ")
    match fault["type"]:
        case "extra_forbidden":
            valid = valid_keys(settings, fault["loc"][:-1])
            return f"{key}: unknown key.{nearest(where[-1], valid)} Valid keys here: {', '.join(valid)}"
        case "missing":
            return f"{key}: missing; it has no default"
        case "union_tag_invalid":
            kinds = [kind.strip("'") for kind in fault["ctx"]["expected_tags"].split(", ")]
            found = fault["ctx"]["tag"]
            return f"{key}.kind: found '{found}', expected one of {', '.join(kinds)}.{nearest(found, kinds)}"
        case "literal_error":
            found, expected = fault["input"], fault["ctx"]["expected"]
            near = nearest(found, re.findall("'([^']*)'", expected)) if isinstance(found, str) else ""
            return f"{key}: found {shown(found)}, expected {expected}.{near}"
        case "union_tag_not_found":
            return f"{key}.kind: missing; it says which kind of {key} this is"
    return f"{key}: found {shown(fault['input'])}: {message}" if key else message


def shown(value: Any) -> str:
    """A found value in a few words: a whole file may stand where a number should."""
    short = Repr()
    short.maxlevel, short.maxstring, short.maxother = 3, 120, 120
    return short.repr(value)


def valid_keys(settings: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys of the section that a validation location points into."""
    here = [settings]
    for part in location:
        if isinstance(part, str):
            tagged = [section for section in here if kind_of(section) == part]
            here = tagged or [
                inner
                for section in here
                if part in section.model_fields
                for inner in sections_of(section.model_fields[part].annotation)
            ]
    return list(here[0].model_fields)


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    """The settings classes inside a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for inner in get_args(annotation) for section in sections_of(inner)]


def kind_of(section: type[BaseModel]) -> str:
    """The value of `kind` that selects a section, or "" where there is no such choice."""
    kind = section.model_fields.get("kind")
    return next(iter(get_args(kind.annotation)), "") if kind else ""
