"""What the paper venue reports of an account is what `solvent margin` computes from it."""

import json
import random
from decimal import Decimal as D  # noqa: N817

import pytest
from hyperliquid_paper_kit import Venue

import solvent
from solvent.paper.units import floor_to, text, times, units

COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "LINK", "AVAX", "SUI")


def disagreements(client, tmp_path):
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(client.bundle()))
    rows = solvent.evaluate(path, "hyperliquid").to_dict()["reported"]
    assert {"withdrawable", "equity", "cash"} <= {row["figure"] for row in rows}
    return [(client.user, row) for row in rows if not row["agrees"]]


def play(seed, steps, scenario="normal"):
    """A random session of two accounts; yields after each action."""
    draw = random.Random(seed)
    venue = Venue(seed, scenario)
    clients = (venue.alice, venue.bob)
    for _ in range(steps):
        client, coin = draw.choice(clients), draw.choice(COINS[: draw.randint(1, 10)])
        listing = venue.exchange.listings[coin]
        what = draw.random()
        if what < 0.2:
            client.leverage(coin, draw.randint(1, listing.max_leverage // 10**18 + 1), draw.random() < 0.6)
        elif what < 0.28:
            asset = {"type": "updateIsolatedMargin", "asset": listing.number, "isBuy": True}
            client.act({**asset, "ntli": draw.randint(-(10**9), 10**9)})
        elif what < 0.33 and client.venue.exchange.accounts[client.user].orders:
            number = draw.choice(list(client.venue.exchange.accounts[client.user].orders))
            client.act({"type": "cancel", "cancels": [{"a": listing.number, "o": number}]})
        elif what < 0.38:
            amount = f"{draw.uniform(1, 20_000):.6f}"
            client.act({"type": "usdClassTransfer", "amount": amount, "toPerp": draw.random() < 0.5})
        else:
            notional = 10 ** draw.uniform(1, 6.3)
            mark = venue.exchange.marks[coin]
            size = floor_to(units(f"{notional / (mark / 10**18):.6f}"), listing.lot)
            price, tif = None, "Ioc"
            if draw.random() < 0.5:
                price = text(listing.snap(times(mark, units(f"{draw.uniform(0.97, 1.03):.5f}"))))
                tif = draw.choice(("Gtc", "Alo", "Ioc"))
            client.order(coin, draw.choice((1, -1)), text(size), price, tif, reduce_only=draw.random() < 0.15)
        if draw.random() < 0.3:
            venue.forward(draw.choice((1, 5, 30)))
        yield venue, clients


@pytest.mark.parametrize("seed", range(8))
def test_random_sessions_agree_with_the_margin_report(seed, tmp_path):
    traded = 0
    for number, (venue, clients) in enumerate(play(seed, 60, "crash" if seed % 4 == 3 else "normal")):
        if number % 6 == 5:
            for client in clients:
                assert disagreements(client, tmp_path) == []
        assert venue.exchange.total() == 0
        traded = sum(len(a.trades) for a in venue.exchange.accounts.values())
    assert traded > 10


def test_the_largest_order_is_taken_and_one_lot_more_is_not():
    venue = Venue(5)
    for sign, opened in ((1, "0"), (-1, "0"), (1, "-1"), (-1, "1")):
        client = venue.alice
        if opened != "0":
            client.order("BTC", 1 if opened > "0" else -1, "1")
        client.leverage("BTC", 40)
        data = venue.info("activeAssetData", user=client.user, coin="BTC")
        most = D(data["maxTradeSzs"][0 if sign > 0 else 1])
        assert "margin" in client.order("BTC", sign, str(most + D("0.00002")))["error"]
        price = text(venue.exchange.marks["BTC"])
        tif = "Ioc"
        assert "filled" in client.order("BTC", sign, str(most), None, tif), (price, most)
        while client.position("BTC"):
            size = client.position("BTC")["szi"]
            client.order("BTC", -1 if D(size) > 0 else 1, size.strip("-"), reduce_only=True)
            venue.forward(1)
