"""The bingx paper venue: swap REST and the gzip WebSocket with listen keys.

Clients reach REST below `<url>/openApi`, and the WebSocket at `<url, as ws>/swap-market`.
"""

from solvent.paper.bingx.venue import BingxVenue
from solvent.paper.world import Surroundings


def make(around: Surroundings) -> BingxVenue:
    """The venue with its two funded accounts."""
    return BingxVenue(around)


__all__ = ["BingxVenue", "make"]
