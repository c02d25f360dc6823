"""Bybit's margin rules: unified account, cross and isolated, two regimes. docs/spec/bybit.md."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from solvent.core.account import (
    Account,
    Collateral,
    Instrument,
    Level,
    Mode,
    Note,
    Pool,
    Position,
    Reported,
    position_key,
)
from solvent.core.errors import Refused
from solvent.core.numbers import decimal_of, text, truncate
from solvent.core.tiers import allowed_leverage
from solvent.margin.bybit_formulas import closing_fee, not_negative, on_net, rounded_to_tick
from solvent.margin.bybit_terms import HEDGED, NO_INVERSE, Terms
from solvent.margin.figures import Figure, Given, Status, figure, unknown
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.rules import Rules, Surety
from solvent.margin.schedule import ZERO, Schedule, fixed, flat, tiered
from solvent.margin.solve import instrument_ray, solvency
from solvent.margin.totals import ratio, total

RATE_PLACES = 4
ENTRY_SLACK = Decimal("2e-8")
MARK_SLACK = Decimal("2e-6")
"""In the mark regime the venue's closing fee drifts by some millionths; the cause is not known."""
HELD = "Bybit's cross price is itself an estimate: maintenance is held at today's amount"


class BybitRules(Rules):
    formulas: ClassVar[Mapping[str, str]] = {
        "initial": "BYBIT-IM",
        "maintenance": "BYBIT-MM",
        "margin_used": "BYBIT-IM",
        "equity": "BYBIT-EQUITY",
        "liquidation": "BYBIT-LIQ-CROSS",
    }
    leverage_moves_margin = True
    taker_fee = Fraction(55, 100_000)
    max_size_doubt = "how resting orders and fees bind a further order is not published in full"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._terms = Terms(account)
        self._rate = Fraction(account.terms.get("usd_rate", "1"))

    @property
    def default_mode(self) -> Mode:
        return Mode.ISOLATED if self._terms.mode == "ISOLATED_MARGIN" else Mode.CROSS

    def initial(self, pool: Pool, position: Position) -> Schedule | None:
        if self._terms.gap(pool, position, Level.INITIAL):
            return None
        assert position.leverage is not None
        fees = self._terms.fees(pool, position)
        if self._terms.entry_regime or pool.mode is Mode.ISOLATED:
            assert position.entry is not None
            return fixed(abs(position.size) * position.entry / position.leverage + fees)
        return flat(1 / position.leverage).plus(fees)

    def maintenance(self, pool: Pool, position: Position) -> Schedule | None:
        instrument = self._terms.instrument(position)
        if self._terms.gap(pool, position, Level.MAINTENANCE) or instrument is None:
            return None
        share, fees = self._terms.net_share(pool, position), self._terms.fees(pool, position)
        if share == 0:
            return fixed(fees)
        asked = not_negative(tiered(instrument.tiers).shifted(self._terms.orders_with(position)))
        asked = on_net(asked, share).plus(fees)
        return fixed(asked(self._terms.basis(position))) if self._terms.entry_regime else asked

    def missing(self, position: Position) -> str:
        pool = next(p for p in self.account.pools if position in p.positions)
        gaps = (self._terms.gap(pool, position, level) for level in Level)
        return next((gap for gap in gaps if gap), "")

    def model(self, pool: Pool) -> MarginPool:
        plain = super().model(pool)
        if self._inverse(pool):
            # a contract is a dollar and its worth is in the coin: size * price says nothing
            return replace(plain, exposures=tuple(replace(e, size=ZERO) for e in plain.exposures))
        held = self.account.terms.get("order_margin")
        return plain if held is None or pool.mode is Mode.ISOLATED else replace(plain, reserved=Fraction(held))

    @property
    def money_rate(self) -> Fraction:
        return self._rate

    def size_breakpoints(self, pool: Pool, instrument: str) -> frozenset[Fraction]:
        """The closing fee of a hedged pair bends where its legs are equal."""
        return frozenset(-p.size for p in pool.positions if p.instrument == instrument)

    def collateral(self, pool: Pool, model: MarginPool) -> Collateral:
        """Margin added to a pocket shows only as a difference: what rests on it is an estimate."""
        doubt = self._added(pool) if pool.mode is Mode.ISOLATED and pool.collateral.status == "known" else ""
        return Collateral("estimate", ZERO, doubt) if doubt else pool.collateral

    def opening_margin(self, instrument: str, size: Fraction, price: Fraction, leverage: Fraction) -> Fraction:
        """Initial margin with the closing fee, as the venue posts it."""
        market = self.account.instruments.get(instrument)
        if market is None or market.taker_fee is None:
            raise Refused("fee-unknown", f"fee-rate of {instrument} is not in the bundle")
        plain = super().opening_margin(instrument, size, price, leverage)
        return plain + closing_fee(size, price, leverage, market.taker_fee)

    def order_margin(self, pool: Pool) -> Fraction:
        if self.account.orders and "order_margin" not in self.account.terms:
            raise Refused("order-margin-unknown", "wallet-balance does not say what resting orders hold")
        return ZERO

    def _inverse(self, pool: Pool) -> bool:
        return any(i is not None and i.inverse for i in map(self._terms.instrument, pool.positions))

    def liquidation_model(self, pool: Pool, model: MarginPool) -> MarginPool:
        """Cross: dollar totals taken as settle coin and maintenance held still, as the venue quotes it."""
        if pool.mode is Mode.ISOLATED or not model.knows(Level.MAINTENANCE):
            return model
        worth = model.equity * self._rate - sum((e.value for e in model.exposures), ZERO)
        held = tuple(
            replace(e, maintenance=fixed(self.required(e, Level.MAINTENANCE) * self._rate))
            for e in model.exposures
        )
        return replace(model, cash=worth, exposures=held)

    def liquidation_formula(self, mode: Mode) -> str:
        return "BYBIT-LIQ-ISO" if mode is Mode.ISOLATED else "BYBIT-LIQ-CROSS"

    def published(self, price: Fraction, exposure: Exposure) -> Decimal | None:
        instrument = self.account.instruments.get(exposure.instrument)
        tick = instrument.price_tick if instrument else None
        if instrument is not None and _beyond(price, instrument):
            return None
        if price <= 0 or tick is None or not exposure.key.startswith("isolated:"):
            return super().published(price, exposure)
        return decimal_of(rounded_to_tick(price, exposure.price, tick))

    def surety(self, pool: Pool) -> Surety:
        for position in pool.positions:
            gap = self._terms.gap(pool, position, Level.MAINTENANCE)
            if gap:
                return Surety("unknown", gap)
        if pool.mode is Mode.ISOLATED:
            position = pool.positions[0]
            doubt = self._beyond_tiers(pool) or self._terms.order_doubt(pool, position)
            return Surety("estimate", doubt) if doubt else Surety()
        if blind := self._blind(pool):
            return Surety("unknown", blind)
        doubts = [HELD]
        if len(coins := self.account.terms.get("coins", "").split()) > 1:
            doubts.append(f"several collateral coins ({', '.join(coins)}) are held at today's worth")
        doubts += [doubt for p in pool.positions if (doubt := self._terms.doubt(pool, p)) and doubt not in doubts]
        return Surety("estimate", "; ".join(doubts))

    def _added(self, pool: Pool) -> str:
        """What an isolated pocket holds beyond its initial margin, by the venue's own figure."""
        position = pool.positions[0]
        asked = self.initial(pool, position)
        said = self.account.reported.get(f"positions.{position_key(pool, position)}.initial_margin")
        if asked is None or said is None or position.entry is None:
            return ""
        posted = decimal_of(pool.cash + position.size * position.entry)
        own = decimal_of(asked(position.notional))
        if self.agrees(replace(said, value=posted), own):
            return ""
        return f"posted margin {text(posted)} differs from {text(own)}: the difference is taken as added margin"

    def _beyond_tiers(self, pool: Pool) -> str:
        """Whether a short's price lies where no tier is known."""
        position, model = pool.positions[0], self.model(pool)
        instrument = self._terms.instrument(position)
        if instrument is None or instrument.max_notional is None or self._terms.entry_regime:
            return ""
        end = solvency(model, Level.MAINTENANCE, instrument_ray(model, position.instrument)).high
        if end is None or abs(position.size) * end <= instrument.max_notional:
            return ""
        return "at that price the position is above the last tier in the bundle"

    def _blind(self, pool: Pool) -> str:
        """Why the pool's money is not known; empty where it is."""
        if self._inverse(pool):
            return NO_INVERSE
        if pool.mode is Mode.ISOLATED:
            return pool.collateral.reason if pool.collateral.status == "unknown" else ""
        if "wallet" in self.account.terms:
            return "wallet-balance is not in the bundle"
        if self._terms.mode != "ISOLATED_MARGIN" and any(self._inverse(p) for p in self.account.pools):
            return "the account also holds inverse contracts, which are not modelled"
        return ""

    def position_figures(self, path: str, pool: Pool, position: Position, model: MarginPool) -> list[Figure]:
        exposure = next(e for e in model.exposures if e.key == position_key(pool, position))
        if self._inverse(pool):
            names = ("notional", "margin_used", "initial_margin", "maintenance_margin")
            return [unknown(f"{path}.{name}", "BYBIT-IM", NO_INVERSE) for name in names]
        made = [self._margin(f"{path}.{level}_margin", level, pool, position, exposure) for level in Level]
        if made[0].status is Status.UNKNOWN:
            made.append(unknown(f"{path}.margin_used", "BYBIT-IM", made[0].reason))
        if pool.mode is Mode.CROSS and self.surety(pool).status != "unknown" and not self._blind(pool):
            made.append(self._resolved(f"{path}.liquidation_price_resolved", position, exposure, model))
        return made

    def _margin(self, path: str, level: Level, pool: Pool, position: Position, exposure: Exposure) -> Figure:
        """A margin with all that went into it, the closing fee among it."""
        formula = self.formulas[str(level)]
        if gap := self._terms.gap(pool, position, level):
            return unknown(path, formula, gap)
        instrument = self._terms.instrument(position)
        assert instrument is not None
        assert instrument.taker_fee is not None
        fee = figure(
            f"{path.rpartition('.')[0]}.closing_fee",
            self._terms.fees(pool, position),
            "BYBIT-FEE",
            self.given("size", position),
            self.given("entry", position),
            self.given("leverage", position),
            Given("taker fee", instrument.taker_fee, f"fee-rate of {position.instrument}"),
        )
        at_entry = self._terms.entry_regime or (level is Level.INITIAL and pool.mode is Mode.ISOLATED)
        inputs = [self.given("size", position), self.given("entry" if at_entry else "price", position)]
        if level is Level.INITIAL:
            inputs.append(self.given("leverage", position))
        else:
            inputs += self._tier_inputs(pool, position, instrument)
        hedged = self._terms.hedged(pool, position)
        if hedged:
            inputs.append(Given("hedged quantity", hedged, "the other side of the same contract"))
        doubt = self._terms.doubt(pool, position) if level is Level.MAINTENANCE or hedged else ""
        status = Status.ESTIMATE if doubt else Status.OK
        return figure(path, self.required(exposure, level), formula, *inputs, fee, status=status, reason=doubt)

    def _tier_inputs(self, pool: Pool, position: Position, instrument: Instrument) -> list[Given]:
        share, others = self._terms.net_share(pool, position), self._terms.orders_with(position)
        piece = tiered(instrument.tiers).piece(self._terms.basis(position) * share + others)
        source = instrument.tiers_source
        found = [Given("mmr", piece.rate, source), Given("deduction", piece.deduction, source)]
        return [*found, Given("resting orders", others, "open-orders")] if others else found

    def _resolved(self, path: str, position: Position, exposure: Exposure, model: MarginPool) -> Figure:
        """The cross price with maintenance computed anew at that price, collateral at today's worth."""
        interval = solvency(model, Level.MAINTENANCE, instrument_ray(model, position.instrument))
        exact = interval.low if position.size > 0 else interval.high
        price = None if exact is None else self.published(exact, exposure)
        inputs = (self.given("size", position), self.given("price", position))
        status = Status.NONE if price is None else Status.ESTIMATE
        reason = "maintenance is re-solved at the price; whether Bybit does so is not known"
        return Figure(path, price, "BYBIT-LIQ-CROSS", inputs, exact, "", status, reason)

    def pool_figures(self, path: str, pool: Pool, made: Mapping[str, Figure]) -> dict[str, Figure]:
        blind = self._blind(pool)
        if not blind:
            return super().pool_figures(path, pool, made)
        names = ["equity", "cash", "free_margin", "maintenance_usage"]
        names += ["notional"] if self._inverse(pool) else []
        names += ["removable"] if pool.mode is Mode.ISOLATED else []
        return {name: unknown(f"{path}.{name}", "BYBIT-EQUITY", blind) for name in names}

    def account_figures(self, pools: Mapping[str, Mapping[str, Figure]]) -> list[Figure]:
        def dollars(path: str, formula: str) -> Figure:
            return self._dollars(total(path, formula, pools, path))

        equity = dollars("equity", "BYBIT-EQUITY")
        initial = dollars("initial_margin", "BYBIT-IM")
        maintenance = dollars("maintenance_margin", "BYBIT-MM")
        notional = dollars("notional", "ALG-NOTIONAL")
        cross = pools["cross"]["free_margin"]
        free = self._dollars(replace(cross, path="free_margin", formula="BYBIT-FREE"))
        return [
            equity,
            dollars("cash", "ALG-CASH"),
            notional,
            initial,
            maintenance,
            free,
            self._withdrawable(free),
            ratio("leverage", "BYBIT-LEV", notional, equity),
            _four_places(ratio("margin_usage", "BYBIT-RATE", initial, equity)),
            _four_places(ratio("maintenance_usage", "BYBIT-RATE", maintenance, equity)),
        ]

    def _dollars(self, made: Figure) -> Figure:
        """The wallet's totals are in dollars, at its own rate of the settle coin."""
        if self._rate == 1 or made.status is Status.UNKNOWN:
            return made
        rate = Given("dollars per settle coin", self._rate, self.account.terms["usd_rate_origin"])
        return figure(made.path, made.amount * self._rate, made.formula, made, rate)

    def _withdrawable(self, free: Figure) -> Figure:
        if free.status is Status.UNKNOWN:
            return replace(free, path="withdrawable")
        return figure("withdrawable", max(ZERO, free.amount), "BYBIT-FREE", free)

    def notes(self) -> list[Note]:
        made = []
        if self.account.orders is None:
            made.append(Note("no-orders", "open-orders is not in the bundle: tiers are chosen as if none rested"))
        for pool in self.account.pools:
            for p in pool.positions:
                if self._terms.hedged(pool, p):
                    made.append(Note("hedged-pair", f"{p.instrument} {p.side}: {HEDGED}"))
                instrument = self._terms.instrument(p)
                most = allowed_leverage(instrument.tiers, p.notional) if instrument else None
                if most is not None and p.leverage is not None and p.leverage > most:
                    above = f"{p.instrument}: leverage {p.leverage} is above the {most} of its tier"
                    made.append(Note("leverage-above-tier", f"{above}; kept as reported"))
        return made

    def agrees(self, reported: Reported, computed: Decimal) -> bool:
        """Margins to 2e-8 (entry regime) or 2e-6 of the amount (mark regime); isolated prices to the digit."""
        if reported.value is None:
            return False
        gap, scale = abs(computed - reported.value), abs(reported.value)
        match reported.kind:
            case "margin":
                return gap <= (ENTRY_SLACK if self._terms.entry_regime else max(ENTRY_SLACK, scale * MARK_SLACK))
            case "total":
                slack = ENTRY_SLACK if self._terms.entry_regime and self._rate == 1 else scale * MARK_SLACK
                return gap <= max(ENTRY_SLACK, slack)
            case "isolated price":
                unit = Decimal((0, (1,), int(reported.value.as_tuple().exponent)))
                return gap < max(unit, scale * Decimal("1e-6"))
        return super().agrees(reported, computed)


def _beyond(price: Fraction, instrument: Instrument) -> bool:
    """At or beyond the prices that the contract can have the venue states none."""
    lowest, highest = instrument.lowest_price, instrument.highest_price
    return (lowest is not None and price <= lowest) or (highest is not None and price >= highest)


def _four_places(made: Figure) -> Figure:
    if made.exact is None:
        return made
    shown = decimal_of(truncate(made.exact, RATE_PLACES))
    return replace(made, value=shown, rounding=f"truncated to {RATE_PLACES} decimals")
