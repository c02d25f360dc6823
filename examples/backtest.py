"""A backtest through the gate on a clock of its own: P&L by day, and MAE and MFE of every trade.

A toy breakout strategy on a made-up walk. What matters is that the same gate, tracker and limits that trade live
run here, on simulated time.
"""

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal

from solvent import Fill, OrderRequest, PositionTracker, RiskConfig, RiskManager

START_MS = 1_735_689_600_000  # 2025-01-01
BAR_MS = 15 * 60_000
DAYS = 5
BALANCE = Decimal(10_000)
SIZE = Decimal("0.05")
LOOK_BACK = 16
FEE_RATE = Decimal("0.00045")


class Clock:
    """Simulated time, in milliseconds."""

    def __init__(self) -> None:
        self.now = START_MS

    def __call__(self) -> int:
        return self.now


class Backtest:
    def __init__(self) -> None:
        self.clock = Clock()
        self.tracker = PositionTracker(clock=self.clock)
        config = RiskConfig(
            max_position_size_usd=10_000,
            max_position_size_percent=1,
            max_exposure_percent=1,
            max_consecutive_losses=4,
            circuit_breaker_cooldown_minutes=120,
        )
        self.risk = RiskManager(config, initial_balance=BALANCE, tracker=self.tracker, clock=self.clock)
        self.fills = 0
        self.refused: dict[str, int] = {}
        self.daily: dict[str, Decimal] = {}

    async def trade(self, side: str, price: Decimal) -> None:
        """Ask the gate; what it approves fills at once, at the price."""
        order = OrderRequest(symbol="BTC", side=side, order_type="limit", quantity=SIZE, price=price)
        decision = await self.risk.check_order(order)
        if not decision.approved:
            self.refused[decision.code] = self.refused.get(decision.code, 0) + 1
            return
        self.fills += 1
        order_id = f"o{self.fills}"
        self.risk.mark_sent(decision.client_id)
        self.risk.mark_live(decision.client_id, order_id)
        fee = SIZE * price * FEE_RATE
        fill = Fill(
            id=f"f{self.fills}", order_id=order_id, symbol="BTC", side=side, quantity=SIZE, price=price, fee=fee
        )
        await self.tracker.update_from_fill(fill)

    async def run(self) -> None:
        draw, price, seen = random.Random(2025), Decimal(50_000), []
        for _ in range(DAYS * 96):
            self.clock.now += BAR_MS
            price = (price * Decimal(str(1 + draw.gauss(0, 0.003)))).quantize(Decimal(1))
            self.risk.update_market_price("BTC", price)
            self.tracker.update_market_price("BTC", price)
            if self.risk._state.circuit_breaker_tripped:
                self.risk.reset_circuit_breaker("backtest: the cooldown is enough")
            position = self.tracker.get_position("BTC")
            recent = seen[-LOOK_BACK:]
            if len(recent) == LOOK_BACK and position is None and price > max(recent):
                await self.trade("buy", price)
            elif position is not None and price < min(recent[-4:]):
                await self.trade("sell", price)
            seen.append(price)
            day = datetime.fromtimestamp(self.clock.now / 1000, UTC).date().isoformat()
            self.daily[day] = self.risk.status["day_pnl"]

    def report(self) -> None:
        print("day          P&L")
        for day, pnl in self.daily.items():
            print(f"{day}  {Decimal(pnl or 0):>9.2f}")
        print("\ntrade    entry     exit       P&L       MAE       MFE")
        for number, trade in enumerate(self.tracker.closed_positions, 1):
            figures = (trade.net_pnl, trade.max_adverse_excursion, trade.max_favorable_excursion)
            shown = "".join(f"{x:>10.2f}" for x in figures)
            print(f"{number:>5} {trade.entry_price:>8.0f} {trade.exit_price:>8.0f}{shown}")
        still = self.tracker.get_total_unrealized_pnl()
        print(f"\nopen at the end: {still:.2f} unrealised")
        refused = ", ".join(f"{code} {count}" for code, count in self.refused.items()) or "none"
        print(f"refused by the gate: {refused}")


if __name__ == "__main__":
    backtest = Backtest()
    asyncio.run(backtest.run())
    backtest.report()
