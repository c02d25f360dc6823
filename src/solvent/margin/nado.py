"""Nado's margin rules: health from weights, in the contract's integers. docs/spec/nado.md."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import ClassVar

from solvent.core.account import Instrument, Kind, Level, Mode, Pool, Position
from solvent.core.errors import Refused
from solvent.margin.figures import Figure, Given, Status, figure, unknown
from solvent.margin.nado_health import (
    FORBIDDEN_WEIGHT,
    X18,
    HealthBalance,
    contributions,
    is_zero_health,
    spread_bonus,
    spread_weights,
)
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO, Schedule, flat
from solvent.margin.totals import sum_of, total

INDEX = {Level.INITIAL: 0, Level.MAINTENANCE: 1}
UNWEIGHTED = 2
ONE = Fraction(1)
HALF = Fraction(1, 2)


class NadoRules(Rules):
    formulas: ClassVar[Mapping[str, str]] = {
        "initial": "NADO-IM",
        "maintenance": "NADO-MM",
        "margin_used": "NADO-IM",
        "equity": "NADO-HEALTH",
        "liquidation": "NADO-LIQ",
        "pnl": "NADO-PNL",
    }
    rounding = "x18 integers, each product truncated toward zero"
    taker_fee = Fraction(35, 100_000)
    needs_leverage = False
    keeps_quote_ledger = True
    price_places = 18
    isolated_transfer_fee = Fraction(1, 10)
    max_size_doubt = "the venue's max_order_size is answered by its engine; the rule is not published"

    def _instrument(self, name: str) -> Instrument:
        found = self.account.instruments.get(name)
        if found is None:
            raise Refused("unknown-instrument", f"{name} is not among the bundle's products")
        return found

    def balance(self, position: Position) -> HealthBalance:
        """The position in the contract's integers."""
        instrument = self._instrument(position.instrument)
        weights = instrument.weights
        if weights is None or instrument.venue_id is None:
            raise Refused("no-weights", f"{position.instrument}: no weights in the bundle")
        return HealthBalance(
            instrument.venue_id,
            _x18(position.size),
            0,
            _x18(position.price),
            _x18(weights.long_initial),
            _x18(weights.long_maintenance),
            _x18(weights.short_initial),
            _x18(weights.short_maintenance),
        )

    def initial(self, pool: Pool, position: Position) -> Schedule | None:
        return self._schedule(position, Level.INITIAL)

    def maintenance(self, pool: Pool, position: Position) -> Schedule | None:
        return self._schedule(position, Level.MAINTENANCE)

    def _schedule(self, position: Position, level: Level) -> Schedule | None:
        """|1 - weight| of notional; None where the contract forbids the balance outright."""
        weights = self._instrument(position.instrument).weights
        if weights is None:
            return None
        weight = weights.at(level, long=position.size >= 0)
        if position.size < 0 and weight * X18 == FORBIDDEN_WEIGHT:
            return None
        return flat(abs(ONE - weight))

    def missing(self, position: Position) -> str:
        return f"{position.instrument} may not be owed: the contract sets health to minus infinity"

    def tier_origin(self, position: Position) -> str:
        return f"maintenance weight of {position.instrument}"

    def initial_origin(self, position: Position) -> str:
        return f"initial weight of {position.instrument}"

    def why_it_differs(self, name: str) -> str:
        return "the reported health does not follow from the balances, prices and weights beside it"

    def model(self, pool: Pool) -> MarginPool:
        plain = super().model(pool)
        if pool.mode is Mode.ISOLATED:
            return plain
        bonus: dict[Level, dict[str, Fraction]] = {level: {} for level in Level}
        for spot, perp in self._pairs(pool):
            held = [self.balance(spot), self.balance(perp)]
            basis = min(abs(spot.size), abs(perp.size))
            for level, weight in zip(Level, spread_weights(*held), strict=True):
                mean = sum(_long(self._instrument(p.instrument), level) for p in (spot, perp)) * HALF
                for p in (spot, perp):
                    bonus[level][f"{pool.name}/{p.instrument}/{p.side}"] = basis * (Fraction(weight, X18) - mean)
        return replace(plain, bonus=bonus)

    def _pairs(self, pool: Pool) -> list[tuple[Position, Position]]:
        """Spot and perp of one health group, held on opposite sides."""
        held = {self._instrument(p.instrument).venue_id: p for p in pool.positions}
        pairs = [(held.get(spot), held.get(perp)) for spot, perp in self._groups()]
        return [(s, p) for s, p in pairs if s is not None and p is not None and s.size * p.size < 0]

    def value(self, exposure: Exposure) -> Fraction:
        return Fraction(self._parts(exposure)[UNWEIGHTED], X18)

    def required(self, exposure: Exposure, level: Level) -> Fraction:
        parts = self._parts(exposure)
        return Fraction(parts[UNWEIGHTED] - parts[INDEX[level]], X18)

    def _parts(self, exposure: Exposure) -> tuple[int, int, int]:
        weights = self._instrument(exposure.instrument).weights
        assert weights is not None
        return contributions(
            HealthBalance(
                0,
                _x18(exposure.size),
                0,
                _x18(exposure.price),
                _x18(weights.long_initial),
                _x18(weights.long_maintenance),
                _x18(weights.short_initial),
                _x18(weights.short_maintenance),
            )
        )

    def bonus(self, pool: Pool, model: MarginPool, level: Level) -> Fraction:
        if pool.mode is Mode.ISOLATED:
            return ZERO
        earned = [spread_bonus(self.balance(s), self.balance(p))[INDEX[level]] for s, p in self._pairs(pool)]
        return Fraction(sum(earned), X18)

    def size_breakpoints(self, pool: Pool, instrument: str) -> frozenset[Fraction]:
        """A pair's bonus stops growing where one leg is as large as the other."""
        traded = self._instrument(instrument).venue_id
        held = {self._instrument(p.instrument).venue_id: p for p in pool.positions}
        others = [(set(group) - {traded}).pop() for group in self._groups() if traded in group]
        return frozenset(-held[other].size for other in others if other in held)

    def _groups(self) -> list[tuple[int, int]]:
        split = [group.split(":") for group in self.account.terms.get("groups", "").split()]
        return [(int(spot), int(perp)) for spot, perp in split]

    def position_figures(self, path: str, pool: Pool, position: Position, model: MarginPool) -> list[Figure]:
        """True contributions to health; with those of the quote they sum to it, pairs' bonus apart."""
        parts = contributions(self.balance(position))
        size, price = self.given("size", position), self.given("price", position)
        ledger = Given("v_quote", position.vquote, "v_quote_balance")
        made = [
            figure(
                f"{path}.{level}_health",
                position.vquote + Fraction(parts[INDEX[level]], X18),
                "NADO-HEALTH",
                size,
                price,
                ledger,
            )
            for level in Level
        ]
        if position.kind is Kind.PERP:
            worth = position.vquote + Fraction(parts[UNWEIGHTED], X18)
            made.append(figure(f"{path}.unsettled", worth, "NADO-HEALTH", size, price, ledger))
        return made

    def pool_figures(self, path: str, pool: Pool, made: Mapping[str, Figure]) -> dict[str, Figure]:
        """The three healths, and for an isolated pocket its net margin and what may be removed."""
        found = super().pool_figures(path, pool, made)
        equity = made["equity"]
        if pool.mode is Mode.ISOLATED:
            found["net_margin"] = self._net_margin(path, pool, equity)
        found["unweighted_health"] = figure(f"{path}.unweighted_health", equity.amount, "NADO-HEALTH", equity)
        for level in Level:
            asked = made[f"{level}_margin"]
            where = f"{path}.{level}_health"
            found[f"{level}_health"] = (
                unknown(where, "NADO-HEALTH", asked.reason, equity, asked)
                if asked.status is Status.UNKNOWN
                else figure(where, equity.amount - asked.amount, "NADO-HEALTH", equity, asked)
            )
        return found

    def _net_margin(self, path: str, pool: Pool, equity: Figure) -> Figure:
        """The quote counts one for one here, whatever its price."""
        quoted = [p for p in pool.positions if p.kind is Kind.SPOT]
        premium = sum((p.size - p.notional * p.side.sign for p in quoted), ZERO)
        at_par = Given("quote at par", premium, "amount - amount * price of the quote")
        return figure(f"{path}.net_margin", equity.amount + premium, "NADO-NET", equity, at_par)

    def account_figures(self, pools: Mapping[str, Mapping[str, Figure]]) -> list[Figure]:
        cross = pools["cross"]
        initial, maintenance = cross["initial_health"], cross["maintenance_health"]
        made = [
            sum_of("equity", "NADO-VALUE", [p.get("net_margin", p["equity"]) for p in pools.values()]),
            total("cash", "ALG-CASH", pools, "cash"),
            total("initial_margin", "NADO-MARGIN", pools, "initial_margin"),
            total("maintenance_margin", "NADO-MARGIN", pools, "maintenance_margin"),
            _as("free_margin", "NADO-FREE", initial),
            _floored("withdrawable", "NADO-WD", initial),
            self._leverage(cross),
        ]
        for name, health in (("margin_usage", initial), ("maintenance_usage", maintenance)):
            made.append(self._usage(name, health, cross["unweighted_health"]))
        for name, health in (
            ("initial_health", initial),
            ("maintenance_health", maintenance),
            ("unweighted_health", cross["unweighted_health"]),
        ):
            made.append(_as(name, "NADO-HEALTH", health))
        made.append(_floored("funds_available", "NADO-FREE", initial))
        made.append(_floored("funds_until_liquidation", "NADO-FREE", maintenance))
        return made + self._spot_figures()

    @property
    def _cross(self) -> Pool:
        found = self.account.pool("cross")
        assert found is not None
        return found

    def _quote(self) -> Fraction:
        """The quote balance: cash less what perps keep in their own ledgers."""
        idle = Fraction(int(self.account.terms.get("idle_v_quote", "0")), X18)
        return self._cross.cash - sum((p.vquote for p in self._cross.positions), ZERO) - idle

    def _borrows_or_perps(self) -> bool:
        held = self._cross.positions
        return self._quote() < 0 or any(p.kind is Kind.PERP or p.size < 0 for p in held)

    def _counted(self) -> tuple[Fraction, Fraction]:
        """Notional of all that counts for leverage, and what zero-health products add to unweighted health."""
        notional = left_out = ZERO
        for position in self._cross.positions:
            if is_zero_health(self.balance(position)):
                left_out += position.vquote + Fraction(contributions(self.balance(position))[UNWEIGHTED], X18)
            elif self._instrument(position.instrument).venue_id != 0:
                notional += position.notional
        return notional, left_out

    def _usage(self, path: str, health: Figure, unweighted: Figure) -> Figure:
        if health.status is Status.UNKNOWN:
            return unknown(path, "NADO-USAGE", health.reason, health)
        _, left_out = self._counted()
        whole = unweighted.amount - left_out
        if whole == 0 or not self._borrows_or_perps():
            exact = ZERO
        elif whole < 0:
            exact = ONE
        else:
            exact = min(ONE, max(ZERO, (whole - health.amount) / whole))
        out = Given("unweighted health of zero-health products", left_out, "left out")
        return figure(path, exact, "NADO-USAGE", unweighted, health, out)

    def _leverage(self, cross: Mapping[str, Figure]) -> Figure:
        notional, left_out = self._counted()
        unweighted = cross["unweighted_health"]
        whole = unweighted.amount - left_out
        exact = ZERO if whole == 0 or not self._borrows_or_perps() else notional / whole
        return figure("leverage", exact, "NADO-LEV", Given("notional", notional, "cross balances"), unweighted)

    def _spot_figures(self) -> list[Figure]:
        values = [
            Fraction(contributions(self.balance(p))[UNWEIGHTED], X18)
            for p in self._cross.positions
            if p.kind is Kind.SPOT
        ]
        values.append(self._quote())
        held = [Given("spot value", v, "amount * price") for v in values if v]
        deposits = sum((v for v in values if v > 0), ZERO)
        borrows = -sum((v for v in values if v < 0), ZERO)
        return [
            figure("total_spot_deposits", deposits, "NADO-SPOT", *held),
            figure("total_spot_borrows", borrows, "NADO-SPOT", *held),
        ]


def _long(instrument: Instrument, level: Level) -> Fraction:
    assert instrument.weights is not None
    return instrument.weights.at(level, long=True)


def _x18(value: Fraction) -> int:
    """The integer of an exact x18 number; a price or size from a question is truncated toward zero."""
    scaled = value * X18
    return scaled.numerator // scaled.denominator if scaled >= 0 else -(-scaled.numerator // scaled.denominator)


def _as(path: str, formula: str, health: Figure) -> Figure:
    if health.status is Status.UNKNOWN:
        return unknown(path, formula, health.reason, health)
    return figure(path, health.amount, formula, health)


def _floored(path: str, formula: str, health: Figure) -> Figure:
    if health.status is Status.UNKNOWN:
        return unknown(path, formula, health.reason, health)
    return figure(path, max(ZERO, health.amount), formula, health)
