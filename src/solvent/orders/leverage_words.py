"""What people and logs are told of leverage: the sequence line by line, failures with their notes."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from solvent.core.account import Venue
from solvent.core.numbers import text
from solvent.orders.leverage import Action, Refusal
from solvent.orders.leverage_outcome import LegOutcome, Status, SyncResult

NAMES: Final = {
    Venue.HYPERLIQUID: "Hyperliquid",
    Venue.NADO: "Nado",
    Venue.BYBIT: "Bybit",
    Venue.BINGX: "BingX",
}
_ON_RECORD: Final = "Leverage sync failed: "
_BECAUSE_OPEN: Final = re.compile(
    r"open positions?\b|positions? or (pending |open )?orders|existing position|have positions", re.IGNORECASE
)
_OPEN_CODES: Final = {
    Venue.BYBIT: frozenset({"110024"}),
    Venue.BINGX: frozenset({"104103", "109401"}),
    Venue.HYPERLIQUID: frozenset[str](),
    Venue.NADO: frozenset[str](),
}
_TIER_CODES: Final = {
    Venue.BYBIT: frozenset({"110013", "110016", "110086", "110090"}),
    Venue.BINGX: frozenset({"101201", "101209", "101414", "110287"}),
    Venue.HYPERLIQUID: frozenset[str](),
    Venue.NADO: frozenset[str](),
}


def not_initialized(venue: Venue) -> str:
    return f"{NAMES[venue]} connector not initialized"


def start_line(target: Decimal, legs: int = 2) -> str:
    where = "both exchanges" if legs == 2 else "all exchanges"
    return f"[FundingArbitrage] Synchronizing leverage to {text(target)}x on {where}..."


def end_line(legs: int = 2) -> str:
    where = "both exchanges" if legs == 2 else "all exchanges"
    return f"[FundingArbitrage] Leverage synchronized successfully on {where}"


def connector_line(venue: Venue, symbol: str, leverage: Decimal, scope: str = "") -> str:
    """`scope` is BingX's side or Bybit's category."""
    name = NAMES[venue]
    kind = {Venue.BINGX: "side", Venue.BYBIT: "category"}.get(venue, "")
    tail = f" ({kind}: {scope})" if kind and scope else ""
    return f"[{name}Connector] Setting leverage for {symbol}: {text(leverage)}x{tail}"


def service_line(venue: Venue, symbol: str, buy: Decimal, sell: Decimal, scope: str = "") -> str:
    name = NAMES[venue]
    if venue is Venue.BYBIT:
        said = f"category: '{scope}', symbol: '{symbol}', buyLeverage: {text(buy)}, sellLeverage: {text(sell)}"
    elif venue is Venue.BINGX:
        said = f"symbol: '{symbol}', leverage: {text(buy)}, side: '{scope}'"
    else:
        said = f"symbol: '{symbol}', leverage: {text(buy)}"
    return f"[{name}Service] Setting leverage: {{ {said} }}"


def success_line(venue: Venue) -> str:
    return f"[{NAMES[venue]}Service] Leverage set successfully"


def leg_lines(leg: LegOutcome, target: Decimal) -> list[str]:
    """What was done with one leg, in the order in which it was done."""
    request = leg.plan.request
    venue, symbol = request.venue, request.instrument
    service = f"[{NAMES[venue]}Service]"
    if leg.plan.action is Action.NOTHING and leg.calls == 0:
        return [f"{service} Leverage of {symbol} is {text(target)}x already, nothing was sent"]
    if leg.plan.action is Action.DECLARE:
        return [f"{service} {symbol} has no leverage setting, it is checked after the fill"]
    if leg.plan.action is Action.REFUSE or leg.status is Status.REFUSED:
        return []
    scope = {Venue.BINGX: "BOTH", Venue.BYBIT: "linear"}.get(venue, "")
    lines = [
        connector_line(venue, symbol, target, scope),
        service_line(venue, symbol, target, target, scope),
    ]
    if leg.failure is None and leg.status is not Status.RESTORED:
        return [*lines, success_line(venue)]
    if leg.failure is not None:
        lines.append(f"{service} {failed_to_set(venue, symbol, leg.failure)}")
    if leg.status in (Status.RESTORED, Status.NOT_RESTORED, Status.UNKNOWN):
        lines.append(f"{service} Leverage of {symbol} afterwards: {leg.status}")
    return lines


def result_lines(result: SyncResult) -> list[str]:
    """The whole sequence; with two legs that were both set, the eight lines of the documented flow."""
    if result.target is None:
        return [f"[FundingArbitrage] Failed to synchronize leverage: {result.failure}"]
    lines = [start_line(result.target, len(result.legs))]
    for leg in result.legs:
        lines += leg_lines(leg, result.target)
    if result.ok:
        return [*lines, end_line(len(result.legs))]
    return [*lines, f"[FundingArbitrage] Failed to synchronize leverage: {result.failure}"]


def failed_to_set(venue: Venue, symbol: str, failure: Refusal) -> str:
    """The documented sentence of a failure; a note only where the venue's own code or words support it."""
    said = failure.message.rstrip(".")
    sentence = f"Failed to set leverage for {symbol}: {said}."
    if failure.code in _OPEN_CODES[venue] or (failure.code and _BECAUSE_OPEN.search(failure.message)):
        return (
            f"{sentence} Note: Leverage cannot be changed when there are open positions. "
            f"Please close all positions for {symbol} before changing leverage."
        )
    if failure.code in _TIER_CODES[venue]:
        return (
            f"{sentence} The requested leverage may exceed the maximum allowed for your account tier or "
            "position size."
        )
    return f"{sentence} {failure.advice[:1].upper()}{failure.advice[1:]}.".replace(" .", "").rstrip()


@dataclass(frozen=True, slots=True)
class SubscriptionError:
    """What a subscription is set to, and the event that its listeners get, once its sync has failed."""

    status: str
    error_message: str
    event: dict[str, Any]


def sync_failed(failure: str) -> str:
    """What a subscription is told whose leverage could not be synchronised."""
    return f"{_ON_RECORD}{failure}"


def error_event(subscription_id: str, message: str) -> dict[str, Any]:
    """The event of a subscription that ended in an error with this message on record."""
    told = message
    if message.startswith(_ON_RECORD):
        told = f"Leverage synchronization failed: {message.removeprefix(_ON_RECORD)}"
    return {"subscriptionId": subscription_id, "error": told}


def subscription_error(subscription_id: str, result: SyncResult) -> SubscriptionError:
    message = sync_failed(result.failure)
    return SubscriptionError("ERROR", message, error_event(subscription_id, message))
