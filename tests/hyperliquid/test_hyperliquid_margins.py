"""Hyperliquid's rules on small accounts of our own."""

import json
from decimal import Decimal as D  # noqa: N817
from fractions import Fraction as F  # noqa: N817

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import solvent
from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.numbers import truncate
from solvent.margin.hyperliquid_manipulation import shows_required_loss
from strategies import DROP, MAJOR, accounts, bundle, dec, held, meta, state


def evaluate(*rows, **more):
    return solvent.evaluate(bundle(*rows, **more))


def position(report, coin):
    return next(p for p in report.to_dict()["positions"] if p["instrument"] == coin)


def notes(report):
    return {n["code"]: n["text"] for n in report.to_dict()["notes"]}


# ---------------------------------------------------------------- margins


@pytest.mark.parametrize(("leverage", "initial"), [(10, "1000"), (20, "500")])
def test_leverage_changes_the_initial_margin_and_not_the_maintenance(leverage, initial):
    """10,000 of notional on an asset of 20x: maintenance is half of the margin at 20x, 250."""
    made = position(evaluate(held("SOL", 100, 100, leverage=leverage, most=20), equity=5000), "SOL")
    assert (made["initial_margin"], made["maintenance_margin"]) == (initial, "250")


@pytest.mark.parametrize("leverage", [10, 20])
def test_a_tenth_of_the_notional_must_stay_whatever_the_leverage(leverage):
    report = evaluate(held("SOL", 100, 100, leverage=leverage, most=20), equity=5000)
    assert report.figure("withdrawable").value == 4000


def test_withdrawable_keeps_the_initial_margin_where_that_is_more_and_is_never_negative():
    assert evaluate(held("SOL", 100, 100, leverage=2, most=20), equity=5100).figure("withdrawable").value == 100
    broke = evaluate(held("SOL", 100, 100, leverage=2, most=20), equity=4900)
    assert broke.figure("withdrawable").value == 0
    assert broke.figure("free_margin").value == -100


@pytest.mark.parametrize(("millions", "asked"), [(19, 950_000), (20, 1_000_000), (21, 1_100_000)])
def test_maintenance_over_the_second_tier_is_continuous(millions, asked):
    row = held("AAVE", millions * 10_000, 100, most=10)
    report = evaluate(row, equity=10**7, meta=meta(("AAVE", 2, 10, 52), tables=MAJOR))
    assert report.figure("positions.AAVE.maintenance_margin").value == asked


def test_a_short_that_grows_into_the_second_tier_dies_at_its_rate():
    """15 million short at 100; at the root the notional is above 20 million: rate 10 %, deduction 1 million."""
    row = held("AAVE", -150_000, 100, most=10, leverage=5)
    report = evaluate(row, equity=9_000_000, meta=meta(("AAVE", 2, 10, 52), tables=MAJOR))
    price = report.figure("positions.AAVE.liquidation_price")
    assert price.exact == F(24_000_000 + 1_000_000) / 165_000
    assert price.value == D("151.5151515151")


def test_each_margin_is_cut_to_six_decimals_before_it_is_summed():
    rows = [held(c, 1, "0.0000019", most=40, leverage=1) for c in ("A", "B", "C")]
    report = evaluate(*rows, equity=1)
    assert report.figure("positions.A.margin_used").value == D("0.000001")
    assert report.figure("pools.cross.initial_margin").value == D("0.000003")
    assert report.figure("pools.cross.maintenance_margin").value == 0


def test_an_isolated_position_uses_all_of_its_pocket():
    row = held("SOL", 120, "146.35", entry="151.2", equity="1232.4", most=20)
    report = evaluate(row, equity=50)
    made = position(report, "SOL")
    assert (made["margin_used"], made["pool"], made["margin_mode"]) == ("1232.4", "isolated:SOL", "isolated")
    assert made["initial_margin"] == "1756.2"
    assert report.figure("initial_margin").value == D("1232.4")
    assert report.figure("maintenance_margin").value == D("439.05")
    assert report.figure("pools.cross.maintenance_margin").value == 0
    assert report.figure("positions.SOL.liquidation_price").exact == F("16329.6") / (120 * F(39, 40))


