"""The key that callers of the API send: made once, with room for its predecessor while a rotation lasts."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_aws import secretsmanager

from infra.credentials import RANDOM_PASSWORD_INPUTS, RECOVERY_DAYS
from infra.guard import Guard
from infra.naming import Deployment
from infra.tags import tags

KEY_LENGTH = 48


@dataclass(frozen=True, slots=True)
class ApiKeyArgs:
    """Where, and the hooks that guard the key."""

    deployment: Deployment
    guard: Guard


class ApiKey(pulumi.ComponentResource):
    """A secret with `{"current": key, "previous": null}`. Only its ARN is given away."""

    secret_arn: pulumi.Output[str]

    def __init__(self, name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:credentials:ApiKey", name, None, opts)
        key = random.RandomPassword(
            name,
            random.RandomPasswordArgs(length=KEY_LENGTH, special=False),
            # Made once; every caller would have to change with it.
            opts=args.guard.kept(self, ignore_changes=RANDOM_PASSWORD_INPUTS),
        )
        secret = secretsmanager.Secret(
            name,
            secretsmanager.SecretArgs(
                name=args.deployment.secret_name("api-key"),
                description="Key of the BlueMoxon API: current and previous.",
                recovery_window_in_days=RECOVERY_DAYS,
                tags=tags(args.deployment.stack, "api"),
            ),
            # A secret with a new name would be a new key, which no caller has.
            opts=args.guard.kept(self, ignore_changes=["name", "name_prefix"]),
        )
        value = key.result.apply(lambda text: json.dumps({"current": text, "previous": None}))
        secretsmanager.SecretVersion(
            name,
            secretsmanager.SecretVersionArgs(secret_id=secret.arn, secret_string=pulumi.Output.secret(value)),
            # The first value only: rotations write later ones, and an update must not bring the old key back.
            opts=args.guard.kept(self, ignore_changes=["secret_string", "secret_binary", "version_stages"]),
        )
        self.secret_arn = secret.arn
        self.register_outputs({"secret_arn": self.secret_arn})
