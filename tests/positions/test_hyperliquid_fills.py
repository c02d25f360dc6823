"""Hyperliquid's words and figures of a fill, derived; its lists in order; recorded bodies."""

import json
import random
import tempfile
from decimal import Decimal as D  # noqa: N817
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.account import Venue
from solvent.core.errors import BadInput
from solvent.core.facts import FillKind
from solvent.replay import Replay
from solvent.venues.hyperliquid import fills as hl

RECORDED = Path(__file__).parents[3] / "shared/real/hyperliquid"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason=f"no recorded data at {RECORDED}")


@pytest.mark.parametrize(("start", "signed", "word"), [
    ("0", "1", "Open Long"), ("0", "-1", "Open Short"), ("1", "1", "Open Long"), ("-1", "-1", "Open Short"),
    ("1", "-1", "Close Long"), ("2", "-1", "Close Long"), ("-1", "1", "Close Short"), ("-2", "1", "Close Short"),
    ("1", "-2", "Long > Short"), ("-1", "2", "Short > Long"),
])  # fmt: skip
def test_direction(start, signed, word):
    assert hl.direction(D(start), D(signed)) == word


def test_direction_of_what_no_order_did():
    assert hl.direction(D(5), D(1), spot=True) == "Buy"
    assert hl.direction(D(5), D(-1), spot=True) == "Sell"
    for word in (
        "Settlement",
        "Auto-Deleveraging",
        "Spot Dust Conversion",
        "Net Child Vaults",
        "Liquidated Cross Long",
    ):
        assert hl.direction(D(5), D(-1), word=word) == word
    assert hl.direction(D(5), D(-1), word="Some new word") == "Close Long"


@pytest.mark.parametrize(("start", "signed", "price", "entry", "expected"), [
    ("0", "1", "10", None, "0"), ("1", "1", "10", "9", "0"), ("5.2", "-5.2", "21.147", "30", "-46.0356"),
    ("-3", "1", "8", "10", "2"), ("2", "-5", "11", "10", "2"), ("2", "-1", "11", None, None),
])  # fmt: skip
def test_closed_pnl(start, signed, price, entry, expected):
    got = hl.closed_pnl(D(start), D(signed), D(price), None if entry is None else D(entry))
    assert got == (None if expected is None else D(expected))


def row(time, coin="BTC", start="0", side="B", sz="1", **more):
    return {"coin": coin, "px": "100", "sz": sz, "side": side, "time": time, "startPosition": start, **more}


def order(rows):
    return list(hl.chronological(hl.placement(r, "r") for r in rows))


def test_newest_first_is_reversed_strictly():
    assert order([row(3), row(2), row(2), row(1)]) == [3, 2, 1, 0]
    assert order([row(1), row(2), row(2), row(3)]) == [0, 1, 2, 3]
    assert order([row(5), row(5)]) == [1, 0]
    assert order([]) == []


def test_within_a_millisecond_the_start_positions_decide():
    one, two = row(5, start="0"), row(5, start="1")
    assert order([one, two]) == [0, 1]
    assert order([two, one]) == [1, 0]
    assert order([row(9), one, two, row(1)]) == [3, 1, 2, 0]
    assert order([row(1), two, one, row(9)]) == [0, 2, 1, 3]
    assert order([row(9), row(1), one, two]) == [1, 2, 3, 0], "pages put together in any order"


def decoded(rows):
    raws = [hl.decode(r, "r") for r in rows]
    return list(hl.facts((raw, "r") for raw in raws))


def test_ids():
    rows = [row(1, tid=7), row(1, tid=8, side="A"), row(2, tid=9), row(2, tid=9, side="A"), row(3), row(3), row(4)]
    names = [stated.fill.id for stated in decoded(rows)]
    assert names[:4] == ["7", "8", "9", "9/A"]
    assert names[5] == f"{names[4]}/2"
    assert len(set(names)) == 7
    assert names == [stated.fill.id for stated in decoded(rows)]


def test_kinds_and_spot():
    rows = [
        row(1, dir="Close Long", liquidation={"markPx": "1", "method": "market"}),
        row(2, dir="Liquidated Isolated Short"),
        row(3, dir="Auto-Deleveraging"),
        row(4, dir="Settlement"),
        row(5, dir="Spot Dust Conversion", coin="@1"),
        row(6, dir="Buy", coin="PURR/USDC"),
        row(7, dir="Open Long", coin="xyz:NVDA"),
    ]
    made = [stated.fill for stated in decoded(rows)]
    kinds = [FillKind.LIQUIDATION] * 2 + [FillKind.ADL, FillKind.SETTLEMENT, FillKind.DUST] + [FillKind.TRADE] * 2
    assert [f.kind for f in made] == kinds
    assert [f.spot for f in made] == [False] * 4 + [True, True, False]


