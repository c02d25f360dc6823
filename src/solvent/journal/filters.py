"""Which records a reader wants to see."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from solvent.core.errors import BadInput
from solvent.journal.record import DAY, Record
from solvent.journal.values import timestamp_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """All that is given must hold. Times are timestamps as the journal writes them: `since` <= t < `until`."""

    types: frozenset[str] = frozenset()
    symbols: frozenset[str] = frozenset()
    since: str | None = None
    until: str | None = None

    def accepts(self, record: Record) -> bool:
        if self.since is not None and record.timestamp < self.since:
            return False
        if self.until is not None and record.timestamp >= self.until:
            return False
        if self.types and record.type not in self.types:
            return False
        return not self.symbols or record.get("symbol") in self.symbols

    def skips_day(self, day: str) -> bool:
        """Whether no record of the file of this day can be wanted (its records are of that day or, where a
        clock went back, of an earlier one)."""
        return self.since is not None and day < self.since[:DAY]


def parse_moment(text: str, field: str) -> str:
    """A time typed by a person as the journal writes it: a day (its start) or a moment, UTC where no zone is
    given."""
    try:
        if len(text) == DAY:
            return timestamp_text(datetime.combine(date.fromisoformat(text), time(), UTC), field)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(field, "a time such as 2025-02-11 or 2025-02-11T15:30:00Z", text) from None
    return timestamp_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC), field)
