"""The entry point of the command `camagain`: a warm start where there is one, else the command line itself."""

from camagain.parent import end_with_scheduler
from camagain.warm.client import hand_over


def main() -> None:
    """Does the command in this process, or in a copy of one that has loaded the libraries already."""
    end_with_scheduler()
    hand_over()
    from camagain.cli import main as command_line  # here, since a client does without all that it imports

    command_line()
