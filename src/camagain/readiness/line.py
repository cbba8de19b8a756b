"""One line of the list: what was looked at, how it stands, and what to do."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "MISSING"]
"""`MISSING`: the experiment cannot run. `note`: it can, and somebody should know this."""


@dataclass(frozen=True)
class Line:
    """One line of the list."""

    state: State
    what: str
    says: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"\n{'':<25}-> {self.remedy}" if self.remedy else ""
        return f"{self.state:<9}{self.what:<16}{self.says}{remedy}"
