"""What a decision costs: median and 99th percentile with 20 open positions, margin checks on.

Beside it, where `.venv-peers/nautilus` is installed, NautilusTrader's RiskEngine (the version of
bench/peers/nautilus.txt, and no word on others) checking a limit order against a largest notional per order. Its
engine answers yes or no after the few checks it has for the account's kind; ours runs every check each time and
gives a verdict for each. So the times say what an order waits, not which of two equal things is faster.
"""

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from solvent import Account, AuditLogger, OrderRequest, OrderSide, OrderType, RiskConfig, RiskManager, Venue
from solvent.core.account import Instrument, Mode, Pool, Position, Side
from solvent.core.tiers import continuous_tiers
from solvent.risk.gate import decide
from solvent.risk.situation import EXACT

POSITIONS = 20
ROUNDS = 20_000
TURNS = 7
PEER_ROUNDS = 2_000
PEER = Path(__file__).resolve().parent.parent / ".venv-peers" / "nautilus" / "bin" / "python"
PEER_SCRIPT = Path(__file__).with_name("gate_nautilus.py")
NOTES = {"margin": "its limit is not applied here, see below", "cash": "its limit is applied"}
"""Of the peer's two kinds of account, as the outcomes below show."""
WIDE = {
    "max_position_size_usd": 10**9,
    "max_position_size_percent": 1000,
    "max_order_notional": 10**9,
    "max_order_percent": 1000,
    "max_open_orders": 10**6,
    "max_total_exposure": 10**9,
    "max_exposure_percent": 1000,
    "max_positions": 100,
    "max_leverage": 100,
    "max_orders_per_minute": 10**6,
    "max_mark_age_seconds": 3600,
    "max_margin_age_seconds": 3600,
    "min_liquidation_distance": "0.01",
}


def account() -> Account:
    """A plausible account, the same at every run."""
    draw = random.Random(20)
    held, instruments, value = [], {}, Fraction(0)
    for number in range(POSITIONS):
        name, most = f"C{number}", draw.choice((40, 25, 20, 10))
        price = Fraction(draw.randint(1_000, 90_000), 100)
        size = Fraction(draw.randint(-500, 500) or 1, 100)
        rows = [(Fraction(0), Fraction(1, 2 * most), Fraction(most))]
        rows += [(Fraction(150_000), Fraction(1, most), Fraction(most, 2))]
        tiers = continuous_tiers(rows)
        instruments[name] = Instrument(name=name, underlying=name, price=price, tiers=tiers)
        held.append(
            Position(
                instrument=name,
                size=size,
                price=price,
                entry=price,
                leverage=Fraction(5),
                max_leverage=Fraction(most),
                side=Side.of(size),
            )
        )
        value += size * price
    pool = Pool(name="cross", mode=Mode.CROSS, cash=Fraction(50_000) - value, positions=tuple(held))
    return Account(
        venue=Venue.HYPERLIQUID,
        as_of=None,
        pools=(pool,),
        instruments=instruments,
        orders=(),
        terms={"abstraction": "disabled"},
    )


def order(symbol: str = "C3", price: str | None = None) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=OrderSide.BUY,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        quantity=Decimal("0.05"),
        price=None if price is None else Decimal(price),
    )


def gate(folder: str | None, durability: str = "group", margin: bool = True, **limits: int) -> RiskManager:
    audit = None if folder is None else AuditLogger(folder, durability=durability)
    risk = RiskManager(RiskConfig(**(WIDE | limits)), audit, 50_000, control=False)
    if margin:
        risk.attach_margin(account())
    else:
        for position in account().pools[0].positions:
            risk.update_market_price(position.instrument, str(float(position.price)))
    return risk


def timed(name: str, act: Callable[[], object], rounds: int = ROUNDS) -> None:
    times = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        act()
        times.append(time.perf_counter_ns() - start)
    show(name, times)


def show(name: str, nanoseconds: list[int]) -> None:
    p99 = quantiles(nanoseconds, n=100)[98]
    print(f"{name}: {median(nanoseconds) / 1000:.1f} us median, {p99 / 1000:.1f} us p99")


