"""One venue's exchange: listings, accounts, books and prices; it books trades, funding and movements of money.

`matching` works its orders. What differs between venues is its `Rules`: fees, refusals, what an isolated pocket
gets, funding rates, liquidation.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from solvent.paper import ledger
from solvent.paper.book import Book
from solvent.paper.events import (
    Happened,
    MoneyMoved,
    OrderChanged,
    Paid,
    SettingsChanged,
    Traded,
)
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.orders import FundingPaid, Moved, Order, Trade
from solvent.paper.prices import Step
from solvent.paper.units import ONE, floor_to, times

HOUR_MS: Final = 3_600_000
HOUSE: Final = "house"


class Rules(Protocol):
    """What a venue decides. Prices and amounts in units; a refusal is a code, None is consent."""

    def fee(self, listing: Listing, notional: int, *, maker: bool, account: Account) -> int:
        """The fee of a trade: positive is a cost."""

    def refusal(self, venue: "Exchange", account: Account, order: Order, price: int) -> str | None:
        """Whether `account` may place `order`, which is expected to trade at `price`: margin, limits, modes."""

    def pocketed(self, venue: "Exchange", account: Account, held: Holding, before: int, trade: "Trade") -> int:
        """Cash that moves into (or, negative, out of) an isolated pocket once `trade` is booked."""

    def watch(self, venue: "Exchange") -> None:
        """After each step: liquidate what must be liquidated."""

    def funding_rate(self, venue: "Exchange", listing: Listing, step: Step) -> int:
        """Of one interval of the listing, in units."""


class Exchange:
    """Deterministic: the same steps and calls in the same order give the same state and events."""

    def __init__(self, name: str, listings: Iterable[Listing], rules: Rules, seed: int) -> None:
        self.name = name
        self.listings: Mapping[str, Listing] = {listing.symbol: listing for listing in listings}
        self.rules = rules
        self.accounts: dict[str, Account] = {}
        self.house = Account(HOUSE)
        """The other side of every trade with synthetic depth, of fees, of deposits and of funding."""
        self.books = {s: Book(listing, f"{seed}/{name}") for s, listing in self.listings.items()}
        self.marks: dict[str, int] = {}
        self.oracles: dict[str, int] = {}
        self.rates: dict[str, int] = {}
        """Funding rate of the running interval, as it stands."""
        self.paid: dict[str, list[tuple[int, int, int]]] = {s: [] for s in self.listings}
        """(time, rate, price) of each funding that was settled."""
        self.now = 0
        self.step: Step | None = None
        self.listeners: list[Callable[[Happened], None]] = []
        self.stale = False
        """A fault: marks stand still while the books move on."""
        self.thin = ONE
        """A fault: what the depth of every book is multiplied by."""
        self.money_step = 1
        """Funding is cut to a multiple of this, toward zero: the smallest amount the venue books."""
        self.turned: set[tuple[str, str, str]] = set()
        """(account, symbol, leg) of positions that closed or flipped: their reducing orders are looked at."""
        self._numbers = 0

    # --- time

    def reprice(self, step: Step) -> None:
        """New marks, oracle prices and funding rates; the books are renewed."""
        self.now, self.step = step.time, step
        for symbol, listing in self.listings.items():
            reference = times(step.prices[listing.underlying], listing.multiplier)
            if not self.stale or symbol not in self.marks:
                self.marks[symbol] = self.oracles[symbol] = listing.snap(reference)
            self.rates[symbol] = self.rules.funding_rate(self, listing, step)
            book = self.books[symbol]
            book.depth = self.thin
            book.renew(listing.snap(reference), step.index, step.strain)

    # --- bookkeeping

    def fill(
        self, account: Account, order: Order, size: int, price: int, *, maker: bool, tape: int, kind: str = "trade"
    ) -> Trade:
        """Book one execution of an order: position, pocket, fee, records and events."""
        listing = self.listings[order.symbol]
        fee = self.rules.fee(listing, times(size, price), maker=maker, account=account)
        key = (order.symbol, order.leg)
        held_before = account.holdings.get(key)
        before = held_before.cash if held_before else 0
        if held_before:
            isolated = held_before.isolated
        else:
            isolated = order.symbol in account.isolated or bool(order.extra.get("isolated"))
        booked = ledger.book(
            account, order.symbol, order.leg, order.sign * size, price, fee, isolated=isolated, now=self.now
        )
        self.house.cash += fee
        order.filled += size
        order.filled_cost += times(size, price)
        order.updated = self.now
        trade = Trade(
            number=self.number(),
            time=self.now,
            symbol=order.symbol,
            leg=order.leg,
            sign=order.sign,
            size=size,
            price=price,
            maker=maker,
            fee=fee,
            closed=booked.closed,
            closed_pnl=booked.pnl,
            start=booked.start,
            end=booked.end,
            order=order.number,
            client_id=order.client_id,
            isolated=isolated,
            kind=kind,
            mark=self.marks[order.symbol],
            tape=tape,
        )
        held = account.holdings[key]
        if held.isolated:
            ledger.fund(account, held, self.rules.pocketed(self, account, held, before, trade))
        ledger.settle(account, held)
        if booked.start and booked.start * booked.end <= 0 and account is not self.house:
            self.turned.add((account.name, order.symbol, order.leg))
        account.trades.append(trade)
        self.tell(Traded(self.now, account.name, trade))
        if order.left:
            self.tell(OrderChanged(self.now, account.name, order))
        return trade

    def fill_house(self, symbol: str, signed: int, price: int) -> None:
        """The house's side of a trade with synthetic depth."""
        held = ledger.book(self.house, symbol, "net", signed, price, 0, isolated=False, now=self.now)
        if held.end == 0:
            del self.house.holdings[symbol, "net"]

    # --- funding

    def next_funding(self, listing: Listing) -> int:
        every = listing.funding_hours * HOUR_MS
        return (self.now // every + 1) * every

    def pay_funding(self, before: int) -> None:
        """Settle each listing whose interval ended after `before` and up to now."""
        for symbol, listing in self.listings.items():
            every = listing.funding_hours * HOUR_MS
            if before // every == self.now // every:
                continue
            rate, price = self.rates[symbol], self.oracles[symbol]
            at = self.now // every * every
            self.paid[symbol].append((at, rate, price))
            del self.paid[symbol][:-KEPT_RATES]
            for account in self.accounts.values():
                for held in [h for h in account.holdings.values() if h.symbol == symbol]:
                    self._pay(account, held, at, rate, price)

    def _pay(self, account: Account, held: Holding, at: int, rate: int, price: int) -> None:
        amount = floor_to(-times(times(held.size, price), rate), self.money_step)
        if held.isolated:
            held.cash += amount
        else:
            account.cash += amount
        self.house.cash -= amount
        held.funding += amount
        payment = FundingPaid(
            number=self.number(),
            time=at,
            symbol=held.symbol,
            leg=held.leg,
            size=held.size,
            price=price,
            rate=rate,
            amount=amount,
            isolated=held.isolated,
        )
        account.funding.append(payment)
        self.tell(Paid(self.now, account.name, payment))

    # --- money and settings

    def move(
        self, account: Account, kind: str, amount: int, *, asset: str, symbol: str = "", other: str = ""
    ) -> Moved:
        """Put a movement on the account's record and cash; the other side is the house's."""
        account.cash += amount
        self.house.cash -= amount
        made = Moved(
            number=self.number(),
            time=self.now,
            kind=kind,
            asset=asset,
            amount=amount,
            symbol=symbol,
            other=other,
        )
        account.moves.append(made)
        self.tell(MoneyMoved(self.now, account.name, made))
        return made

    def changed(self, account: Account, symbol: str, what: str) -> None:
        self.tell(SettingsChanged(self.now, account.name, symbol, what))

    # --- numbers and news

    def open_account(self, name: str) -> Account:
        return self.accounts.setdefault(name, Account(name))

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def tell(self, happened: Happened) -> None:
        if isinstance(happened, OrderChanged):
            happened = replace(happened, order=_copy(happened.order))
        for listener in list(self.listeners):
            listener(happened)

    def total(self) -> int:
        """All cash of all accounts and the house: 0 for ever, since each movement has two sides."""
        every = [*self.accounts.values(), self.house]
        return sum(a.cash + sum(h.cash for h in a.holdings.values() if h.isolated) for a in every)

    def enrol(self, order: Order) -> None:
        """Give an order its number and time."""
        order.number = self.number()
        order.created = order.updated = self.now

    def archive(self, account: Account, order: Order) -> None:
        """Keep an order that is done; the oldest one goes when there are too many."""
        if len(account.history) == account.history.maxlen:
            gone = account.history[0]
            if gone.client_id and account.client_ids.get(gone.client_id) == gone.number:
                del account.client_ids[gone.client_id]
        account.history.append(order)


KEPT_RATES: Final = 1_000


def _copy(order: Order) -> Order:
    return replace(order, extra=dict(order.extra))
