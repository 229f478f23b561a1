"""`python -m mraf` is the command `mraf`."""

from mraf.cli import main

if __name__ == "__main__":
    main()