@settings(max_examples=25)
@given(accounts())
def test_isolated_pools_never_affect_each_other_or_the_cross_pool(body):
    whole = solvent.evaluate(body)
    for pool in whole.evaluation.pools:
        rows = [
            r
            for r in body["clearinghouseState"]["assetPositions"]
            if (r["position"]["leverage"]["type"] == "isolated") == (pool.pool.mode == "isolated")
            and (pool.pool.mode == "cross" or r["position"]["coin"] == pool.positions[0].position.instrument)
        ]
        alone = dict(body, clearinghouseState={**body["clearinghouseState"], "assetPositions": rows})
        same = next(p for p in solvent.evaluate(alone).evaluation.pools if p.pool.name == pool.pool.name)
        assert {n: f.value for n, f in same.figures.items()} == {n: f.value for n, f in pool.figures.items()}
        for one, two in zip(same.positions, pool.positions, strict=True):
            assert {n: f.value for n, f in one.figures.items()} == {n: f.value for n, f in two.figures.items()}


@settings(max_examples=40)
@given(accounts())
def test_account_figures_follow_from_the_rows_by_their_definitions(body):
    """Written out a second time, from the body alone."""
    report = solvent.evaluate(body)
    raw = body["clearinghouseState"]
    tables = {
        n: [(F(t["lowerBound"]), t["maxLeverage"]) for t in b["marginTiers"]]
        for n, b in body["metaAndAssetCtxs"][0]["marginTables"]
    }
    table = {a["name"]: tables[a["marginTableId"]] for a in body["metaAndAssetCtxs"][0]["universe"]}

    def maintenance(coin, ntl):
        total, steps = F(0), table[coin]
        for (low, most), upper in zip(steps, [*[s[0] for s in steps[1:]], None], strict=True):
            if ntl > low:
                total += ((ntl if upper is None else min(ntl, upper)) - low) / (2 * most)
        return truncate(total, 6)

    used = asked = notional = F(0)
    for row in (r["position"] for r in raw["assetPositions"]):
        ntl = F(row["positionValue"])
        assert report.figure(f"positions.{row['coin']}.maintenance_margin").amount == maintenance(row["coin"], ntl)
        if row["leverage"]["type"] == "cross":
            used += truncate(ntl / row["leverage"]["value"], 6)
            asked += maintenance(row["coin"], ntl)
            notional += ntl
    cross = F(raw["crossMarginSummary"]["accountValue"])
    assert report.figure("pools.cross.initial_margin").amount == used
    assert report.figure("pools.cross.maintenance_margin").amount == asked
    assert report.figure("withdrawable").amount == max(0, cross - max(used, truncate(notional / 10, 6)))


@settings(max_examples=40)
@given(accounts())
def test_at_the_liquidation_price_the_maintenance_excess_is_exactly_zero(body):
    report = solvent.evaluate(body)
    for p in report.positions:
        price = p.figures["liquidation_price"]
        if price.exact is None:
            continue
        model = next(pool.model for pool in report.evaluation.pools if pool.pool.name == p.pool.name)
        total = model.cash
        for e in model.exposures:
            at = price.exact if e.instrument == p.position.instrument else e.price
            total += e.size * at - e.maintenance(abs(e.size) * at)
        assert total == 0
        assert abs(F(price.value) - p.position.price) <= abs(price.exact - p.position.price)


# ---------------------------------------------------------------- removable, backstop


def test_what_may_be_taken_out_of_a_pocket():
    """Initial 100 at 10x, a tenth of the notional is 100 as well; at 20x the tenth binds."""
    for leverage, free in ((10, 200), (20, 200), (5, 100)):
        report = evaluate(held("SOL", 10, 100, leverage=leverage, most=20, equity=300))
        assert report.figure("pools.isolated:SOL.removable").value == free
    short = evaluate(held("SOL", 10, 100, leverage=10, most=20, equity=60))
    assert short.figure("pools.isolated:SOL.removable").value == 0


