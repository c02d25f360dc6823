"""The official Nado SDK trades random accounts on paper and sums each up: one JSON line per account."""

import json
import random
import sys
import time

from eth_account import Account
from nado_protocol.engine_client.types.execute import TransferQuoteParams
from nado_protocol.utils.bytes32 import subaccount_to_hex
from nado_protocol.utils.exceptions import ExecuteFailedException
from nado_protocol.utils.margin_manager import MarginManager
from nado_protocol.utils.math import to_x18

from conformance.cases import Place, expect
from conformance.peers.nado_sdk import IOC, ONE, Desk

PAUSE_S = 0.8
"""Between accounts: the gateway counts the requests of one address."""


class Kept:
    """The SDK's own client, whose answers are kept: both sides sum up the same bodies."""

    def __init__(self, client):
        self.context, self.kept = client.context, {}
        for holder, name in (
            (self.context.engine_client, "get_subaccount_info"),
            (self.context.engine_client, "get_isolated_positions"),
            (self.context.indexer_client, "get_multi_subaccount_snapshots"),
        ):
            setattr(holder, name, self.keeping(getattr(holder, name), name))

    def keeping(self, call, name):
        def kept(*given, **more):
            self.kept[name] = call(*given, **more)
            return self.kept[name]

        return kept


def trade(desk, draw, worth):
    """One order; a refusal is as good as a fill."""
    product = draw.choice(list(desk.products))
    size = worth * draw.uniform(0.2, 2.5) / (desk.oracle(product) / ONE)
    side = draw.choice((1, -1))
    try:
        if draw.random() < 0.3:
            margin = int(worth * draw.uniform(0.1, 0.3)) * 10**6
            lots = side * desk.lots(size, product)
            price = desk.price(1 + side * 0.01, product)
            desk.order(lots, price, IOC, product, isolated=True, margin=margin)
        else:
            desk.order(side * desk.lots(size, product), desk.price(1 + side * 0.02, product), IOC, product)
    except Exception as raised:
        expect("error_code" in str(raised) and '"error_code":1000' not in str(raised), raised)


def fund(sources, sub, worth):
    """The venue lets each account send to a few new ones a day: the first that may still do so pays."""
    while True:
        source = sources[0]
        try:
            asked = TransferQuoteParams(sender=source.sub, recipient=sub, amount=int(to_x18(worth)))
            source.client.spot.transfer_quote(asked)
            return
        except ExecuteFailedException as raised:
            expect(any(f'"error_code":{code}' in str(raised) for code in (2078, 2006, 2036)), raised)
            sources.pop(0)


def main(place, count, seed):
    draw = random.Random(seed)
    sources = [Desk(place, "alice"), Desk(place, "bob")]
    for number in range(count):
        time.sleep(PAUSE_S)
        key = f"0x{draw.getrandbits(248):064x}"
        sub = subaccount_to_hex(Account.from_key(key).address, "default")
        worth = draw.choice((150, 700, 2_500))
        fund(sources, sub, 15_000 if number < 10 else worth)
        desk = Desk(place, key=key)
        if number < 10:
            sources.append(desk)
        for _ in range(draw.choice((0, 1, 2, 3, 4))):
            trade(desk, draw, worth)
        client = Kept(desk.client)
        summary = MarginManager.from_client(client, subaccount=sub).calculate_account_summary()
        told = {name: json.loads(body.model_dump_json()) for name, body in client.kept.items()}
        snapshots = told["get_multi_subaccount_snapshots"]["snapshots"]
        events = [e for times in snapshots.values() for rows in times.values() for e in rows]
        row = {
            "number": number,
            "summary": json.loads(summary.model_dump_json()),
            "info": told["get_subaccount_info"],
            "isolated": told["get_isolated_positions"]["isolated_positions"],
            "events": events,
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(Place.read(json.loads(sys.argv[1])["calm"]), int(sys.argv[2]), int(sys.argv[3]))
