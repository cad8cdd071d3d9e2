"""Migrations, run inside the network by a function of their own."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import BaseModel
from sqlalchemy import Connection, text

from chalicelib.db.session import Database

_LOCK = 5_283_015_417
"""Key of the advisory lock; one migration runs at a time, a second one waits and then finds nothing to do."""


_LOCK_TIMEOUT = "10s"


class Migrated(BaseModel):
    """From which revision to which; equal where there was nothing to do."""

    before: str | None
    after: str | None


def migrate(database: Database, revision: str = "head") -> Migrated:
    """Bring the schema to this release's revision (or up to another one), all steps in one transaction; safe
    to run twice and at once.
    """
    with database.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        # A change that would wait for long holds up all calls behind it: it fails instead, and is run again.
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        before = current_revision(connection)
        if before is not None and before not in {*older_revisions(), newest_revision()}:
            # A later release's, left by a rollback: this one works with it.
            return Migrated(before=before, after=before)
        command.upgrade(_config(connection), revision)
        return Migrated(before=before, after=current_revision(connection))


def current_revision(connection: Connection) -> str | None:
    """The schema's revision; None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The revision this release wants."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


@cache
def older_revisions() -> frozenset[str]:
    """Those that this release's migrations lead on from. One that is in none of them is a later release's."""
    script = ScriptDirectory.from_config(_config(None))
    return frozenset(it.revision for it in script.walk_revisions()) - {script.get_current_head() or ""}


def previous_revision() -> str:
    """The one before it: the release before must work on the newest schema."""
    script = ScriptDirectory.from_config(_config(None))
    newest = script.get_revision("head")
    return str(newest.down_revision) if newest is not None else ""


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
