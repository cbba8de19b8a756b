"""Files on Google Drive: from the page that a person opens to the address that delivers the bytes.

For a file above about 100 MB, which Google does not scan for viruses, it sends a web page with a form, whose hidden
fields (`confirm`, `uuid`) must be sent back; for a file that was asked for too often, a page that says so.
"""

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from camagain.downloads.http import Refusal, check_status, is_web_page

if TYPE_CHECKING:
    import httpx

HOST = "https://drive.usercontent.google.com"
"""The host that delivers files."""

PAGE = re.compile(r"https://drive\.google\.com/file/d/([\w-]+)(?:/.*)?")

MOST_PAGES = 3
"""After so many web pages in a row no file is expected any more."""

QUOTA_SIGNS = ("quota", "too many users", "too many times")


def file_id(url: str) -> str | None:
    """The file's id in the address of its page on Google Drive; None for any other address."""
    match = PAGE.fullmatch(url)
    return match[1] if match else None


def locate(client: "httpx.Client", url: str, host: str = HOST) -> str:
    """The address that delivers the bytes of the file whose page is `url`, after sending back the forms in between.

    Raises Refusal, with Google Drive's own words, where it gives no file, and Later (from
    `check_status`) where it may answer differently in a while.
    """
    import httpx

    link = httpx.URL(f"{host}/download", params={"id": file_id(url) or url, "export": "download"})
    for _ in range(MOST_PAGES):
        # One byte is enough to tell a file from a page.
        with client.stream("GET", link, headers={"Range": "bytes=0-0"}) as response:
            if response.status_code != 416:  # what a server may say to a range of an empty file
                check_status(response)
            if not is_web_page(response):
                return str(link)
            response.read()
        page = _Page(response.text)
        if page.action is None:
            raise Refusal(_reason(page))
        link = response.url.join(page.action).copy_merge_params(page.fields)
    raise Refusal(f"Google Drive answered with {MOST_PAGES} forms in a row and no file.")


def _reason(page: "_Page") -> str:
    """Why there is no file, from a page without a form."""
    said = " ".join(" ".join(page.words).split())
    if any(sign in said.lower() for sign in QUOTA_SIGNS):
        return (
            f"Google Drive has let too many people download this file lately and refuses for now (it says: {said!r}). "
            "Try again after a day, or open the page in a browser with a Google account, make a copy of the file and "
            "download that."
        )
    return f"Google Drive sent a web page, expected the file (it says: {said!r})."


class _Page(HTMLParser):
    """The parts of a page that matter: address and hidden fields of its download form, title and captions."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.words: list[str] = []
        self._reading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == "download-form":
            self.action = given.get("action", "")
        elif tag == "input" and self.action is not None and given.get("type") == "hidden" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
        self._reading = tag == "title" or given.get("class", "").startswith("uc-error")

    def handle_endtag(self, tag: str) -> None:
        self._reading = False

    def handle_data(self, data: str) -> None:
        if self._reading:
            self.words.append(data.strip())