def test_margin_of_a_strictly_isolated_market_stays():
    assets = meta(("xyz:NVDA", 2, 20, 20, {"marginMode": "strictIsolated"}))
    report = evaluate(held("xyz:NVDA", 10, 100, most=20, equity=300), meta=assets)
    figure = report.figure("pools.isolated:xyz:NVDA.removable")
    assert figure.value == 0
    assert "strictIsolated" in figure.reason
    assert figure.inputs


def test_the_backstop_stands_where_equity_is_two_thirds_of_maintenance():
    row = held("SOL", 10, 100, leverage=10, most=20, equity=100)
    report = evaluate(row)
    exact = report.figure("positions.SOL.backstop_price").exact
    assert 10 * exact - 900 == F(2, 3) * 10 * exact / 40
    assert exact < report.figure("positions.SOL.liquidation_price").exact
    short = evaluate(held("SOL", -10, 100, leverage=10, most=20, equity=100))
    assert (
        short.figure("positions.SOL.backstop_price").exact > short.figure("positions.SOL.liquidation_price").exact
    )


# ---------------------------------------------------------------- tiers and their sources


def test_a_table_number_under_fifty_is_one_tier_of_that_leverage():
    report = evaluate(held("DYDX", 10, 100, most=5, leverage=5), meta=meta(("DYDX", 1, 5, 5)))
    assert report.figure("positions.DYDX.maintenance_margin").value == 100


def test_a_table_that_meta_does_not_list_leaves_the_positions_own_maximum_and_says_so():
    report = evaluate(held("AAVE", 10, 100, most=10), meta=meta(("AAVE", 2, 10, 52)))
    made = position(report, "AAVE")
    assert made["maintenance_margin"] == "50"
    assert "52" in made["reason"]


def test_without_meta_the_positions_own_maximum_is_one_tier_and_the_report_says_so():
    report = evaluate(held("BTC", "0.1", 100_000, most=40))
    assert report.figure("positions.BTC.maintenance_margin").value == 125
    assert "single tier" in position(report, "BTC")["reason"]
    assert "single-tier" in notes(report)


def test_with_neither_meta_nor_maximum_nothing_is_guessed():
    report = evaluate(held("BTC", "0.1", 100_000, maxLeverage=DROP))
    made = position(report, "BTC")
    assert (made["maintenance_margin"], made["liquidation_price"], made["liquidation_status"]) == (
        None,
        None,
        "unknown",
    )
    assert report.to_dict()["maintenance_margin"] is None
    unknown = {u["figure"]: u["reason"] for u in report.to_dict()["unknown"]}
    assert unknown["positions.BTC.liquidation_price"]
    assert "positions.BTC.maintenance_margin" in unknown
    assert "maintenance_margin" in unknown


def test_the_positions_own_maximum_goes_before_the_table():
    """A vault's position with 50x on a market of 10x: 1 % of notional in the first tier."""
    assets = meta(("AAVE", 2, 10, 52), tables=MAJOR)
    report = evaluate(held("AAVE", 100, 100, most=50), meta=assets)
    assert report.figure("positions.AAVE.maintenance_margin").value == 100
    assert "50" in position(report, "AAVE")["reason"]
    lower = evaluate(held("AAVE", 100, 100, most=3, leverage=3), meta=assets)
    assert lower.figure("positions.AAVE.maintenance_margin").value == D("1666.666666")


def test_leverage_above_the_tier_is_kept_and_noted():
    report = evaluate(
        held("AAVE", 300_000, 100, most=10, leverage=10),
        equity=10**7,
        meta=meta(("AAVE", 2, 10, 52), tables=MAJOR),
    )
    assert position(report, "AAVE")["leverage"] == "10"
    assert position(report, "AAVE")["initial_margin"] == "3000000"
    assert "AAVE" in notes(report)["leverage-above-tier"]


def test_a_single_margin_table_answer_serves_in_place_of_meta_s_list():
    tiers = [{"lowerBound": "0.0", "maxLeverage": 10}, {"lowerBound": "500.0", "maxLeverage": 5}]
    answer = [{"params": {"id": 52}, "body": {"description": "", "marginTiers": tiers}}]
    report = evaluate(held("AAVE", 10, 100, most=10), meta=meta(("AAVE", 2, 10, 52)), marginTable=answer)
    assert report.figure("positions.AAVE.maintenance_margin").value == 75


