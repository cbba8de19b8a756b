"""Files that others publish: fetched whole or not at all, checked, recorded, and refused if they ever change."""

from camagain.downloads.http import LONGEST_PAUSE, Patience, Unreachable, fetch

__all__ = ["LONGEST_PAUSE", "Patience", "Unreachable", "fetch"]
