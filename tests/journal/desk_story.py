"""A gate and a tracker on one journal, driven by lists of small words: for tests of what a restart gives back."""

import json
from decimal import Decimal, localcontext
from pathlib import Path

from journal_faults import QuickDisk

from solvent import AuditLogger, Fill, OrderRequest, OrderSide, OrderType, PositionTracker, RiskConfig, RiskManager
from solvent.core.account import Side
from solvent.core.facts import Adopted, Adoption, Contract, FundingPayment, Transfer
from solvent.positions import Book, event_of
from solvent.risk.situation import EXACT
from solvent.risk.state import DeskState, apply

WORDS = ("buy", "sell", "hedge", "again", "fund", "transfer", "contract", "mark", "adopt", "check", "send")
WORDS += ("account", "trade", "error", "trip", "reset", "later", "restart")
LIMITS = RiskConfig(
    max_position_size_usd=10**9,
    max_position_size_percent=1000,
    max_order_notional=10**9,
    max_order_percent=1000,
    max_total_exposure=10**9,
    max_exposure_percent=1000,
    max_positions=1000,
    max_orders_per_minute=10**6,
    max_open_orders=10**6,
    max_consecutive_losses=1000,
    max_consecutive_errors=1000,
    max_daily_loss=10**9,
    max_daily_loss_percent=1,
    circuit_breaker_cooldown_minutes=0,
)
NOON = 1_750_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000


class Traders:
    """The process under test. `restart` is a new process on the same folder, as far as state goes."""

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every
        self.now = NOON
        self.fills: list[Fill] = []
        self.start()

    def start(self) -> None:
        self.audit = AuditLogger(self.folder, durability="os", files=QuickDisk())
        self.tracker = PositionTracker(self.audit, clock=lambda: self.now, snapshot_every=self.every)
        self.risk = RiskManager(
            LIMITS, self.audit, 10_000, tracker=self.tracker, clock=lambda: self.now, snapshot_every=self.every,
            control=False,
        )  # fmt: skip
        self.risk.update_market_price("BTC", 50_000)

    async def do(self, word: str, number: int) -> None:
        """One act of a story."""
        self.now += 400
        symbol, venue = ("BTC", "ETH", "SOL")[number % 3], ("", "bybit")[number % 2]
        price = 50_000 + number
        match word:
            case "buy" | "sell" | "hedge":
                side, hedged = word, None
                if word == "hedge":
                    side, hedged = ("buy", "sell")[number % 2], Side.LONG
                await self.fill(side, symbol, venue, Decimal(number + 1) / 10, price, hedged)
            case "again" if self.fills:
                await self.tracker.update_from_fill(self.fills[number % len(self.fills)])
            case "fund":
                paid = FundingPayment(symbol=symbol, venue=venue, amount=number, time=self.now, id=f"p{number}")
                await self.tracker.update_from_funding(paid)
            case "transfer":
                await self.tracker.update_from_transfer(Transfer(id=str(number), asset="USDC", amount=number))
            case "contract":
                self.tracker.set_contract(Contract(symbol=f"C{number}", venue=venue, multiplier=number + 1))
            case "mark":
                self.tracker.update_market_price(symbol, price, venue=venue)
                self.risk.update_market_price(symbol, price)
            case "adopt":
                held = (Adopted(symbol=symbol, quantity=number, entry_price=price),) if number % 4 else ()
                fact = Adoption(venue=venue, account="", positions=held, reason="told", time=self.now)
                await self.tracker._book_whole(fact, "positions_adopted")
            case "check":
                order = OrderRequest(symbol="BTC", side=OrderSide.BUY, order_type=OrderType.LIMIT,
                                     quantity=Decimal(1) / 100, price=50_000)  # fmt: skip
                await self.risk.check_order(order)
            case "send":
                for held in self.risk._desk.state.reservations.all()[:1]:
                    self.risk.mark_sent(held.client_id)
            case "account":
                self.risk.update_account(10_000 + number, 10_000 + number)
            case "trade":
                self.risk.record_trade(number - 5)
            case "error":
                self.risk.record_error("no answer")
            case "trip":
                self.risk.trip_circuit_breaker("by hand")
            case "reset":
                self.risk.reset_circuit_breaker()
            case "later":
                self.now += number * 3_600_000
                self.risk.update_market_price("BTC", price)
            case "restart":
                self.audit.close()
                self.start()

    async def fill(
        self, side: str, symbol: str, venue: str, size: Decimal, price: int, hedged: Side | None = None
    ) -> None:
        name = str(len(self.fills) + 1) if len(self.fills) % 2 else f"0x{len(self.fills) + 1:064x}"
        made = Fill(id=name, symbol=symbol, side=side, quantity=size, price=price, venue=venue, account="a",
                    fee="0.01", fee_asset="USDC", position_side=hedged, time=self.now)  # fmt: skip
        self.fills.append(made)
        await self.tracker.update_from_fill(made)

    def live(self) -> str:
        """What this process holds."""
        self.tracker.flush_marks()
        return canonical({"desk": self.risk.snapshot(), "positions": self.tracker.book.to_data()})


def canonical(state: dict[str, object]) -> str:
    """The bytes of a state, without the number of the record that it is of."""
    return json.dumps({name: part for name, part in state.items() if name != "seq"}, sort_keys=True)


def folded(lines: list[bytes]) -> str:
    """The state that lines make, each record on its own: nothing but the two folds, from nothing."""
    desk, book = DeskState(), Book()
    with localcontext(EXACT):
        for line in lines:
            record = json.loads(line)
            apply(desk, record)
            if "fact" in record:
                book, _ = book.apply(event_of(record))
        return canonical({"desk": desk.to_data(), "positions": book.to_data()})


def lines_of(folder: Path) -> list[bytes]:
    """All lines of a journal, oldest first."""
    paths = sorted(folder.glob("audit-*.jsonl"))
    return [line for path in paths for line in path.read_bytes().splitlines(keepends=True)]
