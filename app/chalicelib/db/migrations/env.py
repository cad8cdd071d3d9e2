"""Alembic's entry: migrates over the connection that `chalicelib.db.migrate` opened, inside its
transaction.
"""

from alembic import context

from chalicelib.db import records  # noqa: F401 - its tables belong to the metadata
from chalicelib.db.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
