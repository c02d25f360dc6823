"""The desk's state and the one fold that makes it: the live gate and the replay of a journal both use it.

Every input is a record; `apply` changes the state in place and gives it back. Amounts in records are text.
Only records that say `desk: true` count: others in the same journal (a tracker's, a client's) are not ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from solvent.core.numbers import text
from solvent.risk.breaker import CLOSED, Breaker, trip
from solvent.risk.lines import ZERO, LineKey
from solvent.risk.reservations import Reservation, Reservations, Stage
from solvent.risk.valuation import PAR_ASSETS, Rate, Rates, at_par

Record = Mapping[str, Any]
WINDOW_MS: Final = 60_000
MAX_USED_IDS: Final = 10_000
"""Client ids remembered. An older one could only be used again after ten thousand others."""
RATE_AGE_SECONDS: Final = "300"


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
    settles: dict[tuple[str, str], str] = field(default_factory=dict)
    """What symbols settle in, where fills said so."""
    unvalued: dict[str, Decimal] = field(default_factory=dict)
    """Profit, by asset, that no rate could value since the last account update: not yet in `since`."""

    @property
    def rates(self) -> Rates:
        """The rates in force, configured par among them."""
        return at_par(self.config.get("par_assets", PAR_ASSETS), self.valuation_asset, self.told_rates)

    def gain(self, amount: Decimal, asset: str, at_ms: int) -> None:
        """Count a profit (or, below 0, a loss) of an asset; where it cannot be valued, keep it apart."""
        age = Decimal(self.config.get("max_rate_age_seconds", RATE_AGE_SECONDS)) * 1000
        worth = amount if asset in ("", self.valuation_asset) else self.rates.worth(amount, asset, at_ms, age)
        if worth is not None:
            self.since += worth
        elif amount:
            self.unvalued[asset] = self.unvalued.get(asset, ZERO) + amount

    @property
    def equity_now(self) -> Decimal | None:
        return None if self.equity is None else self.equity + self.since

    @property
    def day_pnl(self) -> Decimal | None:
        """Since the UTC day's start, transfers taken out; None where equity was never known."""
        equity = self.equity_now
        if equity is None or self.day_start is None:
            return None
        return equity - self.day_start - self.transfers

    def knows_fill(self, record: Record) -> bool:
        """Whether the fill was counted before."""
        return _fill_name(record) in self.fills

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
            "settles": [[*key, asset] for key, asset in self.settles.items()],
            "unvalued": [[asset, text(amount)] for asset, amount in self.unvalued.items()],
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
            settles={(v, s): asset for v, s, asset in data.get("settles", ())},
            unvalued={asset: Decimal(amount) for asset, amount in data.get("unvalued", ())},
        )


