"""Nado's refusals: its codes, told apart by what to do next. Source: the venue's public list of errors."""

from typing import Final

from solvent.venues.failures import Codes, RateLimited, Retryable, Rule, Terminal, UnknownOutcome
from solvent.venues.keys import Secret

VENUE: Final = "nado"
NOT_FOUND: Final = "2020"
OF_ANOTHER: Final = "2014"
"""The order was sent by another subaccount, which may be that of an isolated position of ours."""
CLOCK: Final = frozenset({"2011", "2012"})
"""The engine says that our clock, or how we know its clock, is wrong: nothing was done."""
LATE: Final = "2011"


def _all(kind: type, codes: str, advice: str) -> list[Rule]:
    return [Rule(kind, advice, code=code) for code in codes.split()]


RULES: Final = (
    *_all(RateLimited, "1000 1015", "the venue's limit is used up: others may share the address or the wallet"),
    *_all(Terminal, "1001 1002 1003", "the venue refuses this address or location"),
    *_all(Retryable, "1004 2068", "maintenance: nothing was done"),
    *_all(Terminal, "2000", "round the price to the instrument's price_tick"),
    *_all(Terminal, "2001", "round the quantity to the instrument's size_step"),
    *_all(Terminal, "2002 2003 2094", "the order is smaller than the instrument's min_notional"),
    *_all(Terminal, "2004", "give a later expiration"),
    *_all(Terminal, "2005 2057", "cancel some orders of this market first"),
    *_all(Terminal, "2006 2010 2036", "reduce the order or bring collateral: the health would fall below 0"),
    *_all(Terminal, "2007", "the price must lie between 20 % and 500 % of the oracle price"),
    *_all(Terminal, "2008", "a post-only order would take: move its price away"),
    *_all(Retryable, "2011 2012", "the receive time did not fit the engine's clock: it is measured anew"),
    *_all(Terminal, "2013", "the same order stands already: look it up by its digest"),
    *_all(Terminal, "2014 2050 2066", "another subaccount's: sign with its owner's or linked signer's key"),
    *_all(Terminal, "2015 2016 2060 2062 2082", "ask `instruments()` what is listed"),
    *_all(Terminal, "2020 2058", "it has ended, or never was"),
    *_all(Terminal, "2021", "the venue's screening refuses the address"),
    *_all(Retryable, "2023", "the venue's screening of the address is not finished"),
    *_all(Retryable, "2022", "another transaction of this wallet used the nonce: nothing was done"),
    *_all(Terminal, "2024", "deposit to this subaccount first; its name is part of the account"),
    *_all(
        Terminal,
        "2027 2028 2034 2035",
        "the key is neither the owner's nor the linked signer's, or the wrong network's",
    ),
    *_all(Terminal, "2031 2056", "the book holds too little at this price: nothing was done"),
    *_all(UnknownOutcome, "2053", "an internal error while matching"),
    *_all(Terminal, "2064", "a reduce-only order on no opposite position"),
    *_all(Terminal, "2067", "reduce-only needs tif ioc or fok"),
    *_all(Terminal, "2069 2070 2071", "this market takes no new positions now"),
    *_all(Terminal, "2077", "a transfer moves at least 5 USDT0"),
    *_all(
        Terminal, "2081 2083 2084 2085 2086 2088", "isolated: perpetuals only, no triggers; reduce-only closes one"
    ),
    *_all(Terminal, "2087", "ten isolated positions per address at most"),
    *_all(UnknownOutcome, "5000", "an internal error of the venue"),
)


def codes(*hide: Secret | None) -> Codes:
    """The table, with secrets that no message may repeat."""
    return Codes(VENUE, RULES, hide=[secret for secret in hide if secret is not None])


__all__ = ["CLOCK", "LATE", "NOT_FOUND", "OF_ANOTHER", "RULES", "VENUE", "codes"]
