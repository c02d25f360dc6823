"""Leverage, margin of isolated positions, agents: what an account sets, and when the venue refuses it."""

import re
from fractions import Fraction
from typing import Final

from solvent.paper import ledger
from solvent.paper.exchange import Exchange
from solvent.paper.faults import Fault, Faults
from solvent.paper.hyperliquid.listings import top_leverage
from solvent.paper.hyperliquid.margin import Margins, cut, leverage_of
from solvent.paper.hyperliquid.order_entry import Malformed, OrderDesk
from solvent.paper.hyperliquid.shapes import CENT, JSON, address, plain, whole
from solvent.paper.hyperliquid.users import Agent, Users
from solvent.paper.ledger import Account, Holding
from solvent.paper.listing import Listing
from solvent.paper.units import ONE

AGENT_LIFE_MS: Final = 180 * 86_400_000
MOST_AGENTS: Final = 3
RATE: Final = re.compile(r"(\d+(?:\.\d+)?)%")
CROSS_SHORT: Final = (
    "Cross position does not have sufficient margin available to decrease leverage."
    " To decrease leverage, deposit more collateral."
)


class Refused(Exception):
    """The whole action is refused, with the venue's words."""


def update_leverage(
    venue: Exchange, account: Account, desk: OrderDesk, action: JSON, faults: Faults, name: str
) -> None:
    """Set a coin's leverage and margin mode. Setting what is set already is taken, as the venue does."""
    listing, leverage, cross = (
        desk.listing(action.get("asset")),
        whole(action.get("leverage")),
        action.get("isCross"),
    )
    if whole(action.get("asset")) is None or leverage is None or type(cross) is not bool:
        raise Malformed
    if listing is None:
        raise Refused(f"Invalid asset. asset={action['asset']}")
    if faults.strikes(Fault.LEVERAGE_REJECTED, name, "/exchange"):
        raise Refused("Invalid leverage value")
    if not 1 <= leverage <= top_leverage(listing):
        raise Refused("Invalid leverage value")
    held = account.held(listing.symbol)
    if held is not None and held.isolated == cross:
        raise Refused("Cannot switch leverage type with open position.")
    if cross and listing.isolated_only:
        raise Refused("Cross margin is not allowed for this asset.")
    if held is not None:
        _leverage_fits(venue, account, listing, held, leverage)
    if faults.strikes(Fault.LEVERAGE_IGNORED, name, "/exchange"):
        return
    account.leverage[listing.symbol, "net"] = leverage * ONE
    (account.isolated.discard if cross else account.isolated.add)(listing.symbol)
    venue.changed(account, listing.symbol, "leverage")


def _leverage_fits(venue: Exchange, account: Account, listing: Listing, held: Holding, leverage: int) -> None:
    """A lower setting asks more of a cross position at once; an isolated one keeps what it has."""
    margins = Margins(venue, account)
    if leverage * ONE > listing.tier(margins.notional(held)).max_leverage:
        raise Refused("Invalid leverage value")
    if held.isolated or leverage >= leverage_of(account, listing):
        return
    more = cut(Fraction(margins.notional(held), leverage)) - margins.used(held)
    if more > margins.free():
        raise Refused(CROSS_SHORT)


def update_isolated_margin(venue: Exchange, account: Account, desk: OrderDesk, action: JSON) -> None:
    """Move money between the account and an isolated position; `ntli` counts millionths of a dollar."""
    listing, ntli = desk.listing(action.get("asset")), whole(action.get("ntli"))
    if whole(action.get("asset")) is None or ntli is None or type(action.get("isBuy")) is not bool:
        raise Malformed
    if listing is None:
        raise Refused(f"Invalid asset. asset={action['asset']}")
    held = account.held(listing.symbol)
    if held is None:
        raise Refused("Cannot update margin for empty position.")
    if not held.isolated:
        raise Refused("Position does not use isolated margin.")
    if ntli == 0:
        raise Refused("Update to isolated margin cannot be zero.")
    _move_margin(venue, account, listing, held, ntli * CENT)


def top_up(venue: Exchange, account: Account, desk: OrderDesk, action: JSON) -> None:
    """Add what brings an isolated position down to a leverage."""
    listing, wanted = desk.listing(action.get("asset")), plain(action.get("leverage"))
    if listing is None or not wanted:
        raise Malformed
    held = account.held(listing.symbol)
    if held is None:
        raise Refused("Cannot update margin for empty position.")
    if not held.isolated:
        raise Refused("Position does not use isolated margin.")
    margins = Margins(venue, account)
    missing = cut(Fraction(margins.notional(held) * ONE, wanted)) - margins.used(held)
    if missing <= 0:
        raise Refused("Update to isolated margin cannot be zero.")
    _move_margin(venue, account, listing, held, missing)


def _move_margin(venue: Exchange, account: Account, listing: Listing, held: Holding, amount: int) -> None:
    margins = Margins(venue, account)
    if amount > 0 and amount > margins.withdrawable():
        raise Refused("Account does not have sufficient margin available for increase.")
    if amount < 0:
        notional = margins.notional(held)
        stays = max(cut(Fraction(notional, leverage_of(account, listing))), cut(notional // 10))
        if margins.used(held) + amount < stays:
            raise Refused("Position does not have sufficient margin for reduction.")
    ledger.fund(account, held, amount)
    venue.changed(account, listing.symbol, "margin")


def approve_agent(users: Users, account: Account, action: JSON, now: int) -> None:
    """One unnamed agent, and three named ones; a name given anew replaces the agent that had it."""
    who, name = address(action.get("agentAddress")), action.get("agentName") or ""
    if who is None or not isinstance(name, str):
        raise Malformed
    if len(name) > 16 + len(" valid_until ") + 13:
        raise Refused("Agent name too long.")
    label, _, until = name.partition(" valid_until ")
    mine = {each: a for each, a in users.agents.items() if a.owner == account.name}
    for each, agent in mine.items():
        if agent.name == label:
            del users.agents[each]
    if int(who, 16) == 0:
        return
    if users.known(who) is not None or who in users.agents:
        raise Refused("Extra agent already used.")
    if label and sum(bool(a.name) and a.name != label for a in mine.values()) >= MOST_AGENTS:
        raise Refused("Too many extra agents.")
    life = int(until) if until.isdecimal() else now + AGENT_LIFE_MS
    users.agents[who] = Agent(account.name, label, min(life, now + AGENT_LIFE_MS))


def approve_builder(account: Account, action: JSON) -> None:
    builder, rate = address(action.get("builder")), action.get("maxFeeRate")
    found = RATE.fullmatch(rate) if isinstance(rate, str) else None
    if builder is None or found is None:
        raise Malformed
    tenths_of_bps = Fraction(found[1]) * 1_000
    if tenths_of_bps > 100:
        raise Refused("Builder fee rate is too large.")
    account.extra.setdefault("builders", {})[builder] = int(tenths_of_bps)


def builder_approved(account: Account, given: object) -> None:
    """A builder's fee that goes beyond what its user approved is refused; it is not charged here."""
    if given is None:
        return
    if not isinstance(given, dict) or (who := address(given.get("b"))) is None:
        raise Malformed
    if (asked := whole(given.get("f"))) is None or asked < 0:
        raise Malformed
    if asked > account.extra.get("builders", {}).get(who, 0):
        raise Refused("Builder fee has not been approved.")


def set_abstraction(action: JSON) -> None:
    """Only the standard mode is kept here; asking for it changes nothing."""
    if action.get("abstraction") not in ("disabled", "i"):
        raise Refused("This paper venue keeps standard accounts only.")
