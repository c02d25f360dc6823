"""What a venue must say for its accounts to be evaluated: data and a few lines each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from solvent.core.account import (
    Account,
    Collateral,
    Level,
    Mode,
    Note,
    Pool,
    Position,
    Reported,
    Tier,
    position_key,
)
from solvent.core.numbers import price_toward
from solvent.margin.figures import Figure, Given, Status, figure, unknown
from solvent.margin.pool import Exposure, MarginPool
from solvent.margin.schedule import ZERO, Schedule


@dataclass(frozen=True, slots=True)
class Surety:
    """How sure a pool's liquidation prices are: `sure`, an `estimate`, or `unknown`, and why."""

    status: str = "sure"
    reason: str = ""


class Rules(ABC):
    """One venue's rules. The defaults are those of a plain exact venue; subclasses say what differs."""

    formulas: ClassVar[Mapping[str, str]]
    """Figure -> formula id, for: initial, maintenance, margin_used, equity, liquidation, withdrawable."""
    rounding: ClassVar[str] = ""
    """The venue's rounding of a position's margins, named."""
    price_places: ClassVar[int] = 10
    highest_price: ClassVar[Fraction | None] = None
    """Above this the venue shows no liquidation price."""
    taker_fee: ClassVar[Fraction]
    """The base tier's taker fee, assumed where the bundle has none."""
    unverified: ClassVar[str] = ""
    """Why a liquidation price that follows from these rules is still only an estimate."""

    needs_leverage: ClassVar[bool] = True
    """Whether a position's initial margin follows from a leverage setting."""
    leverage_moves_margin: ClassVar[bool] = False
    """Whether changing the setting of an isolated position posts its margin anew."""
    keeps_quote_ledger: ClassVar[bool] = False
    """Whether each position keeps its own part of the pool's cash (Nado's v_quote)."""
    sums_by_notional: ClassVar[bool] = False
    """Whether a cross pool is the plain sum of its positions, and each asks by its notional and leverage alone: no
    closing fee, entry price, own ledger, bonus or second side in it. What a fill changes can then be summed.
    """
    max_size_doubt: ClassVar[str] = ""
    """Why the venue may draw the line of the largest order elsewhere."""
    isolated_transfer_fee: ClassVar[Fraction] = ZERO
    """What moving margin into or out of a pocket costs."""

    def __init__(self, account: Account) -> None:
        self.account = account

    @property
    def hedge_mode(self) -> bool:
        """Whether one instrument may be held long and short at once."""
        return self.account.terms.get("hedge") == "true"

    @property
    def money_rate(self) -> Fraction:
        """What one unit of the pools' money is worth in the account's."""
        return Fraction(1)

    @property
    def default_mode(self) -> Mode:
        """The margin mode of a new position."""
        return Mode.CROSS

    def isolated_name(self, position: Position) -> str:
        """The name of the pool that an isolated position is."""
        return f"isolated:{position.instrument}" + (f":{position.side}" if self.hedge_mode else "")

    def opening_margin(self, instrument: str, size: Fraction, price: Fraction, leverage: Fraction) -> Fraction:
        """What a fill moves into an isolated pocket."""
        del instrument
        return abs(size) * price / leverage

    def leverage_tiers(self, position: Position) -> tuple[Tier, ...]:
        """The tiers that cap the leverage of a held position."""
        instrument = self.account.instruments.get(position.instrument)
        return instrument.tiers if instrument else ()

    @property
    def orders_counted(self) -> bool:
        """Whether what resting orders hold is known: by their list, or because the figures show it."""
        return self.account.orders is not None

    def order_margin(self, pool: Pool) -> Fraction:
        """What resting orders hold of a cross pool beyond what its figures show. Raises Refused."""
        del pool
        return ZERO

    def size_breakpoints(self, pool: Pool, instrument: str) -> frozenset[Fraction]:
        """Sizes of the position at which the initial requirement bends, apart from 0."""
        del pool, instrument
        return frozenset()

    @abstractmethod
    def initial(self, pool: Pool, position: Position) -> Schedule | None:
        """What the initial level asks, as a function of notional; None where it cannot be known."""

    @abstractmethod
    def maintenance(self, pool: Pool, position: Position) -> Schedule | None:
        """What the maintenance level asks, as a function of notional; None where it cannot be known."""

    def missing(self, position: Position) -> str:
        """Why a schedule of the position is None."""
        return f"no tiers for {position.instrument} in the bundle"

    def tier_origin(self, position: Position) -> str:
        """Where the maintenance tiers come from."""
        instrument = self.account.instruments.get(position.instrument)
        return instrument.tiers_source if instrument else "unknown"

    def exposure(self, pool: Pool, position: Position) -> Exposure:
        instrument = self.account.instruments.get(position.instrument)
        return Exposure(
            key=position_key(pool, position),
            instrument=position.instrument,
            underlying=instrument.underlying if instrument else position.instrument,
            size=position.size,
            price=position.price,
            initial=self.initial(pool, position),
            maintenance=self.maintenance(pool, position),
        )

    def model(self, pool: Pool) -> MarginPool:
        """The pool as the algebra sees it, with collateral outside it counted in."""
        return MarginPool(
            name=pool.name,
            mode=pool.mode,
            cash=pool.cash + pool.collateral.outside,
            exposures=tuple(self.exposure(pool, p) for p in pool.positions),
            numeraire=pool.numeraire,
        )

    def value(self, exposure: Exposure) -> Fraction:
        """What the exposure adds to equity."""
        return exposure.value

    def required(self, exposure: Exposure, level: Level) -> Fraction:
        """What a level asks of the exposure, as the venue rounds it."""
        return exposure.schedule(level)(exposure.notional)

    def bonus(self, pool: Pool, model: MarginPool, level: Level) -> Fraction:
        """What the pool's pairs give back at a level."""
        return sum((model.bonus_coefficient(level, e.key) * e.price for e in model.exposures), ZERO)

    def margin_used(self, pool: Pool, equity: Fraction, initial: Fraction) -> Fraction:
        """The position's `margin_used` in the venue's meaning."""
        return initial

    def collateral(self, pool: Pool, model: MarginPool) -> Collateral:
        """Whether the pool's cash is all there is."""
        return pool.collateral

    def liquidation_model(self, pool: Pool, model: MarginPool) -> MarginPool:
        """The pool as the venue sees it when it quotes a liquidation price."""
        del pool
        return model

    def liquidation_formula(self, mode: Mode) -> str:
        """The formula id of a liquidation price in a pool of this mode."""
        del mode
        return self.formulas["liquidation"]

    def published(self, price: Fraction, exposure: Exposure) -> Decimal | None:
        """A liquidation price as the venue prints it: rounded toward the mark; None where it shows none."""
        if price <= 0 or (self.highest_price is not None and price > self.highest_price):
            return None
        return price_toward(price, exposure.price, self.price_places)

    def surety(self, pool: Pool) -> Surety:
        """How sure liquidation prices in this pool are, by the venue's rule alone."""
        return Surety("estimate", self.unverified) if self.unverified else Surety()

    @abstractmethod
    def account_figures(self, pools: Mapping[str, Mapping[str, Figure]]) -> list[Figure]:
        """The account's own figures in the venue's meaning, from the figures of its pools."""

    def position_figures(self, path: str, pool: Pool, position: Position, model: MarginPool) -> list[Figure]:
        """Figures of a position that only this venue has."""
        del path, pool, position, model
        return []

    def pool_figures(self, path: str, pool: Pool, made: Mapping[str, Figure]) -> dict[str, Figure]:
        """Further figures of a pool, by name: what may be taken out of an isolated one."""
        if pool.mode is Mode.CROSS:
            return {}
        equity, initial = made["equity"], made["initial_margin"]
        if initial.status is Status.UNKNOWN:
            return {"removable": unknown(f"{path}.removable", "ALG-REMOVABLE", initial.reason)}
        exact = max(ZERO, equity.amount - initial.amount)
        return {"removable": figure(f"{path}.removable", exact, "ALG-REMOVABLE", equity, initial)}

    def margin_reason(self, position: Position) -> str:
        """What a reader must know of the position's margins (an assumed tier); empty where nothing."""
        del position
        return ""

    def notes(self) -> list[Note]:
        """Assumptions that these rules made for this account."""
        return []

    def initial_origin(self, position: Position) -> str:
        """Where the initial rate comes from."""
        return position.origin.get("leverage", "leverage setting")

    def agrees(self, reported: Reported, computed: Decimal) -> bool:
        """Whether a figure is the same as the venue's, at the precision the venue prints.

        Prices within 1e-6 of each other, ratios within one unit of the last printed digit; everything else
        to the digit, but for the noise of a binary double, in which venues keep large numbers.
        """
        if reported.value is None:
            return False
        gap = abs(computed - reported.value)
        scale = abs(reported.value)
        if reported.kind == "price":
            return gap <= max(scale, abs(computed)) * Decimal("1e-6")
        if reported.kind == "ratio":
            return gap <= Decimal((0, (1,), int(reported.value.as_tuple().exponent)))
        return gap <= scale * Decimal(2) ** -50

    def why_not_computed(self, name: str) -> str:
        """Why a figure that the venue reports was not computed."""
        return f"{name} does not follow from what the bundle holds"

    def why_it_differs(self, name: str) -> str:
        """What is known of a figure that differs from the venue's; empty where nothing is."""
        del name
        return ""

    def given(self, name: str, position: Position) -> Given:
        """A fact of the position as an input, with its origin."""
        value = getattr(position, name)
        return Given(name, value, position.origin.get(name, "derived"))
