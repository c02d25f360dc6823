"""The official Hyperliquid SDK's part of bench/venues.py. Runs in its environment; imports nothing of ours."""

import json
import sys
import time

from eth_account import Account
from hyperliquid.exchange import Exchange
from hyperliquid.utils.signing import (
    get_timestamp_ms,
    order_request_to_order_wire,
    order_wires_to_order_action,
    sign_l1_action,
)


def main(task):
    wallet = Account.from_key(task["account"]["private_key"])
    client = Exchange(wallet, task["url"], meta=None, spot_meta={"universe": [], "tokens": []})
    sent, signed = [], []
    kind = {"limit": {"tif": "Alo"}}
    for number in range(task["orders"] + 5):
        began = time.perf_counter()
        answer = client.order("BTC", True, 0.01, 55_000.0, kind)
        took = time.perf_counter() - began
        if number >= 5:
            sent.append(took)
        client.cancel("BTC", answer["response"]["data"]["statuses"][0]["resting"]["oid"])
        time.sleep(task["gap_s"])
    asked = {"coin": "BTC", "is_buy": True, "sz": 0.01, "limit_px": 55_000.0, "order_type": kind}
    for _ in range(task["orders"]):
        began = time.perf_counter()
        wire = order_request_to_order_wire({**asked, "reduce_only": False}, 0)
        action = order_wires_to_order_action([wire])
        sign_l1_action(wallet, action, None, get_timestamp_ms(), None, False)
        signed.append(time.perf_counter() - began)
    return {"sent": sent, "signed": signed}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
