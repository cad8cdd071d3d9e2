"""Edits of the functions and of what runs in them."""

from tests.incidents.mutants.mutant import Mutant
from tests.incidents.sources import DIGEST, STAGING, Edit, infra

FUNCTIONS = (
    Mutant(
        "an image by tag",
        Edit(
            "platform/__main__.py",
            'pulumi.Output.concat(repository.url, "@", digest)',
            'pulumi.Output.concat(repository.url, ":latest")',
        ),
        policies="function-image-digest",
    ),
    Mutant(
        "a placeholder image",
        infra(
            "container_worker.py",
            "image_uri=args.image_uri,",
            'image_uri="public.ecr.aws/lambda/python:3.12",',
        ),
        program="has a wrong form",
        policies="function-no-placeholder",
    ),
    Mutant("a tag for a digest", Edit(STAGING, DIGEST, "latest"), program="sha256"),
    Mutant(
        "a digest that no image has",
        Edit(STAGING, DIGEST, "sha256:" + "0" * 64),
        policies="function-no-placeholder",
    ),
    Mutant(
        "an empty variable",
        infra("container_worker.py", '"BMX_IMAGES_BUCKET": images_bucket,', '"BMX_IMAGES_BUCKET": "",'),
        policies="function-environment-empty",
    ),
    Mutant(
        "a login in a variable's value",
        infra(
            "container_worker.py",
            '"BMX_STACK": deployment.stack,',
            '"BMX_STACK": deployment.stack,\n            "BMX_STORE": "postgresql://moxon:hunter2hunter2@10.40.1.7/books",',
        ),
        policies="credential-in-the-open",
    ),
    Mutant(
        "a variable named after a password",
        infra(
            "container_worker.py",
            '"BMX_STACK": deployment.stack,',
            '"BMX_STACK": deployment.stack,\n        "DATABASE_PASSWORD": images_bucket,',
        ),
        policies="function-environment-secret",
    ),
    Mutant(
        "a generated password in a variable",
        infra(
            "container_worker.py",
            '"BMX_STACK": deployment.stack,',
            '"BMX_STACK": deployment.stack,'
            '"BMX_LOGIN": __import__("pulumi_random").RandomPassword('
            '"login", length=40, opts=pulumi.ResourceOptions(protect=True)).result,',
        ),
        policies="function-environment-generated",
    ),
    Mutant(
        "logs kept for ever",
        infra("container_worker.py", "                retention_in_days=args.logs.retention_days,\n", ""),
        policies="log-retention",
    ),
    Mutant(
        "a role without the boundary",
        infra("container_worker.py", "                permissions_boundary=args.boundary_arn,\n", ""),
        gate="boundary-removed",
    ),
)
