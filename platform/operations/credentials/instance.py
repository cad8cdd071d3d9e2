"""What only RDS can say and do of an instance: who owns its login, and changing that.

On an emulator, the local provider is RDS.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.tags import CREDENTIALS_TAG
from local.provider import rds as emulated
from local.provider.context import Context
from operations.target import Target
from workers.contracts.problem import Problem

WAIT_SECONDS = 900.0
POLL_SECONDS = 2.0


class RdsRefused(Problem):
    """RDS will not do what it was asked for: nothing has changed."""


@dataclass(frozen=True)
class RdsInstance:
    """One instance, by its identifier."""

    target: Target
    identifier: str

    def exists(self) -> bool:
        """Whether the account has it."""
        if self._context is not None:
            return emulated.exists(self._context, self.identifier)
        return self._described() is not None

    @property
    def resource_id(self) -> str:
        """Its id in Pulumi's state."""
        if self._context is not None:
            return emulated.resource_id(self._context, self.identifier)
        return str(self._known()["DbiResourceId"])

    def managed_secret(self) -> str | None:
        """The ARN of the secret that RDS owns; None while it owns none, or one that cannot be used yet."""
        if self._context is not None:
            return emulated.managed_secret(self._context, self.identifier)
        secret = self._known().get("MasterUserSecret") or {}
        return str(secret["SecretArn"]) if secret.get("SecretStatus") == "active" else None

    def owns_login(self) -> bool:
        """Whether the login is RDS's or becomes it: also while its secret is made, rotated or impaired."""
        if self._context is not None:
            return self.managed_secret() is not None
        return bool(self._known().get("MasterUserSecret"))

    def manage(self) -> str:
        """Have RDS make a new password and own it; the ARN of its secret, once it is there.

        Raises `RdsRefused` where it does not begin. Whatever else ends this, RDS may go on.
        """
        if self._context is not None:
            emulated.take_over(self._context, self.identifier)
        elif not self._known().get("MasterUserSecret"):
            self._modify(ManageMasterUserPassword=True)
        return self._until_managed()

    def release(self, password: str) -> None:
        """Take the login from RDS, which deletes its secret; `password` is the one from then on."""
        if self._context is not None:
            emulated.release(self._context, self.identifier, password)
            return
        self._modify(ManageMasterUserPassword=False, MasterUserPassword=password)
        deadline = time.monotonic() + WAIT_SECONDS
        while self._known().get("MasterUserSecret") or self._known()["DBInstanceStatus"] != "available":
            self._wait(deadline)

    def settings(self) -> dict[str, str | int | bool]:
        """What the stack's settings say of it; nothing on an emulator, which keeps it in the state only."""
        if self._context is not None:
            return {}
        known = self._known()
        return {
            "username": str(known["MasterUsername"]),
            "engine_version": str(known["EngineVersion"]).split(".")[0],
            "instance_class": str(known["DBInstanceClass"]),
            "allocated_storage": int(known["AllocatedStorage"]),
            "max_allocated_storage": int(known.get("MaxAllocatedStorage") or known["AllocatedStorage"]),
            "backup_retention_days": int(known["BackupRetentionPeriod"]),
            "multi_az": bool(known["MultiAZ"]),
        }

    def tag(self, mode: str) -> None:
        """Say the mode on it, as the program does; an emulator keeps tags in the state only."""
        if self._context is None:
            self.target.client("rds").add_tags_to_resource(
                ResourceName=self._known()["DBInstanceArn"], Tags=[{"Key": CREDENTIALS_TAG, "Value": mode}]
            )

    @property
    def _context(self) -> Context | None:
        aws = self.target.emulator
        return None if aws is None else Context(aws, aws.connection.region, paths=self.target.paths)

    def _modify(self, **changes: Any) -> None:
        from botocore.exceptions import ClientError

        try:
            # Tried again after a lost answer, it would be refused for what the first try has begun.
            self.target.client("rds", once=True).modify_db_instance(
                DBInstanceIdentifier=self.identifier, ApplyImmediately=True, **changes
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)) >= 500:
                # Not `RdsRefused`: it may have begun.
                raise Problem(
                    f"RDS did not say whether it changes {self.identifier}: {code}.",
                    fix="Look at its status (`aws rds describe-db-instances`), then run this again.",
                ) from None
            raise RdsRefused(
                f"RDS does not change {self.identifier}: {code}.",
                why="The instance has to be available, and you need rds:ModifyDBInstance.",
                fix="Look at its status (`aws rds describe-db-instances`), then run this again.",
            ) from None

    def _until_managed(self) -> str:
        deadline = time.monotonic() + WAIT_SECONDS
        while (arn := self.managed_secret()) is None:
            self._wait(deadline)
        return arn

    def _wait(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise Problem(
                f"RDS has not finished changing {self.identifier}.",
                fix="Look at its status (`aws rds describe-db-instances`), then run this again: it goes on.",
            )
        time.sleep(POLL_SECONDS)

    def _known(self) -> Mapping[str, Any]:
        found = self._described()
        if found is None:
            raise Problem(f"RDS has no instance {self.identifier} in this account and region.")
        return found

    def _described(self) -> Mapping[str, Any] | None:
        from botocore.exceptions import ClientError

        try:
            reply = self.target.client("rds").describe_db_instances(DBInstanceIdentifier=self.identifier)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == "DBInstanceNotFound":
                return None
            raise Problem(
                f"RDS does not tell of {self.identifier}: {code}.",
                fix="Run this again; where a right is missing, as somebody with rds:DescribeDBInstances.",
            ) from None
        found: Mapping[str, Any] = reply["DBInstances"][0]
        return found
