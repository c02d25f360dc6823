"""Leverage by the documented methods: a service that asks the venue, and a connector in front of it.

Ranges come from the venue, never from a table; what is set is read back before a method returns. Failures raise
`Refused` with the documented sentence.
"""

import logging
from collections.abc import Callable
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from solvent.core.account import Side, Venue
from solvent.core.errors import BadInput, Refused
from solvent.core.numbers import parse_decimal
from solvent.orders.leverage import Reason, Refusal
from solvent.orders.leverage_plan import invalid
from solvent.orders.leverage_words import (
    connector_line,
    failed_to_set,
    not_initialized,
    service_line,
    success_line,
)
from solvent.venues.connect import connect
from solvent.venues.failures import VenueError
from solvent.venues.ports import VenueTrader
from solvent.venues.stated import LeverageState

if TYPE_CHECKING:
    from solvent.venues.bybit.client import BybitVenue

Numeric = Decimal | int | str | float
Log = Callable[[str], None]
BingXSide = Literal["LONG", "SHORT", "BOTH"]
Category = Literal["linear", "inverse"]
SIDES: dict[str, Side | None] = {"BOTH": None, "LONG": Side.LONG, "SHORT": Side.SHORT}
CATEGORIES = ("linear", "inverse")
_LOG = logging.getLogger("solvent.leverage").info


def _checked(leverage: Numeric, maximum: Decimal | None, side: str = "") -> Decimal:
    """Raises Refused: Invalid leverage: X. Must be between 1 and Y."""
    number = parse_decimal(leverage, "leverage")
    if number < 1 or (maximum is not None and number > maximum):
        raise Refused("invalid-leverage", invalid(number, maximum, side))
    return number


def _failed(venue: Venue, symbol: str, error: VenueError | BadInput) -> Refused:
    """The venue's refusal in the documented sentence. The error itself is its cause."""
    if isinstance(error, VenueError):
        told = Refusal(Reason.REJECTED, error.message, error.code, error.advice)
        return Refused(error.code or "rejected", failed_to_set(venue, symbol, told))
    return Refused("rejected", failed_to_set(venue, symbol, Refusal(Reason.REJECTED, str(error))))


class BingXService:
    """BingX through a connected client."""

    def __init__(self, client: VenueTrader, log: Log = _LOG) -> None:
        self.client, self._log = client, log

    async def set_leverage(
        self, symbol: str, leverage: Numeric, side: BingXSide = "BOTH", *, known: LeverageState | None = None
    ) -> LeverageState:
        """Set it and read it back. BOTH is both sides in either mode: in hedge mode they are two calls.

        `known` is what was just read. Raises Refused.
        """
        if side not in SIDES:
            raise BadInput("side", " or ".join(SIDES), side)
        try:
            known = known or await self.client.leverage(symbol)
            wanted = _checked(leverage, known.maximum)
            self._log(service_line(Venue.BINGX, symbol, wanted, wanted, side))
            found = await self.client.set_leverage(symbol, wanted, SIDES[side], known=known)
        except (VenueError, BadInput) as error:
            raise _failed(Venue.BINGX, symbol, error) from error
        self._log(success_line(Venue.BINGX))
        return found


class BybitService:
    """Bybit through a connected client."""

    def __init__(self, client: "BybitVenue", log: Log = _LOG) -> None:
        self.client, self._log = client, log

    async def limit(self, category: Category, symbol: str) -> Decimal | None:
        """The highest leverage that the venue allows."""
        return (await self._state(category, symbol)).maximum

    async def _state(self, category: str, symbol: str) -> LeverageState:
        if category not in CATEGORIES:
            raise BadInput("category", " or ".join(CATEGORIES), category)
        return await (
            self.client.leverage(symbol) if category == "linear" else self.client.inverse_leverage(symbol)
        )

    async def set_leverage(self, category: Category, symbol: str, buy: Numeric, sell: Numeric) -> LeverageState:
        """Set both sides and read them back; they differ only in isolated hedge mode. Raises Refused."""
        try:
            known = await self._state(category, symbol)
            long, short = _checked(buy, known.maximum, "buy"), _checked(sell, known.maximum, "sell")
            self._log(service_line(Venue.BYBIT, symbol, long, short, category))
            if category == "inverse":
                found = await self.client.set_inverse_leverage(symbol, long, short)
            elif long == short:
                found = await self.client.set_leverage(symbol, long, known=known)
            else:
                await self.client.set_leverage(symbol, long, Side.LONG, known=known)
                found = await self.client.set_leverage(symbol, short, Side.SHORT)
        except (VenueError, BadInput) as error:
            raise _failed(Venue.BYBIT, symbol, error) from error
        self._log(success_line(Venue.BYBIT))
        return found


