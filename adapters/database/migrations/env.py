"""Alembic runs this with the connection, and the transaction, that `adapters.database.engine.migrate` opened."""

from alembic import context

from adapters.database.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