def test_tiers_of_a_real_meta(real):
    found = json.loads((real / "hyperliquid" / "meta_testnet.json").read_text())
    account = solvent.read_bundle(bundle(meta=found))
    assert len(account.instruments) == len(found["universe"])
    assert all(i.tiers for i in account.instruments.values())


# ---------------------------------------------------------------- entry price and return on equity


def test_the_entry_price_is_cut_and_the_profit_is_not():
    row = held("BTC", 3, 100_000, most=40, unrealizedPnl="10.000001", entryPx="99996.6")
    report = evaluate(row, equity=10**6, meta=meta(("BTC", 5, 40, 40)))
    made = position(report, "BTC")
    assert (made["unrealized_pnl"], made["entry_price"]) == ("10.000001", "99996.6")
    assert {r["figure"]: r["agrees"] for r in report.to_dict()["reported"]}["positions.BTC.entry_price"]


def test_an_entry_at_or_below_zero_is_no_reason_to_fail():
    for pnl in ("100.0", "150.0"):
        report = evaluate(held("BTC", 1, 100, most=40, unrealizedPnl=pnl), meta=meta(("BTC", 5, 40, 40)))
        assert position(report, "BTC")["unrealized_pnl"] == pnl.removesuffix(".0")
        assert "positions.BTC.return_on_equity" not in report.evaluation.all_figures()


# ---------------------------------------------------------------- weird but valid accounts


def test_an_account_without_positions():
    made = evaluate(equity="12.5").to_dict()
    assert (made["equity"], made["withdrawable"], made["leverage"], made["margin_usage"]) == (
        "12.5",
        "12.5",
        "0",
        "0",
    )
    assert (made["risk"], made["positions"], made["unknown"]) == (None, [], [])


def test_an_account_of_nothing_at_all():
    made = evaluate(equity=0).to_dict()
    assert (made["equity"], made["withdrawable"], made["free_margin"]) == ("0", "0", "0")


def test_flat_rows_are_no_positions():
    flat = held("ETH", 1, 100)
    flat["position"] |= {"szi": "0.0", "positionValue": "0.0", "marginUsed": "0.0", "unrealizedPnl": "0.0"}
    report = evaluate(held("BTC", 1, 100), flat)
    assert [p["instrument"] for p in report.to_dict()["positions"]] == ["BTC"]


def test_negative_equity_is_extreme_and_never_a_percentage():
    made = evaluate(held("BTC", 1, 100), equity=-5).to_dict()
    assert made["equity"] == "-5"
    assert made["risk"] == {"band": "extreme", "pool": "cross"}
    assert made["maintenance_usage"] is None
    assert made["withdrawable"] == "0"
    assert D(made["positions"][0]["liquidation_distance"]) < 0


def test_all_short():
    rows = [held(c, -2, 100, most=10) for c in ("A", "B", "C")]
    report = evaluate(*rows, equity=300)
    assert report.equity == 300
    for coin in "ABC":
        price = report.figure(f"positions.{coin}.liquidation_price")
        assert price.exact == (300 - 20 + 200) / (2 * F(21, 20))


def test_dust_and_whales_in_one_account():
    rows = [held("DUST", "0.00000001", "0.00001", most=3, leverage=1), held("WHALE", 10**15, 10**9, most=40)]
    report = evaluate(*rows, equity=10**23)
    made = report.to_dict()
    assert made["notional"] == "1000000000000000000000000.0000000000001"
    assert position(report, "DUST")["notional"] == "0.0000000000001"
    assert position(report, "WHALE")["liquidation_status"] == "ok"


def test_a_price_that_does_not_end_is_no_rounding_error():
    """Value over size gives the mark: a third of a dollar stays a third."""
    report = evaluate(held("X", 3, F(1, 3) * 3 / 3, most=3, leverage=1, positionValue="1.0", unrealizedPnl="0.0"))
    assert report.figure("positions.X.notional").exact == 1
    assert report.figure("equity").value == 1000


