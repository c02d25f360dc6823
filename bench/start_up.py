"""How long the package and the command take to start: median milliseconds of whole processes."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROUNDS = 11
SOLVENT = str(Path(sys.executable).with_name("solvent"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import solvent": [sys.executable, "-c", "import solvent"],
    "solvent --help": [SOLVENT, "--help"],
    "solvent margin (one account)": [SOLVENT, "margin", "examples/accounts/hyperliquid.json", "--json"],
}


def main() -> None:
    for name, command in COMMANDS.items():
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append((time.perf_counter() - start) * 1000)
        print(f"{name}: {median(times):.0f} ms (median of {ROUNDS} processes)")


if __name__ == "__main__":
    main()
