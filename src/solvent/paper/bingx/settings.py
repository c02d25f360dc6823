"""Leverage, margin mode, position mode, isolated margin, transfers: what can be set, and when it may not."""

from typing import Any, Final

from solvent.paper import matching
from solvent.paper.bingx import bodies, listings, margins, rules
from solvent.paper.bingx.auth import Asked, Refusal, invalid
from solvent.paper.bingx.trading import listing_of
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault
from solvent.paper.ledger import Account, Holding
from solvent.paper.units import ONE, decimal
from solvent.paper.world import Surroundings

DEAD_MAN_S: Final = (10, 120)
POCKETS: Final = ("FUND", "SPOT", "USDTMPERP")


def set_leverage(venue: Exchange, account: Account, given: Asked, around: Surroundings) -> dict[str, Any]:
    """Raises Refusal. One-way mode sets both sides with BOTH; in hedge mode each has its own."""
    listing = listing_of(venue, given.text("symbol"))
    side = given.one_of("side", ("LONG", "SHORT", "BOTH"))
    if margins.dual(account) and side == "BOTH":
        raise Refusal(109400, "In the Hedge mode, the 'Side' field can only be set to LONG or SHORT.")
    if not margins.dual(account) and side != "BOTH":
        raise Refusal(109400, "In the One-way mode, the 'Side' field can only be set to BOTH.")
    wanted = given.whole("leverage")
    if wanted < 1:
        invalid("leverage", "This field must be greater than or equal to 1.")
    if wanted * ONE > listing.max_leverage:
        most = listing.max_leverage // ONE
        raise Refusal(
            101414, f"The maximum leverage for {listing.symbol} is {most}x. Please adjust your leverage."
        )
    path = "/openApi/swap/v2/trade/leverage"
    if around.faults.strikes(Fault.LEVERAGE_REJECTED, venue.name, path):
        raise Refusal(101222, "The current leverage poses a high risk. Please lower the leverage.")
    if not around.faults.strikes(Fault.LEVERAGE_IGNORED, venue.name, path):
        sides = margins.SIDES if side == "BOTH" else (side,)
        _apply(venue, account, listing.symbol, sides, wanted)
    return {"leverage": wanted, "symbol": listing.symbol, **bodies.room(venue, account, listing.symbol)}


def _apply(venue: Exchange, account: Account, symbol: str, sides: tuple[str, ...], wanted: int) -> None:
    """All sides or none: what the new setting ties up must be there, and nothing may be liquidated by it."""
    before = dict(account.leverage)
    held = [h for h in account.holdings.values() if h.symbol == symbol and margins.side_of(h) in sides]
    if sum(h.notional(venue.marks[symbol]) for h in held) > listings.cap(symbol, wanted):
        raise Refusal(
            101201,
            "The current position is too large for the requested leverage. Reduce position size before adjusting.",
        )
    had = {id(h): margins.initial(account, h) for h in held}
    frozen, free = margins.frozen(account), margins.available(venue, account)
    for side in sides:
        account.leverage[symbol, side] = wanted * ONE
    change = {id(h): margins.initial(account, h) - had[id(h)] for h in held}
    if sum(change.values()) + margins.frozen(account) - frozen > free:
        account.leverage = before
        raise Refusal(109400, "margin is not enough")
    for h in held:
        mark = venue.marks[symbol]
        if h.isolated and h.equity(mark) + change[id(h)] <= margins.needed(venue, h, mark):
            account.leverage = before
            raise Refusal(101222, "The current leverage poses a high risk. Please lower the leverage.")
    for h in held:
        if h.isolated:
            rules.set_posted(account, h, margins.posted(h) + change[id(h)])
    venue.changed(account, symbol, "leverage")


def set_margin_type(venue: Exchange, account: Account, given: Asked) -> None:
    listing = listing_of(venue, given.text("symbol"))
    wanted = given.one_of("marginType", ("ISOLATED", "CROSSED", "SEPARATE_ISOLATED"))
    if wanted == "SEPARATE_ISOLATED":
        raise Refusal(109400, "SEPARATE_ISOLATED is not supported for this account.")
    if (wanted == "ISOLATED") == (listing.symbol in account.isolated):
        return
    if _busy(account, listing.symbol):
        raise Refusal(109400, "The margin mode cannot be switched while there are positions or pending orders.")
    if wanted == "ISOLATED":
        account.isolated.add(listing.symbol)
    else:
        account.isolated.discard(listing.symbol)
    venue.changed(account, listing.symbol, "margin")


