"""What would happen: a change is a value, applying it gives another account. Nothing is sent anywhere."""

from dataclasses import dataclass, replace
from fractions import Fraction

from solvent.core.account import Account, Mode, Note, Pool, Position, Side
from solvent.core.errors import Refused
from solvent.core.tiers import allowed_leverage
from solvent.margin.evaluate import Evaluation
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A fill: signed `size` of an instrument. What is None comes from the account.

    `fee_rate` is the taker fee as a fraction of notional. `side` picks the position in hedge mode.
    """

    instrument: str
    size: Fraction
    price: Fraction | None = None
    leverage: Fraction | None = None
    mode: Mode | None = None
    fee_rate: Fraction | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """Close a position, or `quantity` (> 0) of it, at `price` or the mark."""

    instrument: str
    quantity: Fraction | None = None
    price: Fraction | None = None
    fee_rate: Fraction | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class SetLeverage:
    instrument: str
    leverage: Fraction


@dataclass(frozen=True, slots=True)
class MoveMargin:
    """Move margin into (`amount` > 0) or out of an isolated position."""

    instrument: str
    amount: Fraction


@dataclass(frozen=True, slots=True)
class Transfer:
    """Deposit (`amount` > 0) into or withdraw from the cross pool."""

    amount: Fraction


Change = Trade | Close | SetLeverage | MoveMargin | Transfer


def apply(made: Evaluation, change: Change) -> Account:
    """The account after the change. Raises Refused where the facts do not allow it to be computed,
    or where the venue's rule for margin and leverage forbids it.
    """
    account = replace(
        made.account,
        pools=tuple(replace(p.pool, collateral=p.collateral) for p in made.pools),
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


def holding(account: Account, instrument: str, side: Side | None = None) -> tuple[Pool, Position] | None:
    """The pool and position of an instrument. Raises Refused where there are several and no side is said."""
    found = [
        (pool, p)
        for pool in account.pools
        for p in pool.positions
        if p.instrument == instrument and (side is None or p.side is side)
    ]
    if len(found) > 1:
        raise Refused("several-positions", f"{instrument} has {len(found)} positions: say which side")
    return found[0] if found else None


def _held(account: Account, instrument: str, side: Side | None = None) -> tuple[Pool, Position]:
    found = holding(account, instrument, side)
    if found is None:
        raise Refused("no-position", f"the account holds no {instrument}")
    return found


def _closing(account: Account, change: Close) -> Trade:
    _, position = _held(account, change.instrument, change.side)
    quantity = abs(position.size) if change.quantity is None else change.quantity
    if not 0 < quantity <= abs(position.size):
        raise Refused("close-too-large", f"only {abs(position.size)} of {change.instrument} can be closed")
    return Trade(
        instrument=change.instrument,
        size=-quantity * position.side.sign,
        price=change.price,
        fee_rate=change.fee_rate,
        side=change.side,
    )


def cross_pool(account: Account, instrument: str) -> Pool:
    """The cross pool that an instrument trades from (each Hyperliquid dex has its own)."""
    dex, _, coin = instrument.rpartition(":")
    own = account.pool(f"{dex}:cross") if coin and dex else None
    found = own or account.pool("cross")
    if found is None:
        raise Refused("no-cross-pool", "the account has no cross pool")
    return found


def price_of(account: Account, instrument: str) -> Fraction:
    """The mark of an instrument, from its position or its market. Raises Refused."""
    for pool in account.pools:
        for position in pool.positions:
            if position.instrument == instrument:
                return position.price
    market = account.instruments.get(instrument)
    if market is None or not market.price:
        raise Refused("no-price", f"no mark of {instrument} in the bundle: say --price")
    return market.price


def trade(account: Account, rules: Rules, change: Trade) -> Account:
    """The account after a fill. Sums are exact; whether the venue would allow it is another question."""
    if change.size == 0:
        raise Refused("no-size", "a fill needs a size")
    side = change.side
    if side is None and rules.hedge_mode:
        side = Side.of(change.size)
    held = holding(account, change.instrument, side)
    price = price_of(account, change.instrument) if change.price is None else change.price
    mode = _mode(account, rules, change, held)
    fee = abs(change.size) * price * fee_rate(account, rules, change)
    old = held[1] if held else None
    leverage = _leverage(account, rules, change, old, mode)
    if (
        old is not None
        and old.size * change.size < 0
        and abs(change.size) > abs(old.size)
        and mode is Mode.ISOLATED
    ):
        return _flip(account, rules, change, old, price)
    if rules.hedge_mode and old is not None and old.size * (old.size + change.size) < 0:
        raise Refused("hedge-flip", f"{change.instrument} {old.side}: only {abs(old.size)} can be closed")
    new = _filled(account, rules, change, old, price, leverage, fee if mode is Mode.CROSS else ZERO)
    if mode is Mode.CROSS:
        pool = held[0] if held else cross_pool(account, change.instrument)
        account = _remembered(account, rules, old, new)
        changed = replace(
            pool,
            cash=pool.cash - change.size * price - fee,
            positions=_with(pool.positions, old, new),
        )
        return _replaced(account, pool, changed)
    return _isolated_fill(account, rules, change, held, new, price, leverage, fee)


def fee_rate(account: Account, rules: Rules, change: Trade) -> Fraction:
    """The taker fee: as said, as the bundle has it, or the venue's base tier."""
    if change.fee_rate is not None:
        return change.fee_rate
    market = account.instruments.get(change.instrument)
    known = market.taker_fee if market else None
    return rules.taker_fee if known is None else known


