"""Objects that nobody owns any more, and the table from which they are deleted.

Rows are committed with the change that gives the objects up, or before the first write of something that may
never be committed; so a crash leaves a row and no orphan. A row stays for as long as a worker or a form given
out may still write to its place, and is looked at once more then.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chalicelib.db.models import BookImage
from chalicelib.db.records import ObjectDeletion
from chalicelib.resources import Resources
from chalicelib.services.keys import UPLOAD_TIME
from chalicelib.settings import IMAGE_WORKER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 50
_MARGIN: Final = timedelta(minutes=5)
_RETRY: Final = timedelta(minutes=2)
UNFINISHED_AFTER: Final = timedelta(hours=1)
"""When what an unfinished import wrote is taken for abandoned; no call lives that long."""


class _RefusedError(Exception):
    """The bucket answered, and keeps an object."""


def give_up(res: Resources, session: Session, targets: Iterable[str]) -> list[str]:
    """Have objects deleted once this transaction is committed; returns the targets for `run`."""
    now = res.clock()
    written = timedelta(seconds=res.settings.queues[IMAGE_WORKER].result_deadline)
    return _note(session, targets, due_at=now, until=now + max(written, UPLOAD_TIME) + _MARGIN)


def note_unfinished(res: Resources, keys: Iterable[str]) -> None:
    """Have objects that are about to be written deleted in an hour, unless they get an owner before."""
    later = res.clock() + UNFINISHED_AFTER
    with res.database.session() as session:
        _note(session, keys, due_at=later, until=later)


def claim(session: Session, keys: Iterable[str]) -> None:
    """Take keys for a new owner: whatever was to be deleted there is not, from now on.

    Waits for a deletion that is going on, so that it cannot hit what the new owner writes.
    """
    session.execute(delete(ObjectDeletion).where(ObjectDeletion.target.in_(sorted(keys))))


def run(res: Resources, targets: Sequence[str] | None = None, *, seconds: float) -> int:
    """Delete what is due, or of that these targets only, until nothing is left or the time is over: after it
    no other is begun; returns how many targets were seen to.

    Never raises for the bucket's sake: what could not be deleted is tried again by the next round. Where the
    bucket does not answer, the others are left to that too, because each would wait as long again.
    """
    ends = time.monotonic() + seconds
    done, goes_on = 0, True
    while goes_on:
        seen, goes_on = _some(res, targets, ends)
        done += seen
    return done


def _some(res: Resources, targets: Sequence[str] | None, ends: float) -> tuple[int, bool]:
    """As many as go into a transaction; how many were seen to, and whether to go on with others."""
    from botocore.exceptions import BotoCoreError, ClientError

    now = res.clock()
    due = select(ObjectDeletion).where(ObjectDeletion.due_at <= now)
    if targets is not None:
        due = due.where(ObjectDeletion.target.in_(targets))
    due = due.order_by(ObjectDeletion.due_at).limit(_AT_ONCE).with_for_update(skip_locked=True)
    done, answers = 0, True
    with res.database.session() as session:
        rows = session.scalars(due).all()
        owned = set(
            session.scalars(select(BookImage.key).where(BookImage.key.in_([row.target for row in rows])))
        )
        for row in rows:
            if row.target in owned:
                logger.error("%s was to be deleted, and is an image's: kept.", row.target)
                session.delete(row)
                continue
            try:
                _delete(res.clients.s3, res.settings.images_bucket, row.target)
            except (_RefusedError, ClientError) as error:
                logger.warning("%s could not be deleted: %s", row.target, error)
                row.due_at = now + _RETRY
                continue
            except BotoCoreError as error:
                logger.warning("The bucket does not answer, deletions are put off: %s", error)
                row.due_at = now + _RETRY
                answers = False
                break
            done += 1
            if now >= row.until:
                session.delete(row)
            else:
                row.due_at = row.until
            if time.monotonic() >= ends:
                break
    return done, answers and len(rows) == _AT_ONCE and time.monotonic() < ends


def _note(session: Session, targets: Iterable[str], *, due_at: datetime, until: datetime) -> list[str]:
    noted = sorted(set(targets))
    if noted:
        statement = insert(ObjectDeletion).values(
            [{"target": target, "due_at": due_at, "until": until} for target in noted]
        )
        times = {"due_at": statement.excluded.due_at, "until": statement.excluded.until}
        session.execute(statement.on_conflict_do_update(index_elements=["target"], set_=times))
    return noted


def _delete(s3: "S3Client", bucket: str, target: str) -> None:
    """Delete a key, or everything below a prefix; raises `_RefusedError` where the bucket kept a part."""
    if not target.endswith("/"):
        s3.delete_object(Bucket=bucket, Key=target)
        return
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=target):
        keys: list[ObjectIdentifierTypeDef] = [{"Key": it["Key"]} for it in page.get("Contents", [])]
        if not keys:
            continue
        refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True}).get("Errors")
        if refused:
            raise _RefusedError(str(refused[0].get("Code")))
