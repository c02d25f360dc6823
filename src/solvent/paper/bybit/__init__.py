"""Bybit V5 on paper: linear perpetuals of a unified account, over REST and the three kinds of streams."""

from solvent.paper.bybit.venue import Bybit
from solvent.paper.world import Surroundings


def make(around: Surroundings) -> Bybit:
    return Bybit(around)


__all__ = ["Bybit", "make"]
