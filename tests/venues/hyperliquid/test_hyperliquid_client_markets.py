"""Asset numbers of perpetuals, of other dexes and of spot; histories that list either way."""

from decimal import Decimal

import pytest

from solvent.core.errors import BadInput
from solvent.venues.hyperliquid import histories, markets, states
from solvent.venues.ports import OrderStatus

META = {
    "universe": [
        {"name": "BTC", "szDecimals": 5, "maxLeverage": 40, "marginTableId": 56},
        {"name": "ETH", "szDecimals": 4, "maxLeverage": 25, "marginTableId": 55},
    ],
    "marginTables": [[56, {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": 40}]}]],
}
DEX = {
    "universe": [
        {"name": "xyz:NVDA", "szDecimals": 3, "maxLeverage": 10, "onlyIsolated": True},
        {"name": "xyz:TSLA", "szDecimals": 3, "maxLeverage": 10, "marginMode": "strictIsolated"},
        {"name": "xyz:GOLD", "szDecimals": 2, "maxLeverage": 20},
    ],
    "collateralToken": 360,
}


def test_asset_numbers_follow_the_dex_and_the_place():
    own, tables = markets.perp_markets(META, "", 0)
    assert {coin: m.asset for coin, m in own.items()} == {"BTC": 0, "ETH": 1}
    assert tables == {56}
    number = markets.dex_number([None, {"name": "abc"}, {"name": "xyz"}], "xyz")
    other, _ = markets.perp_markets(DEX, "xyz", number)
    assert {coin: m.asset for coin, m in other.items()} == {
        "xyz:NVDA": 120_000,
        "xyz:TSLA": 120_001,
        "xyz:GOLD": 120_002,
    }
    assert [m.terms.isolated_only for m in other.values()] == [True, True, False]
    assert other["xyz:NVDA"].terms.settle == "token:360"  # not USDC, and never taken for it
    with pytest.raises(BadInput, match="dexes"):
        markets.dex_number([None], "xyz")


def test_spot_pairs_are_numbered_by_their_own_index():
    meta = {
        "tokens": [
            {"name": "USDC", "index": 0, "szDecimals": 8},
            {"name": "PURR", "index": 1, "szDecimals": 0},
            {"name": "HYPE", "index": 150, "szDecimals": 2},
        ],
        "universe": [
            {"name": "PURR/USDC", "tokens": [1, 0], "index": 0},
            {"name": "@107", "tokens": [150, 0], "index": 107},
            {"name": "@999", "tokens": [77, 0], "index": 999},  # its token is missing in the venue's own list
        ],
    }
    found = markets.spot_markets(meta)
    assert {coin: m.asset for coin, m in found.items()} == {"PURR/USDC": 10_000, "@107": 10_107}
    assert found["@107"].terms.max_decimals == 6
    assert found["@107"].terms.size_step == Decimal("0.01")
    assert all(m.terms.spot for m in found.values())


def row(tid, time, start, side, size):
    return {
        "coin": "BTC", "px": "50000", "sz": size, "side": side, "time": time, "startPosition": start,
        "dir": "", "closedPnl": "0.0", "hash": "0x", "oid": tid, "fee": "0.0", "tid": tid, "feeToken": "USDC",
    }  # fmt: skip


def test_fills_of_one_millisecond_keep_their_order_whichever_way_they_are_listed():
    opened, more, closed = row(1, 5, "0.0", "B", "1"), row(2, 5, "1", "B", "1"), row(3, 5, "2", "A", "2")
    for listed in ([opened, more, closed], [closed, more, opened]):
        assert [f.id for f in histories.fills_of(listed, "a")] == ["1", "2", "3"]
    there, back = row(1, 5, "0.0", "B", "1"), row(2, 5, "1", "A", "1")
    assert [f.id for f in histories.fills_of([there, back], "a")] == ["1", "2"]  # either way fits: as listed


@pytest.mark.parametrize(
    ("word", "filled", "waits", "status"),
    [
        ("open", "0", False, OrderStatus.RESTING),
        ("open", "1", False, OrderStatus.PARTLY_FILLED),
        ("open", "0", True, OrderStatus.WAITING),
        ("triggered", "0", True, OrderStatus.RESTING),
        ("filled", "1", False, OrderStatus.FILLED),
        ("canceled", "0", False, OrderStatus.CANCELLED),
        ("marginCanceled", "0", False, OrderStatus.CANCELLED),
        ("scheduledCancel", "0", False, OrderStatus.CANCELLED),
        ("perpMarginRejected", "0", False, OrderStatus.REJECTED),
        ("rejected", "0", False, OrderStatus.REJECTED),
        ("somethingNew", "0", False, OrderStatus.UNKNOWN),
    ],
)
def test_the_venues_words_for_an_order(word, filled, waits, status):
    assert states.state_of(word, Decimal(filled), waits=waits) is status


def test_movements_of_money_have_the_sign_of_what_they_do_to_each_pocket():
    me, you = "0x" + "ab" * 20, "0x" + "cd" * 20

    def moves(**delta):
        rows = [{"time": 1, "hash": "0x1", "delta": delta}]
        return [(t.asset, t.amount) for t in histories.transfers_of(rows, me)]

    assert moves(type="deposit", usdc="5") == [("USDC", 5)]
    assert moves(type="withdraw", usdc="5", fee="1") == [("USDC", -6)]
    assert moves(type="internalTransfer", usdc="5", user=me, destination=you, fee="1") == [("USDC", -6)]
    assert moves(type="internalTransfer", usdc="5", user=you, destination=me, fee="1") == [("USDC", 5)]
    assert moves(type="spotTransfer", token="HYPE", amount="2", user=me, destination=you) == [("spot:HYPE", -2)]
    sent = {"type": "send", "token": "USDC", "amount": "7", "user": me, "sourceDex": "", "fee": "0"}
    assert moves(**sent, destination=you, destinationDex="spot") == [("USDC", -7)]
    assert moves(**sent, destination=me, destinationDex="spot") == [("spot:USDC", 7), ("USDC", -7)]
    assert moves(type="vaultDeposit", usdc="3") == [("USDC", -3)]
    assert moves(type="liquidation") == []
