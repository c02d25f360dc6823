"""The account after a fill: sums are exact; whether the venue would allow it is another question."""

from dataclasses import replace
from fractions import Fraction

from solvent.core.account import Account, Kind, Mode, Pool, Position, Side
from solvent.core.errors import Refused
from solvent.core.numbers import decimal_of, text
from solvent.core.tiers import allowed_leverage
from solvent.margin.changes import Trade
from solvent.margin.holdings import cross_pool, holding, price_of, setting_of
from solvent.margin.rules import Rules
from solvent.margin.schedule import ZERO


def trade(account: Account, rules: Rules, change: Trade) -> Account:
    """The account after a fill. Sums are exact; whether the venue would allow it is another question."""
    if change.size == 0:
        raise Refused("no-size", "a fill needs a size")
    _check_market(account, change)
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
        raise Refused("hedge-flip", f"{change.instrument} {old.side}: only {shown(abs(old.size))} can be closed")
    new = _filled(account, rules, change, old, price, leverage, fee if mode is Mode.CROSS else ZERO)
    if mode is Mode.CROSS:
        pool = held[0] if held else cross_pool(account, change.instrument)
        account = _remembered(account, rules, old, new)
        changed = replace(
            pool,
            cash=pool.cash - change.size * price - fee,
            positions=exchanged(pool.positions, old, new),
        )
        return replaced(account, pool, changed)
    return _isolated_fill(account, rules, change, held, new, price, leverage, fee)


def _check_market(account: Account, change: Trade) -> None:
    """Raises Refused where the bundle lists markets and this is none, or none that can be isolated."""
    market = account.instruments.get(change.instrument)
    if market is None and account.instruments and holding(account, change.instrument, change.side) is None:
        raise Refused("unknown-instrument", f"{change.instrument} is not among the bundle's markets")
    if market is not None and market.kind is Kind.SPOT and change.mode is Mode.ISOLATED:
        raise Refused("spot-isolated", f"{change.instrument} is a spot asset: it cannot be held isolated")


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
    """The setting that the fill trades at; None where none is needed: in a venue without, or to close."""
    if change.leverage is not None:
        check_leverage(account, rules, change.instrument, change.leverage, old)
        return change.leverage
    leverage = old.leverage if old else setting_of(account, change.instrument, change.side or Side.of(change.size))
    closes = old is not None and old.size * change.size < 0 and abs(change.size) <= abs(old.size)
    if leverage is None and not closes and (mode is Mode.ISOLATED or rules.needs_leverage):
        raise Refused("no-leverage", f"no leverage setting of {change.instrument} in the bundle: say --leverage")
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
        offered = shown(most) if most else "its maximum"
        words = f"{instrument}: leverage must be from 1 to {offered}, was {shown(leverage)}"
        raise Refused("leverage-range", words)
    step = market.leverage_step if market else None
    if step and leverage % step:
        raise Refused(
            "leverage-step", f"{instrument}: leverage goes in steps of {shown(step)}, was {shown(leverage)}"
        )


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
        return replaced(grown, cross, replace(cross, cash=cross.cash - margin - fee))
    pool, old = held
    if old.size * change.size > 0:
        assert leverage is not None
        moved = rules.opening_margin(change.instrument, change.size, price, leverage)
    else:
        moved = -(pool.cash + price * old.size) * abs(change.size) / abs(old.size)
    account = _remembered(account, rules, old, new)
    drained = replaced(account, cross, replace(cross, cash=cross.cash - moved - fee))
    if new is None:
        return replace(drained, pools=tuple(p for p in drained.pools if p.name != pool.name))
    changed = replace(pool, cash=pool.cash + moved - change.size * price, positions=(new,))
    return replaced(drained, pool, changed)


def _remembered(account: Account, rules: Rules, old: Position | None, new: Position | None) -> Account:
    """A leverage setting outlives the position that it was set for."""
    if old is None or new is not None or old.leverage is None or rules.hedge_mode:
        return account
    return replace(account, leverages={**account.leverages, old.instrument: old.leverage})


def exchanged(positions: tuple[Position, ...], old: Position | None, new: Position | None) -> tuple[Position, ...]:
    if old is None:
        return positions if new is None else (*positions, new)
    return tuple(new if p is old else p for p in positions if p is not old or new is not None)  # type: ignore[misc]


def replaced(account: Account, old: Pool, new: Pool) -> Account:
    return replace(account, pools=tuple(new if p.name == old.name else p for p in account.pools))


def shown(value: Fraction) -> str:
    return text(decimal_of(value))
