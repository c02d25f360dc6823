"""Nado's spot-perp pairs, for bundles that do not say them."""

from typing import Final

SPREAD_PAIRS: Final = ((1, 2), (3, 4))
"""Spot and perp product ids: kBTC with the BTC perp, wETH with the ETH perp; as of SPREAD_PAIRS_DATE."""
SPREAD_PAIRS_DATE: Final = "2026-11-21"
