"""An account, evaluated once: every figure of it, each with the record of how it came about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from solvent.core.account import (
    Account,
    Collateral,
    Level,
    Mode,
    Note,
    Pool,
    Position,
    Reported,
    position_key,
    short_keys,
)
from solvent.core.numbers import decimal_of
from solvent.margin.figures import Figure, Given, Status, figure, unknown
from solvent.margin.liquidation import Liquidation, liquidation
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO
from solvent.margin.totals import ratio


@dataclass(frozen=True, slots=True)
class PositionResult:
    """One position with its figures by name (`initial_margin`, ...)."""

    key: str
    short: str
    pool: Pool
    position: Position
    figures: Mapping[str, Figure]
    liquidation: Liquidation


@dataclass(frozen=True, slots=True)
class PoolResult:
    pool: Pool
    model: MarginPool
    collateral: Collateral
    figures: Mapping[str, Figure]
    positions: tuple[PositionResult, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of ours beside the venue's. `difference` is ours less theirs, None where one is null."""

    figure: str
    computed: Decimal | None
    reported: Decimal | None
    difference: Decimal | None
    agrees: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    account: Account
    rules: Rules
    figures: Mapping[str, Figure]
    """The account's own figures by name."""
    pools: tuple[PoolResult, ...]
    compared: tuple[Comparison, ...]
    unjudged: tuple[tuple[str, str], ...]
    """Figures that the venue reports and we cannot judge, with the reason."""
    notes: tuple[Note, ...]

    @property
    def positions(self) -> tuple[PositionResult, ...]:
        return tuple(p for pool in self.pools for p in pool.positions)

    @property
    def backed_pools(self) -> tuple[Pool, ...]:
        """The account's pools with the collateral that was found to stand behind each."""
        return tuple(replace(p.pool, collateral=p.collateral) for p in self.pools)

    def all_figures(self) -> dict[str, Figure]:
        """Every figure by its dotted path; a position's under its short and its full key."""
        found = dict(self.figures)
        for pool in self.pools:
            found |= {f"pools.{pool.pool.name}.{name}": f for name, f in pool.figures.items()}
            for p in pool.positions:
                for name, made in p.figures.items():
                    found[f"positions.{p.key}.{name}"] = found[f"positions.{p.short}.{name}"] = made
        return found


def evaluate(rules: Rules) -> Evaluation:
    """Evaluate the account that the rules were made for. Pure: same account, same evaluation."""
    account = rules.account
    names = short_keys(account)
    pools = tuple(_evaluate_pool(rules, pool, names) for pool in account.pools)
    by_pool = {p.pool.name: p.figures for p in pools}
    own = {f.path: f for f in rules.account_figures(by_pool)}
    notes = [*account.notes, *rules.notes()]
    made = Evaluation(account, rules, own, pools, (), (), tuple(notes))
    compared, unjudged = _compare(made)
    return replace(made, compared=compared, unjudged=unjudged)


def _evaluate_pool(rules: Rules, pool: Pool, names: Mapping[str, str]) -> PoolResult:
    model = rules.model(pool)
    collateral = rules.collateral(pool, model)
    backed = replace(pool, collateral=collateral)
    if collateral.outside != pool.collateral.outside:
        model = rules.model(backed)
    path = f"pools.{pool.name}"
    cash = Given("cash", pool.cash, pool.cash_origin)
    values = [Given(e.instrument, rules.value(e), "size * price") for e in model.exposures]
    equity = pool.cash + sum((rules.value(e) for e in model.exposures), ZERO)
    made = {
        "equity": figure(f"{path}.equity", equity, rules.formulas["equity"], cash, *values),
        "cash": figure(f"{path}.cash", pool.cash, "ALG-CASH", cash),
        "notional": figure(f"{path}.notional", model.notional, "ALG-NOTIONAL", *values),
    }
    quoted = rules.liquidation_model(backed, model)
    positions = tuple(
        _evaluate_position(rules, backed, model, quoted, index, names, equity)
        for index in range(len(pool.positions))
    )
    for level in (Level.INITIAL, Level.MAINTENANCE):
        made[f"{level}_margin"] = _pool_margin(rules, pool, model, level, positions)
    initial = made["initial_margin"]
    made["free_margin"] = (
        unknown(f"{path}.free_margin", "ALG-FREE", initial.reason, made["equity"], initial)
        if initial.status is Status.UNKNOWN
        else figure(f"{path}.free_margin", equity - initial.amount, "ALG-FREE", made["equity"], initial)
    )
    made["maintenance_usage"] = ratio(
        f"{path}.maintenance_usage", "ALG-USAGE", made["maintenance_margin"], made["equity"]
    )
    made |= rules.pool_figures(path, pool, made)
    return PoolResult(pool, model, collateral, made, positions)


def _pool_margin(
    rules: Rules, pool: Pool, model: MarginPool, level: Level, positions: tuple[PositionResult, ...]
) -> Figure:
    path = f"pools.{pool.name}.{level}_margin"
    parts = [p.figures[f"{level}_margin"] for p in positions]
    blind = next((p for p in parts if p.status is Status.UNKNOWN), None)
    if blind is not None:
        return unknown(path, "ALG-REQ", blind.reason, *parts)
    bonus = rules.bonus(pool, model, level)
    held = model.reserved if level is Level.INITIAL else ZERO
    extra = [Given("bonus", -bonus, "pairs")] if bonus else []
    extra += [Given("resting orders", held, "open orders")] if held else []
    return figure(path, sum((p.amount for p in parts), ZERO) - bonus + held, "ALG-REQ", *parts, *extra)


