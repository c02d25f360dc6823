"""Hyperliquid's refusals: its words, the name we give each, and what to do about it.

The venue has no codes. Where it has a name for the state an order ends in, that is the code; the others are ours.
Source: the venue's pages on error responses and on nonces.
"""

from typing import Final, NamedTuple

from solvent.venues.failures import (
    Asked,
    Codes,
    RateLimited,
    Retryable,
    Rule,
    Terminal,
    UnknownOutcome,
    VenueError,
)
from solvent.venues.keys import Secret
from solvent.venues.transport import Reply

VENUE: Final = "hyperliquid"
EXPIRED: Final = "expired"
GONE: Final = "gone"
NONCE: Final = "nonce"


class _Refusal(NamedTuple):
    pattern: str
    code: str
    kind: type[VenueError]
    advice: str
    retry_after_s: float | None = None


_ORDERS: Final = (
    _Refusal("divisible by tick size", "tickRejected", Terminal, "round the price to the instrument's terms"),
    _Refusal(r"minimum value of \$", "minTradeNtlRejected", Terminal, "make the order larger"),
    _Refusal("Insufficient margin to place", "perpMarginRejected", Terminal, "free margin first, or order less"),
    _Refusal("Reduce only order would increase", "reduceOnlyRejected", Terminal, "there is nothing to reduce"),
    _Refusal("Post only order would have", "badAloPxRejected", Terminal, "quote further from the other side"),
    _Refusal("could not immediately match", "iocCancelRejected", Terminal, "nothing rests at this price"),
    _Refusal("No liquidity available", "marketOrderNoLiquidityRejected", Terminal, "the book is empty"),
    _Refusal("Invalid TP/SL price", "badTriggerPxRejected", Terminal, "the trigger is on the wrong side"),
    _Refusal("exceed margin tier limit", "perpMaxPositionRejected", Terminal, "lower the leverage or the size"),
    _Refusal("open interest", "openInterestRejected", Terminal, "the venue caps this market for now"),
    _Refusal("aggressive than oracle|too far from oracle", "oracleRejected", Terminal, "quote nearer the oracle"),
    _Refusal(r"away from the reference price", "priceFarRejected", Terminal, "quote nearer the mark"),
    _Refusal("zero|invalid (size|price)", "invalid", Terminal, "size and price must be above 0"),
    _Refusal("never placed, already canceled, or filled", GONE, Terminal, "the order no longer rests"),
)
_SETTINGS: Final = (
    _Refusal("Invalid leverage", "leverage", Terminal, "see the instrument's maximum and its tiers"),
    _Refusal("Cannot switch leverage type", "marginMode", Terminal, "close the position first"),
    _Refusal("sufficient margin available to decrease", "leverageMargin", Terminal, "add margin first"),
    _Refusal("Cross margin is not allowed", "isolatedOnly", Terminal, "set margin mode isolated"),
    _Refusal(
        "isolated margin|Cannot update margin|margin available for (increase|reduction)|sufficient margin for",
        "isolatedMargin",
        Terminal,
        "see position and free margin",
    ),
    _Refusal("Scheduled cancel time too early", "scheduleTooEarly", Terminal, "at least 5 seconds ahead"),
    _Refusal("Cannot set scheduled cancel", "scheduleVolume", Terminal, "the venue asks for more traded volume"),
    _Refusal("Insufficient balance|Insufficient USDC", "balance", Terminal, "see what is withdrawable"),
    _Refusal("disabled when unified account", "unifiedAccount", Terminal, "spot and perpetuals are one there"),
)
_SIGNING: Final = (
    _Refusal("Action already expired|expiresAfter", EXPIRED, Retryable, "it came too late and was not done"),
    # Something between us and the venue may have delivered the action twice: then the first of them was done.
    _Refusal("duplicate nonce", "nonceUsed", UnknownOutcome, "read back before anything is sent again"),
    _Refusal("Invalid nonce", NONCE, Retryable, "sign anew; is this key used elsewhere too?"),
    _Refusal("Too many cumulative requests", "addressLimit", RateLimited, "trade more or ask less", 10.0),
    _Refusal("Too many|rate limit", "rateLimit", RateLimited, "ask less often"),
    _Refusal(
        "User or API Wallet",
        "signer",
        Terminal,
        "the key is neither the account's nor its agent's, or signed for the other network (testnet)",
    ),
    _Refusal("Must deposit before", "noDeposit", Terminal, "deposit first, or the key is not the account's own"),
    _Refusal("Unable to recover signer", "signature", Terminal, "the signature does not fit the action"),
    _Refusal("Vault not registered|not registered to", "vault", Terminal, "vault or sub-account is not the key's"),
    _Refusal("Failed to deserialize", "malformed", Terminal, "the venue cannot read the request"),
)
REFUSALS: Final = (*_SIGNING, *_ORDERS, *_SETTINGS)
_UNKNOWN: Final = "refused"

_RULES: Final = tuple(
    Rule(kind=r.kind, advice=r.advice, code=r.code, pattern=r.pattern, retry_after_s=r.retry_after_s)
    for r in REFUSALS
)


class Refusals:
    """Reads errors out of answers, and never repeats a key."""

    def __init__(self, *hide: Secret) -> None:
        self._codes = Codes(VENUE, _RULES, hide=hide)

    def error(self, message: str, *, status: int | None = None, asked: Asked | None = None) -> VenueError:
        """The error that a refusal's words stand for."""
        code = next((rule.code for rule in _RULES if rule.fits(rule.code or "", message)), None)
        return self._codes.error(code or _UNKNOWN, message, status=status, asked=asked)

    def judge(self, reply: Reply) -> VenueError | None:
        """Whether an answer as a whole is a refusal. Orders in a batch are refused one by one, inside it."""
        if not 200 <= reply.status < 300:
            said = reply.body[:400].decode("utf-8", "replace").strip() or "the answer is no success"
            code = "" if reply.status in (418, 429) or reply.status >= 500 else "refused"
            if code and (known := self.error(said, status=reply.status, asked=reply.asked)).code != _UNKNOWN:
                return known
            return self._codes.error(
                code, said, status=reply.status, asked=reply.asked, retry_after_s=reply.retry_after_s
            )
        if reply.asked is None:
            return None
        body = reply.json()
        if isinstance(body, dict) and body.get("status") == "ok":
            return None
        if isinstance(body, dict) and body.get("status") == "err" and isinstance(body.get("response"), str):
            return self.error(body["response"], status=reply.status, asked=reply.asked)
        return reply.unclear("neither ok nor err")


__all__ = ["EXPIRED", "GONE", "NONCE", "REFUSALS", "VENUE", "Refusals"]
