"""The fold that makes the desk's state: the live gate and the replay of a journal both use it.

Every input is a record; `apply` changes the state in place and gives it back. Amounts in records are text.
Only records that say `desk: true` count: others in the same journal (a tracker's, a client's) are not ours.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from solvent.risk.breaker import CLOSED, trip
from solvent.risk.contracts import read_row
from solvent.risk.desk_state import DeskState, Record, fill_name, payment_name, utc_day
from solvent.risk.leverage_facts import from_record
from solvent.risk.lines import ZERO, LineKey
from solvent.risk.reservations import Reservation, Stage
from solvent.risk.valuation import Rate

WINDOW_MS: Final = 60_000
MAX_USED_IDS: Final = 10_000
"""Client ids remembered. An older one could only be used again after ten thousand others."""
MAX_PAYMENT_IDS: Final = 100_000
"""Payments remembered by id. An older one is dated before the account update whose equity has it."""


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
        asset = record.get("valuation_asset") or "USD"
        if asset != state.valuation_asset:
            _revalue(state, asset)


def _revalue(state: DeskState, asset: str) -> None:
    """Another valuation asset: what was known in the old one, rates among it, says nothing in the new one."""
    state.valuation_asset = asset
    state.told_rates.clear()
    state.balance = state.equity = state.day_start = None
    state.since = state.transfers = ZERO
    state.day = ""


def _balance(state: DeskState, record: Record) -> None:
    if "equity" not in record or "balance" not in record:
        return
    state.balance, state.equity = Decimal(record["balance"]), Decimal(record["equity"])
    state.money_at_ms = record["at_ms"]
    state.since = ZERO
    state.unvalued.clear()  # the venue's equity has it
    for asset, amount in state.moved.items():
        state.moved_in[asset] = state.moved_in.get(asset, ZERO) + amount
    state.moved.clear()


def _rate(state: DeskState, record: Record) -> None:
    """A rate, and what waited for it."""
    asset, at = record["asset"], record["at_ms"]
    state.told_rates[asset] = Rate(Decimal(record["rate"]), at)
    waited = state.unvalued.pop(asset, None)
    if waited is not None:
        state.gain(waited, asset, at)
    for transfers, in_equity in ((state.moved, False), (state.moved_in, True)):
        amount = transfers.pop(asset, None)
        if amount is not None:
            _move(state, amount, asset, at, in_equity)


def _day(state: DeskState, record: Record) -> None:
    state.day = record["day"]
    state.day_start = Decimal(record["equity"])
    state.transfers = ZERO
    state.moved_in.clear()  # the day starts with an equity that has them


def _move(state: DeskState, amount: Decimal, asset: str, at_ms: int, in_equity: bool = False) -> None:
    """Take a transfer out of the day's P&L, and into equity where no account update has it."""
    worth = state.worth(amount, asset, at_ms)
    if worth is None:
        waiting = state.moved_in if in_equity else state.moved
        waiting[asset] = waiting.get(asset, ZERO) + amount
        return
    state.transfers += worth
    if not in_equity:
        state.since += worth


def _is_new(state: DeskState, record: Record) -> bool:
    """Whether a payment was not counted before; one without an id always is. Notes it."""
    name = payment_name(record)
    if not name:
        return True
    if name in state.payments:
        return False
    state.payments[name] = None
    if len(state.payments) > MAX_PAYMENT_IDS:
        del state.payments[next(iter(state.payments))]
    return True


def _in_equity(state: DeskState, record: Record) -> bool:
    """Whether it happened before the last account update, whose equity then has it."""
    time = record.get("time")
    return time is not None and state.equity is not None and time <= state.money_at_ms


def _transfer(state: DeskState, record: Record) -> None:
    """A transfer is no profit of its day; one of an earlier day is in what the day began with."""
    time = record.get("time")
    if _is_new(state, record) and (time is None or utc_day(time) >= state.day):
        asset, at = record.get("asset") or "", record["at_ms"]
        _move(state, Decimal(record["amount"]), asset, at, _in_equity(state, record))


