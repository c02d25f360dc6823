"""What a Bybit bundle may not be: one error that names the field."""

import copy

import pytest
from bybit_bodies import bundle, judged, position, risk_limit

from solvent.core.errors import BadInput


def tiers(**more):
    return (risk_limit("1000", "0.01") | more,)


ROW = "position-list.list[0]"
TIER = "risk-limit.list[0]"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"account-info": {"marginMode": "REGULAR_MARGIN"}}, "position-list"),
        (bundle(position(size="NaN")), f"{ROW}.size"),
        (bundle(position(size="-1")), f"{ROW}.size"),
        (bundle(position(mark="0")), f"{ROW}.markPrice"),
        (bundle(position(mark="")), f"{ROW}.markPrice"),
        (bundle(position(entry="1e5")), f"{ROW}.avgPrice"),
        (bundle(position(leverage="0.5")), f"{ROW}.leverage"),
        (bundle(position(side="")), f"{ROW}.side"),
        (bundle(position(side="Long")), f"{ROW}.side"),
        (bundle(position(idx=1, side="Sell")), f"{ROW}.side"),
        (bundle(position(), position()), "position-list.list[1]"),
        (bundle(position(), position(idx=1)), "position-list.list[1]"),
        (bundle(position(positionIM="x")), f"{ROW}.positionIM"),
        (bundle(position(), mode="SOMETHING"), "account-info.marginMode"),
        (bundle(position(), tiers=tiers(riskLimitValue="-5")), f"{TIER}.riskLimitValue"),
        (bundle(position(), tiers=tiers(maintenanceMargin="-0.01")), f"{TIER}.maintenanceMargin"),
        (bundle(position(), tiers=tiers(maintenanceMargin="1", initialMargin="")), f"{TIER}.maintenanceMargin"),
        (bundle(position(), tiers=tiers(mmDeduction="-1")), f"{TIER}.mmDeduction"),
        (bundle(position(), tiers=tiers(initialMargin="0.5")), f"{TIER}.initialMargin"),
        (bundle(position(), tiers=tiers(maxLeverage="1E+20")), f"{TIER}.maxLeverage"),
        (bundle(position(), tiers=(*tiers(), *tiers(id=2))), "risk-limit.list[1].riskLimitValue"),
        (bundle(position(), fee="NaN"), "fee-rate.list[0].takerFeeRate"),
        (bundle(position(), fee="5"), "fee-rate.list[0].takerFeeRate"),
        (bundle(position(), **{"position-list": {"category": "option", "list": []}}), "position-list.category"),
        (bundle(position(), **{"position-list": {}}), "position-list.list"),
        (bundle(position(), **{"position-list": {"list": {}}}), "position-list.list"),
        (
            bundle(position(), **{"wallet-balance": {"list": [{"totalWalletBalance": "Infinity"}]}}),
            "wallet-balance.list[0].totalWalletBalance",
        ),
    ],
)
def test_one_error_names_the_field(body, field):
    with pytest.raises(BadInput) as caught:
        judged(copy.deepcopy(body))
    assert caught.value.field == field


def test_regime_is_one_of_two():
    with pytest.raises(BadInput, match="entry or mark"):
        judged(bundle(position()), "both")


def test_two_fee_rates_of_one_symbol_are_refused_and_twice_the_same_is_not():
    body = bundle(position(), symbols=("BTCUSDT", "BTCUSDT"))
    judged(body)
    body["fee-rate"]["list"][1]["takerFeeRate"] = "0.002"
    with pytest.raises(BadInput, match="one fee rate"):
        judged(body)


def test_percent_rates_are_read_as_percent():
    row = risk_limit("1000", "0.01") | {"maintenanceMargin": "1", "initialMargin": "2"}
    made = judged(bundle(position(), tiers=(row,)), "mark")
    assert made.account.instruments["BTCUSDT"].tiers[0].rate * 100 == 1


def test_round_quotients_written_with_an_exponent_are_a_leverage():
    row = risk_limit("1000", "0.005") | {"maxLeverage": "1E+2"}
    assert judged(bundle(position(), tiers=(row,))).account.instruments["BTCUSDT"].max_leverage == 100


@pytest.mark.parametrize(
    ("second", "tiers", "limit"),
    [
        (risk_limit("3000", "0.02", "", number=2, lowest=0), 2, 3000),
        (risk_limit("3000", "0.02", "", number=5, lowest=0), 1, 1000),
        (risk_limit("3000", "0.02", "10", number=5, lowest=0), 2, 3000),
        (risk_limit("3000", "0.02", "25", number=5, lowest=0), 1, 1000),
        (risk_limit("3000", "0.02", "25", number=2, lowest=0), 2, 3000),
    ],
)
def test_a_table_ends_where_a_tier_is_missing(second, tiers, limit):
    found = judged(bundle(position(), tiers=(second, risk_limit("1000", "0.01")))).account.instruments["BTCUSDT"]
    assert (len(found.tiers), found.max_notional) == (tiers, limit)


def test_pages_of_tiers_are_one_table():
    rows = (risk_limit("3000", "0.02", "10", number=2, lowest=0), risk_limit("1000", "0.01"))
    pages = [{"params": {"cursor": str(i)}, "body": {"list": [row]}} for i, row in enumerate(rows)]
    found = judged(bundle(position(), **{"risk-limit": pages})).account.instruments["BTCUSDT"]
    assert [t.lower for t in found.tiers] == [0, 1000]


def test_a_table_without_its_lowest_tier_is_no_table():
    rows = (risk_limit("3000", "0.02", "10", number=2, lowest=0),)
    found = judged(bundle(position(), tiers=rows)).account.instruments["BTCUSDT"]
    assert found.tiers == ()
    assert "lowest tier" in found.tiers_source
