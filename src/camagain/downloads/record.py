"""The ledger of a downloads folder: what each file without a published digest was when it was first seen.

`ledger.json` lies beside the files, one entry per file name, for people to read and to edit: an entry that is deleted
is made anew from the file that lies there at the next use.
"""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from camagain.artifacts import read_json, write_json
from camagain.errors import UserError

LEDGER = "ledger.json"


class Record(BaseModel):
    """What is remembered of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    source: str
    date: str  # of the first use, UTC


def read_ledger(folder: Path) -> dict[str, Record]:
    """The records of a downloads folder by file name; empty where nothing was recorded."""
    path = Path(folder) / LEDGER
    if not path.exists():
        return {}
    try:
        return TypeAdapter(dict[str, Record]).validate_python(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: '{place}' is not as expected ({first['msg']}); each file name has bytes, sha256, source and "
            "date. Correct it, or delete it to have the files in this folder recorded anew."
        ) from None


def record(target: Path, size: int, sha256: str, source: str) -> None:
    """Writes down what `target` is, replacing what was written of it; call it alone in the folder."""
    entry = Record(bytes=size, sha256=sha256, source=source, date=f"{datetime.now(UTC):%Y-%m-%d}")
    entries = {**read_ledger(target.parent), target.name: entry}
    write_json(target.parent / LEDGER, {name: entries[name].model_dump() for name in sorted(entries)})
