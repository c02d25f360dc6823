"""Decode and evaluate a Hyperliquid bundle of 45 cross positions: median milliseconds of each step."""

import random
import time
from statistics import median

import msgspec

from solvent.margin.evaluate import evaluate
from solvent.margin.venues import rules_for
from solvent.venues.hyperliquid.bundle import read

POSITIONS = 45
ROUNDS = 30


def bundle() -> bytes:
    """A plausible account, the same at every run."""
    draw = random.Random(45)
    universe, rows, total, signed = [], [], 0, 0
    for number in range(POSITIONS):
        most = draw.choice((40, 25, 20, 10))
        universe.append(
            {
                "name": f"C{number}",
                "szDecimals": 2,
                "maxLeverage": most,
                "marginTableId": 51 if most == 10 else most,
            }
        )
        size = draw.randint(-50_000, 50_000) or 1
        price = draw.randint(1_000, 90_000)
        value = abs(size) * price
        total, signed = total + value, signed + size * price
        rows.append(
            {
                "type": "oneWay",
                "position": {
                    "coin": f"C{number}",
                    "szi": f"{size / 100:.2f}",
                    "leverage": {"type": "cross", "value": 5},
                    "entryPx": f"{price / 100:.2f}",
                    "positionValue": f"{value / 10_000:.4f}",
                    "unrealizedPnl": "0.0",
                    "returnOnEquity": "0.0",
                    "liquidationPx": None,
                    "marginUsed": f"{value / 50_000:.6f}",
                    "maxLeverage": most,
                },
            }
        )
    cash = total - signed
    summary = {
        "accountValue": f"{total / 10_000:.4f}",
        "totalNtlPos": f"{total / 10_000:.4f}",
        "totalRawUsd": f"{cash / 10_000:.4f}",
        "totalMarginUsed": f"{total / 50_000:.6f}",
    }
    tables = [
        [
            51,
            {
                "description": "",
                "marginTiers": [
                    {"lowerBound": "0.0", "maxLeverage": 10},
                    {"lowerBound": "3000000.0", "maxLeverage": 5},
                ],
            },
        ]
    ]
    state = {
        "marginSummary": summary,
        "crossMarginSummary": summary,
        "crossMaintenanceMarginUsed": "0.0",
        "withdrawable": "0.0",
        "assetPositions": rows,
        "time": 1_790_000_000_000,
    }
    body = {
        "clearinghouseState": state,
        "meta": {"universe": universe, "marginTables": tables},
        "userAbstraction": "disabled",
        "openOrders": [],
    }
    return msgspec.json.encode(body)


def main() -> None:
    data = bundle()
    decode, judge = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        account = read(data)
        between = time.perf_counter()
        evaluate(rules_for(account))
        end = time.perf_counter()
        decode.append((between - start) * 1000)
        judge.append((end - between) * 1000)
    print(f"hyperliquid, {POSITIONS} positions, median of {ROUNDS}:")
    print(f"  decode {median(decode):.2f} ms, evaluate {median(judge):.2f} ms")


if __name__ == "__main__":
    main()
