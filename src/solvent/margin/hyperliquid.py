"""Hyperliquid's margin rules. Formulas and sources: docs/spec/hyperliquid.md."""

from collections.abc import Mapping
from fractions import Fraction
from typing import ClassVar

from solvent.core.account import Collateral, Level, Mode, Note, Pool, Position, Side, Tier
from solvent.core.errors import Refused
from solvent.core.numbers import price_toward, truncate
from solvent.core.tiers import allowed_leverage, continuous_tiers
from solvent.margin.figures import Figure, Given, Status, figure, unknown
from solvent.margin.hyperliquid_collateral import stated_by_prices
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO, Schedule, flat, tiered
from solvent.margin.solve import instrument_ray, solvency
from solvent.margin.totals import ratio, total

MONEY_PLACES = 6
TRANSFER_FLOOR = Fraction(1, 10)
"""A transfer must leave a tenth of the notional, whatever the leverage (HL-XFER)."""
BACKSTOP = Fraction(2, 3)
"""Under two thirds of maintenance the liquidator vault takes the pool over (HL-BACKSTOP)."""


class HyperliquidRules(Rules):
    formulas: ClassVar[Mapping[str, str]] = {
        "initial": "HL-IM",
        "maintenance": "HL-MM",
        "margin_used": "HL-USED",
        "equity": "ALG-EQUITY",
        "liquidation": "HL-LIQ",
    }
    rounding = "truncated to 6 decimals"
    highest_price: ClassVar[Fraction] = Fraction(10**15)
    taker_fee = Fraction(45, 100_000)

    @property
    def _era_2023(self) -> bool:
        return self.account.terms.get("era") == "2023"

    def initial(self, pool: Pool, position: Position) -> Schedule | None:
        return None if position.leverage is None else flat(1 / position.leverage)

    def maintenance(self, pool: Pool, position: Position) -> Schedule | None:
        tiers = self.tiers(position)
        return tiered(tiers) if tiers else None

    def missing(self, position: Position) -> str:
        return f"{position.instrument}: neither maxLeverage nor margin tiers are in the bundle"

    def tiers(self, position: Position) -> tuple[Tier, ...]:
        """The tiers in force: the table, with the position's own maxLeverage in its first tier.

        Vaults carry another maximum than the market's, and a position opened before a table changed keeps
        its old one, so the position's word goes before the table's.
        """
        instrument = self.account.instruments.get(position.instrument)
        table = instrument.tiers if instrument else ()
        own = position.max_leverage
        if own is None or (table and table[0].max_leverage == own):
            return table
        rows = [(ZERO, own)] + [(t.lower, min(own, t.max_leverage or own)) for t in table[1:]]
        return continuous_tiers([(lower, 1 / (2 * most), most) for lower, most in rows])

    def leverage_tiers(self, position: Position) -> tuple[Tier, ...]:
        return self.tiers(position)

    def order_margin(self, pool: Pool) -> Fraction:
        resting = self._resting_margin(pool.name)
        if isinstance(resting, str):
            raise Refused("order-margin-unknown", resting)
        return resting.amount

    def size_breakpoints(self, pool: Pool, instrument: str) -> frozenset[Fraction]:
        """A resting order stops holding margin where the position is as large as what it would close."""
        del pool
        found: set[Fraction] = set()
        for side in Side:
            size = ZERO
            for order in self.account.orders or ():
                if order.instrument == instrument and not order.reduce_only and order.size * side.sign < 0:
                    size -= order.size
                    found.add(size)
        return frozenset(found)

    def tier_origin(self, position: Position) -> str:
        instrument = self.account.instruments.get(position.instrument)
        own = position.origin.get("max_leverage", "maxLeverage")
        if instrument is None or not instrument.tiers:
            return own
        return instrument.tiers_source if not self.margin_reason(position) else f"{instrument.tiers_source}, {own}"

    def required(self, exposure: Exposure, level: Level) -> Fraction:
        return truncate(exposure.schedule(level)(exposure.notional), MONEY_PLACES)

    def margin_used(self, pool: Pool, equity: Fraction, initial: Fraction) -> Fraction:
        """Cross: the initial margin. Isolated: all of the pocket's equity."""
        return equity if pool.mode is Mode.ISOLATED else initial

    def collateral(self, pool: Pool, model: MarginPool) -> Collateral:
        abstraction = self.account.terms.get("abstraction")
        if pool.mode is Mode.ISOLATED or pool.collateral.status == "estimate" or abstraction == "disabled":
            return pool.collateral
        prices = {
            e.key: self.account.reported.get(f"positions.{e.key}.liquidation_price") for e in model.exposures
        }
        return stated_by_prices(model, prices, pool.collateral)

    def position_figures(self, path: str, pool: Pool, position: Position, model: MarginPool) -> list[Figure]:
        made = [f for f in (self._backstop(path, pool, position, model),) if f is not None]
        instrument = self.account.instruments.get(position.instrument)
        entry, size = position.entry, position.size
        if entry is not None and instrument is not None and instrument.size_step is not None:
            places = MONEY_PLACES - len(str(instrument.size_step.denominator)) + 1
            made.append(
                figure(
                    f"{path}.entry_price",
                    entry,
                    "HL-ENTRY",
                    self.given("entry", position),
                    Given("size step", instrument.size_step, "meta.universe.szDecimals"),
                    rounding=f"truncated to {places} decimals",
                    rounded=truncate(entry, places),
                )
            )
        if entry is not None and entry > 0 and position.price > 0 and position.leverage is not None:
            pnl = size * (position.price - entry)
            made.append(
                figure(
                    f"{path}.return_on_equity",
                    pnl * position.leverage / abs(size * (position.price if self._era_2023 else entry)),
                    "HL-ROE",
                    Given("unrealized pnl", pnl, f"{path}.unrealized_pnl"),
                    self.given("leverage", position),
                    self.given("entry", position),
                )
            )
        return made

    def _backstop(self, path: str, pool: Pool, position: Position, model: MarginPool) -> Figure | None:
        """Where equity is two thirds of maintenance; None where the liquidation price is not sure."""
        if pool.collateral.status != "known" or not model.knows(Level.MAINTENANCE):
            return None
        ray = instrument_ray(model, position.instrument)
        interval = solvency(model, Level.MAINTENANCE, ray, BACKSTOP)
        price = interval.low if position.side is Side.LONG else interval.high
        if price is None or price > self.highest_price:
            return None
        shown = Fraction(price_toward(price, position.price, self.price_places))
        return figure(
            f"{path}.backstop_price",
            price,
            "HL-BACKSTOP",
            self.given("size", position),
            Given("share of maintenance", BACKSTOP, "HL-BACKSTOP"),
            rounding="toward the mark",
            rounded=shown,
        )

    def pool_figures(self, path: str, pool: Pool, made: Mapping[str, Figure]) -> dict[str, Figure]:
        """What may be taken out of an isolated pocket: equity above max(initial, 10 % of notional)."""
        if pool.mode is Mode.CROSS:
            return {}
        instrument = self.account.instruments.get(pool.positions[0].instrument)
        equity, initial, notional = made["equity"], made["initial_margin"], made["notional"]
        if initial.status is Status.UNKNOWN:
            return {"removable": unknown(f"{path}.removable", "HL-REMOVABLE", initial.reason)}
        asked = max(initial.amount, notional.amount * TRANSFER_FLOOR)
        exact = max(ZERO, equity.amount - asked)
        strict = instrument is not None and instrument.strict_isolated
        return {
            "removable": figure(
                f"{path}.removable",
                ZERO if strict else exact,
                "HL-REMOVABLE",
                equity,
                initial,
                notional,
                reason="strictIsolated: margin leaves only with the position" if strict else "",
            )
        }

    def why_not_computed(self, name: str) -> str:
        if name == "entry_price":
            return "entryPx is cut to 6 - szDecimals decimals, and szDecimals (meta) is not in the bundle"
        return super().why_not_computed(name)

    def notes(self) -> list[Note]:
        made = []
        if self.account.orders is None:
            made.append(Note("no-orders", "resting orders were not recorded: withdrawable assumes there are none"))
        if self._era_2023:
            made.append(Note("era-2023", "a body of 2023: withdrawable had no floor of 10 % of notional then"))
        held = [p for pool in self.account.pools for p in pool.positions]
        single = [p.instrument for p in held if self.tiers(p) and p.instrument not in self.account.instruments]
        if single:
            made.append(
                Note("single-tier", f"no meta in the bundle: maxLeverage is one tier of {', '.join(single)}")
            )
        for position in held:
            allowed = allowed_leverage(self.tiers(position), position.notional)
            if allowed is not None and position.leverage is not None and position.leverage > allowed:
                above = f"{position.instrument}: leverage {position.leverage} is above the {allowed} of its tier"
                made.append(Note("leverage-above-tier", f"{above}; kept as reported"))
        return made

    def margin_reason(self, position: Position) -> str:
        if not self.tiers(position):
            return ""
        instrument = self.account.instruments.get(position.instrument)
        if instrument is None:
            return f"no meta in the bundle: the position's maxLeverage {position.max_leverage} is a single tier"
        if not instrument.tiers:
            return f"{instrument.tiers_source}: maxLeverage {position.max_leverage} is a single tier"
        if position.max_leverage not in (None, instrument.tiers[0].max_leverage):
            return f"first tier by the position's own maxLeverage {position.max_leverage}"
        return ""

    def account_figures(self, pools: Mapping[str, Mapping[str, Figure]]) -> list[Figure]:
        cross = [p.name for p in self.account.pools if p.mode is Mode.CROSS]
        isolated = [p.name for p in self.account.pools if p.mode is Mode.ISOLATED]
        equity = total("equity", "HL-AV", pools, "equity")
        used = total(
            "initial_margin",
            "HL-TMU",
            {
                name: {"used": pools[name]["initial_margin" if name in cross else "equity"]}
                for name in (*cross, *isolated)
            },
            "used",
        )
        made = [
            equity,
            total("cash", "HL-CASH", pools, "cash"),
            total("notional", "ALG-NOTIONAL", pools, "notional"),
            used,
            total("maintenance_margin", "HL-MM-ACCOUNT", pools, "maintenance_margin"),
            figure("free_margin", equity.amount - used.amount, "HL-FREE", equity, used),
        ]
        taken = [self._withdrawable(name, pools[name]) for name in cross]
        if len(cross) == 1:
            made.append(_renamed(taken[0], "withdrawable"))
        else:
            made += taken
            made.append(
                total("withdrawable", "HL-WD", {f.path: {"withdrawable": f} for f in taken}, "withdrawable")
            )
        made.append(ratio("leverage", "HL-LEV", made[2], equity))
        made.append(ratio("margin_usage", "HL-USAGE", used, equity))
        main = pools["cross"] if "cross" in pools else pools[cross[0]]
        made.append(ratio("maintenance_usage", "HL-CROSS-RATIO", main["maintenance_margin"], main["equity"]))
        return made

    def _withdrawable(self, name: str, pool: Mapping[str, Figure]) -> Figure:
        path = f"pools.{name}.withdrawable"
        equity, initial = pool["equity"], pool["initial_margin"]
        resting = self._resting_margin(name)
        if isinstance(resting, str):
            return unknown(path, "HL-WD", resting, equity, initial)
        asked = self._transfer_requirement(name, initial, resting, pool["notional"])
        backing = self._backing(name)
        doubts = [] if self.account.orders is not None else ["assumed: no resting orders (none were recorded)"]
        if backing.status != "known":
            doubts.append(f"from this body alone: {backing.reason}")
        return figure(
            path,
            max(ZERO, equity.amount - asked.amount),
            "HL-WD",
            equity,
            asked,
            status=Status.OK if backing.status == "known" else Status.ESTIMATE,
            reason="; ".join(doubts),
        )

    def _backing(self, name: str) -> Collateral:
        """Whether money outside the body stands behind a cross pool: what may leave then depends on it."""
        pool = self.account.pool(name)
        return Collateral() if pool is None else self.collateral(pool, self.model(pool))

    def _transfer_requirement(self, name: str, initial: Figure, resting: Figure, notional: Figure) -> Figure:
        """What must stay in a cross pool: its initial margin and orders, at least a tenth of the notional."""
        share = ZERO if self._era_2023 else TRANSFER_FLOOR
        floor = truncate(notional.amount * share, MONEY_PLACES)
        return figure(
            f"pools.{name}.transfer_margin",
            max(initial.amount + resting.amount, floor),
            "HL-XFER",
            initial,
            resting,
            Given("floor", floor, f"{share} of notional, {self.rounding}"),
        )

    def _resting_margin(self, pool_name: str) -> Figure | str:
        """Margin that resting orders hold in a cross pool; text says why it is not known.

        An order that only closes holds nothing; what it is beyond the position holds notional / leverage.
        """
        path = f"pools.{pool_name}.order_margin"
        held: list[Given] = []
        dex = pool_name.removesuffix("cross")
        positions = {p.instrument: p for pool in self.account.pools for p in pool.positions}
        closing = {name: -p.size for name, p in positions.items()}
        for number, order in enumerate(self.account.orders or ()):
            if order.reduce_only or not _belongs(order.instrument, dex):
                continue
            size = order.size
            left = closing.get(order.instrument, ZERO)
            if left * size > 0:
                offset = min(abs(left), abs(size)) * (1 if size > 0 else -1)
                closing[order.instrument] = left - offset
                size -= offset
            if size == 0:
                continue
            leverage = self._order_leverage(order.instrument, positions)
            if leverage is None:
                return f"a resting order on {order.instrument}, whose leverage setting is not in the bundle"
            asked = truncate(abs(size) * order.price / leverage, MONEY_PLACES)
            held.append(Given(order.instrument, asked, f"openOrders[{number}]"))
        amount = sum((Fraction(g.value) for g in held), ZERO)
        return figure(path, amount, "HL-ORDER", *held)

    def _order_leverage(self, instrument: str, positions: Mapping[str, Position]) -> Fraction | None:
        held = positions.get(instrument)
        return held.leverage if held else self.account.leverages.get(instrument)


def _belongs(coin: str, dex: str) -> bool:
    """Whether a coin trades on a dex: `xyz:NVDA` on "xyz:", plain names on the main one ("")."""
    return coin.startswith(dex) if dex else ":" not in coin


def _renamed(made: Figure, path: str) -> Figure:
    return Figure(path, made.value, made.formula, made.inputs, made.exact, made.rounding, made.status, made.reason)
