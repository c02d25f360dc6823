"""Which asset lies beneath an instrument, and how much of it one unit of quantity is.

The one home of this rule: venues list 1000PEPEUSDT, kPEPE and 1000PEPE-USDT, and none states the thousand as a
number. A name that can be read in two ways is read in none.
"""

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from solvent.core.account import Venue
from solvent.venues.stated import InstrumentTerms

MOST_APART: Final = Decimal("0.05")
"""Two prices of one asset are never further apart than this fraction; tickers of two assets often are."""
ONE: Final = Decimal(1)
_THOUSANDS: Final = re.compile(r"(10{3,})([A-Z][A-Z0-9]*)")
_TRAILING: Final = re.compile(r"([A-Z]+)(10{3,})")
_KILO: Final = re.compile(r"k([A-Z][A-Z0-9]*)")
_UNSURE: Final = re.compile(r"1[KMB][A-Z]{2,}")
_PLAIN: Final = re.compile(r"[A-Z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A perpetual by its asset's name on all venues; `terms.multiplier` is set."""

    asset: str
    terms: InstrumentTerms


def listed(venue: Venue, terms: InstrumentTerms) -> Listed | None:
    """The asset beneath a perpetual and its multiplier; None where the name does not say for sure.

    The multiplier is the name's where the terms leave it at 1. None also for what is no perpetual: spot, dated
    futures; and for the markets of Hyperliquid's other dexes, which name their assets as they like.
    """
    base = None if terms.spot else _base(venue, terms)
    if base is None or _UNSURE.fullmatch(base):
        return None
    asset, multiplier = _scaled(venue, base)
    stated = terms.multiplier if terms.multiplier != ONE else multiplier
    if asset is None or multiplier not in (ONE, stated) or stated <= 0:
        return None
    return Listed(asset=asset, terms=replace(terms, multiplier=stated))


def same_price(one: Decimal, one_multiplier: Decimal, other: Decimal, other_multiplier: Decimal) -> bool:
    """Whether two instruments' prices, each per its own unit, are those of one asset.

    A ticker may name two assets, and a multiplier may be read wrongly: then the prices tell. All above 0.
    """
    # Cross-multiplied, so that nothing is rounded: one / one_multiplier against other / other_multiplier.
    first, second = one * other_multiplier, other * one_multiplier
    return abs(first - second) <= MOST_APART * min(first, second)


def _base(venue: Venue, terms: InstrumentTerms) -> str | None:
    """The name without what says that it is a perpetual, and in what it settles."""
    name = terms.instrument
    match venue:
        case Venue.HYPERLIQUID:
            return name
        case Venue.NADO:
            return name.removesuffix("-PERP") if name.endswith("-PERP") else None
        case Venue.BYBIT:
            ending = {"USDT": "USDT", "USDC": "PERP"}.get(terms.settle)
            return name.removesuffix(ending) if ending and name.endswith(ending) else None
        case Venue.BINGX:
            ending = f"-{terms.settle}"
            return name.removesuffix(ending) if terms.settle and name.endswith(ending) else None


def _scaled(venue: Venue, base: str) -> tuple[str | None, Decimal]:
    """The asset and the multiple that its name carries; no asset where the name is no plain one."""
    if found := _THOUSANDS.fullmatch(base):
        return found[2], Decimal(found[1])
    if venue is Venue.BYBIT and (found := _TRAILING.fullmatch(base)):
        return found[1], Decimal(found[2])
    if venue in (Venue.HYPERLIQUID, Venue.NADO) and (found := _KILO.fullmatch(base)):
        return found[1], Decimal(1000)
    return (base if _PLAIN.fullmatch(base) else None), ONE


__all__ = ["MOST_APART", "Listed", "listed", "same_price"]
