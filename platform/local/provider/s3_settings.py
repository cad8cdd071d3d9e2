"""S3: what governs a bucket, each a resource of its own. Their id is the bucket's name."""
# ruff: noqa: ARG002, S105

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import back, camel, pascal, renamed
from local.provider.values import Properties


class _Setting(ResourceType):
    """One subresource of a bucket: put, got and deleted as a whole."""

    put: ClassVar[str]
    get: ClassVar[str]
    remove: ClassVar[str]
    replace_on = frozenset({"bucket", "region", "expectedBucketOwner"})

    @abstractmethod
    def parameters(self, inputs: Properties) -> dict[str, Any]:
        """The arguments of `put`, without the bucket."""

    @abstractmethod
    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        """The properties in an answer of `get`; None when nothing is set."""

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["bucket"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        ctx.aws.call("s3", self.put, Bucket=identifier, **self.parameters(new))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("s3", self.get, Bucket=identifier)
        found = None if reply is None else self.found(reply, state)
        return None if found is None else {"bucket": identifier, **found}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("s3", self.remove, Bucket=identifier)


class BucketPublicAccessBlock(_Setting):
    """What of a bucket can ever be public."""

    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    put, get, remove = "put_public_access_block", "get_public_access_block", "delete_public_access_block"
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        wanted = {switch: bool(inputs.get(switch)) for switch in self.switches}
        return {"PublicAccessBlockConfiguration": pascal(wanted)}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        return dict(camel(reply["PublicAccessBlockConfiguration"]))


class BucketOwnershipControls(_Setting):
    """Who owns uploaded objects."""

    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    put, get, remove = (
        "put_bucket_ownership_controls",
        "get_bucket_ownership_controls",
        "delete_bucket_ownership_controls",
    )

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        return {"OwnershipControls": {"Rules": [pascal(inputs["rule"])]}}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        rules = reply["OwnershipControls"]["Rules"]
        return {"rule": camel(rules[0])} if rules else None


class BucketVersioning(_Setting):
    """Whether a bucket keeps old versions. Versioning cannot be removed, only suspended."""

    token = "aws:s3/bucketVersioning:BucketVersioning"
    put, get, remove = "put_bucket_versioning", "get_bucket_versioning", "put_bucket_versioning"

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        wanted = pascal(inputs["versioningConfiguration"])
        wanted["MFADelete"] = wanted.pop("MfaDelete", None)
        return {"VersioningConfiguration": {key: value for key, value in wanted.items() if value}}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        if not reply.get("Status"):
            return None
        known = state.get("versioningConfiguration") or {}
        return {"versioningConfiguration": {**known, "status": reply["Status"]}}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if ctx.aws.find("s3", "head_bucket", Bucket=identifier) is not None:
            ctx.aws.call(
                "s3",
                "put_bucket_versioning",
                Bucket=identifier,
                VersioningConfiguration={"Status": "Suspended"},
            )


class BucketServerSideEncryptionConfiguration(_Setting):
    """How a bucket's objects are encrypted."""

    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    put, get, remove = "put_bucket_encryption", "get_bucket_encryption", "delete_bucket_encryption"
    names: ClassVar[Mapping[str, str]] = {"sseAlgorithm": "SSEAlgorithm", "kmsMasterKeyId": "KMSMasterKeyID"}

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        rules = []
        for rule in inputs["rules"]:
            default = rule.get("applyServerSideEncryptionByDefault") or {}
            rules.append(
                {
                    "ApplyServerSideEncryptionByDefault": renamed(default, self.names),
                    "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled")),
                }
            )
        return {"ServerSideEncryptionConfiguration": {"Rules": rules}}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        known = state.get("rules") or []
        rules = []
        for index, rule in enumerate(reply["ServerSideEncryptionConfiguration"]["Rules"]):
            default = rule.get("ApplyServerSideEncryptionByDefault", {})
            rules.append(
                {
                    **(known[index] if index < len(known) else {}),
                    "applyServerSideEncryptionByDefault": back(default, self.names),
                    "bucketKeyEnabled": bool(rule.get("BucketKeyEnabled")),
                }
            )
        return {"rules": rules}

    def normalised(self, inputs: Properties) -> Properties:
        """A bucket key that is not asked for is off."""
        values = super().normalised(inputs)
        if isinstance(values.get("rules"), list):
            values["rules"] = [{"bucketKeyEnabled": False, **rule} for rule in values["rules"]]
        return values


