"""The archive of the Nado paper venue: fills, orders, events and payments, page by page; plain market data."""

import json

import pytest
from nado_paper_kit import BTC, ETH, GTC, IOC, SOL, Market, code

from solvent.paper.units import ONE, decimal, units
from solvent.paper.wire import Request


@pytest.fixture(scope="module")
def market():
    """One session that the tests of this module only read."""
    made = Market(41)
    for turn in range(6):
        made.alice.buy(BTC if turn % 2 else ETH, "2" if turn % 2 else "-5")
        made.forward(30)
    made.alice.buy(SOL, "50", margin="1000")
    made.bob.place(ETH, "4", made.price(ETH), GTC)
    made.alice.place(ETH, "-4", made.price(ETH), IOC)
    made.alice.transfer(made.bob.sub, "50")
    return made


def get(market, path, query=""):
    market.clock.wall += 5_000
    return json.loads(market.world.handle("nado", Request("GET", path, query=query)).body)


def pages(market, name, key, limit, **given):
    """All rows of a list, read as the official library reads it: one more than a page, and on from that one."""
    rows, cursor = [], None
    while True:
        more = {} if cursor is None else {"idx": cursor}
        page = market.archive(name, limit=limit(4), **given, **more)[key]
        rows += page[:3]
        if len(page) < 4:
            return rows
        cursor = int(page[3]["submission_idx"])


@pytest.mark.parametrize(
    ("name", "key", "limit"),
    [("matches", "matches", int), ("orders", "orders", int), ("events", "events", lambda n: {"raw": n})],
)
def test_pages_put_together_are_the_whole_list(market, name, key, limit):
    given = {"subaccounts": [market.alice.sub]}
    whole = market.archive(name, limit=limit(500), **given)[key]
    numbers = [int(row["submission_idx"]) for row in whole]
    assert numbers == sorted(numbers, reverse=True)
    if name == "events":  # a submission of two events may be cut in two by a page
        assert {r["submission_idx"] for r in pages(market, name, key, limit, **given)} == {str(n) for n in numbers}
    else:
        assert pages(market, name, key, limit, **given) == whole
    assert len(whole) > 6


def test_matches_add_up_to_the_position_and_to_what_it_cost(market):
    rows = market.archive("matches", subaccounts=[market.alice.sub], isolated=False, limit=500)["matches"]
    for number, symbol in ((BTC, "BTC-PERP"), (ETH, "ETH-PERP")):
        mine = [r for r in rows if r["pre_balance"]["base"]["perp"]["product_id"] == number]
        assert sum(int(r["base_filled"]) for r in mine) == market.alice.state.size(symbol)
        paid = sum(p.amount for p in market.alice.state.account.funding if p.symbol == symbol)
        assert sum(int(r["quote_filled"]) for r in mine) + paid == market.alice.state.v_quotes[number]
    assert sum(int(r["fee"]) for r in rows) == sum(t.fee for t in market.alice.state.account.trades)
    newest, before = rows[0], rows[1]
    assert newest["pre_balance"] != newest["post_balance"]
    assert newest["post_balance"]["base"]["perp"]["balance"]["amount"] == str(market.alice.state.size("ETH-PERP"))
    assert int(before["submission_idx"]) < int(newest["submission_idx"])
    isolated = market.archive("matches", subaccounts=[market.alice.sub], isolated=True)["matches"]
    assert {r["isolated"] for r in isolated} == {True}
    assert sum(int(r["base_filled"]) for r in isolated) == 50 * ONE


def test_both_sides_of_a_match_share_its_submission(market):
    mine = market.archive("matches", subaccounts=[market.bob.sub])["matches"]
    theirs = market.archive("matches", subaccounts=[market.alice.sub], idx=int(mine[0]["submission_idx"]))[
        "matches"
    ]
    shared = [r for r in theirs if r["submission_idx"] == mine[0]["submission_idx"]]
    assert [int(r["base_filled"]) for r in shared] == [-int(mine[0]["base_filled"])]
    assert (mine[0]["is_taker"], shared[0]["is_taker"]) == (False, True)


def test_orders_are_found_by_digest_and_only_alone(market):
    row = market.archive("orders", subaccounts=[market.alice.sub], product_ids=[BTC])["orders"][0]
    assert market.archive("orders", digests=[row["digest"]])["orders"] == [row]
    assert int(row["quote_filled"]) == -sum(
        t.size * t.price // ONE + t.fee
        for t in market.alice.state.account.trades
        if t.tape >= int(row["submission_idx"]) and t.symbol == "BTC-PERP"
    )
    assert code(market.archive("orders", digests=[row["digest"]], subaccounts=[market.alice.sub])) == 3000
    assert code(market.archive("orders", product_ids=[BTC])) == 3002


