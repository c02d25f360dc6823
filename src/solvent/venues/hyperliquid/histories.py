"""What Hyperliquid remembers of an account: fills, funding and movements of money, as facts."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.core.facts import Fill, FundingPayment, Transfer
from solvent.venues import envelope
from solvent.venues.hyperliquid import fills, wire
from solvent.venues.hyperliquid.numbers import amount, word
from solvent.venues.hyperliquid.refusals import VENUE

PERP_ASSET: Final = "USDC"
SPOT: Final = "spot:"
"""Before the names of spot money, whose USDC is not that of the perpetuals."""


def rows_of(body: Any, path: str) -> list[Mapping[str, Any]]:
    """The objects of a list. Raises BadInput."""
    if not isinstance(body, list):
        raise BadInput(path, "a list", f"<{type(body).__name__}>")
    for index, row in enumerate(body):
        if not isinstance(row, dict):
            raise BadInput(f"{path}[{index}]", "an object", f"<{type(row).__name__}>")
    return body


def fills_of(rows: list[Mapping[str, Any]], account: str, path: str = "userFills") -> tuple[Fill, ...]:
    """Fills of one list, oldest first. Raises BadInput naming the row."""
    placed = [fills.placement(row, f"{path}[{i}]") for i, row in enumerate(rows)]
    for i, row in enumerate(placed):
        envelope.milliseconds(row.time, f"{path}[{i}].time")
    order = fills.chronological(placed)
    if list(order) == list(fills.chronological(placed[::-1])):
        order = range(len(placed))  # Nothing in the rows tells: pages and pushes come oldest first.
    decoded = ((fills.decode(rows[i], f"{path}[{i}]"), f"{path}[{i}]") for i in order)
    return tuple(found.fill for found in fills.facts(decoded, account))


def funding_payments(rows: Iterable[Mapping[str, Any]], account: str) -> tuple[FundingPayment, ...]:
    """Rows of `userFunding`, oldest first. What was paid is negative, as the venue has it."""
    found = []
    for index, raw in enumerate(rows):
        path = f"userFunding[{index}]"
        row = envelope.decode(raw, wire.FundingRow, path)
        try:
            found.append(
                FundingPayment(
                    symbol=row.delta.coin,
                    amount=amount(row.delta.usdc, f"{path}.delta.usdc"),
                    asset=PERP_ASSET,
                    time=envelope.milliseconds(row.time, f"{path}.time"),
                    venue=VENUE,
                    account=account,
                )
            )
        except ValueError as error:
            raise BadInput(path, "a funding payment", f"<{error}>") from None
    return tuple(sorted(found, key=lambda payment: payment.time or 0))


def transfers_of(rows: Iterable[Mapping[str, Any]], account: str) -> tuple[Transfer, ...]:
    """Rows of `userNonFundingLedgerUpdates`, oldest first. Kinds of rows that move no money are left out.

    Money of the perpetuals is "USDC", that of the spot account "spot:" and its token. Between the two, a row
    makes two transfers.
    """
    found: list[Transfer] = []
    counts: dict[str, int] = {}
    for index, raw in enumerate(rows):
        path = f"userNonFundingLedgerUpdates[{index}]"
        row = envelope.decode(raw, wire.MovementRow, path)
        name = row.hash or f"{row.time}"
        counts[name] = counts.get(name, 0) + 1
        time = envelope.milliseconds(row.time, f"{path}.time")
        for number, (asset, change) in enumerate(_changes(row.delta, account, path)):
            suffix = "" if counts[name] == 1 and number == 0 else f"/{counts[name]}.{number}"
            try:
                found.append(
                    Transfer(
                        id=f"{name}/{row.delta.type}{suffix}",
                        asset=asset,
                        amount=change,
                        time=time,
                        venue=VENUE,
                        account=account,
                    )
                )
            except ValueError as error:
                raise BadInput(path, "a movement of money", f"<{error}>") from None
    return tuple(sorted(found, key=lambda transfer: transfer.time or 0))


def _changes(delta: wire.Movement, account: str, path: str) -> list[tuple[str, Decimal]]:
    """What a movement changes, by asset. `user` sends, `destination` receives; both may be this account."""
    usdc, fee = amount(delta.usdc, f"{path}.delta.usdc"), amount(delta.fee, f"{path}.delta.fee")
    sends, receives = delta.user.lower() == account, delta.destination.lower() == account
    match delta.type:
        case "deposit" | "vaultDistribution":
            return [(PERP_ASSET, usdc)]
        case "withdraw":
            return [(PERP_ASSET, -usdc - fee)]
        case "vaultDeposit" | "vaultCreate":
            return [(PERP_ASSET, -usdc - fee)]
        case "vaultWithdraw":
            return [(PERP_ASSET, amount(delta.net_withdrawn_usd, f"{path}.delta.netWithdrawnUsd"))]
        case "accountClassTransfer":
            signed = usdc if delta.to_perp else -usdc
            return [(PERP_ASSET, signed), (SPOT + PERP_ASSET, -signed)]
        case "internalTransfer" | "subAccountTransfer":
            return [(PERP_ASSET, usdc)] * receives + [(PERP_ASSET, -usdc - fee)] * sends
        case "spotTransfer" | "send":
            moved = amount(delta.amount, f"{path}.delta.amount")
            source, target = _pocket(delta, delta.source_dex, path), _pocket(delta, delta.destination_dex, path)
            return [(target, moved)] * receives + [(source, -moved)] * sends + _fee(delta, fee, sends, source)
        case _:
            return []


def _pocket(delta: wire.Movement, dex: str, path: str) -> str:
    token = word(delta.token, f"{path}.delta.token")
    return token if delta.type == "send" and dex != "spot" else SPOT + token


def _fee(delta: wire.Movement, fee: Decimal, sends: bool, source: str) -> list[tuple[str, Decimal]]:
    """A fee is taken from where the money came, in the token that the row names (else in that of the row)."""
    if not fee or not sends:
        return []
    return [(SPOT + delta.fee_token if delta.fee_token else source, -fee)]


__all__ = ["PERP_ASSET", "SPOT", "fills_of", "funding_payments", "rows_of", "transfers_of"]
