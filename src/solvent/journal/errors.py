"""What can go wrong with a journal. Each says what happened and what to do next."""

from solvent.core.errors import BadInput, SolventError


class JournalFailed(SolventError):
    """The journal could not make a record as durable as configured; what raised this is not on record.

    A journal that failed once stays failed: open it anew when the cause is gone.
    """


class JournalLocked(SolventError):
    """Another process writes to this folder."""


class SecretRefused(BadInput):
    """A key, a signature or another secret was about to enter a record. The message never shows it."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "no secret (keys and signatures may not enter the journal)", "<not shown>")
