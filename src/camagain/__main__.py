"""`python -m camagain`: the same as the command `camagain`."""

from camagain.cli import main

if __name__ == "__main__":
    main()