def test_price_noise_of_a_double_is_no_difference():
    body = bundle(held("BTC", 100, "80000.5", most=40), equity="8272576.572935")
    for part in ("marginSummary", "crossMarginSummary"):
        body["clearinghouseState"][part]["accountValue"] = "8272576.5729350001"
    said = {r["figure"]: r for r in solvent.evaluate(body).to_dict()["reported"]}
    assert said["equity"]["agrees"]
    assert said["pools.cross.equity"]["agrees"]


@pytest.mark.parametrize(("off", "agrees"), [("0.000001", False), ("-0.000001", False), ("0", True)])
def test_a_millionth_of_a_dollar_is_a_difference(off, agrees):
    body = bundle(held("BTC", 1, "80000.5", most=40), equity="50000.25")
    used = F(body["clearinghouseState"]["crossMarginSummary"]["totalMarginUsed"])
    body["clearinghouseState"]["crossMarginSummary"]["totalMarginUsed"] = dec(used + F(off))
    said = {r["figure"]: r for r in solvent.evaluate(body).to_dict()["reported"]}
    assert said["pools.cross.initial_margin"]["agrees"] is agrees


# ---------------------------------------------------------------- dexes


def dexes(*parts):
    return [{"params": {"dex": dex} if dex else {}, "received_at": at, "body": body} for dex, at, body in parts]


def test_each_dex_has_its_own_cross_pool():
    main, other = state(held("BTC", 1, 100), equity=500), state(held("xyz:GOLD", -1, 50, most=20), equity=80)
    body = {"clearinghouseState": dexes(("", 1, main), ("xyz", 2, other)), "userAbstraction": "disabled"}
    report = solvent.evaluate(body)
    assert [p["name"] for p in report.to_dict()["pools"]] == ["cross", "xyz:cross"]
    assert report.figure("pools.xyz:cross.equity").value == 80
    assert report.equity == 580
    assert report.figure("positions.xyz:GOLD.liquidation_price").exact == 130 / F(41, 40)
    assert report.figure("withdrawable").value == (500 - 10) + (80 - 5)
    said = {r["figure"]: r["agrees"] for r in report.to_dict()["reported"]}
    assert said["pools.cross.equity"]
    assert said["pools.xyz:cross.equity"]
    assert "equity" not in said  # no body of the venue speaks of all dexes


def test_metas_of_several_dexes_are_one_universe():
    metas = [
        {"params": {}, "body": meta(("BTC", 5, 40, 56), tables=MAJOR)},
        {"params": {"dex": "xyz"}, "body": meta(("xyz:GOLD", 3, 20, 56), tables={56: [(0, 5)]})},
    ]
    account = solvent.read_bundle(bundle(meta=metas))
    assert account.instruments["BTC"].tiers[0].max_leverage == 40
    assert account.instruments["xyz:GOLD"].tiers[0].max_leverage == 5


def test_the_same_dex_twice_is_refused():
    part = state(equity=1)
    with pytest.raises(BadInput, match="clearinghouseState"):
        solvent.read_bundle({"clearinghouseState": dexes(("", 1, part), ("", 2, part))})


def test_parts_taken_far_apart_are_noted():
    main, other = state(equity=1), state(equity=2)
    near = {"clearinghouseState": dexes(("", 1_000, main), ("xyz", 5_900, other))}
    far = {"clearinghouseState": dexes(("", 1_000, main), ("xyz", 9_000, other))}
    assert "parts-far-apart" not in notes(solvent.evaluate(near))
    assert "8.0 s" in notes(solvent.evaluate(far))["parts-far-apart"]


def test_a_part_that_nobody_reads_is_named():
    assert "webData2" in notes(evaluate(webData2={"x": 1}))["parts-ignored"]


# ---------------------------------------------------------------- collateral outside the body

UNIFIED = {"userAbstraction": "unifiedAccount"}


def spot(**coins):
    return {
        "balances": [{"coin": c, "token": n, "total": t, "hold": "0.0"} for n, (c, t) in enumerate(coins.items())]
    }


