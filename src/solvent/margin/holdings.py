"""Finding things in an account: what is held, which pool pays, at what price, with what setting."""

from fractions import Fraction

from solvent.core.account import Account, Pool, Position, Side
from solvent.core.errors import Refused


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


def setting_of(account: Account, instrument: str, side: Side) -> Fraction | None:
    """The leverage setting of an instrument that is not held; a setting of one side goes first."""
    found = account.leverages.get(f"{instrument}/{side}")
    return account.leverages.get(instrument) if found is None else found
