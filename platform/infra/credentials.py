"""The database's login: who makes the password, and where it is kept."""

import json
import re
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_aws import rds, secretsmanager

from infra.guard import Guard
from infra.naming import Deployment
from infra.settings import DatabaseSettings, ExistingDatabase, GeneratedDatabase, OwnedDatabase
from infra.tags import tags
from workers.contracts import Problem

PASSWORD_LENGTH = 40
SPECIAL_CHARACTERS = "!#$%&*()-_=+[]{}<>:?"
"""What RDS takes of the specials; not `/`, `"`, `@` and the space."""

RECOVERY_DAYS = 30

# Every input: a generated password is made once. A changed length, or a default that a newer provider
# changes, would make another one, and the database would not know it.
RANDOM_PASSWORD_INPUTS = (
    "keepers",
    "length",
    "lower",
    "min_lower",
    "min_numeric",
    "min_special",
    "min_upper",
    "number",
    "numeric",
    "override_special",
    "special",
    "upper",
)


@dataclass(frozen=True, slots=True)
class ExistingLogin:
    """What an existing secret says. Its text never shows the password."""

    arn: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"ExistingLogin(arn={self.arn!r}, username={self.username!r})"


@dataclass(frozen=True, slots=True)
class DatabaseCredentialsArgs:
    """For which database; in mode `existing` its login; and the hooks that guard what is made."""

    deployment: Deployment
    settings: OwnedDatabase
    existing: ExistingLogin | None
    guard: Guard


class DatabaseCredentials(pulumi.ComponentResource):
    """The login of this stack's instance.

    - `generated`: one random password, in the secret and in the instance from the same value.
    - `existing`: a secret is read and never written; the instance is made with what it says, and keeps that.
    - `rds-managed`: RDS makes the password and owns the secret; there is no password here.

    `password` is what to make the instance with, or None. Call `record` with the instance that was made.
    """

    password: pulumi.Output[str] | None = None

    def __init__(
        self, name: str, args: DatabaseCredentialsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bluemoxon:credentials:DatabaseCredentials", name, None, opts)
        self._name, self._args = name, args
        self._secret: secretsmanager.Secret | None = None
        if isinstance(args.settings, GeneratedDatabase):
            self.password = self._generate()
        elif args.existing is not None:
            self.password = pulumi.Output.secret(args.existing.password)

    def record(self, instance: rds.Instance) -> pulumi.Output[str]:
        """Write the secret where it is ours to write; the ARN of the secret that opens the database."""
        if self._secret is not None:
            arn = self._write(self._secret, instance)
        elif self._args.existing is not None:
            arn = pulumi.Output.from_input(self._args.existing.arn)
        else:
            arn = instance.master_user_secrets.apply(lambda secrets: str(secrets[0].secret_arn))
        self.register_outputs({"secret_arn": arn})
        return arn

    def _generate(self) -> pulumi.Output[str]:
        deployment, guard = self._args.deployment, self._args.guard
        password = random.RandomPassword(
            self._name,
            random.RandomPasswordArgs(
                length=PASSWORD_LENGTH,
                special=True,
                override_special=SPECIAL_CHARACTERS,
                min_lower=1,
                min_upper=1,
                min_numeric=1,
                min_special=1,
            ),
            # A replacement would delete first, which the hook refuses before there is a second password.
            opts=guard.options(self, ignore_changes=RANDOM_PASSWORD_INPUTS, delete_before_replace=True),
        )
        self._secret = secretsmanager.Secret(
            self._name,
            secretsmanager.SecretArgs(
                name=deployment.database_secret(),
                description="Login of the BlueMoxon database. Change it with bmx credentials rotate.",
                recovery_window_in_days=RECOVERY_DAYS,
                tags=tags(deployment.stack, "database"),
            ),
            # A secret with a new name would be a new and empty one.
            opts=guard.options(self, ignore_changes=["name", "name_prefix"]),
        )
        return password.result

    def _write(self, secret: secretsmanager.Secret, instance: rds.Instance) -> pulumi.Output[str]:
        settings = self._args.settings
        # The format of RDS's own rotation functions.
        value = pulumi.Output.json_dumps(
            {
                "engine": "postgres",
                "host": instance.address,
                "port": instance.port,
                "dbname": settings.name,
                "dbInstanceIdentifier": instance.identifier,
                "username": settings.username,
                "password": self.password,
            }
        )
        secretsmanager.SecretVersion(
            self._name,
            secretsmanager.SecretVersionArgs(secret_id=secret.arn, secret_string=pulumi.Output.secret(value)),
            # After the first write, the secret changes by rotation only, which changes the database with it.
            opts=self._args.guard.options(
                self, ignore_changes=["secret_string", "secret_binary", "version_stages"]
            ),
        )
        return secret.arn


def read_existing(settings: DatabaseSettings, deployment: Deployment) -> ExistingLogin | None:
    """The login that mode `existing` takes from a secret, None in the other modes.

    Called before anything is made. Raises `Problem` when it holds none that the instance could have.
    """
    if not isinstance(settings, ExistingDatabase):
        return None
    secret_id = settings.secret or deployment.database_secret()
    try:
        found = secretsmanager.get_secret_version(secret_id=secret_id)
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower one
        raise Problem(
            f"The secret `{secret_id}` cannot be read.",
            why=f"Mode `existing` takes the database's login from it. AWS says: {error}.",
            fix='Make it, with the value `{"username": …, "password": …}`, or let whoever deploys read it.',
        ) from None
    return parse_login(secret_id, found.secret_arn, found.secret_string, settings.username)


def parse_login(secret_id: str, arn: str, value: str, username: str) -> ExistingLogin:
    """The login in a secret's value, checked against what RDS takes and the settings say."""
    why = "Mode `existing` makes the instance with what the secret says."
    try:
        login = json.loads(value or "")
    except ValueError:
        login = None
    if not isinstance(login, dict) or not all(
        isinstance(login.get(part), str) and login[part] for part in ("username", "password")
    ):
        raise Problem(
            f"The secret `{secret_id}` holds no login.",
            why=why,
            fix='Its value has to be JSON `{"username": …, "password": …}`.',
        )
    if login["username"] != username:
        raise Problem(
            f"The secret `{secret_id}` is the login of another user than `bluemoxon:database.username`, "
            f"`{username}`.",
            why=why,
            fix="Set `username` to the secret's, or name the right secret.",
        )
    if not re.fullmatch(r"""[!-~]{8,128}""", login["password"]) or re.search(r'[/"@]', login["password"]):
        raise Problem(
            f"The password in the secret `{secret_id}` is one that RDS refuses.",
            why='RDS takes 8 to 128 printable characters without `/`, `"`, `@` and spaces.',
            fix="Change the password in the secret.",
        )
    return ExistingLogin(arn, login["username"], login["password"])
