"""Files that others publish: fetched whole or not at all, checked, recorded, and refused if they ever change."""

from camagain.downloads.http import Unreachable, fetch

__all__ = ["Unreachable", "fetch"]