def _evaluate_position(
    rules: Rules,
    pool: Pool,
    model: MarginPool,
    quoted: MarginPool,
    index: int,
    names: Mapping[str, str],
    equity: Fraction,
) -> PositionResult:
    """The figures of the position at `index`; its liquidation price from the pool as the venue quotes it."""
    position, exposure = pool.positions[index], model.exposures[index]
    key = position_key(pool, position)
    path = f"positions.{names[key]}"
    size, price = rules.given("size", position), rules.given("price", position)
    notional = figure(f"{path}.notional", exposure.notional, "ALG-NOTIONAL", size, price)
    made = {"notional": notional}
    for level in (Level.INITIAL, Level.MAINTENANCE):
        made[f"{level}_margin"] = _margin(rules, position, exposure, level, path, notional)
    made["margin_used"] = _margin_used(rules, pool, equity, made["initial_margin"], path)
    pnl = position.unrealized_pnl
    if pnl is not None:
        entry = rules.given("entry", position)
        formula = rules.formulas.get("pnl", "ALG-PNL")
        made["unrealized_pnl"] = figure(f"{path}.unrealized_pnl", pnl, formula, size, price, entry)
    found = liquidation(
        rules,
        quoted,
        quoted.exposures[index],
        position,
        pool.collateral,
        rules.surety(pool),
        f"{path}.liquidation_price",
    )
    made["liquidation_price"] = found.price
    made |= {f.path.rpartition(".")[2]: f for f in rules.position_figures(path, pool, position, model)}
    return PositionResult(key, names[key], pool, position, made, found)


def _margin(
    rules: Rules, position: Position, exposure: Exposure, level: Level, path: str, notional: Figure
) -> Figure:
    formula = rules.formulas[str(level)]
    if not exposure.knows(level):
        return unknown(f"{path}.{level}_margin", formula, rules.missing(position), notional)
    schedule = exposure.schedule(level)
    piece = schedule.piece(exposure.notional)
    origin = rules.tier_origin(position) if level is Level.MAINTENANCE else rules.initial_origin(position)
    return figure(
        f"{path}.{level}_margin",
        schedule(exposure.notional),
        formula,
        notional,
        Given("rate", piece.rate, origin),
        Given("deduction", piece.deduction, origin),
        rounding=rules.rounding,
        rounded=rules.required(exposure, level),
        reason=rules.margin_reason(position) if level is Level.MAINTENANCE else "",
    )


def _margin_used(rules: Rules, pool: Pool, equity: Fraction, initial: Figure, path: str) -> Figure:
    formula = rules.formulas["margin_used"]
    if pool.mode is Mode.CROSS and initial.status is Status.UNKNOWN:
        return unknown(f"{path}.margin_used", formula, initial.reason, initial)
    amount = ZERO if initial.status is Status.UNKNOWN else initial.amount
    used = rules.margin_used(pool, equity, amount)
    inputs: tuple[Given | Figure, ...] = (initial,)
    if used != amount:
        inputs = (Given("pool equity", equity, f"pools.{pool.name}.equity"),)
    return figure(f"{path}.margin_used", used, formula, *inputs)


def _compare(made: Evaluation) -> tuple[tuple[Comparison, ...], tuple[tuple[str, str], ...]]:
    """Our figures beside the venue's; apart, those that we do not know or that lean on the venue's own."""
    figures = made.all_figures()
    brief = {p.key: p.short for p in made.positions}
    leaning = {
        f"positions.{p.key}.liquidation_price": pool.collateral.reason
        for pool in made.pools
        for p in pool.positions
        if pool.collateral.outside != pool.pool.collateral.outside
    }
    rows: list[Comparison] = []
    unjudged: list[tuple[str, str]] = []
    for path, reported in made.account.reported.items():
        mine = figures.get(path)
        head, _, name = path.rpartition(".")
        key = head.removeprefix("positions.")
        shown = f"positions.{brief[key]}.{name}" if key in brief else path
        if mine is None:
            unjudged.append((shown, made.rules.why_not_computed(name)))
        elif mine.status is Status.UNKNOWN or path in leaning:
            unjudged.append((shown, leaning.get(path, mine.reason)))
        else:
            rows.append(_comparison(made.rules, shown, mine, reported))
    return tuple(rows), tuple(unjudged)


def _comparison(rules: Rules, path: str, mine: Figure, reported: Reported) -> Comparison:
    because = mine.reason or rules.why_it_differs(path.rpartition(".")[2])
    if mine.value is None or reported.value is None:
        same = mine.value is None and reported.value is None
        return Comparison(path, mine.value, reported.value, None, same, "" if same else because)
    gap = decimal_of(Fraction(mine.value) - Fraction(reported.value))
    agrees = rules.agrees(reported, mine.value)
    return Comparison(path, mine.value, reported.value, gap, agrees, "" if agrees else because)