class BucketPolicy(_Setting):
    """Who may use a bucket."""

    token = "aws:s3/bucketPolicy:BucketPolicy"
    put, get, remove = "put_bucket_policy", "get_bucket_policy", "delete_bucket_policy"
    json_properties = frozenset({"policy"})

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        return {"Policy": inputs["policy"]}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        return {"policy": reply["Policy"]}


class BucketCorsConfiguration(_Setting):
    """Which origins' pages may use a bucket."""

    token = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
    put, get, remove = "put_bucket_cors", "get_bucket_cors", "delete_bucket_cors"
    names: ClassVar[Mapping[str, str]] = {
        "allowedHeaders": "AllowedHeaders",
        "allowedMethods": "AllowedMethods",
        "allowedOrigins": "AllowedOrigins",
        "exposeHeaders": "ExposeHeaders",
        "id": "ID",
        "maxAgeSeconds": "MaxAgeSeconds",
    }
    unordered = frozenset(f"corsRules.{key}" for key in names)

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        rules = [renamed(rule, self.names) for rule in inputs["corsRules"]]
        return {"CORSConfiguration": {"CORSRules": rules}}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        return {"corsRules": [back(rule, self.names) for rule in reply["CORSRules"]]}


class BucketLifecycleConfiguration(_Setting):
    """When a bucket's objects expire or move."""

    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    put, get, remove = (
        "put_bucket_lifecycle_configuration",
        "get_bucket_lifecycle_configuration",
        "delete_bucket_lifecycle",
    )

    def parameters(self, inputs: Properties) -> dict[str, Any]:
        return {"LifecycleConfiguration": {"Rules": [_rule(rule) for rule in inputs.get("rules") or []]}}

    def found(self, reply: Mapping[str, Any], state: Properties) -> Properties | None:
        rules = reply.get("Rules") or []
        known = {rule.get("id"): rule for rule in state.get("rules") or []}
        if not rules:
            return None
        # The program's own rule where it means the same as the one found.
        return {
            "rules": [
                known[rule["ID"]]
                if rule.get("ID") in known and _same(known[rule["ID"]], rule)
                else _own(rule)
                for rule in rules
            ]
        }


def _rule(rule: Properties) -> dict[str, Any]:
    """A lifecycle rule as S3 takes it."""
    inner = rule.get("filter") or {}
    both = pascal(inner.get("and") or {})
    if "Tags" in both:
        both["Tags"] = [{"Key": key, "Value": value} for key, value in inner["and"]["tags"].items()]
    wanted: dict[str, Any] = {"ID": rule["id"], "Status": rule["status"]}
    wanted["Filter"] = {"And": both} if both else (pascal({**inner, "and": None}) or {"Prefix": ""})
    if rule.get("prefix"):
        del wanted["Filter"]
        wanted["Prefix"] = rule["prefix"]
    for key, name in _RULE_PARTS.items():
        if rule.get(key) is not None:
            wanted[name] = pascal(rule[key])
    return wanted


_RULE_PARTS = {
    "abortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "expiration": "Expiration",
    "noncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "noncurrentVersionTransitions": "NoncurrentVersionTransitions",
    "transitions": "Transitions",
}


def _plain_filter(rule: Mapping[str, Any]) -> Any:
    inner = rule.get("Filter") or {}
    return inner.get("Prefix", "") if set(inner) <= {"Prefix"} else inner


def _same(program: Properties, found: Mapping[str, Any]) -> bool:
    wanted = _rule(program)
    parts = ("Status", "Prefix", *_RULE_PARTS.values())
    return _plain_filter(wanted) == _plain_filter(found) and all(
        wanted.get(part) == found.get(part) for part in parts if part != "Prefix" or wanted.get("Prefix")
    )


def _own(rule: Mapping[str, Any]) -> Properties:
    """A rule that was changed behind the program's back."""
    own: Properties = {
        "id": rule.get("ID"),
        "status": rule.get("Status"),
        "filter": camel(rule.get("Filter") or {}),
    }
    return {**own, **{key: camel(rule[name]) for key, name in _RULE_PARTS.items() if rule.get(name)}}


TYPES = (
    BucketCorsConfiguration,
    BucketLifecycleConfiguration,
    BucketOwnershipControls,
    BucketPolicy,
    BucketPublicAccessBlock,
    BucketServerSideEncryptionConfiguration,
    BucketVersioning,
)