def _shown(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _read(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def key_of(record: Record) -> LineKey:
    return (record.get("venue") or "", record["symbol"], record.get("position_side") or "")


def apply(state: DeskState, record: Record) -> DeskState:
    """The state after a record. Call it in a wide decimal context (`solvent.risk.situation.EXACT`)."""
    act = _ACTS.get(record["type"])
    if act is not None and record.get("desk") is True:
        act(state, record)
    return state


def _configured(state: DeskState, record: Record) -> None:
    if "limits" in record:
        state.config = dict(record["limits"])
        state.valuation_asset = record.get("valuation_asset") or "USD"


def _balance(state: DeskState, record: Record) -> None:
    if "equity" not in record or "balance" not in record:
        return
    state.balance, state.equity = Decimal(record["balance"]), Decimal(record["equity"])
    state.money_at_ms = record["at_ms"]
    state.since = ZERO
    state.unvalued.clear()  # the venue's equity has it


def _rate(state: DeskState, record: Record) -> None:
    """A rate, and what waited for it."""
    asset, at = record["asset"], record["at_ms"]
    state.told_rates[asset] = Rate(Decimal(record["rate"]), at)
    waited = state.unvalued.pop(asset, None)
    if waited is not None:
        state.gain(waited, asset, at)


def _day(state: DeskState, record: Record) -> None:
    state.day = record["day"]
    state.day_start = Decimal(record["equity"])
    state.transfers = ZERO


def _transfer(state: DeskState, record: Record) -> None:
    amount = Decimal(record["amount"])
    state.transfers += amount
    state.since += amount


def _mark(state: DeskState, record: Record) -> None:
    venue, symbol = record.get("venue") or "", record["symbol"]
    price = Decimal(record["price"])
    old = state.marks.get((venue, symbol))
    if old is not None and old != price and not record.get("inverse"):
        unit = Decimal(record.get("multiplier") or 1)
        for key, quantity in state.positions.items():
            if key[1] == symbol and venue in ("", key[0]):
                state.gain(quantity * (price - old) * unit, _settle(state, key), record["at_ms"])
    state.marks[venue, symbol] = price


def _settle(state: DeskState, key: LineKey) -> str:
    """What a line settles in; "" where nobody said: the account's own money."""
    return state.settles.get(key[:2], "")


def _approved(state: DeskState, record: Record) -> None:
    reservation = Reservation.from_data(record["reservation"])
    state.reservations.add(reservation)
    _use(state, reservation.client_id)
    key, at = reservation.resting.key, reservation.at_ms
    times = [t for t in state.recent.get(key[:2], ()) if t > at - WINDOW_MS]
    state.recent[key[:2]] = [*times, at]


def _use(state: DeskState, client_id: str) -> None:
    state.used[client_id] = None
    if len(state.used) > MAX_USED_IDS:
        del state.used[next(iter(state.used))]


def _advanced(state: DeskState, record: Record) -> None:
    if "stage" in record:
        state.reservations.advance(record["client_id"], Stage(record["stage"]), record.get("order_id") or "")


def _released(state: DeskState, record: Record) -> None:
    client_id, order_id = record.get("client_id") or "", record.get("order_id") or ""
    found = state.reservations.find(client_id, order_id)
    if found is not None:
        state.reservations.release(found.client_id)


def _merged(state: DeskState, record: Record) -> None:
    reported = [Reservation.from_data(order) for order in record["orders"]]
    state.reservations.merge(record["venue"], reported, record["settled"])
    for order in reported:
        _use(state, order.client_id)


def _fill_name(record: Record) -> str:
    return "/".join((record.get("venue") or "", record.get("account") or "", record["id"]))


def _filled(state: DeskState, record: Record) -> None:
    """A fill counts once, and takes off its reservation what it adds to the position: in one step."""
    name = _fill_name(record)
    if name in state.fills:
        return
    state.fills[name] = None  # for ever: a list of old fills that is read again must not count
    quantity = Decimal(record["quantity"])
    key = key_of(record)
    held = state.positions.get(key, ZERO) + (quantity if record["side"] == "buy" else -quantity)
    if held:
        state.positions[key] = held
    else:
        state.positions.pop(key, None)
    if record.get("settle"):
        state.settles[key[:2]] = record["settle"]
    settle = _settle(state, key)
    price = state.marks.get(key[:2], state.marks.get(("", key[1])))
    if price is not None and not record.get("inverse"):
        signed = quantity if record["side"] == "buy" else -quantity
        gained = (price - Decimal(record["price"])) * signed * Decimal(record.get("multiplier") or 1)
        state.gain(gained, settle, record["at_ms"])
    state.gain(-Decimal(record.get("fee") or 0), record.get("fee_asset") or settle, record["at_ms"])
    state.reservations.fill(record.get("client_id") or "", record.get("order_id") or "", quantity)


def _traded(state: DeskState, record: Record) -> None:
    """A trade's result. Its sign counts; fees of other assets are taken off where rates value them."""
    pnl, asset, at = Decimal(record["pnl"]), record.get("asset") or "", record["at_ms"]
    if record.get("counts", True):
        state.gain(pnl, asset, at)
    fees = record.get("fees") or {}
    if fees:
        rates, age = state.rates, Decimal(state.config.get("max_rate_age_seconds", RATE_AGE_SECONDS)) * 1000
        worth = rates.worth(pnl, asset, at, age)
        if worth is not None:
            paid = [rates.worth(Decimal(fee), name, at, age) for name, fee in fees.items()]
            pnl = worth - sum((one for one in paid if one is not None), ZERO)
    if pnl < 0:
        state.losses += 1
    elif pnl > 0:
        state.losses = 0


def _error(state: DeskState, record: Record) -> None:
    if record.get("counted"):
        state.errors += 1


def _success(state: DeskState, _: Record) -> None:
    state.errors = 0


def _tripped(state: DeskState, record: Record) -> None:
    state.breaker = trip(state.breaker, record["cause"], record["reason"], record["at_ms"])


def _reset(state: DeskState, _: Record) -> None:
    state.breaker = CLOSED
    state.losses = state.errors = 0


def _inconsistent(state: DeskState, record: Record) -> None:
    state.inconsistent[key_of(record)] = record["reason"]


def _reconciled(state: DeskState, record: Record) -> None:
    for row in record.get("adopted") or ():
        key = key_of(row)
        state.inconsistent.pop(key, None)
        quantity = Decimal(row["quantity"])
        if quantity:
            state.positions[key] = quantity
        else:
            state.positions.pop(key, None)


_ACTS: Final[dict[str, Callable[[DeskState, Record], None]]] = {
    "config_changed": _configured,
    "balance_updated": _balance,
    "day_started": _day,
    "transfer": _transfer,
    "rate": _rate,
    "mark": _mark,
    "risk_approved": _approved,
    "order_submitted": _advanced,
    "reservation": _advanced,
    "order_cancelled": _released,
    "reservation_released": _released,
    "open_orders": _merged,
    "order_filled": _filled,
    "fill_counted": _filled,
    "trade_result": _traded,
    "error": _error,
    "success": _success,
    "circuit_breaker_tripped": _tripped,
    "breaker_reset": _reset,
    "position_inconsistent": _inconsistent,
    "reconciled": _reconciled,
}
"""What our records do. A `state` record changes nothing: it is where a replay may start."""
