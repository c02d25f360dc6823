"""Nado's clearing: subaccounts and their balances beside the exchange's ledger, money moved, health.

It hears each event of the exchange first, splits cash into quote and v_quote, and writes the archive.
"""

from collections.abc import Callable
from typing import Final

from solvent.paper import matching
from solvent.paper.events import Happened, Paid, Printed, Stepped, Traded
from solvent.paper.exchange import Exchange
from solvent.paper.nado.health import INITIAL, Balance, Health, measure
from solvent.paper.nado.history import History, Print
from solvent.paper.nado.listings import HEALTH_GROUPS, NLP, QUOTE, QUOTE_ID
from solvent.paper.nado.products import Products
from solvent.paper.nado.subaccounts import ISOLATED_MOST, Sub, isolated_name
from solvent.paper.nado.words import Refused
from solvent.paper.orders import FundingPaid, Order, Trade
from solvent.paper.units import ONE, part, times

HOUR_MS: Final = 3_600_000
DIGESTS_KEPT: Final = 100_000


def _nothing(sub: Sub, trade: Trade, before: Balance, after: Balance) -> None:
    """Before the desk is there."""


class Clearing:
    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.products = Products(exchange)
        self.history = History()
        self.subs: dict[str, Sub] = {}
        self.nonces: dict[str, int] = {}
        """The next transaction nonce of each address."""
        self.digests: dict[str, tuple[str, int]] = {}
        """Digest -> the account that keeps the order, and the order's number."""
        self.groups: list[tuple[int, int]] = list(HEALTH_GROUPS)
        self.insurance = 1_000_000 * ONE
        self.liquidating = False
        self.last_prices: dict[int, int] = {}
        self.after_trade: Callable[[Sub, Trade, Balance, Balance], None] = _nothing
        exchange.listeners.append(self.heard)
        self._ids = {listing.symbol: listing.number for listing in exchange.listings.values()}
        self._settled = 0

    # --- who

    def sub(self, name: str) -> Sub:
        """The subaccount of this name; a new one does not exist for others until it holds something."""
        found = self.subs.get(name)
        if found is None:
            found = self.subs[name] = Sub(name, self.exchange.open_account(name), created=self.exchange.now)
        return found

    def known(self, name: str) -> Sub:
        """Raises Refused where nothing was ever deposited."""
        found = self.subs.get(name)
        if found is None or not found.exists:
            raise Refused(2024)
        return found

    def isolated_of(self, owner: str) -> list[Sub]:
        """Isolated subaccounts of a subaccount that hold a position."""
        return [s for s in self.subs.values() if s.parent == owner and s.exists]

    def isolated_for(self, owner: Sub, product_id: int) -> Sub:
        """The isolated subaccount for a market: the one there is, or a new one. Raises Refused beyond ten."""
        mine = [s for s in self.subs.values() if s.isolated and s.address == owner.address]
        for sub in mine:
            if sub.parent == owner.name and sub.product_id == product_id:
                if not sub.exists and not sub.account.orders:
                    self._room(mine)
                return sub
        self._room(mine)
        index = sum(s.product_id == product_id for s in mine)
        made = self.sub(isolated_name(owner.address, product_id, index))
        made.parent, made.product_id = owner.name, product_id
        return made

    def _room(self, mine: list[Sub]) -> None:
        if sum(s.exists or bool(s.account.orders) for s in mine) >= ISOLATED_MOST:
            raise Refused(2087)

    # --- health

    def health(self, sub: Sub, changes: tuple[Balance, ...] = ()) -> Health:
        """Of a subaccount, with `changes` added to its balances."""
        held = {b.product_id: b for b in sub.balances(self.products)}
        for change in changes:
            was = held.get(change.product_id, Balance(change.product_id, 0, 0))
            held[change.product_id] = Balance(
                change.product_id, was.amount + change.amount, was.v_quote + change.v_quote
            )
        return measure(held.values(), self.products.priced, () if sub.isolated else self.groups)

    def totals(self) -> dict[int, tuple[int, int]]:
        """What is held and what is owed of each product; of perpetuals the open interest."""
        made: dict[int, tuple[int, int]] = {}
        for sub in self.subs.values():
            for number, amount in sub.spots.items():
                held, owed = made.get(number, (0, 0))
                made[number] = held + max(amount, 0), owed - min(amount, 0)
        for symbol, number in self._ids.items():
            sizes = [a.size(symbol) for a in (*self.exchange.accounts.values(), self.exchange.house)]
            made[number] = sum(s for s in sizes if s > 0), 0
        return made

    # --- money

    def credit(self, sub: Sub, product_id: int, amount: int, kind: str, index: int | None = None) -> int:
        """Change a spot balance and record it; the index of the submission."""
        before = Balance(product_id, sub.spots.get(product_id, 0), 0)
        sub.spots[product_id] = before.amount + amount
        index = self.exchange.number() if index is None else index
        sub.exists = sub.exists or amount > 0
        after = Balance(product_id, sub.spots[product_id], 0)
        self.history.record(kind, index, self.exchange.now, sub, before, after)
        asset = QUOTE if product_id == QUOTE_ID else self.products.by_number[product_id].symbol
        if product_id == QUOTE_ID:
            self.exchange.move(sub.account, kind, amount, asset=asset)
        else:
            self.exchange.changed(sub.account, asset, kind)
        return index

    def deposit(self, name: str, amount: int, product_id: int = QUOTE_ID) -> None:
        """A deposit on the chain: in units of the token."""
        sub = self.sub(name)
        index = self.credit(sub, product_id, amount, "deposit_collateral")
        tx = {"deposit_collateral": {"sender": name, "product_id": product_id, "amount": str(amount)}}
        self.history.submit(index, self.exchange.now, tx)

    def transfer(self, sender: Sub, recipient: Sub, amount: int, fee: int, kind: str = "transfer_quote") -> int:
        """Quote from one subaccount to another; what arrives is less by the fee."""
        index = self.credit(sender, QUOTE_ID, -amount, kind)
        self.credit(recipient, QUOTE_ID, amount - fee, kind, index)
        tx = {kind: {"sender": sender.name, "recipient": recipient.name, "amount": str(amount)}}
        self.history.submit(index, self.exchange.now, tx)
        return index

    def settle(self, sub: Sub, product_id: int) -> None:
        """Move the v_quote of a flat perpetual into the quote balance: cash stays what it is."""
        v_quote = sub.v_quotes.get(product_id, 0)
        if not v_quote:
            return
        index, now = self.exchange.number(), self.exchange.now
        mark = sub.funding_marks.get(product_id, 0)
        quote = sub.quote
        sub.v_quotes[product_id] = 0
        sub.spots[QUOTE_ID] = quote + v_quote
        perp = Balance(product_id, 0, v_quote), Balance(product_id, 0, 0)
        self.history.record("settle_pnl", index, now, sub, *perp, mark)
        cash = Balance(QUOTE_ID, quote, 0), Balance(QUOTE_ID, sub.quote, 0)
        self.history.record("settle_pnl", index, now, sub, *cash)
        self.history.submit(index, now, {"settle_pnl": {"subaccounts": [sub.name], "product_ids": [product_id]}})
        self.exchange.changed(sub.account, self.products.by_number[product_id].symbol, "settle_pnl")

    # --- what the exchange tells

    def heard(self, event: Happened) -> None:
        match event:
            case Traded(account=name, trade=trade) if name in self.subs:
                self._traded(self.subs[name], trade)
            case Paid(account=name, payment=payment) if name in self.subs:
                self._paid(self.subs[name], payment)
            case Printed():
                number = self._ids[event.symbol]
                self.last_prices[number] = event.price
                made = Print(event.tape, event.time, number, event.sign, event.size, event.price)
                self.history.printed(made)
            case Stepped(time=time):
                for symbol, number in self._ids.items():
                    self.history.price(number, time, self.exchange.books[symbol].mid)
                self._hourly(time)

    def _hourly(self, time: int) -> None:
        """The sequencer settles flat balances, on the hour."""
        if time // HOUR_MS == self._settled:
            return
        self._settled = time // HOUR_MS
        for sub in self.subs.values():
            for number in [n for n, v in sub.v_quotes.items() if v and self.products.listed(n)]:
                if not sub.size(self.products.by_number[number].symbol):
                    self.settle(sub, number)

    def _traded(self, sub: Sub, trade: Trade) -> None:
        number = self._ids[trade.symbol]
        signed = trade.sign * trade.size
        change = -times(signed, trade.price) - trade.fee
        before = Balance(number, trade.start, sub.v_quotes.get(number, 0))
        after = Balance(number, trade.end, before.v_quote + change)
        sub.v_quotes[number] = after.v_quote
        mark = sub.funding_marks[number] = self.products.cumulative[number]
        self.products.by_number[number].collected += trade.fee
        self._track(sub, number, trade)
        kind = "match_orders" if trade.kind == "trade" else "liquidate_subaccount"
        self.history.record(kind, trade.tape, trade.time, sub, before, after, mark)
        self.after_trade(sub, trade, before, after)

    def _track(self, sub: Sub, number: int, trade: Trade) -> None:
        tracked = sub.track(number)
        cost = times(trade.sign * trade.size, trade.price)
        held = sub.account.held(trade.symbol)
        tracked.entry = held.cost if held else 0
        tracked.entry_cumulative += cost
        tracked.volume += abs(cost)
        if trade.closed:
            left = 0 if trade.start * trade.end <= 0 else trade.end
            tracked.funding = part(tracked.funding, left, trade.start)

    def _paid(self, sub: Sub, payment: FundingPaid) -> None:
        number = self._ids[payment.symbol]
        sub.v_quotes[number] = sub.v_quotes.get(number, 0) + payment.amount
        sub.funding_marks[number] = self.products.cumulative[number]
        tracked = sub.track(number)
        tracked.funding += payment.amount
        tracked.funding_cumulative += payment.amount

    # --- orders that the account can no longer bear

    def remember(self, digest: str, keeper: str, number: int) -> None:
        """Where the order of a digest is kept; the oldest digests are forgotten."""
        self.digests[digest] = keeper, number
        while len(self.digests) > DIGESTS_KEPT:
            del self.digests[next(iter(self.digests))]

    def bears(self, sub: Sub, order: Order) -> bool:
        """Whether initial health stays at 0 or above if the order were filled at its price."""
        if order.price is None or order.reduce_only:
            return True
        return self.fits(sub, order, order.sign * order.left, -times(order.sign * order.left, order.price))

    def fits(self, sub: Sub, order: Order, base: int, quote: int) -> bool:
        """Whether a fill of `base` for `quote` leaves health, or only takes risk off."""
        number = self._ids[order.symbol]
        change: tuple[Balance, ...] = (Balance(number, base, quote),)
        margin = 0 if order.extra.get("funded") else int(order.extra.get("margin", 0))
        if margin:
            parent = self.subs[sub.parent]
            if self.health(parent, (Balance(QUOTE_ID, -margin, 0),)).at(INITIAL) < 0:
                return False
            change += (Balance(QUOTE_ID, margin, 0),)
        after = self.health(sub, change).at(INITIAL)
        if after >= 0:
            return True
        held = sub.size(order.symbol)
        reduces = held * base < 0 and abs(base) <= abs(held)
        return reduces and not margin and after >= self.health(sub).at(INITIAL)

    def drop_unbearable(self, sub: Sub, apart_from: int = 0) -> None:
        """Cancel resting orders that the account could not bear, as matching them would."""
        for order in list(sub.account.orders.values()):
            if order.number != apart_from and order.status == "resting" and not self.bears(sub, order):
                matching.cancel(self.exchange, sub.account, order.number, "health")

    def open_vault(self) -> None:
        """The vault's subaccount exists from the start."""
        self.sub(NLP).exists = True
