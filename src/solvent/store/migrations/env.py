"""Run by Alembic: the connection and its transaction are given, there is nothing to configure."""

from alembic import context

from solvent.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # The caller's transaction holds all of it.
)
context.run_migrations()
