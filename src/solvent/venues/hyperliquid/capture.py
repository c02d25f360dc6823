"""An account bundle taken from the live venue: every body that the margin rules use, as it came."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from solvent.venues import envelope
from solvent.venues.hyperliquid import wire
from solvent.venues.hyperliquid.instruments import SINGLE_TIER_BELOW
from solvent.venues.hyperliquid.markets import Universe
from solvent.venues.hyperliquid.rest import Rest

MOST_SETTINGS: Final = 20
"""Coins whose settings are asked for one by one: more would cost a third of a minute's requests."""


async def bundle(
    rest: Rest, user: str, dexes: Sequence[str], universe: Universe, watched: Sequence[str] = ()
) -> dict[str, Any]:
    """The bundle, with `_meta.captured_at` on the venue's clock (milliseconds), and settings of `watched` too.

    States, contexts and orders are asked for together, so that their prices are of one moment.
    """
    captured_at = await rest.now_ms()
    per_dex = ("clearinghouseState", "metaAndAssetCtxs", "frontendOpenOrders")
    asked = [(kind, dex) for dex in dexes for kind in per_dex]
    answers, whole = await asyncio.gather(
        asyncio.gather(*(_part(rest, kind, _with_dex(_named(kind, user), dex)) for kind, dex in asked)),
        asyncio.gather(
            *(_part(rest, kind, {"user": user}) for kind in ("spotClearinghouseState", "userAbstraction"))
        ),
    )
    made: dict[str, Any] = {
        "_meta": {"captured_at": captured_at, "venue": "hyperliquid", "account": user},
        **{kind: [] for kind in per_dex},
        "spotClearinghouseState": [whole[0]],
        "userAbstraction": [whole[1]],
    }
    for (kind, _), part in zip(asked, answers, strict=True):
        made[kind].append(part)
    coins = list(dict.fromkeys((*_coins(made), *watched)))
    known = [coin for coin in coins if coin in universe.markets][:MOST_SETTINGS]
    settings = await asyncio.gather(
        *(_part(rest, "activeAssetData", {"user": user, "coin": coin}) for coin in known)
    )
    if settings:
        made["activeAssetData"] = list(settings)
    tables = {universe.markets[coin].table_id for coin in coins if coin in universe.markets}
    missing = sorted(t for t in tables if t is not None and t >= SINGLE_TIER_BELOW and t not in universe.tables)
    if missing:
        made["marginTable"] = [await _part(rest, "marginTable", {"id": number}) for number in missing]
    return made


def _named(kind: str, user: str) -> dict[str, Any]:
    return {} if kind == "metaAndAssetCtxs" else {"user": user}


def _with_dex(params: dict[str, Any], dex: str) -> dict[str, Any]:
    return {**params, "dex": dex} if dex else params


async def _part(rest: Rest, kind: str, params: dict[str, Any]) -> dict[str, Any]:
    body = await rest.info(kind, **params)
    return {"params": params, "received_at": rest.offset.now_ms(), "body": body}


def _coins(made: dict[str, Any]) -> list[str]:
    """Coins with a position or an order, in the order in which the bundle has them."""
    found: list[str] = []
    for index, part in enumerate(made["clearinghouseState"]):
        path = f"clearinghouseState[{index}].body"
        state = envelope.decode(part["body"], wire.ClearinghouseState, path)
        found += [item.position.coin for item in state.asset_positions]
    for index, part in enumerate(made["frontendOpenOrders"]):
        rows = envelope.decode(part["body"], list[wire.OpenOrder], f"frontendOpenOrders[{index}].body")
        found += [row.coin for row in rows]
    return list(dict.fromkeys(found))


__all__ = ["bundle"]
