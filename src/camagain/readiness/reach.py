"""Whether servers that something has to be downloaded from answer."""

import os
from collections.abc import Callable
from urllib.parse import urlsplit

Answers = Callable[[str], bool]
"""Whether the server of an address answers."""

PATIENCE = 5.0
"""Seconds."""

HUB = "https://huggingface.co"


class Reach:
    """Asks each server once, without fetching a file from it."""

    def __init__(self) -> None:
        self._answers: dict[str, bool] = {}

    def __call__(self, url: str) -> bool:
        """Whether the server of an address answers at all."""
        parts = urlsplit(url)
        server = f"{parts.scheme}://{parts.netloc}"
        if server not in self._answers:
            offline = server == HUB and os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0")
            self._answers[server] = not offline and _answers(server)
        return self._answers[server]


def _answers(server: str) -> bool:
    import httpx

    try:
        httpx.head(server, timeout=PATIENCE)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False
    return True
