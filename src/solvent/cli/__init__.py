"""The `solvent` command. One file per command; heavy imports happen inside them."""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused, 2 bad input, 3 the venue failed."""
    from solvent.cli.app import run

    run()
