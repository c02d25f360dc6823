"""What may be wrong with a database."""

from solvent.core.errors import SolventError


class StoreError(SolventError):
    """A database that cannot be used as asked; the message says what to do."""


class SchemaBehind(StoreError):
    """The database was made by an older version."""


class SchemaAhead(StoreError):
    """The database, or a backup, was made by a newer version."""


class ForeignJournal(StoreError):
    """The database is a projection of another journal."""


class NotEmpty(StoreError):
    """There is something already where a backup was to be restored."""


__all__ = ["ForeignJournal", "NotEmpty", "SchemaAhead", "SchemaBehind", "StoreError"]
