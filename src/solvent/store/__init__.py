"""The database: a projection of the journal, in SQLite or PostgreSQL. It can be thrown away and made again."""
