"""`python -m solvent` is the `solvent` command."""

from solvent.cli import main

main()
