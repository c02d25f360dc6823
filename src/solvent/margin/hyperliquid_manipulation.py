"""Hyperliquid's guard against liquidation for profit, as a question that can be asked of one position."""

from fractions import Fraction
from typing import Final

from solvent.core.account import Side
from solvent.core.errors import BadInput

KNOWN_LEVERAGE: Final = 20
LOSS_SINCE_TRANSFER: Final = Fraction(183, 1000)


def shows_required_loss(
    side: Side, entry: Fraction, last_transfer_price: Fraction, mark: Fraction, leverage: int
) -> bool | None:
    """Whether a liquidation at `mark` shows the loss that the venue's design implies (HL-MANIPULATION).

    True: a loss against entry, or one of 18.3 % against the price at the last margin transfer. The venue
    states the share for 20x only, so None (unknown) at any other leverage. Prices above 0.
    """
    for name, price in (("entry", entry), ("last_transfer_price", last_transfer_price), ("mark", mark)):
        if price <= 0:
            raise BadInput(name, "a price above 0", str(price))
    if leverage != KNOWN_LEVERAGE:
        return None
    since_entry = side.sign * (mark - entry)
    since_transfer = side.sign * (mark - last_transfer_price) / last_transfer_price
    return since_entry < 0 or since_transfer <= -LOSS_SINCE_TRANSFER