def _mode(account: Account, rules: Rules, change: Trade, held: tuple[Pool, Position] | None) -> Mode:
    if held is not None:
        if change.mode is not None and change.mode is not held[0].mode:
            raise Refused("mode-of-open-position", f"{change.instrument} is held {held[0].mode}: close it first")
        return held[0].mode
    market = account.instruments.get(change.instrument)
    if market is not None and market.isolated_only:
        if change.mode is Mode.CROSS:
            raise Refused("isolated-only", f"{change.instrument} can only be held isolated")
        return Mode.ISOLATED
    return change.mode or rules.default_mode


def _leverage(account: Account, rules: Rules, change: Trade, old: Position | None, mode: Mode) -> Fraction | None:
    known = old.leverage if old else account.leverages.get(change.instrument)
    leverage = known if change.leverage is None else change.leverage
    if leverage is None:
        if mode is Mode.CROSS and not rules.needs_leverage:
            return None
        raise Refused("no-leverage", f"no leverage setting of {change.instrument} in the bundle: say --leverage")
    if change.leverage is not None:
        check_leverage(account, rules, change.instrument, leverage, old)
    return leverage


def check_leverage(
    account: Account, rules: Rules, instrument: str, leverage: Fraction, old: Position | None
) -> None:
    """Raises Refused where the venue does not offer this leverage at this size."""
    market = account.instruments.get(instrument)
    most = market.max_leverage if market else None
    if old is not None and old.max_leverage is not None:
        most = old.max_leverage
    tiers = rules.leverage_tiers(old) if old else (market.tiers if market else ())
    tier = allowed_leverage(tiers, old.notional if old else ZERO)
    most = min((x for x in (most, tier) if x is not None), default=None)
    if leverage < 1 or (most is not None and leverage > most):
        raise Refused(
            "leverage-range", f"{instrument}: leverage must be from 1 to {most or 'its maximum'}, was {leverage}"
        )
    step = market.leverage_step if market else None
    if step and leverage % step:
        raise Refused("leverage-step", f"{instrument}: leverage goes in steps of {step}, was {leverage}")


def _filled(
    account: Account,
    rules: Rules,
    change: Trade,
    old: Position | None,
    price: Fraction,
    leverage: Fraction | None,
    fee: Fraction,
) -> Position | None:
    """The position after the fill; None where it is closed. Entry is the average cost."""
    ledger = -change.size * price - fee if rules.keeps_quote_ledger else ZERO
    if old is None:
        market = account.instruments.get(change.instrument)
        return Position(
            instrument=change.instrument,
            size=change.size,
            price=(market.price if market else None) or price,
            entry=price,
            leverage=leverage,
            max_leverage=market.max_leverage if market else None,
            side=Side.of(change.size),
            vquote=ledger,
            origin={"size": "what-if", "price": "market", "entry": "what-if", "leverage": "what-if"},
        )
    size = old.size + change.size
    if size == 0:
        return None
    entry = old.entry
    if entry is not None and old.size * change.size > 0:
        entry = (old.size * entry + change.size * price) / size
    elif old.size * size < 0:
        entry = price
    origin = {**old.origin, "size": "what-if", "entry": "what-if"}
    return replace(
        old,
        size=size,
        entry=entry,
        leverage=leverage,
        side=Side.of(size),
        vquote=old.vquote + ledger,
        origin=origin,
    )


