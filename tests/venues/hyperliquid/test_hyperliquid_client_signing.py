"""The bytes, hashes and signatures of the venue's own SDK (0.24.0), for fixed keys and nonces."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest, OrderSide
from solvent.venues.failures import NotSupported
from solvent.venues.hyperliquid import encode
from solvent.venues.hyperliquid.rest import MAINNET, TESTNET, host_of
from solvent.venues.hyperliquid.sign import Signer, action_hash
from solvent.venues.keys import Secret
from solvent.venues.stated import InstrumentTerms

VECTORS = json.loads((Path(__file__).parent / "signature_vectors.json").read_text())
SUB = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
CLOID = "0x501e00000000000000000000deadbeef"


def terms(decimals, places=6):
    return InstrumentTerms(
        instrument="X",
        size_step=Decimal(1).scaleb(-decimals),
        max_significant=5,
        max_decimals=places - decimals,
        settle="USDC",
    )


def order(asset, side, size, price, *, tif="gtc", kind="limit", trigger=None, cloid=None, reduce=False, at=None):
    request = OrderRequest(
        symbol="X",
        side=side,
        order_type=kind,
        quantity=size,
        price=price,
        trigger_price=trigger,
        reduce_only=reduce,
    )
    return encode.order_wire(asset, request, at or terms(4), tif=tif, price=Decimal(price), client_id=cloid)


def ours():
    """The same actions as the vectors', written by our own encoder from Decimals."""
    plain = encode.place_action([order(1, "buy", "0.1", "2000.0")])
    return {
        "plain": encode.place_action([order(1, "buy", "0.0147", "1670.1")]),
        "trailing zeros": encode.place_action([order(0, "buy", "100.000", "50000.00", cloid=CLOID)]),
        "tiny price": encode.place_action(
            [order(12, "sell", "123456789", "0.00000123", tif="post_only", at=terms(0, 8))]
        ),
        "big size": encode.place_action(
            [order(9, "sell", "98765432101", "0.000001", tif="ioc", reduce=True, at=terms(0))]
        ),
        "dex asset": encode.place_action([order(110003, "buy", "1.50", "193.25", cloid=CLOID, at=terms(2))]),
        "spot asset": encode.place_action([order(10107, "buy", "1.05", "12.346", at=terms(2, 8))]),
        "stop market": encode.place_action(
            [order(0, "sell", "0.5", "45000", kind="stop_market", trigger="50000", cloid=CLOID, reduce=True)]
        ),
        "take profit limit": encode.place_action(
            [order(4, "buy", "3", "2.5", kind="take_profit_limit", trigger="2.40")]
        ),
        "vault": plain,
        "expiry": plain,
        "vault and expiry": plain,
        "cancel": encode.cancel_action([(1, 82382), (110003, 2**40)]),
        "cancel by cloid": encode.cancel_by_client_id_action(1, CLOID),
        "leverage": encode.leverage_action(1, 21, cross=True),
        "leverage isolated": encode.leverage_action(128, 3, cross=False),
        "margin added": encode.margin_action(4, Decimal("1.000000")),
        "margin taken": encode.margin_action(4, Decimal("-123.456789")),
        "schedule": encode.schedule_action(1700000060000),
        "unschedule": encode.schedule_action(None),
        "sub transfer": encode.sub_account_transfer_action(SUB, Decimal(10), deposit=True),
        "batch": encode.place_action(
            [
                order(0, "buy", "0.001", "12345"),
                order(1, "sell", "10.25", "1999.9", cloid=CLOID),
            ]
        ),
        "nonce edge": {"type": "noop"},
    }


@pytest.mark.parametrize("vector", VECTORS["l1"], ids=lambda v: f"{v['name']}-{v['mainnet']}")
def test_actions_are_written_hashed_and_signed_as_the_venues_sdk_does(vector):
    action = ours()[vector["name"]]
    assert json.dumps(action) == json.dumps(vector["action"])  # the order of the keys counts
    given = {"vault": vector["vault"], "expires_after": vector["expires"]}
    assert "0x" + action_hash(action, vector["nonce"], **given).hex() == vector["hash"]
    signer = Signer(Secret(vector["key"]))
    assert signer.l1(action, vector["nonce"], mainnet=vector["mainnet"], **given) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["user"], ids=lambda v: f"{v['name']}-{v['mainnet']}")
