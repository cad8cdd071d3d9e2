"""S3: the bucket itself. What governs it is in `s3_settings`."""
# ruff: noqa: S105

from local.provider import tags
from local.provider.connection import AwsError
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.schema import Mismatch
from local.provider.values import Properties

_HOSTED_ZONE = "Z3BJ6K6RIION7M"
"""Route 53's zone of S3 websites in us-west-2, as the real provider gives it."""

_OWN_RESOURCES = {
    "acl": "s3.BucketAcl",
    "corsRules": "s3.BucketCorsConfiguration",
    "grants": "s3.BucketAcl",
    "lifecycleRules": "s3.BucketLifecycleConfiguration",
    "logging": "s3.BucketLogging",
    "policy": "s3.BucketPolicy",
    "serverSideEncryptionConfiguration": "s3.BucketServerSideEncryptionConfiguration",
    "versioning": "s3.BucketVersioning",
    "website": "s3.BucketWebsiteConfiguration",
}
"""Deprecated arguments that would fight with the resources of their own."""


class Bucket(ResourceType):
    """A bucket; its id is its name."""

    token = "aws:s3/bucket:Bucket"
    replace_on = frozenset({"bucket", "bucketPrefix", "region", "objectLockEnabled"})
    name_property = "bucket"
    name_prefix_property = "bucketPrefix"
    computed_inputs = frozenset({*_OWN_RESOURCES, "requestPayer", "accelerationStatus"})

    def validate(self, inputs: Properties) -> list[Mismatch]:
        """Refuse the deprecated arguments."""
        return [
            Mismatch(key, f"is deprecated and not known here; use {other}")
            for key, other in _OWN_RESOURCES.items()
            if inputs.get(key) is not None
        ]

    def automatic_name(self, prefix: str, values: Properties, seed: bytes) -> str:
        """Bucket names are lower case."""
        return super().automatic_name(prefix.lower(), values, seed)

    def make(self, ctx: Context, inputs: Properties) -> str:
        name = str(inputs["bucket"])
        try:
            ctx.aws.call("s3", "head_bucket", Bucket=name)
        except AwsError as error:
            if "404" not in error.code and "NoSuch" not in error.code:
                raise
        else:
            # In us-east-1 S3 answers a second creation with 200: the real provider looks first, too.
            raise AwsError(
                "s3:CreateBucket", "BucketAlreadyOwnedByYou", f"the bucket {name} is there already"
            )
        ctx.aws.call(
            "s3",
            "create_bucket",
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": ctx.region},
            ObjectLockEnabledForBucket=bool(inputs.get("objectLockEnabled")),
        )
        return name

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        wanted = ctx.all_tags(new)
        if wanted:
            ctx.aws.call(
                "s3", "put_bucket_tagging", Bucket=identifier, Tagging={"TagSet": tags.pairs(wanted)}
            )
        elif tags.removed(old, wanted):
            ctx.aws.call("s3", "delete_bucket_tagging", Bucket=identifier)
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        if ctx.aws.find("s3", "head_bucket", Bucket=identifier) is None:
            return None
        tagging = ctx.aws.find("s3", "get_bucket_tagging", Bucket=identifier) or {}
        regional = f"{identifier}.s3.{ctx.region}.amazonaws.com"
        return {
            "bucket": identifier,
            "arn": f"arn:aws:s3:::{identifier}",
            "bucketDomainName": f"{identifier}.s3.amazonaws.com",
            "bucketRegionalDomainName": regional,
            "bucketRegion": ctx.region,
            "hostedZoneId": _HOSTED_ZONE,
            "forceDestroy": bool(state.get("forceDestroy")),
            "objectLockEnabled": bool(state.get("objectLockEnabled")),
            "tags": tags.own(ctx.default_tags, tags.mapping(tagging.get("TagSet", []))),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if state.get("forceDestroy"):
            self._empty(ctx, identifier)
        ctx.aws.find("s3", "delete_bucket", Bucket=identifier)

    def _empty(self, ctx: Context, bucket: str) -> None:
        while found := ctx.aws.find("s3", "list_object_versions", Bucket=bucket, MaxKeys=1000):
            keys = [
                {"Key": item["Key"], "VersionId": item["VersionId"]}
                for kind in ("Versions", "DeleteMarkers")
                for item in found.get(kind, [])
            ]
            if not keys:
                return
            ctx.aws.call("s3", "delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


TYPES = (Bucket,)
