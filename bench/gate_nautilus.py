"""NautilusTrader's RiskEngine alone: one limit order, checked before it leaves. Runs in the peer's interpreter.

The engine stands between the strategy and the execution engine of the peer; here a counter takes the place of
the execution engine, so that what the engine lets through, and what it denies, is seen. Its real message bus,
cache, portfolio and account are around it, and `max_notional_per_order` is set for the instrument.

Two accounts, since the engine treats them differently: a margin account, which perpetuals are traded on, and a
cash account, which shows that the limit is set as the peer wants it. Orders are made before the clock starts.

Prints one line of JSON: the version, microseconds per order, and what became of an order of 5,000,000 at a
limit of 1,000 on each account.
"""

import json
import time
from decimal import Decimal
from typing import Any

import nautilus_trader  # type: ignore[import-not-found]
from nautilus_trader.accounting.factory import AccountFactory  # type: ignore[import-not-found]
from nautilus_trader.cache.cache import Cache  # type: ignore[import-not-found]
from nautilus_trader.common.component import MessageBus, TestClock  # type: ignore[import-not-found]
from nautilus_trader.core.uuid import UUID4  # type: ignore[import-not-found]
from nautilus_trader.execution.messages import SubmitOrder  # type: ignore[import-not-found]
from nautilus_trader.model import enums, identifiers, objects  # type: ignore[import-not-found]
from nautilus_trader.model.events import AccountState  # type: ignore[import-not-found]
from nautilus_trader.model.orders import LimitOrder  # type: ignore[import-not-found]
from nautilus_trader.portfolio.portfolio import Portfolio  # type: ignore[import-not-found]
from nautilus_trader.risk.config import RiskEngineConfig  # type: ignore[import-not-found]
from nautilus_trader.risk.engine import RiskEngine  # type: ignore[import-not-found]
from nautilus_trader.test_kit.providers import TestInstrumentProvider  # type: ignore[import-not-found]

ORDERS = 20_000
LIMIT = 1_000
PRICE = 50_000
TRADER, STRATEGY = identifiers.TraderId("T-1"), identifiers.StrategyId("S-1")
INSTRUMENT = TestInstrumentProvider.btcusdt_perp_binance()


class Gate:
    """A RiskEngine with all that it needs, and a count of what left it."""

    def __init__(self, kind: Any) -> None:
        clock = TestClock()
        bus, cache = MessageBus(trader_id=TRADER, clock=clock), Cache(database=None)
        portfolio = Portfolio(msgbus=bus, cache=cache, clock=clock)
        cache.add_instrument(INSTRUMENT)
        cache.add_account(account(kind))
        # The throttle is no part of the question: set beyond what the clock of a test could reach.
        config = RiskEngineConfig(
            max_order_submit_rate="10000000/00:00:01",
            max_notional_per_order={str(INSTRUMENT.id): LIMIT},
        )
        self.engine = RiskEngine(portfolio=portfolio, msgbus=bus, cache=cache, clock=clock, config=config)
        self.passed = 0
        self.denied: list[str] = []
        bus.register(endpoint="ExecEngine.execute", handler=self._execute)
        bus.register(endpoint="ExecEngine.process", handler=self._process)
        self.engine.start()
        assert not self.engine.is_bypassed
        assert self.engine.max_notional_per_order(INSTRUMENT.id) == Decimal(LIMIT)

    def _execute(self, command: Any) -> None:
        self.passed += 1

    def _process(self, event: Any) -> None:
        self.denied.append(event.reason)


def account(kind: Any) -> Any:
    money, nothing = (
        objects.Money(50_000_000, INSTRUMENT.quote_currency),
        objects.Money(0, INSTRUMENT.quote_currency),
    )
    state = AccountState(
        account_id=identifiers.AccountId("BINANCE-1"),
        account_type=kind,
        base_currency=None,
        reported=True,
        balances=[objects.AccountBalance(money, nothing, money)],
        margins=[],
        info={},
        event_id=UUID4(),
        ts_event=0,
        ts_init=0,
    )
    return AccountFactory.create(state)


def submit(number: int, quantity: str) -> Any:
    order = LimitOrder(
        trader_id=TRADER,
        strategy_id=STRATEGY,
        instrument_id=INSTRUMENT.id,
        client_order_id=identifiers.ClientOrderId(f"O-{number}"),
        order_side=enums.OrderSide.BUY,
        quantity=objects.Quantity.from_str(quantity),
        price=objects.Price.from_str(f"{PRICE}.0"),
        init_id=UUID4(),
        ts_init=0,
    )
    return SubmitOrder(trader_id=TRADER, strategy_id=STRATEGY, order=order, command_id=UUID4(), ts_init=0)


def microseconds(kind: Any) -> float:
    """Per order of 500 at a limit of 1,000: all pass."""
    gate, commands = Gate(kind), [submit(number, "0.010") for number in range(ORDERS)]
    execute = gate.engine.execute
    start = time.perf_counter()
    for command in commands:
        execute(command)
    taken = time.perf_counter() - start
    assert (gate.passed, gate.denied) == (ORDERS, [])
    return taken / ORDERS * 1e6


def outcome(kind: Any) -> str:
    """What became of an order of 5,000,000 at a limit of 1,000."""
    gate = Gate(kind)
    gate.engine.execute(submit(0, "100.000"))
    assert gate.passed + len(gate.denied) == 1
    return "passed on to execution" if gate.passed else f"denied: {gate.denied[0]}"


def main() -> None:
    kinds = {"margin": enums.AccountType.MARGIN, "cash": enums.AccountType.CASH}
    found: dict[str, Any] = {"version": nautilus_trader.__version__}
    found["microseconds"] = {name: microseconds(kind) for name, kind in kinds.items()}
    found["outcome"] = {name: outcome(kind) for name, kind in kinds.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