def test_what_users_sign_field_by_field_is_signed_as_the_venues_sdk_does(vector):
    bare = {k: v for k, v in vector["action"].items() if k not in ("signatureChainId", "hyperliquidChain")}
    sent, signature = Signer(Secret(vector["key"])).user(bare, mainnet=vector["mainnet"])
    assert sent == vector["action"]
    assert signature == vector["signature"]


@pytest.mark.parametrize(("given", "wire"), VECTORS["numbers"])
def test_numbers_are_written_as_the_venues_sdk_writes_them(given, wire):
    assert encode.wire_number(Decimal(given), "n") == wire


@pytest.mark.parametrize("given", ["0.000000001", "1.123456789", "-1", "NaN", "Infinity", "1e21"])
def test_a_number_that_the_wire_would_cut_is_refused(given):
    with pytest.raises(BadInput):
        encode.wire_number(Decimal(given), "n")


@pytest.mark.parametrize(
    ("price", "decimals", "fits"),
    [
        ("123456", 5, True),  # whole numbers always
        ("12345.6", 5, False),
        ("1234.5", 5, True),
        ("1234.56", 3, False),
        ("0.001234", 0, True),
        ("0.0012345", 0, False),
        ("0.01234", 1, True),
        ("0.012345", 1, False),
        ("99999.0", 5, True),
    ],
)
def test_a_price_of_too_many_figures_never_leaves(price, decimals, fits):
    if fits:
        assert Decimal(encode.checked_price(Decimal(price), terms(decimals))) == Decimal(price)
    else:
        with pytest.raises(BadInput, match="significant"):
            encode.checked_price(Decimal(price), terms(decimals))


def test_the_worst_price_of_a_market_order_is_never_worse_than_asked():
    for mid in ("67123.5", "0.0123456", "1.99995", "150000.5"):
        for side, worst in (("buy", Decimal("1.05")), ("sell", Decimal("0.95"))):
            found = encode.worst_price(Decimal(mid), OrderSide(side), Decimal("0.05"), terms(2))
            bound = Decimal(mid) * worst
            assert found <= bound if side == "buy" else found >= bound
            assert abs(found - bound) <= max(bound / 5000, Decimal("0.0001"))
            encode.checked_price(found, terms(2))


def test_a_size_between_two_steps_and_a_time_in_force_that_is_not_there_are_refused():
    with pytest.raises(BadInput, match=r"multiple of 0\.001"):
        encode.checked_size(Decimal("0.0015"), terms(3))
    with pytest.raises(NotSupported, match="tifs"):
        order(0, "buy", "1", "10", tif="fok")
    with pytest.raises(BadInput, match="trigger_price"):
        order(0, "buy", "1", "10", kind="stop_market")
    with pytest.raises(BadInput, match="6 decimals"):
        encode.margin_action(0, Decimal("0.0000001"))


def test_a_key_shows_its_address_and_nothing_else():
    key = VECTORS["l1"][0]["key"]
    signer = Signer(Secret(key))
    assert repr(signer) == f"Signer({signer.address})"
    assert Signer(Secret(key[2:])).address == signer.address
    for bad in ("0x12", "0x" + "zz" * 32, "0x" + "00" * 32, "0x" + "ff" * 32):
        with pytest.raises(BadInput) as caught:
            Signer(Secret(bad))
        assert bad[2:] not in str(caught.value)


def test_only_the_main_network_gets_its_signatures():
    assert host_of(None, testnet=False) == (MAINNET, True)
    assert host_of(None, testnet=True) == (TESTNET, False)
    assert host_of(MAINNET + "/", testnet=False) == (MAINNET, True)
    assert host_of(TESTNET, testnet=False) == (TESTNET, False)
    assert host_of("http://127.0.0.1:3000/hyperliquid", testnet=False)[1] is False
    with pytest.raises(BadInput):
        host_of(MAINNET, testnet=True)
    with pytest.raises(BadInput):
        host_of("http://api.hyperliquid.xyz", testnet=False)
