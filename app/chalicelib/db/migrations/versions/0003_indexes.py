"""Indexes: the audit log by age, uploads that were not completed, books by their primary image.

The sweep looks for the first two each minute; the third is what the database looks through when an image
goes. They are made within the migration's transaction, so that a second migration waits for the first: who
writes to a table waits while its index is built, which is short at the sizes that these tables have.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("audit_log_at_idx", "audit_log", ["at"])
    op.create_index(
        "book_images_uploading_idx",
        "book_images",
        ["created_at"],
        postgresql_where=sa.text("status = 'uploading'"),
    )
    op.create_index("books_primary_image_id_idx", "books", ["primary_image_id"])


def downgrade() -> None:
    op.drop_index("books_primary_image_id_idx", "books")
    op.drop_index("book_images_uploading_idx", "book_images")
    op.drop_index("audit_log_at_idx", "audit_log")
