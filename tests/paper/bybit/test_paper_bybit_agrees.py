"""What the paper venue reports of an account is what solvent's own margin rules compute from its bundle."""

import random

import pytest
from bybit_paper_kit import Paper

from solvent import api
from solvent.paper.units import decimal

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "HYPEUSDT")


def disagreements(client):
    report = api.evaluate(client.bundle(), "bybit")
    return [
        f"{row.figure}: {row.reported} computed {row.computed}"
        for row in report.evaluation.compared
        if not row.agrees
    ], len(report.evaluation.compared)


def play(seed, steps=25):
    """Random orders, leverages, modes and prices of two accounts; yields after each step."""
    draw = random.Random(seed)
    paper = Paper(seed, draw.choice(("normal", "crash", "squeeze", "trend", "depeg")))
    clients = [paper.client(name) for name in ("alice", "bob")]
    for client in clients:
        if draw.random() < 0.4:
            client.post("/v5/account/set-margin-mode", setMarginMode="ISOLATED_MARGIN")
        if draw.random() < 0.4:
            client.post("/v5/position/switch-mode", category="linear", coin="USDT", mode=3)
        for symbol in SYMBOLS:
            most = draw.choice(("3", "12.5", "25", "48.33"))
            client.leverage(most, symbol=symbol)
    for _ in range(steps):
        paper.forward(draw.choice((1, 1, 5, 20)))
        for client in clients:
            act(draw, paper, client)
        yield paper, clients


def act(draw, paper, client):
    symbol = draw.choice(SYMBOLS)
    listing, account = paper.exchange.listings[symbol], paper.exchange.accounts[account_name(paper, client)]
    side, mark = draw.choice(("Buy", "Sell")), paper.mark(symbol)
    notional = draw.choice((200, 5_000, 60_000, 400_000)) * 10**18
    qty = max(notional * 10**18 // mark // listing.lot * listing.lot, listing.lot)
    hedged = symbol in account.extra["hedge"]
    index = 0 if not hedged else draw.choice((1, 2))
    price = listing.snap(mark * draw.randint(970, 1030) // 1000)
    given = {"positionIdx": index, "symbol": symbol, "reduceOnly": draw.random() < 0.15}
    if draw.random() < 0.5:
        given["price"] = str(decimal(price))
    client.order(side, str(decimal(qty)), **given)
    if draw.random() < 0.2:
        client.leverage(draw.choice(("2", "7.5", "20", "33.33")), symbol=symbol)
    if draw.random() < 0.15:
        client.post("/v5/order/cancel-all", category="linear", symbol=symbol)
    if draw.random() < 0.2:
        client.post(
            "/v5/position/add-margin",
            category="linear",
            symbol=symbol,
            positionIdx=index,
            margin=str(draw.randint(1, 900)),
        )
    if draw.random() < 0.05:
        mode = draw.choice(("ISOLATED_MARGIN", "REGULAR_MARGIN"))
        client.post("/v5/account/set-margin-mode", setMarginMode=mode)


def account_name(paper, client):
    return next(k.account for k in paper.venue.desk.keys.values() if k.key == client.key)


@pytest.mark.parametrize("seed", range(16))
def test_every_reported_figure_of_random_sessions_is_the_computed_one(seed):
    compared = 0
    for count, (_, clients) in enumerate(play(seed)):
        if count % 3:
            continue
        for client in clients:
            wrong, rows = disagreements(client)
            assert not wrong
            compared += rows
    assert compared > 40
