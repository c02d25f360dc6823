"""What would happen: applying a change gives another account. Nothing is sent anywhere."""

from dataclasses import replace
from fractions import Fraction

from solvent.core.account import Account, Mode, Note, Pool, Position, Side
from solvent.core.errors import Refused
from solvent.margin.changes import Change, Close, MoveMargin, SetLeverage, Trade, Transfer
from solvent.margin.evaluate import Evaluation
from solvent.margin.fill import check_leverage, exchanged, replaced, shown, trade
from solvent.margin.holdings import cross_pool, holding
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO


def apply(made: Evaluation, change: Change) -> Account:
    """The account after the change. Raises Refused where the facts do not allow it to be computed,
    or where the venue's rule for margin and leverage forbids it.
    """
    account = replace(
        made.account,
        pools=made.backed_pools,
        reported={},
        notes=(*made.account.notes, Note("what-if", f"after {change}")),
    )
    match change:
        case Trade():
            return trade(account, made.rules, change)
        case Close():
            return trade(account, made.rules, _closing(account, change))
        case SetLeverage():
            return _set_leverage(account, made, change)
        case MoveMargin():
            return _move_margin(account, made, change)
        case Transfer():
            return _transfer(account, made, change)


def _held(account: Account, instrument: str, side: Side | None = None) -> tuple[Pool, Position]:
    found = holding(account, instrument, side)
    if found is None:
        raise Refused("no-position", f"the account holds no {instrument}")
    return found


def _closing(account: Account, change: Close) -> Trade:
    _, position = _held(account, change.instrument, change.side)
    quantity = abs(position.size) if change.quantity is None else change.quantity
    if not 0 < quantity <= abs(position.size):
        raise Refused("close-too-large", f"only {shown(abs(position.size))} of {change.instrument} can be closed")
    return Trade(
        instrument=change.instrument,
        size=-quantity * position.side.sign,
        price=change.price,
        fee_rate=change.fee_rate,
        side=position.side,
    )


def _set_leverage(account: Account, made: Evaluation, change: SetLeverage) -> Account:
    if not made.rules.needs_leverage:
        raise Refused("no-leverage-setting", f"{account.venue} has no leverage setting")
    pool, position = _held(account, change.instrument, change.side)
    check_leverage(account, made.rules, change.instrument, change.leverage, position)
    positions = exchanged(pool.positions, position, replace(position, leverage=change.leverage))
    moved = _posted_anew(made.rules, pool, position, change.leverage)
    account = replaced(account, pool, replace(pool, cash=pool.cash + moved, positions=positions))
    if moved == 0:
        return account
    cross = cross_pool(account, change.instrument)
    return replaced(account, cross, replace(cross, cash=cross.cash - moved))


def _posted_anew(rules: Rules, pool: Pool, position: Position, leverage: Fraction) -> Fraction:
    """What a new setting moves into (or out of) an isolated pocket, where the venue posts margin anew."""
    if pool.mode is Mode.CROSS or not rules.leverage_moves_margin:
        return ZERO
    if position.entry is None or position.leverage is None:
        raise Refused("no-entry", f"{position.instrument}: neither entry nor leverage is known")
    name, size, entry = position.instrument, position.size, position.entry
    now = rules.opening_margin(name, size, entry, position.leverage)
    return rules.opening_margin(name, size, entry, leverage) - now


def _move_margin(account: Account, made: Evaluation, change: MoveMargin) -> Account:
    pool, position = _held(account, change.instrument, change.side)
    if pool.mode is Mode.CROSS:
        raise Refused("not-isolated", f"{change.instrument} is held cross: it has no margin of its own")
    market = account.instruments.get(position.instrument)
    if change.amount < 0 and market is not None and market.strict_isolated:
        raise Refused("strict-isolated", f"{change.instrument}: margin leaves only with the position")
    cost = made.rules.isolated_transfer_fee
    cross = cross_pool(account, change.instrument)
    if change.amount > 0:
        into, out = change.amount - cost, -change.amount
    else:
        into, out = change.amount, -change.amount - cost
    if change.amount == 0 or into * change.amount <= 0 or out * change.amount >= 0:
        raise Refused("no-amount", f"an amount above the transfer fee of {shown(cost)} is needed")
    moved = replaced(account, pool, replace(pool, cash=pool.cash + into))
    return replaced(moved, cross, replace(cross, cash=cross.cash + out))


def _transfer(account: Account, made: Evaluation, change: Transfer) -> Account:
    if change.amount == 0:
        raise Refused("no-amount", "a transfer needs an amount")
    cross = cross_pool(account, "")
    if change.amount < 0:
        own = made.figures.get(f"pools.{cross.name}.withdrawable")  # where several pools have one each
        free = made.figures["withdrawable"] if own is None else own
        if free.value is None:
            raise Refused("withdrawable-unknown", free.reason)
        said = made.account.reported.get(free.path)
        most = free.amount if said is None or said.value is None else min(free.amount, Fraction(said.value))
        if -change.amount > most:
            raise Refused("above-withdrawable", f"only {shown(most)} can be withdrawn")
    return replaced(account, cross, replace(cross, cash=cross.cash + change.amount / made.rules.money_rate))
