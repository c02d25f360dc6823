"""One leg of a leverage sync: set, read back, and put back; nothing is sent again before it was read back."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from solvent.core.account import Side
from solvent.core.errors import BadInput
from solvent.core.numbers import text
from solvent.orders.leverage import LegPlan, Reason, Refusal, matches, same_setting
from solvent.venues.clock import Backoff, Times
from solvent.venues.failures import NotApplied, NotSupported, Retryable, UnknownOutcome, VenueError
from solvent.venues.ports import VenueTrader
from solvent.venues.stated import LeverageState

LOOK_S: Final = 3.0
"""Seconds that reading back may take beyond a deadline: a leg is never left without a look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds: to set a leg, to put it back, and until a request whose answer was lost can arrive no more."""

    set_s: float = 15.0
    restore_s: float = 15.0
    settle_s: float = 8.0


@dataclass(slots=True)
class LegWork:
    """What is being done with one leg. `state` is what was read last; None: it could not be read."""

    trader: VenueTrader
    plan: LegPlan
    target: Decimal
    times: Times
    patience: Patience
    state: LeverageState | None = None
    failure: Refusal | None = None
    calls: int = 0
    unsettled_at: float | None = None
    """When a request was sent whose fate nobody knows."""
    restored: bool = False
    """Something was sent to put it back."""
    trouble: str = ""
    """Why the last attempt to put it back did not do it."""

    @property
    def done(self) -> bool:
        return self.failure is None and matches(self.state, self.target, self.plan.mode)

    # --- set

    async def set(self) -> None:
        """Until it is as wanted, is refused for good, or the deadline has come. Reads before every new attempt."""
        self.state = self.plan.facts.state
        deadline = self.times.monotonic() + self.patience.set_s
        backoff = Backoff(first_s=0.2, most_s=2.0)
        while True:
            final, wait = await self._attempt(deadline)
            if self.failure is None:
                return
            self.state = await self._look()
            if matches(self.state, self.target, self.plan.mode):
                self.failure = self._too_large()
                return
            wait = backoff.next_s() if wait is None else wait
            if final or self.times.monotonic() + wait >= deadline:
                return
            await self.times.sleep(wait)

    async def _attempt(self, deadline: float) -> tuple[bool, float | None]:
        """Set it once. Leaves `failure`; whether that is final, and how long to wait otherwise."""
        sent = self.times.monotonic()
        try:
            async with asyncio.timeout(max(deadline - sent, 0.001)):
                await self._send(self.state)
        except TimeoutError:
            self.unsettled_at = sent
            self.failure = Refusal(Reason.TOO_LATE, "no answer before the deadline", advice="read it back")
            return True, None
        except UnknownOutcome as error:
            self.unsettled_at = self.times.monotonic()
            self.failure = _told(Reason.UNKNOWN_OUTCOME, error)
            return False, None
        except Retryable as error:
            self.failure = _told(Reason.TOO_LATE, error)
            return False, error.retry_after_s
        except NotApplied as error:
            refusal = error.__cause__ if isinstance(error.__cause__, VenueError) else None
            if refusal is not None:  # the client tells both states; the code and the advice are the refusal's
                self.failure = Refusal(Reason.REJECTED, error.message, refusal.code, refusal.advice)
            else:
                self.failure = _told(Reason.IGNORED if error.code == "not-applied" else Reason.REJECTED, error)
        except NotSupported as error:
            self.failure = _told(Reason.NOT_SUPPORTED, error)
        except VenueError as error:
            self.failure = _told(Reason.REJECTED, error)
        except BadInput as error:
            self.failure = Refusal(Reason.REJECTED, str(error))
        else:
            self.failure = self._compared()
        return True, None

    async def _send(self, known: LeverageState | None) -> None:
        instrument, mode = self.plan.request.instrument, self.plan.mode
        if known is not None and known.mode is not mode:
            self.calls += 1
            await self.trader.set_margin_mode(mode, instrument)
            known = None
        self.calls += 1
        self.state = await self.trader.set_leverage(instrument, self.target, known=known)

    def _compared(self) -> Refusal | None:
        """What was read back against what was wanted."""
        if not matches(self.state, self.target, self.plan.mode):
            return Refusal(Reason.DIFFERS, f"set to {text(self.target)}x, yet the venue has another")
        return self._too_large()

    def _too_large(self) -> Refusal | None:
        most, notional = None if self.state is None else self.state.max_notional, self.plan.notional
        if most is None or notional is None or notional <= most:
            return None
        return Refusal(
            Reason.ABOVE_MAXIMUM,
            f"at {text(self.target)}x the venue allows a position of {text(most)}, {text(notional)} are intended",
            advice="less leverage, or less size",
        )

    # --- back

    async def restore(self) -> None:
        """Set what it had before, and read that back. A request that may still arrive is waited for first."""
        before = self.plan.facts.state
        assert before is not None
        if self.unsettled_at is not None:
            left = self.unsettled_at + self.patience.settle_s - self.times.monotonic()
            await self.times.sleep(max(left, 0.0))
        deadline = self.times.monotonic() + self.patience.restore_s
        backoff = Backoff(first_s=0.2, most_s=2.0)
        while True:
            await self._back(before, deadline)
            self.state = await self._look()
            wait = backoff.next_s()
            if same_setting(self.state, before) or self.times.monotonic() + wait >= deadline:
                return
            await self.times.sleep(wait)

    async def _back(self, before: LeverageState, deadline: float) -> None:
        instrument = before.instrument
        sent = self.times.monotonic()
        try:
            async with asyncio.timeout(max(deadline - sent, 0.001)):
                now = await self.trader.leverage(instrument)
                if same_setting(now, before):
                    return
                self.restored = True
                if now.mode is not before.mode:
                    self.calls += 1
                    await self.trader.set_margin_mode(before.mode, instrument)
                self.calls += 1
                if before.long == before.short:
                    await self.trader.set_leverage(instrument, before.long)
                else:
                    await self.trader.set_leverage(instrument, before.long, Side.LONG)
                    await self.trader.set_leverage(instrument, before.short, Side.SHORT)
        except (VenueError, BadInput) as error:
            self.trouble = str(error)
        except TimeoutError:
            self.trouble = "no answer before the deadline"

    async def _look(self) -> LeverageState | None:
        try:
            async with asyncio.timeout(LOOK_S):
                return await self.trader.leverage(self.plan.request.instrument)
        except (VenueError, BadInput, TimeoutError) as error:
            self.trouble = str(error) or "no answer"
            return None


def _told(reason: Reason, error: VenueError) -> Refusal:
    return Refusal(reason, error.message, error.code, error.advice)