def test_a_unified_account_without_its_spot_balances_has_no_price():
    report = evaluate(held("BTC", -1, 100), equity=20, **UNIFIED)
    made = position(report, "BTC")
    assert (made["liquidation_status"], made["liquidation_price"]) == ("unknown", None)
    assert "unifiedAccount" in made["reason"]


def test_a_unified_account_with_them_has_an_estimate():
    alone = evaluate(held("BTC", -1, 100), equity=120)
    report = evaluate(
        held("BTC", -1, 100), equity=20, spotClearinghouseState=spot(USDC="100.0", HYPE="5.0"), **UNIFIED
    )
    made = position(report, "BTC")
    assert made["liquidation_status"] == "estimate"
    assert made["liquidation_price"] == position(alone, "BTC")["liquidation_price"]
    assert "not published" in made["reason"]


def test_dexes_of_a_unified_account_are_not_lent_the_same_money_twice():
    parts = dexes(
        ("", 1, state(held("BTC", -1, 100), equity=20)), ("xyz", 1, state(held("xyz:GOLD", -1, 50), equity=9))
    )
    body = {"clearinghouseState": parts, "spotClearinghouseState": spot(USDC="100.0"), **UNIFIED}
    report = solvent.evaluate(body)
    assert {p["liquidation_status"] for p in report.to_dict()["positions"]} == {"unknown"}
    assert "share" in position(report, "BTC")["reason"]


@pytest.mark.parametrize("parts", [{}, {"spotClearinghouseState": spot(USDC="100.0")}])
def test_a_portfolio_margin_account_has_no_price(parts):
    made = position(evaluate(held("BTC", -1, 100), equity=20, userAbstraction="portfolioMargin", **parts), "BTC")
    assert (made["liquidation_status"], made["liquidation_price"]) == ("unknown", None)


def prices_with(outside, *rows, equity):
    """The rows with the liquidation prices of an account that has this much more."""
    backed = evaluate(*rows, equity=equity + outside)
    for row in rows:
        row["position"]["liquidationPx"] = position(backed, row["position"]["coin"])["liquidation_price"]
    return rows


@pytest.mark.parametrize("abstraction", [DROP, "default", "dexAbstraction"])
def test_two_prices_that_agree_on_an_amount_make_an_estimate(abstraction):
    rows = prices_with(700, held("A", -2, 100), held("B", -3, 50), held("C", 1, 10), equity=300)
    report = evaluate(*rows, equity=300, userAbstraction=abstraction)
    for coin in "AB":
        made = position(report, coin)
        assert made["liquidation_status"] == "estimate"
        assert abs(
            D(made["liquidation_price"])
            - D(next(r["position"]["liquidationPx"] for r in rows if r["position"]["coin"] == coin))
        ) < D("0.001")
    assert not [r for r in report.to_dict()["reported"] if r["figure"].endswith("liquidation_price")]
    assert report.equity == 300


def test_prices_that_do_not_agree_leave_nothing_to_say():
    rows = prices_with(700, held("A", -2, 100), held("B", -3, 50), equity=300)
    rows[0]["position"]["liquidationPx"] = dec(F(rows[0]["position"]["liquidationPx"]) * 2)
    report = evaluate(*rows, equity=300, userAbstraction=DROP)
    assert {position(report, c)["liquidation_status"] for c in "AB"} == {"unknown"}


def test_a_standard_account_is_never_lent_collateral():
    """Where the mode says that nothing stands outside, other prices of the venue are a difference."""
    rows = prices_with(700, held("A", -2, 100), held("B", -3, 50), equity=300)
    report = evaluate(*rows, equity=300, userAbstraction="disabled")
    assert {position(report, c)["liquidation_status"] for c in "AB"} == {"ok"}
    said = {r["figure"]: r["agrees"] for r in report.to_dict()["reported"]}
    assert said["positions.A.liquidation_price"] is False
    assert said["positions.B.liquidation_price"] is False


# ---------------------------------------------------------------- resting orders


def order(coin, side, price, size, **more):
    return {"coin": coin, "side": side, "limitPx": str(price), "sz": str(size), "oid": 1, **more}