async def concurrent(name: str, folder: str, durability: str, tasks: int) -> None:
    """`check_order` by several tasks at once; each order is released after its answer."""
    risk, times = gate(folder, durability), []
    mark = risk.preview_order(order()).approved

    async def one() -> None:
        for _ in range(max(1, 600 // tasks)):
            start = time.perf_counter_ns()
            decision = await risk.check_order(order())
            times.append(time.perf_counter_ns() - start)
            assert decision.approved == mark, decision.reason
            risk.release(decision.client_id)

    await asyncio.gather(*(one() for _ in range(tasks)))
    show(name, times)


def main() -> None:
    risk = gate(None)
    limit = order(price=str(float(next(p for p in account().pools[0].positions if p.instrument == "C3").price)))
    assert risk.preview_order(limit).approved, risk.preview_order(limit).reason
    timed("preview_order, all checks with margin", lambda: risk.preview_order(limit))
    plain = gate(None, margin=False)
    limit_plain = order(price=str(limit.price))
    timed("preview_order, no margin report", lambda: plain.preview_order(limit_plain))
    situation = risk._decide(limit, "x", None, risk._desk.now_ms())[1]
    from decimal import localcontext

    with localcontext(EXACT):
        timed("the checks alone, on a made situation", lambda: decide(situation))
    with tempfile.TemporaryDirectory() as folder:
        for durability in ("os", "group", "always"):
            name = f"check_order, journal durability {durability}"
            asyncio.run(concurrent(f"{name}, one task", f"{folder}/{durability}1", durability, 1))
            asyncio.run(concurrent(f"{name}, 50 tasks", f"{folder}/{durability}50", durability, 50))
    peer()


def per_order(risk: RiskManager, asked: OrderRequest) -> float:
    """Microseconds of one `preview_order`: the mean of many, as the peer measures its own."""
    start = time.perf_counter()
    for _ in range(PEER_ROUNDS):
        risk.preview_order(asked)
    return (time.perf_counter() - start) / PEER_ROUNDS * 1e6


def limited(margin: bool) -> tuple[RiskManager, OrderRequest, OrderRequest]:
    """A gate whose one order may be worth 1,000, an order of 500 and one of 5,000,000."""
    risk = gate(None, margin=margin, max_order_notional=1_000)
    price = Decimal(str(float(next(p for p in account().pools[0].positions if p.instrument == "C3").price)))
    sizes = (Decimal(worth) / price for worth in (500, 5_000_000))
    small, large = (
        OrderRequest(symbol="C3", side="buy", order_type="limit", quantity=round(size, 2), price=price)
        for size in sizes
    )
    assert risk.preview_order(small).approved, risk.preview_order(small).reason
    return risk, small, large


def peer() -> None:
    """The same kind of decision on both sides, in turns: a limit order of 500 at a limit of 1,000 per order."""
    if not PEER.exists():
        print("NautilusTrader: skipped (.venv-peers/nautilus is not installed: run `make peers`)")
        return
    gates = {"every check, margin after the fill": limited(True), "every check, no margin report": limited(False)}
    mine: dict[str, list[float]] = {name: [] for name in gates}
    theirs: list[dict[str, Any]] = []
    for _ in range(TURNS):
        done = subprocess.run([str(PEER), str(PEER_SCRIPT)], capture_output=True, text=True, check=True)
        theirs.append(json.loads(done.stdout))
        for name, (risk, small, _) in gates.items():
            mine[name].append(per_order(risk, small))
    version, outcomes = theirs[0]["version"], theirs[0]["outcome"]
    print(f"a limit order of 500 at a limit of 1,000 per order, median of {TURNS} turns:")
    for kind, note in NOTES.items():
        rate(
            f"NautilusTrader {version} RiskEngine, {kind} account ({note})",
            [t["microseconds"][kind] for t in theirs],
        )
    for name, times in mine.items():
        rate(f"solvent preview_order, {name}", times)
        for kind in NOTES:
            ratio = median(own / t["microseconds"][kind] for own, t in zip(times, theirs, strict=True))
            print(f"    takes {ratio:.1f} times what the peer's {kind} account takes")
    print("a limit order of 5,000,000 at a limit of 1,000 per order:")
    for kind, outcome in outcomes.items():
        print(f"  NautilusTrader {version} RiskEngine, {kind} account: {outcome}")
    for name, (risk, _, large) in gates.items():
        decision = risk.preview_order(large)
        assert not decision.approved
        print(f"  solvent, {name}: refused: {decision.verdict('order_notional').code}")


def rate(name: str, times: list[float]) -> None:
    middle = median(times)
    print(f"  {name}: {middle:.1f} us per order, {1e6 / middle:,.0f} orders/s")


if __name__ == "__main__":
    sys.exit(main())
