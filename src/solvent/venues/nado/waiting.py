"""What waits at the trigger service, of a subaccount and of its isolated positions."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from solvent.venues.failures import VenueError
from solvent.venues.nado import orders, streams
from solvent.venues.nado.orders import Context, Row
from solvent.venues.nado.rest import Rest
from solvent.venues.stated import OrderStatus
from solvent.venues.together import Together


class Waiting:
    """`isolated` asks which subaccounts have an isolated position now.

    Those of the last time are asked for their orders without waiting for that answer, since they are most often
    those of today: one round trip instead of two.
    """

    def __init__(self, rest: Rest, subaccount: str, isolated: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
        self._rest, self._subaccount, self._isolated = rest, subaccount, isolated
        self._last: tuple[str, ...] = ()

    async def rows(self, context: Context) -> list[Row]:
        async with Together() as at_once:
            now = at_once.create_task(self._senders())
            own = at_once.create_task(self._of(self._subaccount, context))
            guessed = {sender: at_once.create_task(self._guess(sender, context)) for sender in self._last}
        known = {sender: task.result() for sender, task in guessed.items()}
        self._last = now.result()
        async with Together() as at_once:
            late = {
                sender: at_once.create_task(self._of(sender, context))
                for sender in self._last
                if known.get(sender) is None
            }
        found = own.result()
        for sender in self._last:
            found += late[sender].result() if sender in late else known[sender] or []
        return found

    async def _senders(self) -> tuple[str, ...]:
        return await self._isolated()

    async def _guess(self, sender: str, context: Context) -> list[Row] | None:
        """None where it failed: it may be gone, and is asked again where it is not."""
        with suppress(VenueError):
            return await self._of(sender, context)
        return None

    async def _of(self, sender: str, context: Context) -> list[Row]:
        body = await self._rest.trigger_orders(sender, status_types=list(streams.WAITING), limit=500)
        return [row for row in orders.trigger_rows(body, context) if row.order.status is OrderStatus.WAITING]


__all__ = ["Waiting"]
