"""Which resource types there are."""

import functools
import importlib
from collections.abc import Mapping

from local.provider.core import ResourceType
from workers.contracts import Problem

MODULES: Mapping[str, tuple[str, ...]] = {
    "aws": (
        "budgets",
        "cloudwatch",
        "cognito",
        "ec2",
        "ec2_access",
        "ecr",
        "events",
        "iam",
        "kms",
        "lambda_",
        "lambda_access",
        "logs",
        "rds",
        "rds_groups",
        "s3",
        "s3_settings",
        "secrets_manager",
        "sns",
        "sqs",
    ),
    "random": ("random_",),
}
"""Package to the modules that hold its types."""


@functools.cache
def resource_types(package: str) -> Mapping[str, ResourceType]:
    """Every type of a package by token; imports the package's modules."""
    found: dict[str, ResourceType] = {}
    for name in MODULES.get(package, ()):
        module = importlib.import_module(f"local.provider.{name}")
        for resource_type in module.TYPES:
            found[resource_type.token] = resource_type()
    return found


def resource_type(token: str) -> ResourceType:
    """The type of a token; a `Problem` that names it where the provider does not know it."""
    package, module, name = token.split(":")
    known = resource_types(package)
    if token not in known:
        home = module.split("/")[0]
        raise Problem(
            f"The local provider does not know the type {token}.",
            why="Each type is written for the emulator; one that passed unseen would be a stub.",
            fix=f"Add {name} to the TYPES of the module for {home!r} in platform/local/provider/.",
        )
    return known[token]