class Connector:
    """A client with a state: methods work once `initialize` has connected it. `async with` does both ends."""

    venue: ClassVar[Venue]

    def __init__(self, client: VenueTrader | None = None, *, log: Log = _LOG, **options: Any) -> None:
        self._given, self._options, self._log = client, options, log
        self._client: VenueTrader | None = None

    @property
    def is_initialized(self) -> bool:
        return self._client is not None

    async def initialize(self) -> None:
        """Connect, with the credentials of the environment where no client was given."""
        if self._client is not None:
            return
        client = self._given
        if client is None:
            from solvent.venues.keys import credentials

            options = {"credentials": credentials(self.venue), **self._options}
            client = await connect(self.venue, **options).__aenter__()
        self._client = client

    async def close(self) -> None:
        """Disconnect what `initialize` has connected; a client that was given stays its owner's."""
        client, self._client = self._client, None
        if client is not None and self._given is None:
            await client.close()

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _connected(self) -> VenueTrader:
        if self._client is None:
            raise Refused("not-initialized", not_initialized(self.venue))
        return self._client


class BingXConnector(Connector):
    venue = Venue.BINGX

    async def set_leverage(self, symbol: str, leverage: Numeric, side: BingXSide = "BOTH") -> LeverageState:
        """See `BingXService.set_leverage`."""
        service = BingXService(self._connected(), self._log)
        wanted = parse_decimal(leverage, "leverage")
        try:
            known = await service.client.leverage(symbol)
        except VenueError as error:
            raise _failed(self.venue, symbol, error) from error
        _checked(wanted, known.maximum)
        self._log(connector_line(self.venue, symbol, wanted, side))
        return await service.set_leverage(symbol, wanted, side, known=known)


class BybitConnector(Connector):
    venue = Venue.BYBIT

    async def set_leverage(self, symbol: str, leverage: Numeric, category: Category = "linear") -> LeverageState:
        """The same on both sides. Raises Refused."""
        client: Any = self._connected()
        service = BybitService(client, self._log)
        wanted = parse_decimal(leverage, "leverage")
        try:
            maximum = await service.limit(category, symbol)
        except VenueError as error:
            raise _failed(self.venue, symbol, error) from error
        _checked(wanted, maximum)
        self._log(connector_line(self.venue, symbol, wanted, category))
        return await service.set_leverage(category, symbol, wanted, wanted)


class HyperliquidConnector(Connector):
    venue = Venue.HYPERLIQUID

    async def set_leverage(self, symbol: str, leverage: Numeric) -> LeverageState:
        """A coin's leverage in the margin mode that it has. Raises Refused."""
        client = self._connected()
        try:
            known = await client.leverage(symbol)
            wanted = _checked(leverage, known.maximum)
            self._log(connector_line(self.venue, symbol, wanted))
            self._log(service_line(self.venue, symbol, wanted, wanted))
            found = await client.set_leverage(symbol, wanted, known=known)
        except (VenueError, BadInput) as error:
            raise _failed(self.venue, symbol, error) from error
        self._log(success_line(self.venue))
        return found


__all__ = [
    "BingXConnector",
    "BingXService",
    "BybitConnector",
    "BybitService",
    "Connector",
    "HyperliquidConnector",
]
