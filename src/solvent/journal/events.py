"""The words for what happened."""

import re
from enum import StrEnum

from solvent.core.errors import BadInput


class Event(StrEnum):
    """The event types that solvent writes. A caller may add words of their own: `[a-z][a-z0-9_]*`."""

    ORDER_SUBMITTED = "order_submitted"
    ORDER_FILLED = "order_filled"
    ORDER_CANCELLED = "order_cancelled"
    POSITION_UPDATED = "position_updated"
    POSITION_CLOSED = "position_closed"
    RISK_REJECTED = "risk_rejected"
    CIRCUIT_BREAKER_TRIPPED = "circuit_breaker_tripped"
    ERROR = "error"

    RISK_APPROVED = "risk_approved"
    RESERVATION = "reservation"
    RESERVATION_RELEASED = "reservation_released"
    BALANCE_UPDATED = "balance_updated"
    FUNDING = "funding"
    TRANSFER = "transfer"
    RECONCILED = "reconciled"
    CONFIG_CHANGED = "config_changed"
    LEVERAGE_CHANGED = "leverage_changed"
    LEVERAGE_REQUIRED = "leverage_required"
    """A leverage was asked for: until it is verified nothing that opens risk passes."""
    LEVERAGE_VERIFIED = "leverage_verified"
    LEVERAGE_UNVERIFIED = "leverage_unverified"
    MARK = "mark"
    RATE = "rate"
    DAY_STARTED = "day_started"
    BREAKER_RESET = "breaker_reset"
    STATE = "state"
    """The gate's state: a snapshot, from which a replay may start."""
    POSITIONS_STATE = "positions_state"
    """The same of the positions."""

    OPENED = "opened"
    """A writer opened the folder: `durability`, `keyed`."""
    CLOSED = "closed"
    """A writer closed it in good order. Missing before an `opened`: the process before was killed."""
    TORN_TAIL = "torn_tail"
    """A last line without its end was set aside: `file`, `torn_file`, `bytes`, `digest`."""


MAX_NAME = 64
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KNOWN = {event.value for event in Event}
_SEEN_LIMIT = 1024


def event_name(kind: str) -> str:
    """The event type as plain text. Raises BadInput where it is not a word of the journal's."""
    name = kind.value if isinstance(kind, Event) else kind
    if name in _KNOWN:
        return name
    if not isinstance(name, str) or len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise BadInput("type", f"a word of [a-z][a-z0-9_]*, at most {MAX_NAME} characters", name)
    if len(_KNOWN) < _SEEN_LIMIT:
        _KNOWN.add(name)
    return name
