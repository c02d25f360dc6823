"""What we sign and send, byte for byte. Figures from ccxt 4.5.90 and pybit 5.17.0, run once on the same input."""

import json
from decimal import Decimal

import pytest
from aiohttp import web
from bybit_client_kit import alive, order, serving

from solvent.core.errors import BadInput
from solvent.venues.bybit import encode
from solvent.venues.bybit.client import BybitVenue
from solvent.venues.bybit.sign import login_args, signature, signed_headers
from solvent.venues.clock import Times
from solvent.venues.keys import Credentials, Secret

KEY, SECRET = Secret("vCdExFgHiJkLmNoPqR"), Secret("aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3")
STAMP = 1_760_000_000_123

LIMIT = (
    b'{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.1","price":"100000",'
    b'"timeInForce":"GTC","positionIdx":0,"orderLinkId":"slv-1"}'
)
TINY = (
    b'{"category":"linear","symbol":"1000PEPEUSDT","side":"Sell","orderType":"Limit","qty":"123456789000",'
    b'"price":"0.0000071","timeInForce":"PostOnly","positionIdx":2,"orderLinkId":"slv-2","reduceOnly":true}'
)
STOP = (
    b'{"category":"linear","symbol":"ETHUSDT","side":"Sell","orderType":"Market","qty":"1000000",'
    b'"timeInForce":"IOC","positionIdx":1,"orderLinkId":"slv-3","reduceOnly":true,"triggerPrice":"2999.5",'
    b'"triggerDirection":2,"triggerBy":"MarkPrice"}'
)
LEVERAGE = b'{"category":"linear","symbol":"BTCUSDT","buyLeverage":"4.2","sellLeverage":"4.2"}'
CANCEL_ALL = b'{"category":"linear","settleCoin":"USDT"}'

PLACED = [
    pytest.param(
        order(quantity="0.100", price=Decimal("1E+5"), client_id="slv-1"),
        LIMIT,
        "e830a0a5d1e09ee4e04e4d9706ab6060ca5dfb889f38cd5bed857487f6cf45ba",
        id="trailing-zeros-and-exponent",
    ),
    pytest.param(
        order(
            "sell",
            "123456789000",
            "0.00000710",
            symbol="1000PEPEUSDT",
            tif="post_only",
            client_id="slv-2",
            position_side="short",
            reduce_only=True,
        ),
        TINY,
        "c0f6b432c5e9e9c86b84d881e337a89067a2b4aace8eb2bed932eb1f6234e16e",
        id="tiny-price-big-size",
    ),
    pytest.param(
        order(
            "sell",
            "1000000",
            symbol="ETHUSDT",
            kind="stop_market",
            trigger_price="2999.50",
            client_id="slv-3",
            position_side="long",
            reduce_only=True,
        ),
        STOP,
        "05598492fb4c492f512ac8345b629dd5f7ae7fdb01ab18d87c0d0c411b7e5199",
        id="hedge-stop",
    ),
]


class Recorder:
    """A venue that takes everything and keeps what it was sent."""

    def __init__(self):
        self.got = []

    async def handle(self, request):
        self.got.append((request, await request.read()))
        result = {"orderId": "a-1", "orderLinkId": "", "list": []}
        return web.json_response({"retCode": 0, "retMsg": "OK", "result": result, "time": STAMP})

    def posted(self):
        return [(r.headers, body) for r, body in self.got if r.method == "POST"]


def client(url, **more):
    credentials = Credentials(venue="bybit", api_key=KEY, api_secret=SECRET)
    times = Times(wall_ms=lambda: STAMP)
    return BybitVenue(base_url=url, credentials=credentials, times=times, confirm_placements=False, **more)


