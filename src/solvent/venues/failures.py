"""What may go wrong at a venue, told apart by what to do next.

`Retryable`: nothing was done, the same may be asked again. `Terminal`: nothing was done, and asking again will not
help. `UnknownOutcome`: it may have been done; read back before anything is sent again.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from solvent.core.errors import SolventError
from solvent.venues.keys import Secret

MAX_MESSAGE: Final = 400
"""Characters of a venue's own words that an error repeats."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that changes something: what, by which key it is found again, until when it may still arrive.

    `key` is the client id or the digest. `may_arrive_until_ms` is the venue's own expiry (milliseconds since 1970
    UTC, venue's clock); None: the venue has none, so that absence is never proven.
    """

    what: str
    key: str | None = None
    may_arrive_until_ms: int | None = None


class VenueError(SolventError):
    """Something a venue refused, or that kept us from asking it.

    `code` and `message` are the venue's own, `advice` is ours, `status` the HTTP status where there was one.
    """

    def __init__(
        self, venue: str, message: str, *, code: str = "", advice: str = "", status: int | None = None
    ) -> None:
        self.venue = str(venue)
        self.code = code[:64]
        self.message = "".join(c if c.isprintable() else " " for c in message[:MAX_MESSAGE])
        self.advice = advice
        self.status = status
        named = f" [{self.code}]" if self.code else (f" [HTTP {status}]" if status else "")
        super().__init__(f"{self.venue}{named}: {self.message}" + (f" ({advice})" if advice else ""))


class Retryable(VenueError):
    """Nothing was done; the same may be asked again after `retry_after_s` (None: the venue does not say)."""

    def __init__(
        self,
        venue: str,
        message: str,
        *,
        code: str = "",
        advice: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(venue, message, code=code, advice=advice, status=status)
        self.retry_after_s = retry_after_s


class RateLimited(Retryable):
    """We asked too often. All requests to the venue hold back until `retry_after_s` is over."""


class Terminal(VenueError):
    """Nothing was done, and the same request will be refused again."""


class NotApplied(Terminal):
    """A setting was accepted, yet reading it back shows another: `wanted` and `found` in words."""

    def __init__(self, venue: str, what: str, *, wanted: str, found: str) -> None:
        super().__init__(
            venue,
            f"{what}: wanted {wanted}, the venue has {found}",
            code="not-applied",
            advice="do not trade on it",
        )
        self.wanted = wanted
        self.found = found


class NotSupported(Terminal):
    """The venue does not have what was asked for; `capability` is its name in `Capabilities`."""

    def __init__(self, venue: str, capability: str, advice: str = "") -> None:
        super().__init__(venue, f"does not have {capability}", code="not-supported", advice=advice)
        self.capability = capability


class UnknownOutcome(VenueError):
    """A request that changes something was sent and its answer is not known: it may have been carried out."""

    def __init__(
        self, venue: str, message: str, asked: Asked, *, code: str = "", status: int | None = None
    ) -> None:
        by = f" by {asked.key}" if asked.key else ""
        advice = f"{asked.what}: read back{by} before anything is sent again"
        super().__init__(venue, message, code=code, advice=advice, status=status)
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Rule:
    """How a refusal is read: by the venue's code, by a pattern in its message, or both (then both must fit)."""

    kind: type[VenueError]
    """Retryable, RateLimited, Terminal or UnknownOutcome."""
    advice: str
    code: str | None = None
    pattern: str | None = None
    retry_after_s: float | None = None

    def fits(self, code: str, message: str) -> bool:
        if self.code is not None and self.code != code:
            return False
        return self.pattern is None or re.search(self.pattern, message, re.IGNORECASE) is not None


class Codes:
    """A venue's refusals: the first rule that fits decides; what no rule knows is read by its HTTP status."""

    def __init__(self, venue: str, rules: Sequence[Rule], *, hide: Iterable[Secret] = ()) -> None:
        for rule in rules:
            if rule.code is None and rule.pattern is None:
                raise ValueError(f"a rule of {venue} has neither code nor pattern: {rule.advice}")
        self._venue = venue
        self._rules = tuple(rules)
        self._hide = tuple(hide)

    def error(
        self,
        code: str | int,
        message: str,
        *,
        status: int | None = None,
        asked: Asked | None = None,
        retry_after_s: float | None = None,
    ) -> VenueError:
        """The error to raise. `asked` says what was to be changed; None for a request that only reads."""
        code = str(code)
        for secret in self._hide:
            message = secret.hide_in(message)
        rule = next((rule for rule in self._rules if rule.fits(code, message)), None)
        advice = rule.advice if rule else ""
        kind = rule.kind if rule else by_status(status)
        after = retry_after_s if retry_after_s is not None else (rule.retry_after_s if rule else None)
        if issubclass(kind, UnknownOutcome):
            if asked is not None:
                return kind(self._venue, message, asked, code=code, status=status)
            kind = Retryable  # A question that only reads has no outcome.
        if issubclass(kind, Retryable):
            return kind(self._venue, message, code=code, advice=advice, status=status, retry_after_s=after)
        return kind(self._venue, message, code=code, advice=advice, status=status)


def by_status(status: int | None) -> type[VenueError]:
    """What an HTTP status alone tells: a server in trouble may still have carried the request out."""
    if status in (418, 429):
        return RateLimited
    return UnknownOutcome if status is not None and (status == 408 or status >= 500) else Terminal
