"""What one chain or venue holds, and which part of it may be used.

Four figures that are easily taken for one another:

| figure | what it says |
|---|---|
| `equity` | what the account is worth now: cash and every position at its mark |
| `free_margin` | equity less initial margin: what positions leave (negative: none may be opened) |
| `available` | free margin less what resting orders hold, never below 0: what a new position may take |
| `withdrawable` | what the venue would let go; profits and a floor of the notional may have to stay |

A venue's cash ledger (Hyperliquid's `totalRawUsd`) is none of them: it holds the cost of open positions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from solvent.core.account import Mode, Venue
from solvent.core.errors import Refused
from solvent.core.numbers import decimal_of
from solvent.margin.evaluate import Evaluation
from solvent.margin.figures import Figure, Status
from solvent.margin.schedule import ZERO

PAR: Final = frozenset({"USD", "USDC", "USDT", "USDT0"})
"""Taken for one another, one to one. A balance in anything else has no `usdc_balance`."""

MONEY: Final[Mapping[Venue, str]] = {Venue.HYPERLIQUID: "USDC", Venue.NADO: "USDT0"}
"""The asset of an account's figures, where its pools say only that it is money."""

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletBalance:
    """One row of `wallet_balances`. Amounts in `asset`, times in milliseconds since 1970 UTC.

    `usdc_balance` is what the row adds to the total: the equity of a venue, the tokens of a chain; None where it
    is not known. `as_of` is when the facts were true, `stale` that the last look failed, `error` why.
    """

    chain: str
    account: str = ""
    asset: str = "USDC"
    usdc_balance: Decimal | None
    balance: Decimal | None = None
    """Settled money: equity less unrealised profit."""
    equity: Decimal | None = None
    free_margin: Decimal | None = None
    order_margin: Decimal | None = None
    """What resting orders hold beyond `free_margin`."""
    available: Decimal | None = None
    withdrawable: Decimal | None = None
    source: str
    as_of: int | None
    stale: bool = False
    error: str = ""
    note: str = ""
    """Why a figure is None or only an estimate."""

    @property
    def key(self) -> Key:
        return self.chain, self.account, self.asset

    @property
    def deployed(self) -> Decimal | None:
        """What positions and resting orders hold of the equity."""
        if self.equity is None or self.free_margin is None or self.order_margin is None:
            return None
        return max(Decimal(0), self.equity - self.free_margin + self.order_margin)

    def failed(self, error: str) -> "WalletBalance":
        """The same row after a look that failed: its figures stay as they were, marked."""
        return replace(self, stale=True, error=error)


def nothing_known(chain: str, account: str, asset: str, source: str, error: str) -> WalletBalance:
    """The row of a source that never answered."""
    return WalletBalance(
        chain=chain,
        account=account,
        asset=asset,
        usdc_balance=None,
        source=source,
        as_of=None,
        stale=True,
        error=error,
    )


def tokens(
    chain: str,
    account: str,
    amount: Decimal,
    *,
    frozen: Decimal = Decimal(0),
    asset: str = "USDC",
    source: str,
    as_of: int,
) -> WalletBalance:
    """The row of a plain wallet: all of it is free, but for what its issuer has frozen."""
    free = amount - frozen
    return WalletBalance(
        chain=chain,
        account=account,
        asset=asset,
        usdc_balance=amount if asset in PAR else None,
        balance=amount,
        equity=amount,
        free_margin=free,
        order_margin=Decimal(0),
        available=free,
        withdrawable=free,
        source=source,
        as_of=as_of,
        note="part of it is frozen by its issuer" if frozen else "",
    )


def money_of(made: Evaluation) -> str:
    """The asset that an account's figures are in."""
    venue = made.account.venue
    named = {p.numeraire for p in made.account.pools}
    return MONEY.get(venue) or (named.pop() if len(named) == 1 else "USD")


def venue_balance(
    made: Evaluation, *, account: str = "", source: str = "bundle", as_of: int | None = None
) -> WalletBalance:
    """The row of an evaluated account. A figure that rests on money nobody sees is None, and `note` says why."""
    equity, free, out = (made.figures[name] for name in ("equity", "free_margin", "withdrawable"))
    notes = [f"{f.path}: {f.reason}" for f in (equity, free, out) if f.reason]
    hidden = next((p.collateral.reason for p in made.pools if p.collateral.status == "unknown"), "")
    orders, why = _order_margin(made)
    notes += [why] if why else []
    notes += [hidden] if hidden else []
    asset = money_of(made)
    worth = None if hidden else equity.value
    left = None if hidden else free.value
    return WalletBalance(
        chain=str(made.account.venue),
        account=account,
        asset=asset,
        usdc_balance=worth if asset in PAR else None,
        balance=None if hidden else _settled(made, equity),
        equity=worth,
        free_margin=left,
        order_margin=orders,
        available=None if left is None or orders is None else max(Decimal(0), left - orders),
        withdrawable=None if hidden or out.status is Status.UNKNOWN else out.value,
        source=source,
        as_of=made.account.as_of if as_of is None else as_of,
        note="; ".join(dict.fromkeys(notes)),
    )


def _settled(made: Evaluation, equity: Figure) -> Decimal | None:
    """Equity less unrealised profit; None where an entry price is not known."""
    if equity.value is None:
        return None
    profit = ZERO
    for p in made.positions:
        figure = p.figures.get("unrealized_pnl")
        if figure is None or figure.value is None:
            return None
        profit += figure.amount
    return decimal_of(equity.amount - profit * made.rules.money_rate)


def _order_margin(made: Evaluation) -> tuple[Decimal | None, str]:
    """What resting orders hold of the cross pools beyond their free margin, and what was assumed of them."""
    held = ZERO
    for result in made.pools:
        if result.pool.mode is Mode.CROSS:
            try:
                held += made.rules.order_margin(result.pool) * made.rules.money_rate
            except Refused as refusal:
                return None, f"resting orders: {refusal}"
    assumed = "" if made.rules.orders_counted else "resting orders were not recorded: assumed none"
    return decimal_of(Fraction(held)), assumed


def too_old(row: WalletBalance, now: int, max_age_ms: int | None) -> str:
    """Why a row is not to be relied upon; empty where it may be."""
    where = row.chain + (f" ({row.account})" if row.account else "")
    if row.stale:
        return f"the balance of {where} is stale: {row.error or 'the last look failed'}"
    if max_age_ms is None:
        return ""
    if row.as_of is None:
        return f"the balance of {where} has no time"
    if now - row.as_of > max_age_ms:
        return f"the balance of {where} is stale: {(now - row.as_of) // 1000} s old"
    return ""


def total(rows: Iterable[WalletBalance]) -> Decimal:
    """The sum of every `usdc_balance` that is known."""
    return sum((r.usdc_balance for r in rows if r.usdc_balance is not None), Decimal(0))


__all__ = [
    "PAR",
    "Key",
    "WalletBalance",
    "money_of",
    "nothing_known",
    "tokens",
    "too_old",
    "total",
    "venue_balance",
]