@pytest.mark.parametrize(("asked", "body", "sign"), PLACED)
@alive
async def test_sent_as_ccxt_sends_it(asked, body, sign):
    recorder = Recorder()
    async with serving(recorder.handle) as url, client(url) as venue:
        await venue.place(asked)
    ((headers, sent),) = recorder.posted()
    assert sent == body
    assert headers["X-BAPI-SIGN"] == sign
    assert headers["X-BAPI-TIMESTAMP"] == str(STAMP)
    assert headers["X-BAPI-RECV-WINDOW"] == "5000"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("text", "window", "sign"),
    [
        # pybit signs its JSON with spaces: the same fields, other bytes, the same rule.
        (
            json.dumps(json.loads(LIMIT)).encode(),
            5000,
            "35dc6ac17811da2d91853e7921fb71fd49b4fa1c3009302bf5e881b03bcf7e10",
        ),
        (
            json.dumps(json.loads(TINY)).encode(),
            5000,
            "4b7b16961929827a87af8c8e221367758779b46a346dd3f6d4b3751d17a9c130",
        ),
        (
            json.dumps(json.loads(LEVERAGE)).encode(),
            5000,
            "73467a7aed96ca50762ae838d2d809f272177f7df7493bee63c1b6c2abd332f5",
        ),
        (
            json.dumps(json.loads(CANCEL_ALL)).encode(),
            1,
            "34730d16c26fbc992b2ce4572c42e581bf529b3ed229b6a8b893a9e028f992d2",
        ),
        (
            b"category=linear&cursor=page%3A50&limit=100&startTime=1759999990000",
            5000,
            "6970ae3a7b1b5148f2bd3ff038f56356aef9a8dba13f96db9046d9edb5cc68d5",
        ),
        (b"accountType=UNIFIED", 5000, "cabe2a46d46c4b62ccb7355c10275afbecf8e266d791816fc19e8b1bf05d658b"),
        (LEVERAGE, 5000, "eab4e72bd21d2f9011d2c3188a60e67f4c33b19ea6649c055d20796e6323334e"),
        (CANCEL_ALL, 1, "7af99e4a159ae1fbfdcbbd40eb74e149da7cae252310541e58c15b078bff2f01"),
    ],
)
def test_signatures_of_the_peers(text, window, sign):
    headers = signed_headers(KEY, SECRET, text, stamp_ms=STAMP, window_ms=window)
    assert headers["X-BAPI-SIGN"] == sign


def test_the_login_of_a_stream():
    assert login_args(KEY, SECRET, 1_760_000_010_123) == [
        "vCdExFgHiJkLmNoPqR",
        1_760_000_010_123,
        "87abf2110ed4019d82f593c2038a54a8eeef58bb2509df2d18206d4fb3afba24",
    ]
    assert signature(SECRET, b"GET/realtime1760000010123") == login_args(KEY, SECRET, 1_760_000_010_123)[2]


def test_queries_are_encoded_once():
    sent = encode.query({"category": "linear", "cursor": "page%3A50,1:2", "symbol": "A&B=C", "limit": 100})
    assert sent == "category=linear&cursor=page%3A50%2C1%3A2&symbol=A%26B%3DC&limit=100"


def test_leverage_goes_out_as_plain_text():
    assert encode.body(encode.leverage("BTCUSDT", Decimal("4.20"), Decimal("4.2"))) == LEVERAGE


@pytest.mark.parametrize(
    ("side", "kind", "direction"),
    [
        ("sell", "stop_market", 2),
        ("buy", "stop_limit", 1),
        ("sell", "take_profit_limit", 1),
        ("buy", "take_profit_market", 2),
    ],
)
def test_a_trigger_waits_on_the_right_side(side, kind, direction):
    price = "90" if kind.endswith("limit") else None
    asked = order(side, price=price, kind=kind, trigger_price="100")
    assert encode.placement(asked, "slv-1", trigger_by="last")["triggerDirection"] == direction
    assert encode.placement(asked, "slv-1", trigger_by="last")["triggerBy"] == "LastPrice"


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (order(tif="post_only"), "tif"),
        (order(tif="fok"), "tif"),
        (order(kind="stop_market"), "trigger_price"),
        (order(price="1", trigger_price="2"), "trigger_price"),
    ],
)
def test_what_the_venue_cannot_express_is_refused_before_it_is_sent(asked, field):
    with pytest.raises(BadInput) as caught:
        encode.placement(asked, "slv-1")
    assert caught.value.field == field
