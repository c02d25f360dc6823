"""Hyperliquid's liquidation: into the book first, then the backstop, then auto-deleveraging.

Source: the venue's pages on liquidations and auto-deleveraging.
"""

import json
from collections.abc import Callable
from typing import Final

from solvent.paper import forced, matching
from solvent.paper.exchange import Exchange
from solvent.paper.hyperliquid.margin import Margins, cut
from solvent.paper.hyperliquid.shapes import money, num
from solvent.paper.ledger import Account, Holding
from solvent.paper.orders import Status
from solvent.paper.units import ONE, floor_to

LARGE: Final = 100_000 * ONE
"""Of a larger position only a fifth goes to the book at first."""
PARTS: Final = 5
COOLDOWN_MS: Final = 30_000
"""For so long after a partial liquidation the user's positions go to the book whole."""


class Liquidator:
    """Looks at every account after each step."""

    def __init__(self) -> None:
        self._marks: dict[str, int] = {}
        """Those of the step before: what auto-deleveraging closes at."""

    def watch(self, venue: Exchange) -> None:
        for account in list(venue.accounts.values()):
            if account.holdings or account.orders:
                self._look(venue, account)
        self._marks = dict(venue.marks)

    def _look(self, venue: Exchange, account: Account) -> None:
        margins = Margins(venue, account)
        if account.cross() and margins.cross_value() < margins.cross_maintenance():
            self._cross(venue, account, margins)
        for held in account.pockets():
            if margins.used(held) < cut(margins.maintained(held)):
                self._isolated(venue, account, held, margins)
        self._drop_orders(venue, account, margins)

    def _drop_orders(self, venue: Exchange, account: Account, margins: Margins) -> None:
        """An order that could no longer be margined if it were matched now is cancelled."""
        resting = [o for o in account.orders.values() if o.status is Status.RESTING and not o.reduce_only]
        if not resting or margins.free() >= 0:
            return
        bare = margins.cross_value() - margins.cross_used()
        for order in reversed(resting):
            own = margins.order_margin() - margins.order_margin(order)
            if own > max(bare, 0):
                matching.cancel(venue, account, order.number, "margin")

    def _cross(self, venue: Exchange, account: Account, margins: Margins) -> None:
        for number in list(account.orders):
            matching.cancel(venue, account, number, "liquidated")
        value, needed = margins.cross_value(), margins.cross_maintenance()
        positions = account.cross()
        self._record(venue, account, margins, positions, value, "Cross")
        if value < 0:
            self._deleverage(venue, account, positions)
        elif 3 * value < 2 * needed:
            self._backstop(venue, account, positions)
        else:
            self._market(venue, account, positions, lambda: margins.cross_value() < margins.cross_maintenance())
            if account.cross() or account.cash >= 0:
                return
        if not account.cross():
            venue.move(account, "seized", -account.cash, asset="USDC")

    def _isolated(self, venue: Exchange, account: Account, held: Holding, margins: Margins) -> None:
        for order in [o for o in account.orders.values() if o.symbol == held.symbol]:
            matching.cancel(venue, account, order.number, "liquidated")
        value, needed = margins.used(held), cut(margins.maintained(held))
        before = account.cash
        self._record(venue, account, margins, [held], value, "Isolated")
        if value >= 0 and 3 * value >= 2 * needed:
            self._market(
                venue,
                account,
                [held],
                lambda: bool(held.size) and margins.used(held) < cut(margins.maintained(held)),
            )
            if account.cash >= before:
                return
        elif value < 0:
            self._deleverage(venue, account, [held])
        else:
            self._backstop(venue, account, [held])
        if account.held(held.symbol) is None:  # what the pocket had left is the vault's, what it owed too
            venue.move(account, "seized", before - account.cash, asset="USDC")

    def _market(
        self, venue: Exchange, account: Account, positions: list[Holding], short: Callable[[], bool]
    ) -> None:
        """Market orders, largest position first, until the margin holds again; no fee beyond the taker's."""
        margins = Margins(venue, account)
        cooling = venue.now < account.extra.get("cooling_until", 0)
        for held in sorted(positions, key=margins.notional, reverse=True):
            if not held.size or not short():
                continue
            size = abs(held.size)
            if margins.notional(held) > LARGE and not cooling:
                lot = venue.listings[held.symbol].lot
                size = max(floor_to(size // PARTS, lot), lot)
                account.extra["cooling_until"] = venue.now + COOLDOWN_MS
            forced.into_the_book(venue, account, held, size)

    def _backstop(self, venue: Exchange, account: Account, positions: list[Holding]) -> None:
        """The liquidator vault takes the positions at the mark."""
        for held in list(positions):
            forced.taken_over(venue, account, held, abs(held.size), venue.marks[held.symbol], "backstop")

    def _deleverage(self, venue: Exchange, account: Account, positions: list[Holding]) -> None:
        """The most profitable of the other side are closed at the mark before; the vault has the rest."""
        for held in list(positions):
            price = self._marks.get(held.symbol, venue.marks[held.symbol])
            for other, facing in forced.ranked_for_adl(venue, held.symbol, -held.sign):
                if not held.size or other is account:
                    continue
                size = min(abs(held.size), abs(facing.size))
                forced.taken_over(venue, account, held, size, price, "adl", other)
            if held.size:
                forced.taken_over(venue, account, held, abs(held.size), price, "backstop")

    def _record(
        self,
        venue: Exchange,
        account: Account,
        margins: Margins,
        positions: list[Holding],
        value: int,
        kind: str,
    ) -> None:
        """The liquidation in the account's ledger, before anything of it is traded."""
        delta = {
            "type": "liquidation",
            "liquidatedNtlPos": num(sum(margins.notional(h) for h in positions)),
            "accountValue": money(value),
            "leverageType": kind,
            "liquidatedPositions": [{"coin": h.symbol, "szi": num(h.size)} for h in positions],
        }
        venue.move(account, "liquidation", 0, asset="USDC", other=json.dumps(delta))