def test_money_that_moved_is_listed_with_balances_before_and_after(market):
    kinds = ["deposit_collateral", "transfer_quote", "create_isolated_subaccount"]
    rows = market.archive("events", subaccounts=[market.alice.sub], event_types=kinds, isolated=False)["events"]
    moves = [
        (
            r["event_type"],
            int(r["post_balance"]["spot"]["balance"]["amount"])
            - int(r["pre_balance"]["spot"]["balance"]["amount"]),
        )
        for r in rows
    ]
    assert moves == [
        ("transfer_quote", -50 * ONE),
        ("create_isolated_subaccount", -1_000 * ONE),
        ("deposit_collateral", 100_000 * ONE),
    ]
    assert rows[-1]["timestamp"] == "1700002680"
    only = market.archive("events", subaccounts=[market.alice.sub], limit={"txs": 1})
    assert len(only["txs"]) == 1 == len({e["submission_idx"] for e in only["events"]})


def test_snapshots_say_what_stood_at_a_time(market):
    first, last = 1_700_002_680, market.clock.market // 1000
    body = market.archive(
        "account_snapshots", subaccounts=[market.alice.sub], timestamps=[first, last], active=True
    )
    shots = body["snapshots"][market.alice.sub]
    assert [e["product_id"] for e in shots[str(first)] if not e["isolated"]][:1] == [0]
    now = {(e["product_id"], e["isolated"]): e for e in shots[str(last)]}
    assert set(now) == {(0, False), (BTC, False), (ETH, False), (0, True), (SOL, True)}
    assert now[SOL, True]["isolated_product_id"] == SOL
    held = market.alice.state.account.holdings["BTC-PERP", "net"]
    assert now[BTC, False]["net_entry_unrealized"] == str(held.cost)


def test_candles_are_whole_and_wide_ones_cover_narrow_ones(market):
    narrow = market.archive("candlesticks", product_id=BTC, granularity=60, limit=500)["candlesticks"]
    wide = market.archive("candlesticks", product_id=BTC, granularity=300, limit=500)["candlesticks"]
    assert max(int(c["high_x18"]) for c in wide) == max(int(c["high_x18"]) for c in narrow)
    assert sum(int(c["volume"]) for c in wide) == sum(int(c["volume"]) for c in narrow) == 6 * ONE
    for row in narrow:
        assert int(row["low_x18"]) <= min(int(row["open_x18"]), int(row["close_x18"])) <= int(row["high_x18"])
    starts = [int(c["timestamp"]) for c in narrow]
    assert starts == list(range(starts[0], starts[0] - 60 * len(starts), -60))
    assert code(market.archive("candlesticks", product_id=BTC, granularity=61)) == 3003


def test_plain_market_data_agrees_with_the_engine(market):
    book = get(market, "/engine/v2/orderbook", "ticker_id=BTC-PERP_USDT0&depth=3")
    engine = market.query("market_liquidity", product_id=BTC, depth=3)
    assert [[units(str(v)) for v in row] for row in book["bids"]] == [
        [int(v) for v in row] for row in engine["bids"]
    ]
    tickers, contracts = get(market, "/indexer/v2/tickers"), get(market, "/indexer/v2/contracts")
    assert set(tickers) == set(contracts) == {p["ticker_id"] for p in get(market, "/engine/v2/pairs")}
    assert contracts["BTC-PERP_USDT0"]["index_price"] == float(decimal(market.oracle(BTC)))
    trades = get(market, "/indexer/v2/trades", "ticker_id=BTC-PERP_USDT0&limit=3")
    assert trades[0]["price"] == tickers["BTC-PERP_USDT0"]["last_price"]
    assert len(trades) == 3
    assets = {a["symbol"]: a for a in get(market, "/engine/v2/assets")}
    assert (assets["USDT0"]["can_deposit"], assets["BTC-PERP"]["can_deposit"]) == (True, False)
    symbols = {row["symbol"]: row["product_id"] for row in get(market, "/engine/v1/symbols")}
    assert symbols["BTC-PERP"] == BTC
    assert list(market.query("symbols", product_type="perp")["symbols"])[:2] == ["BTC-PERP", "ETH-PERP"]


def test_a_what_if_shows_both_states_and_changes_nothing(market):
    delta = {
        "product_id": BTC,
        "subaccount": market.alice.sub,
        "amount_delta": str(ONE),
        "v_quote_delta": str(-60_000 * ONE),
    }
    before = market.alice.info()
    after = market.alice.info(txns=json.dumps([{"apply_delta": delta}]), pre_state="true")
    assert after["pre_state"]["healths"] == before["healths"]
    moved = int(after["healths"][2]["health"]) - int(before["healths"][2]["health"])
    assert moved == market.oracle(BTC) - 60_000 * ONE
    assert market.alice.info() == before
    assert "pre_state" not in before
