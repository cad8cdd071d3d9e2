"""Edits of what is kept: pictures, accounts, logs."""

from tests.incidents.mutants.mutant import PROTECTED, Mutant
from tests.incidents.sources import infra

DATA = (
    Mutant(
        "a bucket that is emptied when it is deleted",
        infra("storage.py", "force_destroy=False,", "force_destroy=True,"),
        policies="bucket-force-destroy",
        gate="safeguard-off",
    ),
    Mutant(
        "an unprotected bucket",
        infra("storage.py", "opts=args.guard.kept(self),", "opts=self._child,"),
        policies="data-protected",
        gate="unprotect",
    ),
    Mutant(
        "another bucket",
        infra(
            "storage.py",
            "bucket=args.deployment.images_bucket(),",
            'bucket=args.deployment.images_bucket() + "-new",',
        ),
        program=PROTECTED,
        gate="data-replace",
    ),
    Mutant(
        "public access not blocked",
        infra("storage.py", "restrict_public_buckets=True,", "restrict_public_buckets=False,"),
        policies="bucket-public-access",
        gate="safeguard-off",
    ),
    Mutant(
        "versioning suspended",
        infra(
            "storage.py",
            'VersioningConfigurationArgs(status="Enabled")',
            'VersioningConfigurationArgs(status="Suspended")',
        ),
        policies="bucket-versioning",
        gate="safeguard-off",
    ),
    Mutant(
        "a bucket that takes plain HTTP",
        infra("storage.py", "if args.require_tls:", "if False:"),
        policies="bucket-complete",
    ),
    Mutant(
        "photos that expire",
        infra("storage.py", "expired_object_delete_marker=True", "days=30"),
        policies="bucket-keeps-objects",
    ),
    Mutant(
        "uploads from every page",
        infra("storage.py", "allowed_origins=list(settings.upload_origins),", 'allowed_origins=["*"],'),
        policies="bucket-cors-origins",
    ),
    Mutant(
        "tags of images that can be moved",
        infra("registry.py", 'image_tag_mutability="IMMUTABLE",', 'image_tag_mutability="MUTABLE",'),
        policies="repository-immutable",
        gate="safeguard-off",
    ),
    Mutant(
        "a repository that is deleted with its images",
        infra(
            "registry.py",
            'image_tag_mutability="IMMUTABLE",',
            'image_tag_mutability="IMMUTABLE",\n                force_delete=True,',
        ),
        policies="repository-immutable",
        gate="safeguard-off",
    ),
    Mutant(
        "another repository",
        infra(
            "registry.py",
            "name=deployment.name(Kind.REPOSITORY, worker.name),",
            'name=deployment.name(Kind.REPOSITORY, worker.name, "images"),',
        ),
        gate="data-replace",
    ),
    Mutant(
        "short passwords of people",
        infra("identity.py", "minimum_length=12,", "minimum_length=8,"),
        policies="people-passwords",
    ),
    Mutant(
        "an unprotected user pool",
        infra(
            "identity.py",
            "opts=args.guard.kept(self),",
            "opts=pulumi.ResourceOptions(parent=self),",
        ),
        policies="data-protected",
        gate="unprotect",
    ),
    Mutant(
        "a user pool that can be deleted",
        infra("identity.py", 'deletion_protection="ACTIVE",', 'deletion_protection="INACTIVE",'),
        policies="data-protected",
        gate="safeguard-off",
    ),
    Mutant(
        "another user pool, without its users",
        infra("identity.py", 'username_attributes=["email"],', 'username_attributes=["phone_number"],'),
        program=PROTECTED,
    ),
    Mutant(
        "things without the project's tag",
        infra("tags.py", '        f"{PROJECT}:project": PROJECT,\n', ""),
        policies="required-tags",
    ),
)