@pytest.mark.parametrize(
    "bad", [{"px": "NaN"}, {"sz": "0"}, {"side": "C"}, {"time": "x"}, {"coin": None}, {"fee": "1e400"}]
)
def test_bad_rows_are_refused(bad):
    with pytest.raises(BadInput):
        decoded([{**row(1), **bad}])


def test_size_decimals_of_every_body():
    meta = {"universe": [{"name": "BTC", "szDecimals": 5}]}
    for body in (meta, [meta, []], {"meta": meta}, {"metaAndAssetCtxs": [meta, []]}, [meta, {"universe": []}]):
        assert hl.size_decimals(body) == {"BTC": 5}
    for bad in ({}, [], {"universe": [{"name": "BTC"}]}, {"universe": [{"name": "BTC", "szDecimals": 9}]}):
        with pytest.raises(BadInput):
            hl.size_decimals(bad)


def venue_fills(seed, count=300, decimals=1):
    """What the venue would list for random orders: its own closedPnl by a ledger of cost in fractions."""
    draw, rows = random.Random(seed), []
    size, cost = 0, 0  # 10^-1 units; cost in 10^-6
    for number in range(count):
        signed, price = draw.randint(1, 50) * draw.choice((1, -1)), draw.randint(1_000_000, 1_900_000)  # 10^-5
        start, pnl = size, 0
        if size and (size > 0) != (signed > 0):
            off = min(abs(signed), abs(size))
            entry = abs(cost) // abs(size)  # the cut entry
            pnl = off * (price - entry) * (1 if size > 0 else -1)
            cost, size = Fraction(cost * (abs(size) - off), abs(size)), size + (off if signed > 0 else -off)
            if not size or abs(signed) > off:
                rest = abs(signed) - off
                size = rest if signed > 0 else -rest
                cost = size * price
        else:
            size, cost = size + signed, cost + signed * price
        rows.append(
            row(
                number // 2,
                start=str(D(start) / 10),
                side="B" if signed > 0 else "A",
                sz=str(D(abs(signed)) / 10),
                tid=number + 1,
                dir=hl.direction(D(start), D(signed)),
                closedPnl=str(D(pnl).scaleb(-6)),
            )
            | {"px": str(D(price).scaleb(-5))}
        )
    return rows[::-1]


@given(st.integers(0, 10**6), st.booleans())
def test_nothing_differs_from_a_consistent_venue(seed, oldest_first):
    rows = venue_fills(seed, 40)
    with tempfile.TemporaryDirectory() as folder:
        path, meta = Path(folder) / "fills.json", Path(folder) / "meta.json"
        path.write_text(json.dumps(rows[::-1] if oldest_first else rows))
        meta.write_text(json.dumps({"universe": [{"name": "BTC", "szDecimals": 1}]}))
        done = list(Replay([path], Venue.HYPERLIQUID, meta=meta))
    assert [d.fill.id for d in done] == [str(n + 1) for n in range(40)]
    assert [d.differences for d in done] == [()] * 40
    assert all(d.closed_pnl is not None for d in done)


@recorded
def test_recorded_directions():
    """500 of 500, although the start positions of that year do not always continue."""
    replay = Replay([RECORDED / "fills_2023_500.json"], Venue.HYPERLIQUID)
    done = list(replay)
    assert len(done) == 500
    assert [d for d in done if d.differences] == []
    assert len({d.fill.id for d in done}) == 500
    assert replay.inconsistent()
    assert all(d.closed_pnl is None for d in done)


@recorded
def test_recorded_liquidations():
    replay = Replay(
        [RECORDED / "fills_liquidation_and_hip3.json"], Venue.HYPERLIQUID, meta=RECORDED / "meta_testnet.json"
    )
    done = list(replay)
    assert [d.differences for d in done] == [(), (), ()]
    assert [d.direction for d in done] == ["Close Long"] * 3
    assert [d.fill.kind for d in done] == ["trade", "liquidation", "liquidation"]
    assert [d.closed_pnl for d in done] == [None, D("-46.0356"), None], "the first tells the entry to the second"