def set_dual(venue: Exchange, account: Account, given: Asked) -> None:
    wanted = given.one_of("dualSidePosition", ("TRUE", "FALSE")) == "TRUE"
    if wanted == margins.dual(account):
        return
    if _busy(account):
        raise Refusal(109401, "The position mode cannot be switched while there are positions or pending orders.")
    account.extra["dual"] = wanted
    if not wanted:
        # one-way mode has one setting for both sides: the lower of the two is the safe one
        for symbol in venue.listings:
            least = min(margins.leverage(account, symbol, side) for side in margins.SIDES)
            account.leverage |= {(symbol, side): least * ONE for side in margins.SIDES}
    venue.changed(account, "", "mode")


def _busy(account: Account, symbol: str = "") -> bool:
    held = (h for h in account.holdings.values() if symbol in ("", h.symbol))
    orders = (o for o in account.orders.values() if symbol in ("", o.symbol))
    return next(held, None) is not None or next(orders, None) is not None


def held_for(account: Account, given: Asked, symbol: str) -> Holding:
    """The position that a request means: by id, by side, or the only one. Raises Refusal."""
    rows = [h for h in account.holdings.values() if h.symbol == symbol]
    if given.has("positionId"):
        rows = [h for h in rows if str(bodies.POSITION_IDS + h.extra.get("id", 0)) == given.text("positionId")]
    elif margins.dual(account):
        side = given.one_of("positionSide", margins.SIDES, "LONG")
        rows = [h for h in rows if margins.side_of(h) == side]
    if not rows:
        raise Refusal(109420, "position not exist")
    return rows[0]


def change_margin(venue: Exchange, account: Account, given: Asked) -> dict[str, Any]:
    """Add margin to an isolated position (type 1) or take some out (type 2)."""
    symbol = listing_of(venue, given.text("symbol")).symbol
    amount = given.amount("amount")
    kind = given.one_of("type", ("1", "2"))
    if amount <= 0:
        invalid("amount", "This field must be greater than 0.")
    held = held_for(account, given, symbol)
    if not held.isolated:
        raise Refusal(109400, "Only positions in isolated margin mode can be adjusted.")
    most = margins.available(venue, account) if kind == "1" else margins.removable(venue, account, held)
    if amount > most:
        raise Refusal(101253, "margin is not enough")
    rules.set_posted(account, held, margins.posted(held) + (amount if kind == "1" else -amount))
    venue.changed(account, symbol, "position")
    return {"amount": decimal(amount), "type": int(kind)}


def dead_man(account: Account, given: Asked, wall_ms: int) -> dict[str, Any]:
    """All orders go at a moment of wall time, unless it is put off before."""
    if given.one_of("type", ("ACTIVATE", "CLOSE")) == "CLOSE":
        account.extra.pop("dead_man", None)
        return {"triggerTime": 0, "status": "CLOSED", "note": "The timer was closed."}
    seconds = given.whole("timeOut")
    least, most = DEAD_MAN_S
    if not least <= seconds <= most:
        invalid("timeOut", f"This field must be from {least} to {most}.")
    at = wall_ms + seconds * 1000
    account.extra["dead_man"] = at
    return {
        "triggerTime": at // 1000,
        "status": "ACTIVATED",
        "note": "All your perpetual pending orders will be closed automatically at the trigger time.",
    }


def dead_man_due(venue: Exchange, wall_ms: int) -> None:
    for account in venue.accounts.values():
        if account.extra.get("dead_man", wall_ms + 1) <= wall_ms:
            del account.extra["dead_man"]
            for number in list(account.orders):
                matching.cancel(venue, account, number, "dead_man")


def transfer(venue: Exchange, account: Account, source: str, target: str, amount: int) -> dict[str, Any]:
    """Between the perpetual account and the fund account. Raises Refusal."""
    if amount <= 0:
        invalid("amount", "This field must be greater than 0.")
    ends = (source.upper(), target.upper())
    if any(end not in POCKETS for end in ends) or (ends[0] == ends[1]) or "USDTMPERP" not in ends:
        raise Refusal(100400, "illegal transferType")
    out = ends[0] == "USDTMPERP"
    most = margins.available(venue, account) if out else account.extra["fund"]
    if amount > most:
        raise Refusal(100202, "Insufficient assets")
    account.extra["fund"] += amount if out else -amount
    kind = "transfer_out" if out else "transfer_in"
    moved = venue.move(account, kind, -amount if out else amount, asset=bodies.ASSET, other=f"{source}>{target}")
    return {"tranId": str(bodies.ORDER_IDS + moved.number), "transferId": str(bodies.ORDER_IDS + moved.number)}
