"""What has to be known of the last deployment: what Chalice made, and which commit ran well.

It lies in the stack's `state_bucket`, below `chalice/STACK/`, so that everybody who may deploy goes on from
it. A stack without such a bucket has it in the data folder of the machine that deploys, which keeps it when
the local stack is forgotten.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from local.files import write_atomic
from operations.target import Target
from workers.contracts.problem import Problem


class Kept(Protocol):
    """Small JSON files by name."""

    def read(self, name: str) -> dict[str, Any] | None:
        """A file's content; None where there is none."""

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Keep it in place of what was there."""


@dataclass(frozen=True)
class InFolder:
    """In a folder of this machine."""

    folder: Path

    def read(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        return _parsed(path.read_text(encoding="utf-8"), str(path)) if path.exists() else None

    def write(self, name: str, content: dict[str, Any]) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(self.folder / name, json.dumps(content, indent=1), mode=0o600)


@dataclass(frozen=True)
class InBucket:
    """In S3, below a prefix that ends with a slash."""

    s3: Any
    bucket: str
    prefix: str

    def read(self, name: str) -> dict[str, Any] | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise self._unusable("read", name, error) from error
        return _parsed(found.decode(), f"s3://{self.bucket}/{self.prefix}{name}")

    def write(self, name: str, content: dict[str, Any]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        body = json.dumps(content, indent=1).encode()
        try:
            self.s3.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise self._unusable("written", name, error) from error

    def _unusable(self, done: str, name: str, error: Exception) -> Problem:
        return Problem(
            f"s3://{self.bucket}/{self.prefix}{name} cannot be {done}.",
            why=f"{error}.",
            fix="Make the `state_bucket` of the stack's file, and log in as somebody who may use it.",
        )


def kept_for(target: Target) -> Kept:
    """Where a stack's records are; on an emulator the bucket, which others make, is made here.

    Raises `Problem` where the stack's file is wrong.
    """
    settings = target.settings
    if settings is None:
        raise Problem(
            f"Where the records of stack {target.stack} are is not known.",
            why=f"Pulumi.{target.stack}.yaml, which names their bucket, is wrong. "
            "Without them a second API would be made beside the first.",
            fix=f"Run `bmx plan {target.options}`, which says what is wrong in it.",
        )
    bucket = settings.deploy.state_bucket if settings.deploy else None
    if bucket is None:
        return InFolder(target.records / "chalice" / target.stack)
    if target.emulator is not None and target.emulator.find("s3", "head_bucket", Bucket=bucket) is None:
        location = {"LocationConstraint": target.emulator.connection.region}
        target.emulator.call("s3", "create_bucket", Bucket=bucket, CreateBucketConfiguration=location)
    return InBucket(target.client("s3"), bucket, f"chalice/{target.stack}/")


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Problem(
            f"{where} is no JSON object.",
            why="It says what was deployed before; without it a second API would be made beside the first.",
            fix="Bring back an earlier version of it (the bucket keeps them), then run this again.",
        )
    return found
