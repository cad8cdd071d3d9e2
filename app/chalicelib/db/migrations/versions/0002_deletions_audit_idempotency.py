"""Deletions with an outbox, idempotency keys, the audit log, rates.

The release before works on this schema: it only adds. Jobs lose their foreign keys, because a job outlives
its image as the record of what became of it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.add_column("books", sa.Column("last_number", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        "UPDATE books SET last_number = made.last FROM (SELECT book_id, max(position) AS last"
        " FROM book_images GROUP BY book_id) AS made WHERE made.book_id = books.id"
    )
    op.drop_constraint("image_jobs_image_id_fkey", "image_jobs", type_="foreignkey")
    op.drop_constraint("image_jobs_book_id_fkey", "image_jobs", type_="foreignkey")
    op.create_index("image_jobs_image_id_idx", "image_jobs", ["image_id"])
    op.create_table(
        "object_deletions",
        sa.Column("target", sa.String(1024), primary_key=True),
        sa.Column("due_at", time, nullable=False),
        sa.Column("until", time, nullable=False),
    )
    op.create_index("object_deletions_due_idx", "object_deletions", ["due_at"])
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(200), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("claimed_at", time, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("body", sa.Text()),
    )
    op.create_index("idempotency_keys_claimed_at_idx", "idempotency_keys", ["claimed_at"])
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("at", time, server_default=sa.func.now(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("book_id", sa.String(100)),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("code", sa.String(50)),
        sa.Column("replayed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index("audit_log_book_id_idx", "audit_log", ["book_id", sa.text("id DESC")])
    op.create_index("audit_log_actor_idx", "audit_log", ["actor", sa.text("id DESC")])
    op.create_table(
        "rate_windows",
        sa.Column("caller", sa.String(200), primary_key=True),
        sa.Column("started_at", time, nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    for table in ("rate_windows", "audit_log", "idempotency_keys", "object_deletions"):
        op.drop_table(table)
    op.drop_index("image_jobs_image_id_idx", "image_jobs")
    op.execute("DELETE FROM image_jobs WHERE image_id NOT IN (SELECT id FROM book_images)")
    for name, table in (("book_id", "books"), ("image_id", "book_images")):
        op.create_foreign_key(
            f"image_jobs_{name}_fkey", "image_jobs", table, [name], ["id"], ondelete="CASCADE"
        )
    op.drop_column("books", "last_number")
