"""The images bucket: listings that come in, books and their cutouts."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import s3

from infra import grants
from infra.guard import Guard
from infra.naming import Deployment
from infra.policies import document
from infra.settings import StorageSettings
from infra.tags import tags

_UPLOAD_CACHE_SECONDS = 3600
_UNFINISHED_UPLOAD_DAYS = 2


@dataclass(frozen=True, slots=True)
class ImagesBucketArgs:
    """Where, what the stack decides about it, whether it refuses plain HTTP, and the hooks that guard it."""

    deployment: Deployment
    settings: StorageSettings
    require_tls: bool
    guard: Guard


class ImagesBucket(pulumi.ComponentResource):
    """A private, versioned, encrypted bucket that takes TLS only and uploads from the application's pages."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ImagesBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:storage:ImagesBucket", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        bucket = s3.Bucket(
            name,
            s3.BucketArgs(
                bucket=args.deployment.images_bucket(),
                force_destroy=False,
                tags=tags(args.deployment.stack, "images"),
            ),
            # It holds the only copies of the photos.
            opts=args.guard.kept(self),
        )
        self._close(name, bucket, args)
        self._keep(name, bucket, args.settings)
        if args.settings.upload_origins:
            self._open_for_uploads(name, bucket, args.settings)
        self.name = bucket.bucket
        self.arn = bucket.arn
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _close(self, name: str, bucket: s3.Bucket, args: ImagesBucketArgs) -> None:
        block = s3.BucketPublicAccessBlock(
            name,
            s3.BucketPublicAccessBlockArgs(
                bucket=bucket.bucket,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
            ),
            opts=self._child,
        )
        s3.BucketOwnershipControls(
            name,
            s3.BucketOwnershipControlsArgs(
                bucket=bucket.bucket,
                rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            ),
            opts=self._child,
        )
        s3.BucketServerSideEncryptionConfiguration(
            name,
            s3.BucketServerSideEncryptionConfigurationInitArgs(
                bucket=bucket.bucket,
                rules=[
                    s3.BucketServerSideEncryptionConfigurationRuleArgs(
                        apply_server_side_encryption_by_default=s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    )
                ],
            ),
            opts=self._child,
        )
        if args.require_tls:
            policy = document(*grants.bucket_policy(args.deployment))
            s3.BucketPolicy(
                name,
                s3.BucketPolicyArgs(bucket=bucket.bucket, policy=policy),
                # S3 refuses two changes of a bucket's access at the same time.
                opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
            )

    def _keep(self, name: str, bucket: s3.Bucket, settings: StorageSettings) -> None:
        versioning = s3.BucketVersioning(
            name,
            s3.BucketVersioningInitArgs(
                bucket=bucket.bucket,
                versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            ),
            opts=self._child,
        )
        s3.BucketLifecycleConfiguration(
            name,
            s3.BucketLifecycleConfigurationArgs(
                bucket=bucket.bucket,
                rules=[
                    s3.BucketLifecycleConfigurationRuleArgs(
                        id="expire-old-versions",
                        status="Enabled",
                        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                        # A deleted object leaves a marker, which without versions only slows lists down.
                        expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(
                            expired_object_delete_marker=True
                        ),
                        noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=settings.old_versions_days
                        ),
                        abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=_UNFINISHED_UPLOAD_DAYS
                        ),
                    )
                ],
            ),
            # A rule about old versions means something on a versioned bucket only.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )

    def _open_for_uploads(self, name: str, bucket: s3.Bucket, settings: StorageSettings) -> None:
        s3.BucketCorsConfiguration(
            name,
            s3.BucketCorsConfigurationArgs(
                bucket=bucket.bucket,
                cors_rules=[
                    s3.BucketCorsConfigurationCorsRuleArgs(
                        id="presigned-upload",
                        allowed_methods=["POST", "GET", "HEAD"],
                        allowed_origins=list(settings.upload_origins),
                        allowed_headers=["*"],
                        expose_headers=["ETag"],
                        max_age_seconds=_UPLOAD_CACHE_SECONDS,
                    )
                ],
            ),
            opts=self._child,
        )
