"""Bybit's wallet-balance: what a pool's cash is made of, and the account's own totals."""

from dataclasses import dataclass, field
from fractions import Fraction

from solvent.core.account import Note, Reported
from solvent.core.errors import BadInput
from solvent.core.numbers import Number, parse_decimal
from solvent.venues import envelope
from solvent.venues.bybit import wire
from solvent.venues.bybit.instruments import optional
from solvent.venues.envelope import Bundle

LEAST_FOR_RATE = Fraction(1)
"""Under one coin its eight printed decimals say too little about the dollar rate."""
ONE = Fraction(1)

_TOTALS = (
    ("equity", "total_margin_balance", "totalMarginBalance", "total"),
    ("initial_margin", "total_initial_margin", "totalInitialMargin", "total"),
    ("maintenance_margin", "total_maintenance_margin", "totalMaintenanceMargin", "total"),
    ("withdrawable", "total_available_balance", "totalAvailableBalance", "total"),
    ("margin_usage", "account_im_rate", "accountIMRate", "money"),
    ("maintenance_usage", "account_mm_rate", "accountMMRate", "money"),
)


@dataclass(frozen=True, slots=True)
class Wallet:
    """The unified wallet, in the settle coin. `balance` None: the bundle does not say.

    `rate` is dollars per settle coin, by the wallet's own words; `held` the coins it holds;
    `order_margin` what resting orders hold, None where the wallet does not say.
    """

    balance: Fraction | None = None
    origin: str = ""
    rate: Fraction = ONE
    rate_origin: str = "taken as 1"
    numeraire: str = "USD"
    held: tuple[str, ...] = ()
    order_margin: Fraction | None = None
    reported: dict[str, Reported] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def read_wallet(bundle: Bundle, settles: set[str]) -> Wallet:
    """The wallet of the account, its money counted in the coin that all positions settle in."""
    part = bundle.one("wallet-balance")
    if part is None:
        return Wallet()
    accounts = envelope.decode(part.body, wire.WalletBalance, part.path).rows
    index = next((i for i, a in enumerate(accounts) if a.account_type == "UNIFIED"), 0)
    if not accounts:
        return Wallet()
    raw, path = accounts[index], f"{part.path}.list[{index}]"
    coins = {coin.coin: (coin, f"{path}.coin[{i}]") for i, coin in enumerate(raw.coin)}
    if len(coins) < len(raw.coin):
        raise BadInput(f"{path}.coin", "each coin once", "<the same coin twice>")
    notes = []
    rate, origin, numeraire = ONE, "taken as 1", "USD"
    if len(settles) == 1:
        settle = next(iter(settles))
        if settle in coins and (stated := _rate(*coins[settle])) is not None:
            rate, numeraire = stated, settle
            origin = f"{coins[settle][1]}.usdValue / equity"
    elif len(settles) > 1:
        notes.append(Note("settle-coins", f"{' and '.join(sorted(settles))} are counted as 1 dollar each"))
    balance, balance_origin = _balance(raw, coins, path)
    return Wallet(
        balance=None if balance is None else balance / rate,
        origin=balance_origin if rate == 1 else f"{balance_origin} / ({origin})",
        rate=rate,
        rate_origin=origin,
        numeraire=numeraire,
        held=tuple(name for name, (coin, where) in coins.items() if optional(coin.wallet_balance, where)),
        order_margin=_order_margin(coins, rate),
        reported=_reported(raw, path),
        notes=tuple(notes),
    )


def _rate(coin: wire.Coin, path: str) -> Fraction | None:
    equity = optional(coin.equity, f"{path}.equity")
    value = optional(coin.usd_value, f"{path}.usdValue")
    if equity is None or value is None or abs(equity) < LEAST_FOR_RATE or value / equity <= 0:
        return None
    return value / equity


def _balance(raw: wire.Wallet, coins: dict[str, tuple[wire.Coin, str]], path: str) -> tuple[Fraction | None, str]:
    """The wallet balance in dollars; the account's total is empty in isolated mode, then its coins are summed."""
    stated = optional(raw.total_wallet_balance, f"{path}.totalWalletBalance")
    if stated is not None:
        return stated, f"{path}.totalWalletBalance"
    whole = optional(raw.total_margin_balance, f"{path}.totalMarginBalance")
    pnl = optional(raw.total_perp_upl, f"{path}.totalPerpUPL")
    if whole is not None and pnl is not None:
        return whole - pnl, f"{path}.totalMarginBalance - totalPerpUPL"
    total = Fraction(0)
    for coin, where in coins.values():
        amount = optional(coin.wallet_balance, f"{where}.walletBalance")
        rate = _rate(coin, where) or (ONE if coin.coin in ("USDT", "USDC") else None)
        if not amount:
            continue
        if rate is None:
            return None, ""
        total += amount * rate
    return (total, f"{path}.coin[].walletBalance") if coins else (None, "")


def _order_margin(coins: dict[str, tuple[wire.Coin, str]], rate: Fraction) -> Fraction | None:
    total = None
    for coin, path in coins.values():
        held = optional(coin.total_order_im, f"{path}.totalOrderIM", least=0)
        if held is not None:
            total = (total or Fraction(0)) + held * (_rate(coin, path) or rate) / rate
    return total


def _reported(raw: wire.Wallet, path: str) -> dict[str, Reported]:
    found = {}
    for figure, attribute, name, kind in _TOTALS:
        value: Number | None = getattr(raw, attribute)
        if value not in (None, ""):
            found[figure] = Reported(parse_decimal(value, f"{path}.{name}"), kind, f"{path}.{name}")
    return found


__all__ = ["Wallet", "read_wallet"]
