"""Database, secret and API key as the Pulumi program makes them, with every guard removable.

Run by the engine as a program of its own (`world` writes its `__main__.py`). What is wrong this time comes in
the environment variable `INCIDENT`.
"""

import json
import os
from dataclasses import dataclass

import pulumi
import pulumi_random as random
from pulumi_aws import rds, secretsmanager

from infra.guard import Guard

VARIABLE = "INCIDENT"
USER = "bluemoxon"


@dataclass(frozen=True)
class Edit:
    """What somebody changed in the program or its configuration."""

    guarded: bool = False
    """With the program's own guards: protect, ignore_changes, hooks."""
    password: str | None = None
    """A literal password for the database."""
    new_password: bool = False
    """A new random password for the secret, while the database ignores changes of its own."""
    api_key: str | None = None
    """A literal API key."""


class Credentials(pulumi.ComponentResource):
    """Everything of an incident."""

    def __init__(self, edit: Edit) -> None:
        super().__init__("bluemoxon:incident:Credentials", "credentials")
        self._edit = edit
        self._guard = Guard() if edit.guarded else None
        self._database()
        self._api_key()
        self.register_outputs({})

    def _options(self, *ignored: str) -> pulumi.ResourceOptions:
        if self._guard is None:
            return pulumi.ResourceOptions(parent=self)
        return self._guard.options(self, ignore_changes=ignored)

    def _password(self, name: str) -> pulumi.Output[str]:
        made = random.RandomPassword(
            name, random.RandomPasswordArgs(length=32, special=False), opts=self._options("length", "special")
        )
        return made.result

    def _secret(self, name: str, value: pulumi.Input[str]) -> None:
        secret = secretsmanager.Secret(
            name,
            secretsmanager.SecretArgs(name=f"bluemoxon-{pulumi.get_stack()}/{name}"),
            opts=self._options("name"),
        )
        secretsmanager.SecretVersion(
            name,
            secretsmanager.SecretVersionArgs(secret_id=secret.arn, secret_string=pulumi.Output.secret(value)),
            opts=self._options("secret_string"),
        )
        pulumi.export(f"{name}-secret", secret.arn)

    def _database(self) -> None:
        own = self._password("database")
        written = self._password("another") if self._edit.new_password else own
        self._secret("database", pulumi.Output.json_dumps({"username": USER, "password": written}))
        keeps = ["password"] if self._edit.new_password or self._edit.guarded else []
        instance = rds.Instance(
            "database",
            rds.InstanceArgs(
                identifier=f"bluemoxon-{pulumi.get_stack()}",
                engine="postgres",
                engine_version="16",
                instance_class="db.t4g.micro",
                allocated_storage=20,
                db_name=USER,
                username=USER,
                password=own if self._edit.password is None else self._edit.password,
                port=5432,
                skip_final_snapshot=True,
            ),
            opts=pulumi.ResourceOptions.merge(
                self._options(*keeps), pulumi.ResourceOptions(ignore_changes=keeps)
            ),
        )
        pulumi.export("host", instance.address)
        pulumi.export("port", instance.port)

    def _api_key(self) -> None:
        key: pulumi.Input[str] = self._password("api-key")
        if self._edit.api_key is not None:
            key = self._edit.api_key
        self._secret("api-key", pulumi.Output.json_dumps({"current": key, "previous": None}))


def main() -> None:
    """The program."""
    Credentials(Edit(**json.loads(os.environ.get(VARIABLE, "{}"))))
