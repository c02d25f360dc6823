"""What the paper Nado says of its clock and of isolated subaccounts, in the shapes that the venue documents."""

import json

from solvent.paper.clock import SetClock
from solvent.paper.up import Setting, build
from solvent.paper.wire import Request

NOW = 1_795_000_000_000


def asked(world, path, body):
    return json.loads(world.handle("nado", Request("POST", path, body=json.dumps(body).encode())).body)


def test_the_order_nonce_is_the_venues_clock_and_a_hundred_seconds_above_twenty_bits():
    world = build(Setting(venues=["nado"], seed=1), SetClock(NOW))
    address = world.venues["nado"].funded()[0]["address"]
    nonces = asked(world, "/engine/v1/query", {"type": "nonces", "address": address})["data"]
    assert int(nonces["order_nonce"]) >> 20 == NOW + 100_000


def test_isolated_subaccounts_are_rows_with_their_parent_and_product():
    world = build(Setting(venues=["nado"], seed=1), SetClock(NOW))
    clearing = world.venues["nado"].clearing
    parent = next(sub for sub in clearing.subs.values() if sub.exists and not sub.name.endswith("6e6c7000"))
    made = clearing.isolated_for(parent, 4)
    rows = asked(world, "/indexer/v1", {"isolated_subaccounts": {"subaccount": parent.name}})
    (row,) = rows["isolated_subaccounts"]
    assert (row["subaccount"], row["isolated_subaccount"], row["product_id"]) == (parent.name, made.name, 4)
    assert made.name.startswith(parent.address)
    assert made.name.endswith(b"iso".hex())
