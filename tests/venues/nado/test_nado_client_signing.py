"""What the client signs and sends, beside what the venue's own SDK signs and sends for the same numbers."""

import json
import pickle
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from solvent.core.errors import BadInput
from solvent.core.facts import OrderRequest
from solvent.venues.keys import Secret
from solvent.venues.nado import orders, x18
from solvent.venues.nado.sign import TYPES, Domain, Signer
from solvent.venues.nado.subaccounts import named_subaccount
from solvent.venues.ports import NewOrder

VECTORS = json.loads((Path(__file__).parent / "nado_signature_vectors.json").read_bytes())
ENDPOINT = "0x698d87105274292b5673367dec81874ce3633ac2"


def named(row):
    return f"{row['name']} {row['key'][-4:]}"


def appendix_of(row):
    given = row["terms"]
    margin = given.get("isolated_margin", 0)
    trigger = given.get("trigger_type", 0)
    tif = orders.TIFS[given["order_type"]]
    return orders.Appendix(tif, given.get("isolated", False), given.get("reduce_only", False), trigger, margin)


@pytest.mark.parametrize("row", VECTORS["orders"], ids=named)
def test_an_order_has_the_sdks_digest_signature_and_body(row):
    signer, domain = Signer(Secret(row["key"])), Domain(row["chain_id"], ENDPOINT)
    terms = orders.Terms(
        row["product_id"], row["sender"], int(row["priceX18"]), int(row["amount"]), appendix_of(row)
    )
    message = terms.message(int(row["expiration"]), int(row["nonce"]))
    digest = domain.order_digest(row["product_id"], message)
    assert "0x" + digest.hex() == row["digest"]
    signature = signer.sign(digest)
    assert signature == row["signature"]
    sent = msgspec.json.decode(msgspec.json.encode(terms.body(message, signature, row["digest"])))
    assert sent.pop("digest") == row["digest"]
    assert sent == row["body"]
    assert row["sender"].startswith(signer.address)


@pytest.mark.parametrize("row", VECTORS["messages"], ids=named)
def test_every_other_message_has_the_sdks_digest_and_signature(row):
    message = {
        name: int(value) if name in ("nonce", "amount", "expiration", "recvTime") else value
        for name, value in row["message"].items()
    }
    digest = Domain(row["chain_id"], row["endpoint"]).digest(row["name"], message)
    assert "0x" + digest.hex() == row["digest"]
    assert Signer(Secret(row["key"])).sign(digest) == row["signature"]


def test_the_vectors_cover_every_message_that_is_signed():
    assert {row["name"] for row in VECTORS["messages"]} | {"Order"} == set(TYPES)


def test_every_appendix_is_the_sdks_and_reads_back():
    for kind, isolated, reduce_only, trigger, margin, packed in VECTORS["appendixes"]:
        made = orders.Appendix(orders.TIFS[kind], isolated, reduce_only, trigger, int(margin or 0))
        assert made.packed == int(packed)
        assert orders.Appendix.of(int(packed)) == made


def new(price="62000", size="0.1", *, margin=None, side="buy", kind="limit", trigger=None, reduce_only=False):
    request = OrderRequest(
        symbol="BTC-PERP",
        side=side,
        order_type=kind,
        quantity=size,
        price=price,
        trigger_price=trigger,
        reduce_only=reduce_only,
    )
    return NewOrder(request=request, isolated_margin=margin)


SENDER = "0x" + "11" * 20 + b"default".hex().ljust(24, "0")


def terms(order):
    return orders.terms_of(order, 2, SENDER, Decimal(order.request.price or "1"), "gtc")


@pytest.mark.parametrize(
    ("price", "size", "wire"),
    [
        ("62000", "0.1", (62000 * 10**18, 10**17)),
        ("62000.10", "0.10", (620001 * 10**17, 10**17)),
        ("0.000000000000000001", "1E+3", (1, 10**21)),
        ("1.1", "99999999999999999999.000000000000000001", (11 * 10**17, 99999999999999999999 * 10**18 + 1)),
    ],
)
def test_numbers_go_out_exact(price, size, wire):
    made = terms(new(price, Decimal(size)))
    assert (made.price, made.amount) == wire
    assert terms(new(price, Decimal(size), side="sell")).amount == -wire[1]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (new("0.0000000000000000001"), "price"),
        (new(size="0.0000000000000000001"), "quantity"),
        (new(size=Decimal(2**127) / 10**18 + 1), "quantity"),
        (new(margin=Decimal("0.0000001")), "isolated_margin"),
        (new(margin=Decimal(-1)), "isolated_margin"),
        (new(margin=Decimal(2**64)), "isolated_margin"),
    ],
)
def test_what_does_not_fit_the_venues_integers_is_refused_and_never_rounded(order, field):
    with pytest.raises(BadInput) as error:
        terms(order)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("side", "kind", "watched"),
    [
        ("sell", "stop_market", "oracle_price_below"),
        ("sell", "take_profit_limit", "oracle_price_above"),
        ("buy", "stop_limit", "oracle_price_above"),
        ("buy", "take_profit_market", "oracle_price_below"),
    ],
)
def test_a_trigger_waits_on_the_side_of_its_kind(side, kind, watched):
    made = terms(new(side=side, kind=kind, trigger="61000.5", reduce_only=True))
    assert made.trigger == {"price_trigger": {"price_requirement": {watched: "61000500000000000000000"}}}
    assert (made.appendix.trigger, made.appendix.reduce_only, made.appendix.isolated) == (1, True, False)


@pytest.mark.parametrize("margin", [0, 500])
def test_an_isolated_order_carries_its_margin_with_six_decimals(margin):
    made = terms(new(margin=Decimal(margin)))
    assert made.appendix.isolated
    assert made.appendix.packed >> 64 == margin * 10**6


@pytest.mark.parametrize(
    ("base", "quote", "price"),
    [
        (10**17, -6200400000000000000000, "62004"),
        (736 * 10**15, 20272409 * 10**15, "27544.03396739130435"),
        (723999999999999999, 19938960000000000000001, "27540"),
        (1230000000000000000, 15129 * 10**11, "0.00123"),
        (-1, 3, "3"),
    ],
)
def test_the_price_of_a_match_is_the_one_its_cut_amounts_came_from(base, quote, price):
    assert x18.price_of(base, quote) == Decimal(price)


def test_a_key_never_shows_itself():
    key = "0x" + "ab" * 32
    signer = Signer(Secret(key))
    assert key[2:] not in f"{signer!r}{signer}"
    with pytest.raises(TypeError):
        pickle.dumps(signer)
    with pytest.raises(BadInput) as error:
        Signer(Secret("ab" * 31 + "zz"))
    assert "ab" * 31 not in str(error.value)


@pytest.mark.parametrize(
    ("account", "found"),
    [
        ("0x" + "AB" * 20, "0x" + "ab" * 20 + b"default".hex() + "00" * 5),
        ("0x" + "ab" * 20 + "/main", "0x" + "ab" * 20 + b"main".hex() + "00" * 8),
        ("0x" + "ab" * 20 + "/", "0x" + "ab" * 20 + "00" * 12),
        ("0x" + "cd" * 32, "0x" + "cd" * 32),
    ],
)
def test_an_account_is_an_address_a_name_or_an_id(account, found):
    assert named_subaccount(account) == found


@pytest.mark.parametrize(
    "account", ["", "0x", "0x12", "alice", "0x" + "ab" * 20 + "/a name too long", "0x" + "g" * 40]
)
def test_what_is_no_account_is_refused(account):
    with pytest.raises(BadInput) as error:
        named_subaccount(account)
    assert error.value.field == "account"