def _funding(state: DeskState, record: Record) -> None:
    """Funding paid (below 0) or received: profit, in its asset or in what the contract settles in."""
    if _is_new(state, record) and not _in_equity(state, record):
        asset = record.get("asset") or state.contracts.of(record.get("venue") or "", record["symbol"]).settle
        state.gain(Decimal(record["amount"]), asset, record["at_ms"])


def _contracts(state: DeskState, record: Record) -> None:
    state.contracts.stated.update(read_row(row) for row in record["rows"])


def _mark(state: DeskState, record: Record) -> None:
    venue, symbol = record.get("venue") or "", record["symbol"]
    price = Decimal(record["price"])
    old = state.marks.get((venue, symbol))
    if old is not None and old != price:
        for key, quantity in state.positions.items():
            if key[1] == symbol and venue in ("", key[0]):
                inverse, unit = _unit(state, key, record)
                if not inverse:
                    settle = state.contracts.of(*key[:2]).settle
                    state.gain(quantity * (price - old) * unit, settle, record["at_ms"])
    state.marks[venue, symbol] = price


def _unit(state: DeskState, key: LineKey, record: Record) -> tuple[bool, Decimal]:
    """Whether a line's contract is inverse, and its multiplier: as stated on record, else as this record says."""
    if state.contracts.knows(*key[:2]):
        contract = state.contracts.of(*key[:2])
        return contract.inverse, contract.multiplier
    return bool(record.get("inverse")), Decimal(record.get("multiplier") or 1)


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


def _filled(state: DeskState, record: Record) -> None:
    """A fill counts once, and takes off its reservation what it adds to the position: in one step."""
    name = fill_name(record)
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
        state.contracts.settles[key[:2]] = record["settle"]
    settle = state.contracts.of(*key[:2]).settle
    price = state.marks.get(key[:2], state.marks.get(("", key[1])))
    inverse, unit = _unit(state, key, record)
    # what happened before the last account update is in its equity: an old list read again is no profit today
    known = _in_equity(state, record) and record["time"] < state.money_at_ms
    if price is not None and not inverse and not known:
        signed = quantity if record["side"] == "buy" else -quantity
        gained = (price - Decimal(record["price"])) * signed * unit
        state.gain(gained, settle, record["at_ms"])
    if not known:
        state.gain(-Decimal(record.get("fee") or 0), record.get("fee_asset") or settle, record["at_ms"])
    state.reservations.fill(record.get("client_id") or "", record.get("order_id") or "", quantity, key[0])


def _traded(state: DeskState, record: Record) -> None:
    """A trade's result. Its sign counts; fees of other assets are taken off where rates value them."""
    pnl, asset, at = Decimal(record["pnl"]), record.get("asset") or "", record["at_ms"]
    if record.get("counts", True):
        state.gain(pnl, asset, at)
    fees = record.get("fees") or {}
    if fees:
        rates, age = state.rates, state.rate_age_ms
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


def _leverage(state: DeskState, record: Record) -> None:
    """A leverage asked for, then read back or not; the newest word counts. `dropped`: it is asked for no more."""
    home = (record.get("venue") or "", record["symbol"])
    if record.get("dropped"):
        state.leverages.pop(home, None)
    else:
        state.leverages[home] = from_record(record)


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
    "transfer_counted": _transfer,
    "funding": _funding,
    "funding_counted": _funding,
    "contracts": _contracts,
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
    "leverage_required": _leverage,
    "leverage_verified": _leverage,
    "leverage_unverified": _leverage,
    "position_inconsistent": _inconsistent,
    "reconciled": _reconciled,
}
"""What our records do. A `state` record changes nothing: it is where a replay may start."""


__all__ = ["MAX_PAYMENT_IDS", "MAX_USED_IDS", "WINDOW_MS", "DeskState", "Record", "apply", "key_of", "utc_day"]
