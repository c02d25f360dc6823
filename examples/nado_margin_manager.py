"""Margin figures of a recorded Nado subaccount, without a network.

    .venv/bin/python examples/nado_margin_manager.py

`accounts/nado.json` is a bundle: request names with the venue's answers. A program that holds the official
client would write `MarginManager.from_client(client)` instead of the constructor call below.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path

from solvent.nado import MarginManager, print_account_summary

BUNDLE = Path(__file__).resolve().parent / "accounts" / "nado.json"
BANDS = ((Decimal("0.9"), "extreme"), (Decimal("0.7"), "high"), (Decimal("0.4"), "medium"))
"""The venue's own risk bands, by maintenance usage."""


def main() -> None:
    bundle = json.loads(BUNDLE.read_text())
    manager = MarginManager(
        bundle["subaccount_info"],
        bundle["isolated_positions"],
        bundle["indexer_events"],
        symbols=bundle["symbols"],
        health_groups=bundle["health_groups"],
    )
    summary = manager.calculate_account_summary()
    print_account_summary(summary)
    used = summary.maint_margin_usage_fraction
    lines = ["", f"risk: {next((name for least, name in BANDS if used >= least), 'low')}"]
    for position in summary.cross_positions:
        if position.est_liq_price is not None:
            lines.append(f"{position.symbol}: est. liquidation price {position.est_liq_price:,.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
