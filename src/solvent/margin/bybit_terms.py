"""What Bybit's rules read off an account before any margin: mode, regime, tiers, orders, hedges, gaps."""

from fractions import Fraction

from solvent.core.account import Account, Instrument, Level, Pool, Position
from solvent.core.numbers import decimal_of, text
from solvent.margin.bybit_formulas import closing_fee
from solvent.margin.schedule import ZERO, tiered

HEDGED = "hedged pair: the rule was found from one recorded row"
NO_INVERSE = "inverse contracts are not modelled"


class Terms:
    """The facts of one account, in the words of Bybit's rules."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.mode = account.terms.get("margin_mode", "unknown")
        self.entry_regime = account.terms.get("regime") == "entry"

    def instrument(self, position: Position) -> Instrument | None:
        return self.account.instruments.get(position.instrument)

    def gap(self, pool: Pool, position: Position, level: Level) -> str:
        """What is missing to know a level's margin of a position; empty where nothing is."""
        name, instrument = position.instrument, self.instrument(position)
        if instrument is not None and instrument.inverse:
            return NO_INVERSE
        if self.mode == "PORTFOLIO_MARGIN":
            return "portfolio margin is not modelled"
        if position.leverage is None or position.entry is None:
            return f"{name}: the position states no leverage"
        if instrument is None or instrument.taker_fee is None:
            return f"fee-rate of {name} is not in the bundle"
        by_mode = level is Level.INITIAL and not self.entry_regime
        if self.mode == "unknown" and (by_mode or self.hedged(pool, position)):
            return "account-info is not in the bundle: the margin mode is not known"
        return self._tier_gap(pool, position, instrument) if level is Level.MAINTENANCE else ""

    def _tier_gap(self, pool: Pool, position: Position, instrument: Instrument) -> str:
        if not instrument.tiers or instrument.max_notional is None:
            return instrument.tiers_source
        value = self.basis(position) * self.net_share(pool, position) + self.orders_with(position)
        if value <= instrument.max_notional:
            return ""
        shown, top = text(decimal_of(value, 2)), text(decimal_of(instrument.max_notional))
        return f"{position.instrument}: {shown} with its orders is above {top}, the last tier in the bundle"

    def basis(self, position: Position) -> Fraction:
        """The value that maintenance is asked on: at entry in the old regime, at the mark today."""
        price = position.entry if self.entry_regime else position.price
        assert price is not None
        return abs(position.size) * price

    def orders_with(self, position: Position) -> Fraction:
        """Value of the resting orders that would enlarge the position: they count toward its tier."""
        return sum(
            (
                abs(o.size) * o.price
                for o in self.account.orders or ()
                if o.instrument == position.instrument
                and not o.reduce_only
                and o.size * position.size > 0
                and o.side in (None, position.side)
            ),
            ZERO,
        )

    def order_doubt(self, pool: Pool, position: Position) -> str:
        """Whether resting orders choose the tier: by the letter, a higher tier asks less of the same value."""
        instrument, others = self.instrument(position), self.orders_with(position)
        if instrument is None or not instrument.tiers or not others:
            return ""
        table, value = tiered(instrument.tiers), self.basis(position) * self.net_share(pool, position)
        if table.piece(value) == table.piece(value + others):
            return ""
        alone = text(decimal_of(table(value) + self.fees(pool, position), 8))
        return f"resting orders put {position.instrument} into a higher tier; without them it would ask {alone}"

    def doubt(self, pool: Pool, position: Position) -> str:
        hedged = HEDGED if self.hedged(pool, position) else ""
        return "; ".join(doubt for doubt in (hedged, self.order_doubt(pool, position)) if doubt)

    def hedged(self, pool: Pool, position: Position) -> Fraction:
        """The quantity that the other side of the same contract covers, in the same pool."""
        against = (
            abs(p.size)
            for p in pool.positions
            if p.instrument == position.instrument and p.size * position.size < 0
        )
        return min(abs(position.size), sum(against, ZERO))

    def net_share(self, pool: Pool, position: Position) -> Fraction:
        return 1 - self.hedged(pool, position) / abs(position.size)

    def fees(self, pool: Pool, position: Position) -> Fraction:
        """The closing fee, the hedged part of it twice (BYBIT-FEE, BYBIT-HEDGE). Needs `gap` to be empty."""
        instrument = self.instrument(position)
        assert position.entry is not None
        assert position.leverage is not None
        assert instrument is not None
        assert instrument.taker_fee is not None
        fee = closing_fee(position.size, position.entry, position.leverage, instrument.taker_fee)
        return fee * (2 - self.net_share(pool, position))
