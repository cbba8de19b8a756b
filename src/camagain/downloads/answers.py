"""What a server's answer to a download means: the file comes, try again later, or there is no file to be had."""

from typing import TYPE_CHECKING

from camagain.errors import UserError

if TYPE_CHECKING:
    import httpx


class Unreachable(UserError):
    """A source that gives no file: another one may be tried. Never raised for a file that came but is a wrong one."""


class Later(Exception):
    """An attempt failed in a way that the next may not; `pause` is how many seconds the server asks to wait."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Refusal(Exception):
    """The server answered, and asking again will not help."""


def check_status(response: "httpx.Response") -> None:
    """Raises Later on a status that may pass and Refusal on one that will not."""
    status = f"{response.status_code} {response.reason_phrase}"
    if response.status_code in (408, 425, 429) or response.status_code >= 500:
        wait = response.headers.get("Retry-After", "")
        raise Later(f"the server answered {status}", float(wait) if wait.isdigit() else 0.0)
    if response.status_code not in (200, 206, 416):
        raise Refusal(f"the server answered {status}, expected the file.")


def is_web_page(response: "httpx.Response") -> bool:
    """True for an answer that a person would read in a browser."""
    return response.headers.get("Content-Type", "").startswith("text/html")


def first_byte(response: "httpx.Response") -> int | None:
    """Where a partial answer begins, from "Content-Range: bytes 100-199/200"."""
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None
