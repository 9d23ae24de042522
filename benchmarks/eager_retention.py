"""Runs the command line; a site that it serves begins to delete old rows at once, not after its first minute."""

from demitasse.app import retention
from demitasse.cli.main import main

if __name__ == "__main__":
    retention.FIRST_AFTER_S = 0.0
    main()
