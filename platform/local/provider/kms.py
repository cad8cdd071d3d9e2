"""KMS: keys and their aliases."""
# ruff: noqa: ARG002, S105

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import renamed
from local.provider.values import Properties

_GONE = ("PendingDeletion",)
_CREATE = {
    "customerMasterKeySpec": "KeySpec",
    "description": "Description",
    "keyUsage": "KeyUsage",
    "multiRegion": "MultiRegion",
    "policy": "Policy",
}


class Key(ResourceType):
    """A key; its id is the key's."""

    token = "aws:kms/key:Key"
    replace_on = frozenset({"customerMasterKeySpec", "keyUsage", "multiRegion", "region"})
    json_properties = frozenset({"policy"})
    computed_inputs = frozenset({"policy", "multiRegion"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "kms",
            "create_key",
            Tags=tags.pairs(ctx.all_tags(inputs), "TagKey", "TagValue"),
            **renamed(inputs, _CREATE),
        )
        return str(reply["KeyMetadata"]["KeyId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if new.get("enableKeyRotation"):
            ctx.aws.call("kms", "enable_key_rotation", KeyId=identifier)
        elif (old or {}).get("enableKeyRotation"):
            ctx.aws.call("kms", "disable_key_rotation", KeyId=identifier)
        if old is None:
            return None
        ctx.aws.call(
            "kms", "update_key_description", KeyId=identifier, Description=new.get("description") or ""
        )
        if new.get("policy"):
            ctx.aws.call(
                "kms", "put_key_policy", KeyId=identifier, PolicyName="default", Policy=new["policy"]
            )
        wanted = ctx.all_tags(new)
        if gone := tags.removed(old, wanted):
            ctx.aws.call("kms", "untag_resource", KeyId=identifier, TagKeys=gone)
        if wanted:
            ctx.aws.call(
                "kms", "tag_resource", KeyId=identifier, Tags=tags.pairs(wanted, "TagKey", "TagValue")
            )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("kms", "describe_key", KeyId=identifier)
        if reply is None or reply["KeyMetadata"].get("KeyState") in _GONE:
            return None
        found = reply["KeyMetadata"]
        rotation = ctx.aws.call("kms", "get_key_rotation_status", KeyId=identifier)
        listed = ctx.aws.call("kms", "list_resource_tags", KeyId=identifier)
        return {
            "keyId": found["KeyId"],
            "arn": found["Arn"],
            "description": found.get("Description") or "",
            "isEnabled": bool(found.get("Enabled", True)),
            "keyUsage": found.get("KeyUsage", "ENCRYPT_DECRYPT"),
            "customerMasterKeySpec": found.get("KeySpec", "SYMMETRIC_DEFAULT"),
            "enableKeyRotation": bool(rotation.get("KeyRotationEnabled")),
            "deletionWindowInDays": state.get("deletionWindowInDays"),
            "tags": tags.own(ctx.default_tags, tags.mapping(listed.get("Tags") or [], "TagKey", "TagValue")),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if self.read(ctx, identifier, state) is not None:
            ctx.aws.find(
                "kms",
                "schedule_key_deletion",
                KeyId=identifier,
                PendingWindowInDays=int(state.get("deletionWindowInDays") or 30),
            )


class Alias(ResourceType):
    """A key's name; its id is that name."""

    token = "aws:kms/alias:Alias"
    replace_on = frozenset({"name", "namePrefix", "region"})
    name_property = "name"

    def automatic_name(self, prefix: str, values: Properties, seed: bytes) -> str:
        """An alias is called `alias/…`."""
        return super().automatic_name(f"alias/{prefix.removeprefix('alias/')}", values, seed)

    def make(self, ctx: Context, inputs: Properties) -> str:
        ctx.aws.call("kms", "create_alias", AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            ctx.aws.call("kms", "update_alias", AliasName=identifier, TargetKeyId=new["targetKeyId"])
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        aliases = ctx.aws.call("kms", "list_aliases")["Aliases"]
        found = next((one for one in aliases if one["AliasName"] == identifier), None)
        if found is None:
            return None
        key = str(found["TargetKeyId"])
        asked = str(state.get("targetKeyId") or key)
        arn = ctx.arn("kms", f"key/{key}")
        return {
            "name": identifier,
            "arn": found.get("AliasArn") or ctx.arn("kms", identifier),
            "targetKeyId": asked if asked in (key, arn) else key,
            "targetKeyArn": arn,
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("kms", "delete_alias", AliasName=identifier)


TYPES = (Alias, Key)
