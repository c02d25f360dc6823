"""What BingX's error codes mean for the next step.

Sources: the venue's error lists. One code may stand for many things there (109400): then its message decides.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from solvent.core.errors import BadInput
from solvent.venues.failures import Codes, RateLimited, Retryable, Rule, Terminal, UnknownOutcome, VenueError
from solvent.venues.keys import Secret
from solvent.venues.transport import Reply

VENUE: Final = "bingx"
CLOCK: Final = frozenset({"100421", "109400"})
"""Codes of a refused timestamp; 109400 only where its message says so."""
NO_ORDER: Final = frozenset({"109421", "80016", "109414"})
"""The order asked for does not exist, or rests no longer."""
ENDED: Final = NO_ORDER | {"80018"}
"""A cancel came too late: there is nothing left to cancel."""

_MODE = "in the (hedge|one-way) mode|position ?mode"
_BUSY = "the venue was busy: what became of it must be read back"

RULES: Final = (
    Rule(Terminal, "check the API secret", "100001"),
    Rule(Terminal, "give the key the right to trade perpetual futures", "100004"),
    Rule(RateLimited, "asked too often; all requests wait", "100410"),
    Rule(Terminal, "the request carried no signature", "100412"),
    Rule(Terminal, "check the API key", "100413"),
    Rule(Terminal, "add this machine's address to the key's whitelist", "100419"),
    Rule(Retryable, "the clock is measured again", "100421"),
    Rule(Retryable, "the clock is measured again", "109400", "timestamp"),
    Rule(UnknownOutcome, _BUSY, "100500"),
    Rule(UnknownOutcome, _BUSY, "109500"),
    Rule(UnknownOutcome, _BUSY, "110500"),
    Rule(UnknownOutcome, _BUSY, "80012"),
    Rule(Retryable, "funding is being settled; try again in seconds", "101214", retry_after_s=3.0),
    Rule(RateLimited, "too many requests were refused; mend them first", "109429", retry_after_s=60.0),
    Rule(Terminal, "make the position smaller, or take a lower leverage", "101201"),
    Rule(Terminal, "add margin, or make the order smaller", "101204"),
    Rule(Terminal, "nothing is held that could be closed", "101205"),
    Rule(Terminal, "add money to the perpetual account", "101206"),
    Rule(Terminal, "take a lower leverage, or make the order smaller", "101209"),
    Rule(Terminal, "bring the price nearer to the market", "101211"),
    Rule(Terminal, "add money, or cancel orders that hold margin", "101212"),
    Rule(Terminal, "it would have taken liquidity: move the price away from the market", "101215"),
    Rule(Terminal, "take a lower leverage", "101222"),
    Rule(Terminal, "add margin, or make the change smaller", "101253"),
    Rule(Terminal, "a reduce-only order must be against the position and no larger", "101290"),
    Rule(Terminal, "an order with this client id exists: read it back, take a new id", "101400", "clientorderid"),
    Rule(Terminal, "check quantity, price and triggers", "101400"),
    Rule(Terminal, "the leverage is above what the instrument allows", "101414"),
    Rule(Terminal, "the instrument is suspended", "101415"),
    Rule(Terminal, "cancel resting orders first", "101419"),
    Rule(Terminal, "the position limit is reached", "101429"),
    Rule(Terminal, "an order with this client id exists: read it back, take a new id", "101481"),
    Rule(Terminal, "an order with this client id exists: read it back, take a new id", "109201"),
    Rule(Terminal, "close positions and cancel orders first", "104103"),
    Rule(Terminal, "close positions and cancel orders first", "109401"),
    Rule(Terminal, "add margin, or change less", "109400", "margin is not enough|insufficient margin"),
    Rule(
        Terminal,
        "close positions and cancel orders first",
        "109400",
        "positions? or pending orders|pending orders",
    ),
    Rule(Terminal, "read the position mode: `position_side` belongs to hedge mode only", "109400", _MODE),
    Rule(Terminal, "check the parameters", "109400"),
    Rule(Terminal, "there is no such position", "109420"),
    Rule(Terminal, "there is no such order", "109421"),
    Rule(Terminal, "there is no such instrument", "109425"),
    Rule(Terminal, "take a lower leverage, or make the order smaller", "110287"),
    Rule(Terminal, "the instrument is suspended", "110280"),
    Rule(Terminal, "the trigger price has been passed already", "110411"),
    Rule(Terminal, "the order is worth too little", "110425"),
    Rule(Terminal, "too many triggers wait; cancel some", "110206"),
    Rule(Terminal, "check quantity and price", "110400"),
    Rule(Terminal, "read the venue's message", "80001"),
    Rule(Terminal, "cancel resting orders first", "80013"),
    Rule(Terminal, "check the parameters", "80014"),
    Rule(Terminal, "there is no such order", "80016"),
    Rule(Terminal, "there is no such position", "80017"),
    Rule(Terminal, "the order is filled", "80018"),
    Rule(Terminal, "the venue's risk control refused", "80020"),
    Rule(Terminal, "add money to the account that pays", "100202"),
    Rule(Terminal, "check the parameters", "100400"),
    Rule(Terminal, "the venue has no such call", "100404"),
)

_UNTIL = re.compile(r"unblocked after (\d{13})\b")
LONGEST_HOLD_S: Final = 600.0


class Judge:
    """Reads the refusal out of an answer: HTTP 200 with a code that is not 0 is the usual one."""

    def __init__(self, hide: Iterable[Secret] = ()) -> None:
        self._codes = Codes(VENUE, RULES, hide=hide)

    def __call__(self, reply: Reply) -> VenueError | None:
        body = reply.json()
        if not isinstance(body, dict):
            raise BadInput("answer", "an object", f"<a JSON {type(body).__name__}>")
        code, message = body.get("code"), body.get("msg", "")
        if code is None and isinstance(body.get("listenKey"), str):
            return None  # The one answer without a code.
        if isinstance(code, bool) or not isinstance(code, int | str):
            raise BadInput("code", "a number", "<something else>")
        if str(code) == "0":
            return None
        message = message if isinstance(message, str) else ""
        return self._codes.error(
            str(code),
            message or "no message",
            status=reply.status,
            asked=reply.asked,
            retry_after_s=_hold(message, reply) if str(code) == "100410" else None,
        )


def _hold(message: str, reply: Reply) -> float | None:
    """Seconds until the moment that a rate refusal names; None where it names none."""
    found = _UNTIL.search(message)
    if found is None:
        return reply.retry_after_s
    # The moment is in the venue's clock; a wrong clock of ours must neither forgive nor lock us out for good.
    return min(max((int(found[1]) - reply.received_at) / 1000, 0.0), LONGEST_HOLD_S)


def says_clock(error: VenueError) -> bool:
    """Whether a refusal is about our clock."""
    return isinstance(error, Retryable) and error.code in CLOCK


def data_of(body: Any, path: str) -> Any:
    """What an answer is about: its `data`. Raises BadInput where there is none."""
    if not isinstance(body, dict) or "data" not in body:
        raise BadInput(f"{path}.data", "to be there", "<missing>")
    return body["data"]


__all__ = ["CLOCK", "ENDED", "NO_ORDER", "RULES", "VENUE", "Judge", "data_of", "says_clock"]
