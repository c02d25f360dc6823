"""The account summary of a 10-position Nado account: ours beside the official SDK, in one run.

Run it with the project's interpreter from the project's root; it starts the SDK's interpreter itself:

    python3 -m venv .venv-peers/nado
    .venv-peers/nado/bin/pip install nado-protocol==2.0.0
    .venv/bin/python bench/nado_summary.py

Both sides get the same account, each in its own decoded form: ours the wire structs and the manager made of
them, the SDK its pydantic objects and the manager made of these. The processes take turns, so that a busy
moment of the machine hits both; each turn is the median of many calls, and the ratio is the median over
turns. Neither side keeps a summary between calls.

"as the venue answers": the body lists all markets (20 perps, 7 spots, as the venue's ids suggest), 10 perps and
3 spots are held. "only what is held": the body lists nothing else.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-peers" / "nado" / "bin" / "python"
TURNS = 15
CALLS = 400
X18 = 10**18
POSITIONS = 10
SUBACCOUNT = "0x" + "5e" * 20 + "64656661756c740000000000"


def product(product_id: int, price: int, weights: tuple[int, int, int, int]) -> dict[str, Any]:
    names = ("long_weight_initial", "long_weight_maintenance", "short_weight_initial", "short_weight_maintenance")
    risk = {f"{name}_x18": str(weight * 10**15) for name, weight in zip(names, weights, strict=True)}
    book = dict.fromkeys(("size_increment", "price_increment_x18", "min_size", "collected_fees"), "0")
    state = dict.fromkeys(
        ("cumulative_funding_long_x18", "cumulative_funding_short_x18", "available_settle", "open_interest"), "0"
    )
    config = dict.fromkeys(
        (
            *("token", "interest_inflection_util_x18", "interest_floor_x18", "interest_small_cap_x18"),
            *("interest_large_cap_x18", "withdraw_fee_x18", "min_deposit_rate_x18"),
        ),
        "0",
    )
    spot_state = dict.fromkeys(
        (
            *("cumulative_deposits_multiplier_x18", "cumulative_borrows_multiplier_x18"),
            *("total_deposits_normalized", "total_borrows_normalized"),
        ),
        "0",
    )
    made = {
        "product_id": product_id,
        "oracle_price_x18": str(price),
        "risk": {**risk, "price_x18": str(price)},
        "book_info": book,
    }
    spot = {"config": config, "state": spot_state}
    return made | (spot if product_id % 2 or product_id == 0 else {"state": state})


def account(*, all_markets: bool) -> dict[str, Any]:
    """A bundle with plausible digits: sizes to 1e-9, prices and quote ledgers to 1e-18."""
    whole, altcoin = (1000, 1000, 1000, 1000), (900, 950, 1100, 1050)
    spots = [(0, 250_000 * X18, X18, whole), (1, 1_234_567_891 * 10**9, 95_902_581519162110000000, altcoin)]
    spots.append((3, 20_500_000_001 * 10**9, 4_667_739012646849500000, altcoin))
    spots += [(i, 0, (i + 1) * 1_922273247172640000, altcoin) for i in (5, 7, 9, 11)]
    perps = []
    for n in range(POSITIONS * 2):
        product_id, price = 2 + 2 * n, 90_000_123456789012345678 // 3**n + 271828182845904523
        size = 12_345_678_901 * 3**n * 10**6 * (-1) ** n if n % 2 == 0 or n > 9 else -(3**n) * 987_654_321 * 10**7
        size = size if n < POSITIONS else 0
        perps.append((product_id, size, price, altcoin))
    if not all_markets:
        spots, perps = [s for s in spots if s[1]], [p for p in perps if p[1]]
    ledgers = {p[0]: -p[1] * p[2] // X18 * 997 // 1000 for p in perps}
    info = {
        "subaccount": SUBACCOUNT,
        "exists": True,
        "health_contributions": [],
        "spot_count": len(spots),
        "perp_count": len(perps),
        "spot_balances": [{"product_id": i, "balance": {"amount": str(a)}} for i, a, _, _ in spots],
        "perp_balances": [
            {
                "product_id": i,
                "balance": {
                    "amount": str(a),
                    "v_quote_balance": str(ledgers[i]),
                    "last_cumulative_funding_x18": "0",
                },
            }
            for i, a, _, _ in perps
        ],
        "spot_products": [product(i, p, w) for i, _, p, w in spots],
        "perp_products": [product(i, p, w) for i, _, p, w in perps],
    }
    info["healths"] = [{"assets": "0", "liabilities": "0", "health": str(h)} for h in healths(info)]
    held = [(s, "spot_products") for s in spots if s[1]] + [(p, "perp_products") for p in perps if p[1]]
    return {"subaccount_info": info, "indexer_events": [event(row, info, kind) for row, kind in held]}


def healths(info: dict[str, Any]) -> list[int]:
    """The venue's own healths of the account, by the contract's rules written down a second time."""

    def mul(x: int, y: int) -> int:
        return abs(x * y) // X18 * (1 if x * y >= 0 else -1)

    found = [0, 0, 0]
    markets = {p["product_id"]: p for p in info["spot_products"] + info["perp_products"]}
    rows = {b["product_id"]: b["balance"] for b in info["spot_balances"] + info["perp_balances"]}
    for level, name in enumerate(("initial", "maintenance", "")):
        for product_id, row in rows.items():
            amount, risk = int(row["amount"]), markets[product_id]["risk"]
            side = "long" if amount >= 0 else "short"
            weight = int(risk[f"{side}_weight_{name}_x18"]) if name else X18
            price = int(markets[product_id]["oracle_price_x18"])
            found[level] += int(row.get("v_quote_balance", 0)) + mul(mul(amount, weight), price)
        for spot, perp in ((1, 2), (3, 4)) if name else ():
            sizes = [int(rows[product_id]["amount"]) for product_id in (spot, perp)]
            if sizes[0] * sizes[1] < 0:
                price = sum(int(markets[product_id]["oracle_price_x18"]) for product_id in (spot, perp))
                weights = [int(markets[i]["risk"][f"long_weight_{name}_x18"]) for i in (spot, perp)]
                leg = weights[1] if sizes[0] > 0 else weights[0]
                spread = min(X18 - (X18 - leg) // 5, (990, 994)[level] * 10**15)
                found[level] += mul(mul(min(map(abs, sizes)), price), spread - sum(weights) // 2)
    return found


def event(row: tuple[int, int, int, Any], info: dict[str, Any], kind: str) -> dict[str, Any]:
    product_id, amount, price, _ = row
    side, balances = kind.split("_")[0], kind.replace("products", "balances")
    balance = next(b for b in info[balances] if b["product_id"] == product_id)
    tracked = ("net_interest", "net_funding", "net_entry")
    return {
        "subaccount": SUBACCOUNT,
        "product_id": product_id,
        "submission_idx": "1",
        "timestamp": "1761822000",
        "event_type": "match_orders",
        "product": {side: next(p for p in info[kind] if p["product_id"] == product_id)},
        "pre_balance": {side: balance},
        "post_balance": {side: balance},
        "isolated": False,
        **{f"{name}_{span}": "0" for name in tracked for span in ("unrealized", "cumulative")},
        "net_entry_unrealized": str(amount * price // X18 * 995 // 1000),
        "quote_volume_cumulative": "0",
    }


def ours(bundle: dict[str, Any]) -> dict[str, Callable[[], object]]:
    from solvent.nado import MarginManager
    from solvent.venues.nado import wire

    info = wire.read_subaccount_info(bundle["subaccount_info"])
    assert not MarginManager(info).calculate_account_summary().differences
    events = wire.read_events(bundle["indexer_events"], None)
    manager = MarginManager(info, [], events)
    return {
        "summary": manager.calculate_account_summary,
        "manager and summary": lambda: MarginManager(info, [], events).calculate_account_summary(),
        "dicts to summary": lambda: MarginManager(
            bundle["subaccount_info"], [], bundle["indexer_events"]
        ).calculate_account_summary(),
    }


def theirs(bundle: dict[str, Any]) -> dict[str, Callable[[], object]]:
    from nado_protocol.engine_client.types.query import SubaccountInfoData
    from nado_protocol.indexer_client.types.models import IndexerEvent
    from nado_protocol.utils.margin_manager import MarginManager

    def decoded() -> tuple[Any, list[Any]]:
        info = SubaccountInfoData.model_validate(bundle["subaccount_info"])
        return info, [IndexerEvent.model_validate(event) for event in bundle["indexer_events"]]

    info, events = decoded()
    manager = MarginManager(info, [], events)

    def from_dicts() -> object:
        info, events = decoded()
        return MarginManager(info, [], events).calculate_account_summary()

    return {
        "summary": manager.calculate_account_summary,
        "manager and summary": lambda: MarginManager(info, [], events).calculate_account_summary(),
        "dicts to summary": from_dicts,
    }


def serve(side: str) -> None:
    """Answer each line on stdin (shape, task) with the median seconds of one call."""
    make = ours if side == "ours" else theirs
    tasks = {shape: make(account(all_markets=shape == "all")) for shape in ("all", "held")}
    for line in sys.stdin:
        shape, task = line.strip().split("|")
        call = tasks[shape][task]
        taken = []
        for _ in range(CALLS):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
        print(statistics.median(taken), flush=True)


def main() -> None:
    if not PEER.exists():
        sys.exit(f"{PEER} is missing: run `make peers` first (see the top of this file)")
    sides = [
        subprocess.Popen([python, __file__, side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for python, side in ((sys.executable, "ours"), (str(PEER), "theirs"))
    ]

    def ask(side: subprocess.Popen[str], question: str) -> float:
        assert side.stdin is not None
        assert side.stdout is not None
        side.stdin.write(question + "\n")
        side.stdin.flush()
        return float(side.stdout.readline())

    print(f"Nado account summary, {POSITIONS} open perps with events; microseconds, median of {TURNS} turns")
    for shape, title in (("all", "as the venue answers"), ("held", "only what is held")):
        for task in ("summary", "manager and summary", "dicts to summary"):
            turns = [[ask(side, f"{shape}|{task}") for side in sides] for _ in range(TURNS)]
            mine, peers = (statistics.median(column) * 1e6 for column in zip(*turns, strict=True))
            ratio = statistics.median(peer / own for own, peer in turns)
            print(f"  {title:22} {task:20} solvent {mine:7.1f}   nado-protocol {peers:7.1f}   {ratio:5.1f}x")
    for side in sides:
        assert side.stdin is not None
        side.stdin.close()
        side.wait()


if __name__ == "__main__":
    serve(sys.argv[1]) if len(sys.argv) > 1 else main()