def _flip(account: Account, rules: Rules, change: Trade, old: Position, price: Fraction) -> Account:
    """Through zero: an isolated pocket is closed and a new one opened."""
    closed = trade(account, rules, replace(change, size=-old.size, price=price, leverage=None))
    leverage = change.leverage or old.leverage
    rest = replace(change, size=change.size + old.size, price=price, mode=Mode.ISOLATED, leverage=leverage)
    return trade(closed, rules, rest)


def _isolated_fill(
    account: Account,
    rules: Rules,
    change: Trade,
    held: tuple[Pool, Position] | None,
    new: Position | None,
    price: Fraction,
    leverage: Fraction | None,
    fee: Fraction,
) -> Account:
    """Opening moves margin into the pocket; closing gives back its equity pro rata."""
    cross = cross_pool(account, change.instrument)
    if held is None:
        assert new is not None
        assert leverage is not None
        margin = rules.opening_margin(change.instrument, change.size, price, leverage)
        pocket = Pool(
            name=rules.isolated_name(new),
            mode=Mode.ISOLATED,
            cash=margin - change.size * price,
            positions=(new,),
            numeraire=cross.numeraire,
            cash_origin="what-if",
        )
        grown = replace(account, pools=(*account.pools, pocket))
        return _replaced(grown, cross, replace(cross, cash=cross.cash - margin - fee))
    pool, old = held
    if old.size * change.size > 0:
        assert leverage is not None
        moved = rules.opening_margin(change.instrument, change.size, price, leverage)
    else:
        moved = -(pool.cash + price * old.size) * abs(change.size) / abs(old.size)
    account = _remembered(account, rules, old, new)
    drained = _replaced(account, cross, replace(cross, cash=cross.cash - moved - fee))
    if new is None:
        return replace(drained, pools=tuple(p for p in drained.pools if p.name != pool.name))
    changed = replace(pool, cash=pool.cash + moved - change.size * price, positions=(new,))
    return _replaced(drained, pool, changed)


def _remembered(account: Account, rules: Rules, old: Position | None, new: Position | None) -> Account:
    """A leverage setting outlives the position that it was set for."""
    if old is None or new is not None or old.leverage is None or rules.hedge_mode:
        return account
    return replace(account, leverages={**account.leverages, old.instrument: old.leverage})


def _with(positions: tuple[Position, ...], old: Position | None, new: Position | None) -> tuple[Position, ...]:
    if old is None:
        return positions if new is None else (*positions, new)
    return tuple(new if p is old else p for p in positions if p is not old or new is not None)  # type: ignore[misc]


def _replaced(account: Account, old: Pool, new: Pool) -> Account:
    return replace(account, pools=tuple(new if p.name == old.name else p for p in account.pools))


def _set_leverage(account: Account, made: Evaluation, change: SetLeverage) -> Account:
    if not made.rules.needs_leverage:
        raise Refused("no-leverage-setting", f"{account.venue} has no leverage setting")
    pool, position = _held(account, change.instrument)
    check_leverage(account, made.rules, change.instrument, change.leverage, position)
    changed = replace(pool, positions=_with(pool.positions, position, replace(position, leverage=change.leverage)))
    return _replaced(account, pool, changed)


def _move_margin(account: Account, made: Evaluation, change: MoveMargin) -> Account:
    pool, position = _held(account, change.instrument)
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
        raise Refused("no-amount", f"an amount above the transfer fee of {cost} is needed")
    moved = _replaced(account, pool, replace(pool, cash=pool.cash + into))
    return _replaced(moved, cross, replace(cross, cash=cross.cash + out))


def _transfer(account: Account, made: Evaluation, change: Transfer) -> Account:
    if change.amount == 0:
        raise Refused("no-amount", "a transfer needs an amount")
    cross = cross_pool(account, "")
    if change.amount < 0:
        own = made.figures.get(f"pools.{cross.name}.withdrawable")  # where several pools have one each
        free = made.figures["withdrawable"] if own is None else own
        if free.value is None:
            raise Refused("withdrawable-unknown", free.reason)
        if -change.amount > free.amount:
            raise Refused("above-withdrawable", f"only {free.shown} can be withdrawn")
    return _replaced(account, cross, replace(cross, cash=cross.cash + change.amount))
