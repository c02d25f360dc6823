"""Fills per second: our folds beside NautilusTrader's Position.apply, in one run.

Run it with the project's interpreter from the project's root; it starts the peer's interpreter itself:

    make peers
    .venv/bin/python bench/fills.py

Both sides get the same fills as objects of their own, made before the clock starts: one instrument, sizes to
0.001, prices to 0.1, a fee on each, lives of about 20 fills that end flat (the peer's engine cuts a fill that
would turn a position before its position sees it, so there is none). The processes take turns, so that a
busy moment of the machine hits both; each figure is the median over turns, and so is each ratio.
Nothing is checked for duplicates by the plain fold; the builder and the book do count ids, as the peer does
within a life. The columnar kernel gets numpy columns and is warm.
"""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEER = ROOT / ".venv-peers" / "nautilus" / "bin" / "python"
TURNS = 7
COUNT = 50_000
COLUMNS = 5_000_000
LIFE = 20

Row = tuple[int, int, int]
"""Signed thousandths, tenths of a price, hundredths of a fee."""


def rows(count: int) -> list[Row]:
    """The same at every run."""
    draw = random.Random(20)
    made: list[Row] = []
    held = 0
    while len(made) < count:
        price, fee = draw.randint(300_000, 900_000), draw.randint(0, 100)
        if held and draw.random() < 1 / LIFE:
            size = -held
        else:
            size = draw.randint(1, 5000) * draw.choice((1, -1))
            if held and (held > 0) != (size > 0) and abs(size) >= abs(held):
                size = -size
        held += size
        made.append((size, price, fee))
    return made


def rate(run: Callable[[], None], count: int) -> float:
    start = time.perf_counter()
    run()
    return count / (time.perf_counter() - start)


def ours() -> dict[str, float]:
    from solvent.core.facts import Fill, OrderSide
    from solvent.positions import Book, Builder, Key, Line, empty, folded

    fills = [
        Fill(
            id=str(n),
            symbol="BTC",
            side=OrderSide.BUY if size > 0 else OrderSide.SELL,
            quantity=Decimal(abs(size)).scaleb(-3),
            price=Decimal(price).scaleb(-1),
            fee=Decimal(fee).scaleb(-2),
            fee_asset="USDT",
            time=n,
        )
        for n, (size, price, fee) in enumerate(rows(COUNT))
    ]

    def line() -> None:
        book = Line(empty(Key("", "", "BTC")))
        for fill in fills:
            book.fill(fill)

    def pure() -> None:
        position = empty(Key("", "", "BTC"))
        for fill in fills:
            position, _ = folded(position, fill)

    def builder() -> None:
        book = Builder(keep_closed=False)
        for fill in fills:
            book.apply(fill)

    def book() -> None:
        now = Book()
        for fill in fills:
            now, _ = now.apply(fill)

    names = {"position in place": line, "pure position": pure, "book builder": builder, "pure book": book}
    return {name: rate(run, COUNT) for name, run in names.items()}


def columnar() -> float:
    import numpy as np

    from solvent.bulk.fold import fold_columns, fold_kernel

    draw = np.random.default_rng(20)
    codes = draw.integers(0, 50, COLUMNS)
    sizes = draw.integers(1, 5000, COLUMNS) * draw.choice([-1, 1], COLUMNS)
    prices, fees = draw.integers(300_000, 900_000, COLUMNS), draw.integers(0, 100, COLUMNS)
    fold_columns(codes[:9], sizes[:9], prices[:9], fees[:9], quantity_places=3, price_places=1)

    def run() -> None:
        state, parts = np.zeros((50, 6), np.int64), np.zeros(50)
        assert fold_kernel(codes, sizes, prices, fees, state, parts, np.zeros(0)) == COLUMNS

    return statistics.median(rate(run, COLUMNS) for _ in range(TURNS))


def peer() -> float:
    """Runs in the peer's interpreter."""
    from nautilus_trader.core.uuid import UUID4  # type: ignore[import-not-found]
    from nautilus_trader.model import enums, identifiers, objects  # type: ignore[import-not-found]
    from nautilus_trader.model.events import OrderFilled  # type: ignore[import-not-found]
    from nautilus_trader.model.position import Position  # type: ignore[import-not-found]
    from nautilus_trader.test_kit.providers import TestInstrumentProvider  # type: ignore[import-not-found]

    instrument = TestInstrumentProvider.btcusdt_perp_binance()
    currency = instrument.quote_currency

    def made(number: int, row: Row) -> Any:
        size, price, fee = row
        return OrderFilled(
            trader_id=identifiers.TraderId("T-1"),
            strategy_id=identifiers.StrategyId("S-1"),
            instrument_id=instrument.id,
            client_order_id=identifiers.ClientOrderId(f"O-{number}"),
            venue_order_id=identifiers.VenueOrderId(str(number)),
            account_id=identifiers.AccountId("BINANCE-1"),
            trade_id=identifiers.TradeId(str(number)),
            position_id=identifiers.PositionId("P-1"),
            order_side=enums.OrderSide.BUY if size > 0 else enums.OrderSide.SELL,
            order_type=enums.OrderType.MARKET,
            last_qty=objects.Quantity(abs(size) / 1000, 3),
            last_px=objects.Price(price / 10, 1),
            currency=currency,
            commission=objects.Money(fee / 100, currency),
            liquidity_side=enums.LiquiditySide.TAKER,
            event_id=UUID4(),
            ts_event=number,
            ts_init=number,
        )

    fills = [made(n, row) for n, row in enumerate(rows(COUNT))]

    def run() -> None:
        position = Position(instrument, fills[0])
        for fill in fills[1:]:
            position.apply(fill)

    return rate(run, COUNT)


def main() -> None:
    have_peer = PEER.exists()
    if not have_peer:
        print(f"no peer at {PEER.relative_to(ROOT)}: see the first lines of {Path(__file__).name}; ours alone")
    mine: dict[str, list[float]] = {}
    theirs: list[float] = []
    for _ in range(TURNS):
        if have_peer:
            command = [str(PEER), __file__, "--peer"]
            theirs.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        for name, found in ours().items():
            mine.setdefault(name, []).append(found)
    mine["columnar kernel"] = [columnar()] * TURNS
    print(f"fills per second, median of {TURNS} turns over {COUNT:,} fills (kernel: {COLUMNS:,}):")
    if theirs:
        version = subprocess.run(
            [str(PEER), "-c", "import nautilus_trader; print(nautilus_trader.__version__)"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        print(f"  NautilusTrader {version} Position.apply: {statistics.median(theirs):,.0f}")
    for name, found in mine.items():
        beside = ""
        if theirs:
            ratio = statistics.median(a / b for a, b in zip(found, theirs, strict=True))
            beside = f"  ({ratio:,.2f} times the peer)"
        print(f"  solvent {name}: {statistics.median(found):,.0f}{beside}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--peer"]:
        print(peer())
    else:
        main()
