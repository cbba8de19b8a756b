"""Errors of the system are told from bugs, whatever library they come through."""

import errno
import os
import signal

import pytest

from camagain.errors import REMEDIES, UserError, in_words, of_the_system


@pytest.mark.parametrize("number", REMEDIES)
def test_an_error_of_the_system_names_the_file_and_what_to_do(number: int):
    said = of_the_system(OSError(number, os.strerror(number), "results/tiny/maps.npz"))
    assert said and said.startswith("results/tiny/maps.npz: ") and "run the same command again" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    "text",
    [
        "12000 requested and 8192 written",  # numpy
        "[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device",  # pyarrow
    ],
)
def test_a_full_disk_is_found_in_the_words_of_a_library(text: str):
    said = of_the_system(OSError(text))
    assert said and said.startswith("The disk is full.")


@pytest.mark.parametrize(
    "error", [FileNotFoundError(errno.ENOENT, "No such file", "x"), OSError("28 birds"), IsADirectoryError("results")]
)
def test_anything_else_keeps_its_traceback(error: OSError):
    assert of_the_system(error) is None


class Killed:
    """A data set whose images kill whoever reads them."""

    def __init__(self, how: signal.Signals) -> None:
        self.how = how

    def __len__(self) -> int:
        return 1

    def __getitem__(self, row: int) -> int:
        os.kill(os.getpid(), self.how)
        return row


@pytest.mark.parametrize("how", [signal.SIGBUS, signal.SIGKILL])
def test_a_process_that_reads_images_and_is_killed_is_named_as_that(how: signal.Signals):
    """SIGBUS is what a full /dev/shm ends in."""
    from torch.utils.data import DataLoader

    with pytest.raises(RuntimeError) as caught:
        list(DataLoader(Killed(how), num_workers=1))
    said = in_words(caught.value)
    assert said and "lack of memory" in said and "/dev/shm" in said and "compute.workers" in said and "\n" not in said


def test_a_bug_keeps_its_traceback_and_a_mistake_its_words():
    assert in_words(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None
    assert in_words(KeyError("x")) is None
    assert in_words(UserError("this and that")) == "this and that"
