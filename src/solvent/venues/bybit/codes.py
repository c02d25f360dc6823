"""What Bybit has, and what its refusals mean. Source: V5 error codes and the pages of each endpoint."""

from collections.abc import Iterable
from typing import Final

from solvent.core.account import Mode, Venue
from solvent.venues.failures import Codes, RateLimited, Retryable, Rule, Terminal, UnknownOutcome, VenueError
from solvent.venues.keys import Secret
from solvent.venues.stated import Capabilities

VENUE: Final = "bybit"
OUTSIDE_WINDOW: Final = "10002"
ROUTE_UNKNOWN: Final = "10017"
LEVERAGE_SAME: Final = frozenset({"110043"})
POSITION_MODE_SAME: Final = frozenset({"110025"})
MARGIN_MODE_SAME: Final = frozenset({"110026"})
GONE: Final = frozenset({"110001", "110008", "110010"})
"""The order had ended before, or was never there."""

CAPABILITIES: Final = Capabilities(
    venue=Venue.BYBIT,
    leverage="instrument",
    leverage_step="instrument",
    leverage_readable_flat=True,
    margin_modes=frozenset({Mode.CROSS, Mode.ISOLATED}),
    margin_mode_scope="account",
    position_modes=frozenset({"one_way", "hedge"}),
    isolated_margin=True,
    dead_man_switch=True,
    triggers=True,
    order_key="client_id",
    expiry="recv_window",
    tifs=frozenset({"gtc", "ioc", "post_only", "fok"}),
    streams=frozenset({"fills", "orders", "positions", "balances", "marks", "settings"}),
    predicted_funding=True,
    transfers=True,
)


def _all(kind: type[VenueError], advice: str, *codes: int, after_s: float | None = None) -> list[Rule]:
    return [Rule(kind, advice, code=str(code), retry_after_s=after_s) for code in codes]


RULES: Final = (
    *_all(Retryable, "the clock has been measured anew", 10002),
    *_all(RateLimited, "", 10006, 10429),
    *_all(RateLimited, "this address asked too often", 10018, after_s=600.0),
    *_all(UnknownOutcome, "", 10000, 10016, 10019),
    *_all(Terminal, "check the API key, and that it is one of this host (mainnet, testnet, demo)", 10003, 33004),
    *_all(Terminal, "check the API secret", 10004),
    *_all(Terminal, "give the API key the permissions for contracts: orders and positions", 10005, 10007),
    *_all(Terminal, "the account is barred: ask the venue", 10008, 10027),
    *_all(Terminal, "this address is barred from the venue", 10009),
    *_all(Terminal, "bind this address to the API key", 10010),
    *_all(Terminal, "the venue does not serve this country or account", 10024, 10029),
    *_all(Terminal, "the account must be a unified one", 10028, 100028, 110066),
    Rule(
        Terminal,
        "in hedge mode name the position's side, in one-way mode name none",
        code="10001",
        pattern="position idx not match",
    ),
    *_all(Terminal, "a parameter does not fit the instrument's terms or the mode", 10001),
    *_all(Terminal, "no such order is live", 110001, 110008, 110010),
    *_all(Terminal, "move the price into the range that the venue allows", 110003),
    *_all(
        Terminal,
        "not enough free margin: less size, more collateral",
        *(110004, 110006, 110007, 110012, 110014, 110044, 110045, 110047, 110051, 110052, 110053),
    ),
    *_all(Terminal, "too many orders rest: cancel some", 110009, 110020),
    *_all(Terminal, "it would liquidate the position", 110011, 110039, 110040, 110046),
    *_all(Terminal, "the size allows less leverage: see the tiers", 110013, 110086),
    *_all(Terminal, "the position is not an isolated one", 110015),
    *_all(Terminal, "too large for the tier of this leverage: less size or less leverage", 110016, 110090),
    *_all(Terminal, "a reduce-only order must be smaller than, and opposite to, the position", 110017),
    *_all(Terminal, "the venue's own limit on open interest is reached", 110021),
    *_all(Terminal, "only orders that close are taken", 110023, 110042),
    *_all(Terminal, "close the positions of the instrument first", 110024),
    *_all(Terminal, "cancel the orders of the instrument first", 110028),
    *_all(Terminal, "the instrument has no hedge mode", 110029),
    *_all(Terminal, "there is no position", 110033, 110034),
    *_all(Terminal, "the account's margin mode rules leverage out", 110036, 110038),
    *_all(Terminal, "a settlement is under way: try again later", 110062, 110065),
    *_all(Terminal, "an order with this client id is there already: read it", 110030, 110072),
    *_all(Retryable, "the order is being worked on", 110079),
    *_all(Terminal, "an institutional loan sets the limit", 30135, 30136, 110087, 110107),
    *_all(Terminal, "the trigger price lies on the wrong side of the current price", 110092, 110093),
    *_all(Terminal, "the order's value is below the venue's minimum", 110094),
    *_all(Terminal, "the margin mode cannot be changed now", 110073, 3400045),
    *_all(Terminal, "the venue does not know this request", 10017),
    Rule(RateLimited, "this address asked too often", code="403", pattern="frequent|rate", retry_after_s=600.0),
    Rule(Terminal, "this address may not reach the venue (country, firewall or ban)", code="403"),
)


def codes(hide: Iterable[Secret]) -> Codes:
    """The venue's refusals, with our keys taken out of its words: it repeats what was signed."""
    return Codes(VENUE, RULES, hide=hide)
