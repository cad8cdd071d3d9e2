"""Secrets Manager: secrets, their versions, policies and rotation."""
# ruff: noqa: ARG002, S105

import base64
import logging
from typing import Any

from local.provider import tags
from local.provider.connection import AwsError
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties

_log = logging.getLogger(__name__)


class Secret(ResourceType):
    """A secret without its value; its id is its ARN."""

    token = "aws:secretsmanager/secret:Secret"
    replace_on = frozenset({"name", "namePrefix", "region", "type"})
    name_property = "name"
    json_properties = frozenset({"policy"})
    computed_inputs = frozenset({"policy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        optional = {"Description": inputs.get("description"), "KmsKeyId": inputs.get("kmsKeyId")}
        reply = ctx.aws.call(
            "secretsmanager",
            "create_secret",
            Name=inputs["name"],
            Tags=tags.pairs(ctx.all_tags(inputs)),
            **{key: value for key, value in optional.items() if value},
        )
        return str(reply["ARN"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if new.get("policy"):
            ctx.aws.call(
                "secretsmanager", "put_resource_policy", SecretId=identifier, ResourcePolicy=new["policy"]
            )
        if old is None:
            return None
        optional = {"KmsKeyId": new.get("kmsKeyId")}
        ctx.aws.call(
            "secretsmanager",
            "update_secret",
            SecretId=identifier,
            Description=new.get("description") or "",
            **{key: value for key, value in optional.items() if value},
        )
        wanted = ctx.all_tags(new)
        if gone := tags.removed(old, wanted):
            ctx.aws.call("secretsmanager", "untag_resource", SecretId=identifier, TagKeys=gone)
        if wanted:
            ctx.aws.call("secretsmanager", "tag_resource", SecretId=identifier, Tags=tags.pairs(wanted))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("secretsmanager", "describe_secret", SecretId=identifier)
        if found is None or found.get("DeletedDate"):
            return None
        return {
            "arn": found["ARN"],
            "name": found["Name"],
            "description": found.get("Description") or "",
            "kmsKeyId": found.get("KmsKeyId"),
            "recoveryWindowInDays": state.get("recoveryWindowInDays", 30),
            "forceOverwriteReplicaSecret": bool(state.get("forceOverwriteReplicaSecret")),
            "tags": tags.own(ctx.default_tags, tags.mapping(found.get("Tags") or [])),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        days = int(state.get("recoveryWindowInDays", 30))
        window: dict[str, Any] = (
            {"RecoveryWindowInDays": days} if days else {"ForceDeleteWithoutRecovery": True}
        )
        ctx.aws.find("secretsmanager", "delete_secret", SecretId=identifier, **window)


class SecretVersion(ResourceType):
    """A secret's value; its id is `secret id|version id`. A changed value is a new version."""

    token = "aws:secretsmanager/secretVersion:SecretVersion"
    replace_on = frozenset({"secretId", "secretString", "secretBinary", "region", "secretStringWoVersion"})
    secret_outputs = frozenset({"secretString", "secretBinary"})
    write_only = frozenset({"secretStringWo"})
    unordered = frozenset({"versionStages"})
    computed_inputs = frozenset({"versionStages"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        value: dict[str, Any] = {}
        for key in ("secretString", "secretStringWo"):
            if inputs.get(key) is not None:
                value["SecretString"] = inputs[key]
        if inputs.get("secretBinary") is not None:
            value["SecretBinary"] = base64.b64decode(inputs["secretBinary"])
        if inputs.get("versionStages"):
            value["VersionStages"] = inputs["versionStages"]
        reply = ctx.aws.call("secretsmanager", "put_secret_value", SecretId=inputs["secretId"], **value)
        return f"{inputs['secretId']}|{reply['VersionId']}"

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        secret, version = identifier.rsplit("|", 1)
        found = ctx.aws.find("secretsmanager", "get_secret_value", SecretId=secret, VersionId=version)
        if found is None:
            return None
        write_only = bool(state.get("hasSecretStringWo") or state.get("secretStringWo"))
        outputs: Properties = {
            "secretId": secret,
            "arn": found["ARN"],
            "secretArn": found["ARN"],
            "versionId": found["VersionId"],
            "versionStages": found.get("VersionStages") or [],
            "hasSecretStringWo": write_only,
        }
        if not write_only and "SecretString" in found:
            outputs["secretString"] = found["SecretString"]
        if "SecretBinary" in found:
            outputs["secretBinary"] = base64.b64encode(found["SecretBinary"]).decode()
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        """As on AWS, the current version stays: only a version without stages goes, by itself."""


class SecretPolicy(ResourceType):
    """Who may read a secret; its id is the secret's ARN."""

    token = "aws:secretsmanager/secretPolicy:SecretPolicy"
    replace_on = frozenset({"secretArn", "region"})
    json_properties = frozenset({"policy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["secretArn"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        ctx.aws.call(
            "secretsmanager", "put_resource_policy", SecretId=identifier, ResourcePolicy=new["policy"]
        )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("secretsmanager", "get_resource_policy", SecretId=identifier)
        if found is None or not found.get("ResourcePolicy"):
            return None
        return {"secretArn": identifier, "policy": found["ResourcePolicy"]}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("secretsmanager", "delete_resource_policy", SecretId=identifier)


class SecretRotation(ResourceType):
    """When and by what a secret is rotated; its id is the secret's."""

    token = "aws:secretsmanager/secretRotation:SecretRotation"
    replace_on = frozenset({"secretId", "region"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["secretId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        rules = new.get("rotationRules") or {}
        names = {
            "automaticallyAfterDays": "AutomaticallyAfterDays",
            "duration": "Duration",
            "scheduleExpression": "ScheduleExpression",
        }
        optional = {"RotationLambdaARN": new.get("rotationLambdaArn")}
        ctx.aws.call(
            "secretsmanager",
            "rotate_secret",
            SecretId=identifier,
            RotationRules={aws: rules[key] for key, aws in names.items() if rules.get(key) is not None},
            RotateImmediately=bool(new.get("rotateImmediately", True)),
            **{key: value for key, value in optional.items() if value},
        )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("secretsmanager", "describe_secret", SecretId=identifier)
        if found is None or not found.get("RotationEnabled"):
            return None
        return {
            "secretId": identifier,
            "rotationEnabled": True,
            "rotationLambdaArn": found.get("RotationLambdaARN"),
            "rotationRules": state.get("rotationRules"),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        try:
            ctx.aws.find("secretsmanager", "cancel_rotate_secret", SecretId=identifier)
        except AwsError as error:
            if "Unknown action" not in error.what:
                raise
            _log.warning("The emulator cannot end the rotation of %s; it ends with the secret.", identifier)


TYPES = (Secret, SecretPolicy, SecretRotation, SecretVersion)
