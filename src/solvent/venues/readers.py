"""Which venue's reader a bundle goes to."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from solvent.core.account import Account, Venue
from solvent.core.errors import BadInput
from solvent.venues.envelope import read_json

SIGNS: Mapping[Venue, frozenset[str]] = {
    Venue.HYPERLIQUID: frozenset({"clearinghouseState", "assetPositions"}),
    Venue.NADO: frozenset({"subaccount_info", "spot_balances"}),
    Venue.BYBIT: frozenset({"position-list", "wallet-balance", "account-info"}),
    Venue.BINGX: frozenset({"positions", "maintMarginRatio", "positionSide"}),
}
"""Request names that only this venue's bundle has."""


def read(source: Path | str | bytes | Mapping[str, Any], venue: Venue | None, *, regime: str | None) -> Account:
    """The account in a bundle, its venue taken from its keys where it is not given."""
    value = read_json(source)
    if venue is None:
        venue = _recognise(value)
    if regime is not None and venue is not Venue.BYBIT:
        raise BadInput("regime", "to be used with bybit only", regime)
    reader: Callable[..., Account] = import_module(f"solvent.venues.{venue}.bundle").read
    if venue is Venue.BYBIT:
        reader = partial(reader, regime=regime)
    if not isinstance(value, Mapping):
        raise BadInput("bundle", "a JSON object", f"<a JSON {type(value).__name__}>")
    return reader(value)


def _recognise(value: object) -> Venue:
    keys = set(value) if isinstance(value, Mapping) else set()
    found = [venue for venue, signs in SIGNS.items() if keys & signs]
    if len(found) != 1:
        raise BadInput("bundle", "the request names of one venue (or say which with --venue)", "<neither>")
    return found[0]
