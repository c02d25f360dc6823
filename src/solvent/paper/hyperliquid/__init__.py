"""Hyperliquid, served locally: `/info`, `/exchange`, `/ws`, over an independent integer ledger."""

from solvent.paper.hyperliquid.venue import PaperHyperliquid
from solvent.paper.world import Surroundings


def make(around: Surroundings) -> PaperHyperliquid:
    """The venue in these surroundings, with its two funded accounts."""
    return PaperHyperliquid(around)
