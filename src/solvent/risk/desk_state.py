"""What the gate remembers between records, its sums, and the same as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from solvent.core.numbers import text
from solvent.risk.breaker import CLOSED, Breaker
from solvent.risk.contracts import Contracts, read_row, row_of
from solvent.risk.leverage_facts import LeverageFact, from_row, to_row
from solvent.risk.lines import ZERO, LineKey
from solvent.risk.reservations import Reservation, Reservations
from solvent.risk.valuation import PAR_ASSETS, Rate, Rates, at_par

Record = Mapping[str, Any]
RATE_AGE_SECONDS: Final = "300"


def fill_name(record: Record) -> str:
    """What names a fill for ever."""
    return "/".join((record.get("venue") or "", record.get("account") or "", record["id"]))


def payment_name(record: Record) -> str:
    """What names a funding payment or a transfer for ever; "" where nothing does."""
    if not record.get("id"):
        return ""
    kind = str(record.get("type", "")).removesuffix("_counted")
    return "/".join((kind, record.get("venue") or "", record.get("account") or "", record["id"]))


def utc_day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).date().isoformat()


@dataclass(slots=True)
class DeskState:
    """What the gate must remember. Owned by one fold."""

    config: dict[str, Any] = field(default_factory=dict)
    balance: Decimal | None = None
    equity: Decimal | None = None
    money_at_ms: int = 0
    since: Decimal = ZERO
    """P&L and transfers known since the last account update: equity now = equity + since."""
    day: str = ""
    day_start: Decimal | None = None
    transfers: Decimal = ZERO
    losses: int = 0
    errors: int = 0
    breaker: Breaker = CLOSED
    reservations: Reservations = field(default_factory=Reservations)
    recent: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    used: dict[str, None] = field(default_factory=dict)
    positions: dict[LineKey, Decimal] = field(default_factory=dict)
    fills: dict[str, None] = field(default_factory=dict)
    inconsistent: dict[LineKey, str] = field(default_factory=dict)
    marks: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    valuation_asset: str = "USD"
    told_rates: dict[str, Rate] = field(default_factory=dict)
    contracts: Contracts = field(default_factory=Contracts)
    unvalued: dict[str, Decimal] = field(default_factory=dict)
    """Profit, by asset, that no rate could value since the last account update: not yet in `since`."""
    moved: dict[str, Decimal] = field(default_factory=dict)
    """Transfers that no rate could value, and that no account update has yet."""
    moved_in: dict[str, Decimal] = field(default_factory=dict)
    """The same where an account update has them: equity moved, and nobody knows how much of that is no profit."""
    leverages: dict[tuple[str, str], LeverageFact] = field(default_factory=dict)
    """Leverages that were asked for, by venue and symbol, and what was read back."""
    payments: dict[str, None] = field(default_factory=dict)
    """Funding payments and transfers with an id that were counted."""

    @property
    def rates(self) -> Rates:
        """The rates in force, configured par among them."""
        return at_par(self.config.get("par_assets", PAR_ASSETS), self.valuation_asset, self.told_rates)

    def worth(self, amount: Decimal, asset: str, at_ms: int) -> Decimal | None:
        """An amount in the valuation asset; None where no rate that was young enough then says."""
        if asset in ("", self.valuation_asset):
            return amount
        return self.rates.worth(amount, asset, at_ms, self.rate_age_ms)

    @property
    def rate_age_ms(self) -> Decimal:
        return Decimal(self.config.get("max_rate_age_seconds", RATE_AGE_SECONDS)) * 1000

    @property
    def waiting(self) -> tuple[str, ...]:
        """Assets of amounts that wait for a rate: until it comes the day's P&L is not known."""
        if not (self.unvalued or self.moved or self.moved_in):
            return ()
        return tuple(sorted({*self.unvalued, *self.moved, *self.moved_in}))

    def gain(self, amount: Decimal, asset: str, at_ms: int) -> None:
        """Count a profit (or, below 0, a loss) of an asset; where it cannot be valued, keep it apart."""
        worth = self.worth(amount, asset, at_ms)
        if worth is not None:
            self.since += worth
        elif amount:
            self.unvalued[asset] = self.unvalued.get(asset, ZERO) + amount

    @property
    def equity_now(self) -> Decimal | None:
        return None if self.equity is None else self.equity + self.since

    @property
    def day_pnl(self) -> Decimal | None:
        """Since the UTC day's start, transfers taken out; None where equity was never known, or has a transfer
        in it that nothing values. Amounts that wait for a rate are not in it.
        """
        equity = self.equity_now
        if equity is None or self.day_start is None or self.moved_in:
            return None
        return equity - self.day_start - self.transfers

    def knows_fill(self, record: Record) -> bool:
        """Whether the fill was counted before."""
        return fill_name(record) in self.fills

    def knows_payment(self, record: Record) -> bool:
        """Whether the funding payment or the transfer was counted before; never of one without an id."""
        return payment_name(record) in self.payments

    def to_data(self, fills_told: int = 0) -> dict[str, Any]:
        """Plain data, amounts as text: the same for the same records. Without the first `fills_told` fills."""
        return {
            "config": self.config,
            "balance": _shown(self.balance),
            "equity": _shown(self.equity),
            "money_at_ms": self.money_at_ms,
            "since": text(self.since),
            "day": self.day,
            "day_start": _shown(self.day_start),
            "transfers": text(self.transfers),
            "day_pnl": _shown(self.day_pnl),
            "losses": self.losses,
            "errors": self.errors,
            "breaker": self.breaker.to_data(),
            "reservations": [r.to_data() for r in self.reservations.all()],
            "recent": [[*key, times] for key, times in self.recent.items()],
            "used": list(self.used),
            "positions": [[*key, text(quantity)] for key, quantity in self.positions.items()],
            "fills": [*islice(reversed(self.fills), len(self.fills) - fills_told)][::-1],
            "inconsistent": [[*key, why] for key, why in self.inconsistent.items()],
            "marks": [[*key, text(price)] for key, price in self.marks.items()],
            "valuation_asset": self.valuation_asset,
            "rates": [[asset, text(rate.price), rate.at_ms] for asset, rate in self.told_rates.items()],
            "settles": [[*key, asset] for key, asset in self.contracts.settles.items()],
            "contracts": [row_of(home, contract) for home, contract in self.contracts.stated.items()],
            "unvalued": _amounts(self.unvalued),
            "moved": _amounts(self.moved),
            "moved_in": _amounts(self.moved_in),
            "payments": list(self.payments),
            "leverages": [to_row(fact) for fact in self.leverages.values()],
        }

    @classmethod
    def from_data(cls, data: Record) -> "DeskState":
        return cls(
            config=dict(data["config"]),
            balance=_read(data["balance"]),
            equity=_read(data["equity"]),
            money_at_ms=data["money_at_ms"],
            since=Decimal(data["since"]),
            day=data["day"],
            day_start=_read(data["day_start"]),
            transfers=Decimal(data["transfers"]),
            losses=data["losses"],
            errors=data["errors"],
            breaker=Breaker(**data["breaker"]),
            reservations=Reservations(Reservation.from_data(r) for r in data["reservations"]),
            recent={(venue, symbol): list(times) for venue, symbol, times in data["recent"]},
            used=dict.fromkeys(data["used"]),
            positions={(v, s, side): Decimal(q) for v, s, side, q in data["positions"]},
            fills=dict.fromkeys(data["fills"]),
            inconsistent={(v, s, side): why for v, s, side, why in data["inconsistent"]},
            marks={(v, s): Decimal(price) for v, s, price in data["marks"]},
            valuation_asset=data.get("valuation_asset", "USD"),
            told_rates={asset: Rate(Decimal(price), at) for asset, price, at in data.get("rates", ())},
            contracts=Contracts(
                dict(read_row(row) for row in data.get("contracts", ())),
                {(v, s): asset for v, s, asset in data.get("settles", ())},
            ),
            unvalued=_read_amounts(data, "unvalued"),
            moved=_read_amounts(data, "moved"),
            moved_in=_read_amounts(data, "moved_in"),
            payments=dict.fromkeys(data.get("payments", ())),
            leverages={(f.venue, f.symbol): f for f in map(from_row, data.get("leverages", ()))},
        )


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _read(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _amounts(amounts: Mapping[str, Decimal]) -> list[list[str]]:
    return [[asset, text(amount)] for asset, amount in amounts.items()]


def _read_amounts(data: Record, name: str) -> dict[str, Decimal]:
    return {asset: Decimal(amount) for asset, amount in data.get(name, ())}
