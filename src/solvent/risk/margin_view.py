"""Margin after the fill, from an evaluated account, without evaluating it again.

A pool's excess is a sum over its positions, so an order changes it by what its own position changes: what the
others ask is summed once, when the report is attached. Nothing is rounded: amounts are held times `scale`, the
least common multiple of the rates' denominators, so that they end as decimals; quotients stay pairs.

This quick way serves cross pools where each instrument has one position, and what it asks is convex in its
notional and follows from nothing else (Hyperliquid). Everything else goes through `solvent.risk.margin_exact`,
which changes the account and evaluates it. Both count what already works, at its worst, on every line of the pool,
and what was filled since the report was made.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from solvent.core.account import Level, Mode, Position, Side
from solvent.core.errors import Refused
from solvent.core.numbers import decimal_of
from solvent.margin.changes import Trade
from solvent.margin.evaluate import Evaluation, PoolResult
from solvent.margin.fill import fee_rate as taker_fee
from solvent.margin.holdings import cross_pool
from solvent.risk import margin_exact
from solvent.risk.lines import ZERO, LineKey, Resting, side_fills
from solvent.risk.margin_line import (
    LineAfter,
    NotExact,
    Terms,
    asked,
    clipped,
    convex,
    drop_of,
    numbers_of,
    odd_part,
    pieces_of,
    root,
    scaled,
    side_filled,
)
from solvent.risk.situation import Asked, MarginAfter, Ratio, resting

Working = Mapping[LineKey, tuple[Resting, ...]]


class Sums(NamedTuple):
    """A pool as attached, times `scale`. `drops`, largest first: what maintenance excess loses when one
    instrument moves by the least liquidation distance.
    """

    name: str
    scale: Decimal
    equity: Decimal
    initial: Decimal
    excess: Decimal
    reserved: Decimal
    drops: tuple[tuple[Decimal, str], ...]


class LineCost(NamedTuple):
    """The worst that the working orders of another line do to the pool, times scale."""

    cost: Decimal
    initial: Decimal
    maintenance: Decimal
    drop: Decimal


NO_COST: Final = LineCost(ZERO, ZERO, ZERO, ZERO)


class MarginView:
    """An attached report. `distance` is the least liquidation distance that the sums are prepared for.

    `names` maps the desk's symbols to the report's instruments where they differ.
    """

    def __init__(
        self, made: Evaluation, at_ms: int, distance: Decimal, names: Mapping[str, str] | None = None
    ) -> None:
        self.made = made
        self.at_ms = at_ms
        self.venue = str(made.account.venue)
        self._names = dict(names or {})
        self.sizes = margin_exact.reported(made, spot=True)
        self._since: tuple[dict[LineKey, Decimal], dict[LineKey, Decimal]] = ({}, {})
        self._distance = distance
        self._pools: dict[str, Sums | None] = {}
        self._terms: dict[str, Terms | None] = {}
        self._costs: dict[LineKey, tuple[tuple[Resting, ...], Decimal | None, LineCost]] = {}
        self._sums = made.rules.sums_by_notional
        self._reports_orders = made.account.orders is not None
        self._ordered = {o.instrument for o in made.account.orders or () if not o.reduce_only}
        """What resting orders of the report hold depends on their positions: those go the long way."""

    def instrument(self, symbol: str) -> str:
        return self._names.get(symbol, symbol)

    def lists(self, symbol: str) -> bool:
        """Whether the report knows the instrument of a symbol."""
        return margin_exact.lists(self.made, self.sizes, self.instrument(symbol))

    def after(
        self,
        order: Asked,
        mark: Decimal | None,
        position: Decimal,
        working: Working,
        positions: Mapping[LineKey, Decimal],
        distance: Decimal,
    ) -> MarginAfter:
        """The order's pool once the order and all that works are filled at their worst. Call it in EXACT."""
        try:
            name, working = self.instrument(order.symbol), margin_exact.here(working, self.venue)
            since = self._held_since(positions)
            prepared = self._sums and distance == self._distance and not order.side
            if prepared and (working or name not in self._ordered) and self._knows(working, since):
                terms = self._terms_of(name)
                if terms is not None:
                    sums = self._sums_of(self._pool_of(name))
                    assert sums is not None
                    return self._quick(sums, terms, name, order, mark, position, working, positions, since)
            return margin_exact.after(self.made, self.instrument, order, mark, position, working, since)
        except Refused as refusal:
            return MarginAfter(refusal.code, str(refusal))

    def _held_since(self, positions: Mapping[LineKey, Decimal]) -> dict[LineKey, Decimal]:
        """What was filled since the report. The positions of the last question are not looked through again."""
        if positions != self._since[0]:
            since = margin_exact.held_since(self.made, self.sizes, self.instrument, positions)
            self._since = (dict(positions), since)
        return self._since[1]

    def _knows(self, working: Working, since: Mapping[LineKey, Decimal]) -> bool:
        """Whether the quick way has terms of all that may open or was filled since the report. Asked first: new
        terms may change the scale.
        """
        if since and any(self._terms_of(self.instrument(key[1])) is None or key[2] for key in since):
            return False
        for key, orders in working.items():
            if not _only_closes(orders) and self._terms_of(self.instrument(key[1])) is None:
                return False
        return True

    def _pool_of(self, instrument: str) -> PoolResult | None:
        """The cross pool that the instrument is, or would be, held in."""
        account = self.made.account
        for pool in self.made.pools:
            if any(p.position.instrument == instrument for p in pool.positions):
                return pool if pool.pool.mode is Mode.CROSS else None
        market = account.instruments.get(instrument)
        if market is None or market.isolated_only or self.made.rules.default_mode is not Mode.CROSS:
            return None
        found = cross_pool(account, instrument)
        return next(p for p in self.made.pools if p.pool.name == found.name)

    def _sums_of(self, pool: PoolResult | None) -> Sums | None:
        if pool is None:
            return None
        name = pool.pool.name
        if name not in self._pools:
            try:
                self._pools[name] = self._summed(pool)
            except NotExact:
                self._pools[name] = None
        return self._pools[name]

    def _summed(self, pool: PoolResult) -> Sums | None:
        """None where the pool has what the quick way does not know."""
        model, rules = pool.model, self.made.rules
        names = [e.instrument for e in model.exposures]
        if len(set(names)) != len(names):
            return None
        if pool.collateral.status == "unknown" or not all(model.knows(level) for level in Level):
            return None
        schedules = [e.schedule(level) for e in model.exposures for level in Level]
        if not all(map(convex, schedules)):
            return None
        held = rules.order_margin(pool.pool) if self._reports_orders else Fraction(0)
        amounts = [model.equity, model.requirement(Level.INITIAL), model.excess(Level.MAINTENANCE), held]
        scale = lcm(*(odd_part(x) for x in amounts), *(odd_part(x) for s in schedules for x in numbers_of(s)))
        equity, initial, excess, reserved = (scaled(x, scale) for x in amounts)
        drops = [
            (
                drop_of(
                    scaled(e.value, 1), pieces_of(e.schedule(Level.MAINTENANCE), scale), self._distance, scale
                ),
                e,
            )
            for e in model.exposures
        ]
        ranked = tuple(sorted(((drop, e.instrument) for drop, e in drops), reverse=True))
        return Sums(pool.pool.name, Decimal(scale), equity, initial, excess, reserved, ranked)

    def _terms_of(self, instrument: str) -> Terms | None:
        if instrument not in self._terms:
            try:
                self._terms[instrument] = self._make_terms(instrument)
            except NotExact:
                self._terms[instrument] = None
        return self._terms[instrument]

    def _make_terms(self, instrument: str) -> Terms | None:
        pool = self._pool_of(instrument)
        if pool is None:
            return None
        account, rules = self.made.account, self.made.rules
        market = account.instruments.get(instrument)
        held = next((p.position for p in pool.positions if p.position.instrument == instrument), None)
        price = held.price if held else (market.price if market else None)
        if price is None or price <= 0:
            return None
        position = held or Position(
            instrument=instrument,
            size=Fraction(0),
            price=price,
            leverage=account.leverages.get(instrument),
            max_leverage=market.max_leverage if market else None,
            side=Side.LONG,
        )
        levels = [rules.initial(pool.pool, position), rules.maintenance(pool.pool, position)]
        if levels[0] is None and held is None:
            raise Refused("no-leverage", f"no leverage setting of {instrument} in the report")
        if levels[0] is None or levels[1] is None or not all(s is not None and convex(s) for s in levels):
            return None
        sums = self._sums_of(pool)
        if sums is None:
            return None
        needed = lcm(*(odd_part(x) for s in levels if s is not None for x in numbers_of(s)))
        scale = int(sums.scale)
        if scale % needed:  # an instrument not held before: hold the pool's amounts times a larger scale
            factor = Decimal(lcm(scale, needed) // scale)
            sums = Sums(
                sums.name,
                sums.scale * factor,
                sums.equity * factor,
                sums.initial * factor,
                sums.excess * factor,
                sums.reserved * factor,
                tuple((drop * factor, who) for drop, who in sums.drops),
            )
            self._pools[sums.name] = sums
            self._terms.clear()
            self._costs.clear()
            scale = int(sums.scale)
        initial, maintenance = (pieces_of(s, scale) for s in levels if s is not None)
        size, at = scaled(position.size, 1), decimal_of(price)
        value = scaled(position.size * price, 1)
        fee = scaled(taker_fee(account, rules, Trade(instrument=instrument, size=Fraction(1))), 1)
        notional = abs(value)
        return Terms(
            at, value, size, fee, initial, maintenance, asked(initial, notional), asked(maintenance, notional)
        )

    def _quick(
        self,
        sums: Sums,
        terms: Terms,
        name: str,
        order: Asked,
        mark: Decimal | None,
        position: Decimal,
        working: Working,
        positions: Mapping[LineKey, Decimal],
        since: Mapping[LineKey, Decimal],
    ) -> MarginAfter:
        scale, sign, key = sums.scale, order.sign, order.key
        price = terms.price if mark is None else mark
        rest = self._rest(sums, key, working, positions, since)
        own = working.get(key, ())
        # the pool with this position at today's mark and size, then each side of its line filled
        repriced = (
            sums.equity if price == terms.price else sums.equity + (terms.size * price - terms.value) * scale
        )
        equity = repriced - rest.cost
        initial = sums.initial - terms.asked_initial + rest.initial
        if not working:
            initial += sums.reserved
        held = equity - (sums.equity - sums.excess - terms.asked_maintenance) - rest.maintenance
        bound = None if order.market else order.price
        both = (*own, resting(order))
        sides = [side_filled(terms, position, price, sign, side_fills(position, both, sign), scale)]
        other = side_fills(position, own, -sign)
        if other:
            sides.append(side_filled(terms, position, price, -sign, other, scale))
        first = sides[0]
        worst_equity, worst_initial = equity - first.cost, initial + first.initial
        for side in sides[1:]:
            if equity - side.cost - initial - side.initial < worst_equity - worst_initial:
                worst_equity, worst_initial = equity - side.cost, initial + side.initial
        nearest, note = self._nearest(sums, terms, name, price, held, sides, rest)
        before = reducing_to = None
        pair = ""
        if position * sign < 0:
            before = held + rest.cost + rest.maintenance - asked(terms.maintenance, abs(position) * price)
            closing = clipped(order, bound, own, abs(position))
            alone = side_filled(terms, position, price, sign, closing, scale)
            reducing_to = held + rest.cost + rest.maintenance - alone.cost - alone.maintenance
            if reducing_to < 0:
                pair = self._pair(sums.name, name, sign)
        return MarginAfter("", note, worst_equity, worst_initial, scale, nearest, before, reducing_to, pair)

    def _rest(
        self,
        sums: Sums,
        key: LineKey,
        working: Working,
        positions: Mapping[LineKey, Decimal],
        since: Mapping[LineKey, Decimal],
    ) -> LineCost:
        """The worst that working orders on the pool's other lines, and fills since the report, do."""
        total = NO_COST
        for other in {**working, **since} if since else working:
            if other == key:
                continue
            c = self._cost(sums, other, working.get(other, ()), positions.get(other))
            if c is not NO_COST:
                total = LineCost(
                    total.cost + c.cost,
                    total.initial + c.initial,
                    total.maintenance + c.maintenance,
                    max(total.drop, c.drop),
                )
        return total

    def _cost(self, sums: Sums, key: LineKey, orders: tuple[Resting, ...], position: Decimal | None) -> LineCost:
        kept = self._costs.get(key)
        if kept is not None and kept[0] is orders and kept[1] == position:
            return kept[2]
        name = self.instrument(key[1])
        if _only_closes(orders) and (position is None or position == self.sizes.get((name, key[2]), ZERO)):
            return NO_COST
        pool = self._pool_of(name)
        if pool is not None and pool.pool.name != sums.name:
            return NO_COST
        terms = self._terms_of(name)
        if terms is None and _only_closes(orders):
            return NO_COST
        assert terms is not None
        assert self._pools[sums.name] is sums
        size = terms.size if position is None else position
        cost = NO_COST
        for sign in (1, -1):
            fills = side_fills(size, orders, sign)
            if not fills and size == terms.size:
                continue
            side = side_filled(terms, size, terms.price, sign, fills, sums.scale)
            drop = drop_of(side.size * terms.price, terms.maintenance, self._distance, int(sums.scale))
            cost = LineCost(
                max(cost.cost, side.cost),
                max(cost.initial, side.initial - terms.asked_initial),
                max(cost.maintenance, side.maintenance - terms.asked_maintenance),
                max(cost.drop, drop),
            )
        self._costs[key] = (orders, position, cost)
        return cost

    def _nearest(
        self,
        sums: Sums,
        terms: Terms,
        name: str,
        price: Decimal,
        held: Decimal,
        sides: list[LineAfter],
        rest: LineCost,
    ) -> tuple[Ratio | None, str]:
        """The nearest liquidation of this instrument, or another's that comes nearer than the least distance.

        The excess is concave along a price, so what another position would lose at the least distance is all
        that is needed of it, and the share of that which the excess covers is a distance that is safe.
        """
        found: Ratio | None = None
        least: Decimal | None = None
        for side in sides:
            excess = held - side.cost - side.maintenance
            if least is None or excess < least:
                least = excess
            near = root(terms, side.size, price, excess + side.maintenance, excess, sums.scale)
            if near is not None and (found is None or near.num * found.den < found.num * near.den):
                found = near
        assert least is not None
        drop, who = next(((d, n) for d, n in sums.drops[:2] if n != name), (ZERO, ""))
        if rest.drop > drop:
            drop, who = rest.drop, "an instrument with working orders"
        if drop > least and drop > 0:
            safe = Ratio(max(ZERO, least) * self._distance, drop)
            if found is None or safe.num * found.den < found.num * safe.den:
                return safe, f"at least: {who} would be the nearest"
        return found, ""

    def _pair(self, pool: str, name: str, sign: int) -> str:
        model = next(p.model for p in self.made.pools if p.pool.name == pool)
        return margin_exact.pair_of(model, name, sign)


def _only_closes(orders: tuple[Resting, ...]) -> bool:
    return all(order.reduce_only for order in orders)
