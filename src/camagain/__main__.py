"""`python -m camagain`: the same as the command `camagain`."""

from camagain.start import main

if __name__ == "__main__":
    main()
