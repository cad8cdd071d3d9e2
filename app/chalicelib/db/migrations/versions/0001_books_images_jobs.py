"""Books, their images and the jobs that cut them out."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _times() -> list[sa.Column[datetime]]:
    return [
        sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
        for name in ("created_at", "updated_at")
    ]


def upgrade() -> None:
    op.create_table(
        "books",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("listing_item_id", sa.String(100), unique=True),
        sa.Column("primary_image_id", sa.Uuid()),
        *_times(),
    )
    op.create_index("books_created_at_idx", "books", [sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_table(
        "book_images",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("book_id", sa.Uuid(), sa.ForeignKey("books.id", ondelete="CASCADE"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("key", sa.String(1024), nullable=False, unique=True),
        sa.Column("etag", sa.String(200), server_default="", nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("bytes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("source_key", sa.String(1024)),
        sa.Column("recipe", postgresql.JSONB(), nullable=False),
        sa.Column("recipe_name", sa.String(100), nullable=False),
        sa.Column("outputs", postgresql.JSONB()),
        sa.Column("subject", postgresql.JSONB()),
        sa.Column("quality", postgresql.JSONB()),
        sa.Column("processed_at", sa.DateTime(timezone=True)),
        sa.Column("keep_original", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *_times(),
        sa.UniqueConstraint("book_id", "position", name="book_images_book_id_position_key"),
        sa.CheckConstraint(
            "status IN ('uploading', 'stored', 'copy_failed')", name="book_images_status_check"
        ),
        sa.CheckConstraint("status <> 'stored' OR etag <> ''", name="book_images_stored_has_etag_check"),
    )
    op.create_foreign_key(
        "books_primary_image_id_fkey",
        "books",
        "book_images",
        ["primary_image_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_table(
        "image_jobs",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("image_id", sa.Uuid(), sa.ForeignKey("book_images.id", ondelete="CASCADE"), nullable=False),
        sa.Column("book_id", sa.Uuid(), sa.ForeignKey("books.id", ondelete="CASCADE"), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="100", nullable=False),
        sa.Column("source_etag", sa.String(200), nullable=False),
        sa.Column("recipe", postgresql.JSONB(), nullable=False),
        sa.Column("recipe_name", sa.String(100), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("send_error", sa.String(1000)),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("deadline_at", sa.DateTime(timezone=True)),
        sa.Column("queued_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_message", sa.String(2000)),
        sa.Column("result", postgresql.JSONB()),
        *_times(),
        sa.CheckConstraint(
            "status IN ('pending', 'queued', 'queue_failed', 'succeeded', 'failed', 'superseded',"
            " 'cancelled')",
            name="image_jobs_status_check",
        ),
    )
    op.create_index(
        "image_jobs_one_live_per_source_and_recipe",
        "image_jobs",
        ["image_id", "source_etag", "recipe_name"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('superseded', 'cancelled')"),
    )
    op.create_index(
        "image_jobs_due_idx",
        "image_jobs",
        ["next_attempt_at"],
        postgresql_where=sa.text("status IN ('pending', 'queue_failed')"),
    )
    op.create_index(
        "image_jobs_deadline_idx",
        "image_jobs",
        ["deadline_at"],
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("image_jobs_status_id_idx", "image_jobs", ["status", sa.text("id DESC")])
    op.create_index("image_jobs_book_id_idx", "image_jobs", ["book_id"])


def downgrade() -> None:
    op.drop_constraint("books_primary_image_id_fkey", "books", type_="foreignkey")
    op.drop_table("image_jobs")
    op.drop_table("book_images")
    op.drop_table("books")