def withdrawable(*orders, rows=(), **more):
    report = evaluate(*(rows or (held("BTC", 1, 100, leverage=5),)), equity=1000, openOrders=list(orders), **more)
    return report.figure("withdrawable")


@pytest.mark.parametrize(
    ("orders", "held_by_orders"),
    [
        ([], 0),
        ([order("BTC", "B", 90, 2)], 36),
        ([order("BTC", "A", 110, 1)], 0),  # only closes
        ([order("BTC", "A", 110, 3)], 44),  # closes 1, opens 2
        ([order("BTC", "A", 110, 1), order("BTC", "A", 120, 1)], 24),
        ([order("BTC", "B", 90, 2, reduceOnly=True)], 0),
        ([order("BTC", "B", 90, 2, isTrigger=True)], 0),
        ([order("BTC", "A", 90, "0.0")], 0),
        ([order("@107", "B", 90, 2), order("PURR/USDC", "A", 1, 5)], 0),  # spot orders
        ([order("xyz:GOLD", "B", 90, 2)], 0),  # another dex's pool pays
    ],
)
def test_margin_held_by_resting_orders(orders, held_by_orders):
    assert withdrawable(*orders).value == 1000 - 20 - held_by_orders


def test_orders_of_a_flat_coin_whose_leverage_nobody_told():
    figure = withdrawable(order("ETH", "B", 90, 2))
    assert figure.value is None
    assert "ETH" in figure.reason


def test_orders_of_a_flat_coin_whose_leverage_is_known():
    active = {"coin": "ETH", "leverage": {"type": "cross", "value": 3}, "maxTradeSzs": ["1.0", "2.0"]}
    assert withdrawable(order("ETH", "B", 90, 2), activeAssetData=active).value == 1000 - 20 - 60


def test_orders_of_an_isolated_coin_use_its_setting_and_close_its_position():
    rows = (held("BTC", 1, 100, leverage=5), held("SOL", 2, 100, leverage=4, most=20, equity=60))
    assert withdrawable(order("SOL", "A", 110, 2), rows=rows).value == 1000 - 20
    assert withdrawable(order("SOL", "B", 90, 2), rows=rows).value == 1000 - 20 - 45


def test_without_recorded_orders_the_assumption_is_named():
    report = evaluate(held("BTC", 1, 100, leverage=5), openOrders=DROP)
    assert report.figure("withdrawable").value == 980
    assert "orders" in report.figure("withdrawable").reason
    assert "no-orders" in notes(report)


# ---------------------------------------------------------------- liquidation for profit


@pytest.mark.parametrize(
    ("side", "entry", "transfer", "mark", "shows"),
    [
        (Side.LONG, 100, 100, 99, True),
        (Side.LONG, 100, 200, 163, True),  # in profit, but 18.5 % below the last transfer
        (Side.LONG, 100, 200, "163.4", True),  # exactly 18.3 %
        (Side.LONG, 100, 200, "163.5", False),
        (Side.LONG, 100, 100, 101, False),
        (Side.SHORT, 100, 100, 101, True),
        (Side.SHORT, 300, 200, "236.6", True),
        (Side.SHORT, 300, 200, "236.5", False),
    ],
)
def test_a_liquidation_shows_a_loss_at_twenty_times(side, entry, transfer, mark, shows):
    assert shows_required_loss(side, F(entry), F(transfer), F(mark), 20) is shows


def test_the_rule_is_unknown_at_other_leverages():
    assert shows_required_loss(Side.LONG, F(100), F(100), F(50), 10) is None
    with pytest.raises(BadInput, match="mark"):
        shows_required_loss(Side.LONG, F(100), F(100), F(0), 20)


@settings(max_examples=30)
@given(accounts(), st.integers(1, 10**6))
def test_a_flat_row_more_changes_nothing(body, seed):
    flat = held("ZZZ", 1, F(seed, 100))
    flat["position"] |= {"szi": "0.0", "positionValue": "0.0"}
    raw = body["clearinghouseState"]
    more = dict(body, clearinghouseState={**raw, "assetPositions": [flat, *raw["assetPositions"]]})
    one, two = (solvent.evaluate(b).to_dict() for b in (body, more))
    assert one == two
