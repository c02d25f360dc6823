"""One name for one asset on all venues, and nothing where a name can be read in two ways."""

from decimal import Decimal as D  # noqa: N817

import pytest
from arbitrage_kit import terms
from hypothesis import given
from hypothesis import strategies as st

from solvent.core.account import Venue
from solvent.orders.arbitrage_asset import listed, same_price


@pytest.mark.parametrize(
    ("venue", "name", "settle", "asset", "multiplier"),
    [
        ("hyperliquid", "BTC", "USDC", "BTC", 1),
        ("nado", "BTC-PERP", "USDT0", "BTC", 1),
        ("bybit", "BTCUSDT", "USDT", "BTC", 1),
        ("bybit", "BTCPERP", "USDC", "BTC", 1),
        ("bingx", "BTC-USDT", "USDT", "BTC", 1),
        ("hyperliquid", "kPEPE", "USDC", "PEPE", 1000),
        ("nado", "kPEPE-PERP", "USDT0", "PEPE", 1000),
        ("bybit", "1000PEPEUSDT", "USDT", "PEPE", 1000),
        ("bybit", "1000PEPEPERP", "USDC", "PEPE", 1000),
        ("bybit", "SHIB1000USDT", "USDT", "SHIB", 1000),
        ("bybit", "1000000MOGUSDT", "USDT", "MOG", 1000000),
        ("bingx", "1000PEPE-USDT", "USDT", "PEPE", 1000),
        ("bingx", "10000ELON-USDT", "USDT", "ELON", 10000),
        ("bybit", "1INCHUSDT", "USDT", "1INCH", 1),
        ("bybit", "0GUSDT", "USDT", "0G", 1),
        ("hyperliquid", "KAITO", "USDC", "KAITO", 1),
    ],
)
def test_names(venue, name, settle, asset, multiplier):
    found = listed(Venue(venue), terms(name, settle=settle))
    assert (found.asset, found.terms.multiplier, found.terms.instrument) == (asset, multiplier, name)


@pytest.mark.parametrize(
    ("venue", "name", "more"),
    [
        ("hyperliquid", "xyz:TSLA", {}),
        ("hyperliquid", "@107", {}),
        ("hyperliquid", "PURR/USDC", {"spot": True}),
        ("nado", "KBTC", {"spot": True}),
        ("nado", "BTC", {}),
        ("bybit", "BTC-26SEP25", {"settle": "USDC"}),
        ("bybit", "BTCUSDT-26DEC25", {}),
        ("bybit", "BTCUSDT", {"settle": "USDC"}),
        ("bybit", "BTCUSD", {"settle": "BTC"}),
        ("bingx", "BTC-USDT", {"settle": "USDC"}),
        ("bingx", "1MBABYDOGE-USDT", {}),
        ("bingx", "-USDT", {}),
        ("bybit", "1000PEPEUSDT", {"multiplier": "10"}),
        ("bybit", "BTCUSDT", {"multiplier": "0"}),
    ],
)
def test_what_is_uncertain_or_no_perpetual_has_no_asset(venue, name, more):
    assert listed(Venue(venue), terms(name, **more)) is None


def test_a_multiplier_that_the_venue_states_stands():
    assert listed(Venue.BINGX, terms("X-USDT", multiplier="10")).terms.multiplier == 10
    assert listed(Venue.BINGX, terms("X-USDT", multiplier="0.1")).terms.multiplier == D("0.1")
    assert listed(Venue.BYBIT, terms("1000PEPEUSDT", multiplier="1000")).terms.multiplier == 1000


PRICES = st.decimals("0.000001", "1000000", places=6)


@given(PRICES, PRICES, st.sampled_from([D(1), D(1000)]), st.sampled_from([D(1), D(1000)]))
def test_prices_of_one_asset_agree_whichever_comes_first(one, other, m, n):
    assert same_price(one, m, other, n) == same_price(other, n, one, m)
    assert same_price(one, m, one, m)


def test_prices_of_two_assets_or_a_wrong_multiple_do_not_agree():
    assert same_price(D(10), D(1000), D("0.0105"), D(1))
    assert not same_price(D(10), D(1000), D("0.01051"), D(1))
    assert not same_price(D(10), D(1), D("0.01"), D(1))
