"""BingX's margin rules for perpetual futures. Formulas and sources: docs/spec/bingx.md."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from solvent.core.account import Instrument, Level, Mode, Note, Pool, Position, Reported
from solvent.core.numbers import decimal_of, text
from solvent.margin.figures import Figure, Given, Status, figure, unknown
from solvent.margin.pool import MarginPool
from solvent.margin.rules import Rules, Surety
from solvent.margin.schedule import ZERO, Piece, Schedule, fixed, tiered
from solvent.margin.totals import ratio, total

PRINTED = Decimal("0.0001")


class BingxRules(Rules):
    formulas: ClassVar[Mapping[str, str]] = {
        "initial": "BINGX-IM",
        "maintenance": "BINGX-MM",
        "margin_used": "BINGX-IM",
        "equity": "BINGX-EQUITY",
        "liquidation": "BINGX-LIQ",
    }
    leverage_moves_margin = True
    taker_fee = Fraction(5, 10_000)
    unverified = (
        "unverified: the documented rule (margin <= maintenance + closing fee) was not checked on recorded "
        "prices; BingX asks the last price to cross too, and keeps old tiers for positions opened under them"
    )
    max_size_doubt = "how open losses and resting orders bind a further order is not published"

    def _instrument(self, position: Position) -> Instrument | None:
        return self.account.instruments.get(position.instrument)

    def _gap(self, position: Position, level: Level) -> str:
        """What is missing to know a level's margin; empty where nothing is."""
        name, instrument = position.instrument, self._instrument(position)
        if level is Level.INITIAL:
            known = position.leverage is not None and position.entry is not None
            return "" if known else f"leverage of {name} is not in the bundle"
        if instrument is None or not instrument.tiers or instrument.max_notional is None:
            return instrument.tiers_source if instrument else f"maintMarginRatio of {name} is not in the bundle"
        if position.notional <= instrument.max_notional:
            return ""
        shown, top = text(decimal_of(position.notional, 2)), text(decimal_of(instrument.max_notional))
        return f"{name}: {shown} is above {top}, the last tier in the bundle"

    def _fee(self, position: Position) -> Fraction | None:
        instrument = self._instrument(position)
        return instrument.taker_fee if instrument else None

    def initial(self, pool: Pool, position: Position) -> Schedule | None:
        if position.leverage is None or position.entry is None:
            return None
        return fixed(abs(position.size) * position.entry / position.leverage)

    def maintenance(self, pool: Pool, position: Position) -> Schedule | None:
        """What liquidation asks: maintenance and the fee to close (BINGX-LIQ). Figures show it without the fee."""
        instrument, fee = self._instrument(position), self._fee(position)
        if self._gap(position, Level.MAINTENANCE) or instrument is None or fee is None:
            return None
        pieces = tiered(instrument.tiers).pieces
        return Schedule(tuple(Piece(p.lower, p.rate + fee, p.deduction) for p in pieces))

    def missing(self, position: Position) -> str:
        gaps = [self._gap(position, level) for level in Level]
        found = next((gap for gap in gaps if gap), "")
        return found or f"takerFeeRate of {position.instrument} is not in the bundle"

    def model(self, pool: Pool) -> MarginPool:
        plain = super().model(pool)
        return plain if pool.mode is Mode.ISOLATED else replace(plain, reserved=self._frozen(pool))

    def _frozen(self, pool: Pool) -> Fraction:
        return Fraction(self.account.terms.get(f"frozen:{pool.numeraire}", "0"))

    def surety(self, pool: Pool) -> Surety:
        for position in pool.positions:
            if gap := self._gap(position, Level.MAINTENANCE):
                return Surety("unknown", gap)
            if self._fee(position) is None:
                return Surety("unknown", f"takerFeeRate of {position.instrument} is not in the bundle")
        return super().surety(pool)

    def position_figures(self, path: str, pool: Pool, position: Position, model: MarginPool) -> list[Figure]:
        initial = self._initial(path, position)
        made = [initial, self._maintenance(path, position)]
        pnl = position.unrealized_pnl
        if initial.status is Status.UNKNOWN or pnl is None:
            return [*made, replace(initial, path=f"{path}.margin_used")]
        profit = figure(f"{path}.unrealized_pnl", pnl, "ALG-PNL", *self._facts(position, "size", "price", "entry"))
        added = ZERO
        if pool.mode is Mode.ISOLATED and position.entry is not None:
            added = pool.cash + position.size * position.entry - initial.amount
        extra = Given("added margin", added, pool.cash_origin)
        worth = figure(f"{path}.margin", initial.amount + added + pnl, "BINGX-USED", initial, extra, profit)
        share = figure(f"{path}.pnl_ratio", pnl / initial.amount, "BINGX-PNLR", profit, initial)
        return [*made, worth, share]

    def _facts(self, position: Position, *names: str) -> list[Given]:
        return [self.given(name, position) for name in names]

    def _initial(self, path: str, position: Position) -> Figure:
        where = f"{path}.initial_margin"
        if gap := self._gap(position, Level.INITIAL):
            return unknown(where, "BINGX-IM", gap)
        assert position.entry is not None
        assert position.leverage is not None
        amount = abs(position.size) * position.entry / position.leverage
        return figure(where, amount, "BINGX-IM", *self._facts(position, "size", "entry", "leverage"))

    def _maintenance(self, path: str, position: Position) -> Figure:
        """Without the closing fee, which only the liquidation price counts."""
        where, instrument = f"{path}.maintenance_margin", self._instrument(position)
        if (gap := self._gap(position, Level.MAINTENANCE)) or instrument is None:
            return unknown(where, "BINGX-MM", gap)
        piece = tiered(instrument.tiers).piece(position.notional)
        source = instrument.tiers_source
        return figure(
            where,
            piece.at(position.notional),
            "BINGX-MM",
            *self._facts(position, "size", "price"),
            Given("maintMarginRatio", piece.rate, source),
            Given("maintAmount", piece.deduction, source),
        )

    def pool_figures(self, path: str, pool: Pool, made: Mapping[str, Figure]) -> dict[str, Figure]:
        if pool.collateral.status != "unknown":
            return super().pool_figures(path, pool, made)
        names = ["equity", "cash", "free_margin", "maintenance_usage"]
        names += ["removable"] if pool.mode is Mode.ISOLATED else []
        return {name: unknown(f"{path}.{name}", "BINGX-EQUITY", pool.collateral.reason) for name in names}

    def account_figures(self, pools: Mapping[str, Mapping[str, Figure]]) -> list[Figure]:
        cross = {p.name: pools[p.name] for p in self.account.pools if p.mode is Mode.CROSS}
        equity = total("equity", "BINGX-EQUITY", pools, "equity")
        initial = total("initial_margin", "BINGX-IM", pools, "initial_margin")
        maintenance = total("maintenance_margin", "BINGX-MM", pools, "maintenance_margin")
        notional = total("notional", "ALG-NOTIONAL", pools, "notional")
        free = total("free_margin", "BINGX-FREE", cross, "free_margin")
        return [
            equity,
            total("cash", "ALG-CASH", pools, "cash"),
            notional,
            initial,
            maintenance,
            free,
            self._withdrawable(free),
            ratio("leverage", "BINGX-LEV", notional, equity),
            ratio("margin_usage", "BINGX-USAGE", initial, equity),
            ratio("maintenance_usage", "BINGX-USAGE", maintenance, equity),
        ]

    def _withdrawable(self, free: Figure) -> Figure:
        """Free margin without profits that are not realised."""
        if free.status is Status.UNKNOWN:
            return replace(free, path="withdrawable")
        profits = sum((max(ZERO, self._profit(p)) for p in self.account.pools if p.mode is Mode.CROSS), ZERO)
        held = Given("profit not realised", profits, "cross pools")
        return figure("withdrawable", max(ZERO, free.amount - profits), "BINGX-FREE", free, held)

    def _profit(self, pool: Pool) -> Fraction:
        return sum((p.unrealized_pnl or ZERO for p in pool.positions), ZERO)

    @property
    def orders_counted(self) -> bool:
        return any(name.startswith("frozen:") for name in self.account.terms)

    def notes(self) -> list[Note]:
        made = []
        if not self.orders_counted:
            made.append(Note("no-orders", "freezedMargin is not in the bundle: taken as if no order rested"))
        if len({p.numeraire for p in self.account.pools}) > 1:
            made.append(Note("margin-assets", "several margin assets are counted as 1 dollar each in the totals"))
        return made

    def agrees(self, reported: Reported, computed: Decimal) -> bool:
        """Money and prices within one unit of the last printed place, a quotient of two within two.

        Trailing zeros are not printed, but money has four places at least.
        """
        if reported.value is None:
            return False
        gap, unit = abs(computed - reported.value), Decimal((0, (1,), int(reported.value.as_tuple().exponent)))
        match reported.kind:
            case "price":
                return gap <= unit
            case "quotient":
                return gap <= 2 * min(PRINTED, unit)
            case _:
                return gap <= min(PRINTED, unit)
