"""What a leverage plan rests on, read from the venues: slow facts ahead of time, settings at the moment."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from solvent.core.account import Account, Tier
from solvent.core.errors import BadInput, SolventError
from solvent.margin.venues import rules_for
from solvent.orders.leverage import LegFacts, LegRequest, Reason, Refusal
from solvent.venues import readers
from solvent.venues.failures import NotSupported, VenueError
from solvent.venues.ports import VenueReader
from solvent.venues.stated import InstrumentTerms, LeverageState
from solvent.venues.together import Together

UNSTATED = frozenset({"no-leverage", "not-supported"})
"""Codes of clients whose venue has a leverage that it does not state for this account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Facts that change a few times a month, and the account as of `at` (monotonic seconds)."""

    terms: InstrumentTerms | None
    account: Account | None
    tiers: tuple[Tier, ...]
    at: float


async def read_slow(trader: VenueReader, leg: LegRequest, now: float) -> Slow:
    """Terms, tiers and the account. Raises VenueError, BadInput."""
    terms = (await trader.instruments()).get(leg.instrument)
    if terms is None:
        return Slow(terms=None, account=None, tiers=(), at=now)
    if trader.capabilities.leverage != "none":
        await trader.leverage(leg.instrument)  # A client's bundle tells of what was asked for, flat or not.
    account = readers.read(await trader.bundle(), leg.venue, regime=None)
    return Slow(terms=terms, account=account, tiers=tiers_of(account, leg.instrument), at=now)


def tiers_of(account: Account, instrument: str) -> tuple[Tier, ...]:
    """The tiers that cap the leverage: a held position may still be under those of the day it was opened."""
    rules = rules_for(account)
    for pool in account.pools:
        for position in pool.positions:
            if position.instrument == instrument:
                return rules.leverage_tiers(position)
    market = account.instruments.get(instrument)
    return () if market is None else market.tiers


async def read_leg(trader: VenueReader, leg: LegRequest, slow: Slow, timeout_s: float) -> LegFacts:
    """Settings, positions, orders and the mark, asked for together. What cannot be read becomes the problem."""
    if slow.terms is None:
        what = f"{leg.venue} does not list {leg.instrument}"
        return unread(trader, leg, Refusal(Reason.NO_INSTRUMENT, what))
    try:
        async with asyncio.timeout(timeout_s), Together() as at_once:
            state = at_once.create_task(_state(trader, leg.instrument))
            positions = at_once.create_task(trader.positions())
            orders = at_once.create_task(trader.open_orders(leg.instrument))
            prices = at_once.create_task(trader.prices([leg.instrument]))
    except (VenueError, BadInput, TimeoutError) as error:
        return unread(trader, leg, problem_of(error, trader))
    price = prices.result().get(leg.instrument)
    return LegFacts(
        request=leg,
        capabilities=trader.capabilities,
        terms=slow.terms,
        state=state.result(),
        positions=tuple(p for p in positions.result() if p.instrument == leg.instrument and p.size),
        orders=tuple(o for o in orders.result() if o.instrument == leg.instrument),
        mark=None if price is None else _margin_price(trader, price.mark, price.oracle),
        tiers=slow.tiers,
        account=slow.account,
    )


def of_one_moment(facts: LegFacts) -> bool:
    """Whether the account holds of the instrument what was read since."""
    if facts.account is None:
        return True
    instrument = facts.request.instrument
    then = sorted(p.size for pool in facts.account.pools for p in pool.positions if p.instrument == instrument)
    return then == sorted(Fraction(p.size) for p in facts.positions)


async def _state(trader: VenueReader, instrument: str) -> LeverageState | None:
    return None if trader.capabilities.leverage == "none" else await trader.leverage(instrument)


def _margin_price(trader: VenueReader, mark: Decimal, oracle: Decimal | None) -> Decimal:
    """The price at which margin counts: the oracle's where the venue has no leverage setting."""
    return oracle if trader.capabilities.leverage == "none" and oracle is not None else mark


def unread(trader: VenueReader, leg: LegRequest, problem: Refusal) -> LegFacts:
    return LegFacts(request=leg, capabilities=trader.capabilities, problem=problem)


def problem_of(error: SolventError | TimeoutError, trader: VenueReader) -> Refusal:
    """Why a leg could not be read. A leverage that exists and cannot be read is no leverage to trade on."""
    if isinstance(error, VenueError):
        if isinstance(error, NotSupported) or error.code in UNSTATED:
            return Refusal(
                Reason.NOT_SUPPORTED,
                f"{trader.capabilities.venue} has a leverage that cannot be read here: {error.message}",
                error.code,
                error.advice,
            )
        return Refusal(Reason.NOT_READ, error.message, error.code, error.advice)
    if isinstance(error, TimeoutError):
        return Refusal(Reason.NOT_READ, f"{trader.capabilities.venue} did not answer in time")
    return Refusal(Reason.NOT_READ, str(error))
