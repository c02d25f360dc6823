"""Signatures and query strings as ccxt 4.5.90 makes them, for a key that is worth nothing."""

from decimal import Decimal

import pytest

from solvent.core.facts import OrderRequest
from solvent.venues.bingx.orders import encoded
from solvent.venues.bingx.sign import signature, signed_query, to_sign
from solvent.venues.keys import Secret
from solvent.venues.stated import InstrumentTerms, NewOrder

SECRET = Secret("s3cret-of-a-key-that-is-worth-nothing")
AT_MS = 1_760_000_000_123
VECTORS = {
    "limit order": (
        5000,
        {
            "symbol": "BTC-USDT",
            "side": "BUY",
            "type": "LIMIT",
            "quantity": "0.0001",
            "price": "61000.1",
            "timeInForce": "GTC",
            "positionSide": "BOTH",
            "clientOrderId": "slv-0a1b2c3d-x_1",
        },
        (
            "clientOrderId=slv-0a1b2c3d-x_1&positionSide=BOTH&price=61000.1&quantity=0.0001&recvWindow=5000&"
            "side=BUY&symbol=BTC-USDT&timeInForce=GTC&timestamp=1760000000123&type=LIMIT"
        ),
        "2794faab6b0ec1ab75f6e34450cc1f66104dabc0ffccaa879768a63882ab95ef",
    ),
    "tiny price, big quantity": (
        5000,
        {
            "symbol": "1000PEPE-USDT",
            "side": "SELL",
            "type": "LIMIT",
            "quantity": "123456789012345",
            "price": "0.000000012",
            "timeInForce": "PostOnly",
            "positionSide": "SHORT",
            "clientOrderId": "slv-ff",
        },
        (
            "clientOrderId=slv-ff&positionSide=SHORT&price=0.000000012&quantity=123456789012345&"
            "recvWindow=5000&side=SELL&symbol=1000PEPE-USDT&timeInForce=PostOnly&timestamp=1760000000123&"
            "type=LIMIT"
        ),
        "3d46691cf01ab9ce3336c88b26d62df9bd68c779cbe8070f94aafd33abc5e0d2",
    ),
    "reduce only, whole numbers": (
        5000,
        {
            "symbol": "ETH-USDT",
            "side": "SELL",
            "type": "MARKET",
            "quantity": "1500",
            "positionSide": "BOTH",
            "reduceOnly": "true",
            "clientOrderId": "a",
        },
        (
            "clientOrderId=a&positionSide=BOTH&quantity=1500&recvWindow=5000&reduceOnly=true&side=SELL&"
            "symbol=ETH-USDT&timestamp=1760000000123&type=MARKET"
        ),
        "aad60af358dc37c6cb651eeb03c9e0e71c87787fc8b5c4399cb4878754a330e1",
    ),
    "short window": (
        137,
        {
            "symbol": "ETH-USDT",
            "side": "BUY",
            "type": "STOP",
            "quantity": "1",
            "price": "2000",
            "stopPrice": "1999.99",
            "timeInForce": "IOC",
            "positionSide": "LONG",
            "clientOrderId": "b",
        },
        (
            "clientOrderId=b&positionSide=LONG&price=2000&quantity=1&recvWindow=137&side=BUY&"
            "stopPrice=1999.99&symbol=ETH-USDT&timeInForce=IOC&timestamp=1760000000123&type=STOP"
        ),
        "7c751fa6fefcd1f48b3ef7f703762e20f770601b966c879755f30bffc0d5b2ef",
    ),
    "cancel": (
        5000,
        {"symbol": "BTC-USDT", "orderId": "1850000000000000123"},
        "orderId=1850000000000000123&recvWindow=5000&symbol=BTC-USDT&timestamp=1760000000123",
        "e18ad1ab1e0ff3c4ee9ab8a797fbed5190cb5dbcf11a1645c022ec3ada163a0b",
    ),
    "leverage": (
        5000,
        {"symbol": "BTC-USDT", "side": "BOTH", "leverage": "20"},
        "leverage=20&recvWindow=5000&side=BOTH&symbol=BTC-USDT&timestamp=1760000000123",
        "4c2a39b62cebfa7bb3baf25204a669459bdc16797f97cc015478356ffe656a78",
    ),
    "a list": (
        5000,
        {"symbol": "BTC-USDT", "orderIdList": "[1850000000000000123,1850000000000000124]"},
        (
            "orderIdList=%5B1850000000000000123%2C1850000000000000124%5D&recvWindow=5000&symbol=BTC-USDT&"
            "timestamp=1760000000123"
        ),
        "cb3b33d83fd53c2fdc4623d7ded65256399bf65b1d500b1ad22052c5b4d90795",
    ),
    "nothing but time": (
        5000,
        {},
        "recvWindow=5000&timestamp=1760000000123",
        "d7fda1e499f93966b7f6146f839c1b5bdf3a11554b0f035bf63b7b347d4a86b4",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_same_bytes_and_signature_as_the_peer(name):
    window, params, query, signed = VECTORS[name]
    whole = {**params, "recvWindow": str(window), "timestamp": str(AT_MS)}
    assert signature(whole, SECRET) == signed
    assert signed_query(params, SECRET, at_ms=AT_MS, window_ms=window) == f"{query}&signature={signed}"


def test_what_is_signed_is_not_url_encoded_and_follows_the_order_of_characters():
    assert to_sign({"b": "[1,2]", "a": "x", "B": "y z"}) == "B=y z&a=x&b=[1,2]"


def placement(terms=("0.0001", "0.1"), **given):
    """The parameters of an order, encoded by us."""
    step, tick = map(Decimal, terms)
    listing = InstrumentTerms(instrument=given["symbol"], size_step=step, price_tick=tick, settle="USDT")
    more = {name: given.pop(name) for name in ("tif",) if name in given}
    client_id = given.pop("client_id")
    return encoded(NewOrder(request=OrderRequest(**given), **more), listing, client_id)


@pytest.mark.parametrize(
    ("name", "terms", "order"),
    [
        (
            "limit order",
            ("0.0001", "0.1"),
            {
                "symbol": "BTC-USDT",
                "side": "buy",
                "order_type": "limit",
                "quantity": "0.00010",
                "price": "61000.100",
                "client_id": "slv-0a1b2c3d-x_1",
            },
        ),
        (
            "tiny price, big quantity",
            ("1", "0.000000001"),
            {
                "symbol": "1000PEPE-USDT",
                "side": "sell",
                "order_type": "limit",
                "quantity": "123456789012345.000",
                "price": Decimal("1.2E-8"),
                "position_side": "short",
                "tif": "post_only",
                "client_id": "slv-ff",
            },
        ),
        (
            "reduce only, whole numbers",
            ("0.01", "0.01"),
            {
                "symbol": "ETH-USDT",
                "side": "sell",
                "order_type": "market",
                "quantity": Decimal("1.5E+3"),
                "reduce_only": True,
                "client_id": "a",
            },
        ),
        (
            "short window",
            ("0.01", "0.01"),
            {
                "symbol": "ETH-USDT",
                "side": "buy",
                "order_type": "stop_limit",
                "quantity": "1.0",
                "price": "2000.00",
                "trigger_price": "1999.990",
                "position_side": "long",
                "tif": "ioc",
                "client_id": "b",
            },
        ),
    ],
)
def test_orders_are_encoded_to_the_parameters_that_the_peer_signed(name, terms, order):
    window, params, query, signed = VECTORS[name]
    made = placement(terms, **order)
    assert made == params
    assert signed_query(made, SECRET, at_ms=AT_MS, window_ms=window) == f"{query}&signature={signed}"
