"""What the paper venue reports about an account is what `solvent margin` computes from its bundle."""

import json
import random
from decimal import Decimal

import pytest
from bingx_paper_desk import Desk

from solvent import api
from solvent.paper.units import floor_to, text, times, units

SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "XRP-USDT", "DOGE-USDT", "HYPE-USDT")


def disagreements(desk, file):
    file.write_text(json.dumps(desk.bundle()))
    rows = api.evaluate(file).to_dict()["reported"]
    return [r for r in rows if not (r["agrees"] or printed_apart(r, desk))], len(rows)


def printed_apart(row, desk):
    """What may leave is a sum over every isolated margin, each known to the four decimals it is printed with."""
    if row["figure"] != "withdrawable":
        return False
    return abs(Decimal(row["difference"])) <= Decimal("0.0001") * (1 + len(desk.account.pockets()))


def act(desk, draw):
    """One thing a trader does; refusals are fine."""
    symbol = draw.choice(SYMBOLS)
    listing = desk.exchange.listings[symbol]
    what = draw.random()
    if what < 0.6:
        side = draw.choice(("BUY", "SELL"))
        worth = units(f"{10 ** draw.uniform(1, 5.2):.2f}")
        quantity = text(max(floor_to(worth * 10**18 // desk.exchange.marks[symbol], listing.lot), listing.lot))
        given = {"symbol": symbol, "side": side, "quantity": quantity}
        if desk.account.extra["dual"]:
            given["positionSide"] = draw.choice(("LONG", "SHORT"))
        elif draw.random() < 0.2:
            given["reduceOnly"] = "true"
        if draw.random() < 0.5:
            off = units(f"{draw.uniform(0.985, 1.015):.5f}")
            given |= {"type": "LIMIT", "price": text(listing.snap(times(desk.exchange.marks[symbol], off)))}
        desk.order(**given)
    elif what < 0.72:
        side = draw.choice(("LONG", "SHORT")) if desk.account.extra["dual"] else "BOTH"
        desk.post("/swap/v2/trade/leverage", symbol=symbol, side=side, leverage=str(draw.randint(1, 60)))
    elif what < 0.8:
        kind = draw.choice(("ISOLATED", "CROSSED"))
        desk.post("/swap/v2/trade/marginType", symbol=symbol, marginType=kind)
    elif what < 0.9 and desk.account.pockets():
        held = draw.choice(desk.account.pockets())
        side = "LONG" if held.size > 0 else "SHORT"
        amount = f"{10 ** draw.uniform(0, 3.5):.2f}"
        given = {"symbol": held.symbol, "amount": amount, "type": draw.choice("12"), "positionSide": side}
        desk.post("/swap/v2/trade/positionMargin", **given)
    elif what < 0.95:
        desk.delete("/swap/v2/trade/allOpenOrders")
    else:
        ends = draw.choice((("fund", "USDTMPerp"), ("USDTMPerp", "fund")))
        desk.post("/api/asset/v1/transfer", asset="USDT", amount="500.25", fromAccount=ends[0], toAccount=ends[1])


@pytest.mark.parametrize("seed", range(12))
def test_every_reported_figure_agrees_through_a_random_session(seed, tmp_path):
    draw = random.Random(seed)
    desk = Desk(seed, draw.choice(("normal", "trend", "crash", "squeeze")))
    if seed % 3 == 0:
        desk.ok("POST", "/swap/v1/positionSide/dual", dualSidePosition="true")
    seen = 0
    for number in range(60):
        act(desk, draw)
        desk.forward(draw.choice((1_000, 3_000, 10_000)))
        if number % 10 == 9:
            bad, count = disagreements(desk, tmp_path / "bundle.json")
            assert bad == []
            seen += count
    assert seen > 30
    assert desk.exchange.total() == 0
