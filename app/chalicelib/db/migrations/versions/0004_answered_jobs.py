"""Index: jobs that were answered, by when they were sent. The sweep looks how far the workers have come."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "image_jobs_answered_idx", "image_jobs", ["queued_at"], postgresql_where=sa.text("result IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("image_jobs_answered_idx", "image_jobs")
