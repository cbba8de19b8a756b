"""The exceptions that a user is meant to read, and what an error of the system means."""

import errno
import re
from collections.abc import Mapping, Sequence

LACK_OF_MEMORY = "SIGKILL is most often the system's answer to a lack of memory."
"""Of a process that was killed."""


class UserError(Exception):
    """A mistake in the input: what was found, what was expected, and what to do.

    The command line prints the message without a traceback and exits with status 2; everything else that is
    raised is a bug in camagain and keeps its traceback.
    """


class NotApplicable(UserError):
    """A measurement that is not defined for this network or dataset, with the reason in one line.

    Where one of several analyses raises it, the report says so and the others go on.
    """


REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "The disk is full. Make room",
    errno.EDQUOT: "The quota of this disk is used up. Make room",
    errno.EROFS: "It cannot be written to. Make it writable, or choose another place",
    errno.EACCES: "This user may not open it. Change its permissions",
    errno.EPERM: "This user may not do that. Change its permissions",
    errno.EISDIR: "A folder lies there, expected a file. Move it away",
    errno.ENOTDIR: "A file lies where a folder was expected. Move it away",
    errno.EIO: "The disk, or the network behind it, fails. Mend it",
    errno.ESTALE: "The network file system has lost it. Mount it again",
    errno.EMFILE: "Too many files are open. Raise the limit (`ulimit -n`)",
}
"""What a user can do about an error of the system. Any other error is a bug, and keeps its traceback."""


def of_the_system(error: OSError) -> str | None:
    """What happened and what to do, in one line, for an error that the machine is to blame for; None for others."""
    number = error.errno or _number_in(str(error))
    if number not in REMEDIES:
        return None
    file = error.filename or _file_in(str(error))
    where = f"{file}: " if file else ""
    return f"{where}{REMEDIES[number]} and run the same command again; nothing half-written was left behind."


def _number_in(text: str) -> int:
    """The error number in the text of an error of a library that does not hand it on; 0 without one."""
    if re.search(r"requested and \d+ written", text):  # numpy, of a file that could not grow
        return errno.ENOSPC
    found = re.search(r"\b[Ee]rrno:? (\d+)", text)
    return int(found[1]) if found else 0


def _file_in(text: str) -> str:
    """The file that such a text names, "" without one: an error that another process hands on is only a text."""
    found = re.search(r"\[Errno \d+\] [^'\n]*'([^'\n]+)'", text)
    return found[1] if found else ""


def nearest(word: str, candidates: Sequence[str]) -> str:
    """The candidate closest to a misspelt word as a sentence, " Did you mean 'x'?", or "" when none is near."""
    from difflib import get_close_matches

    close = get_close_matches(word, candidates, n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


EXTRAS: Mapping[str, str] = {
    **dict.fromkeys(("torch", "torchvision", "timm", "safetensors", "httpx", "matplotlib"), "networks"),
    **dict.fromkeys(("seaborn", "jinja2"), "networks"),
    **dict.fromkeys(("accelerate", "snakemake", "dvc"), "pipeline"),
    "rocrate": "export",
}
"""The extra of this package that brings a module."""


def of_a_missing_package(error: ModuleNotFoundError) -> str | None:
    """What to install, in one line, where an extra of this package brings the module that is missing; None for others.

    A module of somebody else's that is missing, or of this package, is a bug and keeps its traceback.
    """
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return None
    return f"this needs the package {module}, which is not installed: `pip install 'camagain[{EXTRAS[module]}]'`."


def of_a_loader(error: RuntimeError) -> str | None:
    """Why a process that reads images ended, in one line; None for an error of another kind.

    They hand images on in shared memory, of which containers have 64 MB. torch does not say what they lacked.
    """
    if "DataLoader worker" not in str(error):
        return None
    return (
        "a process that reads images was killed, most often for lack of memory, or of shared memory (/dev/shm). Lower "
        "compute.workers (0 needs none), or give the machine more (a container: `--shm-size 8g`), and run the same "
        "command again."
    )


def in_words(error: Exception) -> str | None:
    """One line for an error that is the user's or the machine's to mend; None for a bug."""
    if isinstance(error, UserError):
        # That of a process that reads images comes with the traceback of that process around it.
        return str(error).rpartition(f"{UserError.__module__}.{UserError.__name__}: ")[2].strip()
    if isinstance(error, OSError):
        return of_the_system(error)
    if isinstance(error, ModuleNotFoundError):
        return of_a_missing_package(error)
    return of_a_loader(error) if isinstance(error, RuntimeError) else None
