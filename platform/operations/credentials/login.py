"""Logging in with what a secret says, as the application does."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from operations.target import Target
from workers.contracts import RDS_ROOTS, Problem

if TYPE_CHECKING:
    import psycopg

CURRENT = "AWSCURRENT"
PENDING = "AWSPENDING"
CONNECT_SECONDS = 8


class CredentialsProblem(Problem):
    """The login does not work, or must not be touched. `code` says which kind, for programs."""

    def __init__(self, code: str, what: str, why: str = "", fix: str = "") -> None:
        self.code = code
        super().__init__(what, why=why, fix=fix)


@dataclass(frozen=True)
class Login:
    """One version of a secret. Its text never shows the password."""

    username: str
    password: str = field(repr=False)
    version: str
    fields: dict[str, Any] = field(repr=False)
    """The whole value, which a new version repeats with another password."""


@dataclass(frozen=True)
class Verified:
    """A login that worked."""

    username: str
    host: str
    port: int
    database: str
    secret_arn: str
    stage: str
    server: str

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@dataclass(frozen=True)
class DatabaseAccess:
    """A stack's database and the secret that opens it, from the stack's outputs."""

    target: Target
    mode: str
    secret_arn: str
    host: str
    port: int
    name: str
    sslmode: str
    instance: str | None

    @classmethod
    def of(cls, target: Target) -> "DatabaseAccess":
        """Raises `Problem` where the stack was not deployed."""
        outputs = target.outputs()
        database = outputs["database"]
        application = json.loads(outputs["api"]["environment"].get("BMX_DATABASE") or "{}")
        return cls(
            target=target,
            mode=str(database["mode"]),
            secret_arn=str(database["secret_arn"]),
            host=str(database["host"]),
            port=int(database["port"]),
            name=str(database["name"]),
            # The embedded PostgreSQL of an emulator speaks no TLS.
            sslmode="disable" if target.emulator else str(application.get("sslmode", "verify-full")),
            instance=database.get("instance_identifier"),
        )

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.name} at {self.host}:{self.port}"

    def read(self, stage: str = CURRENT) -> Login:
        """What the secret says; `CredentialsProblem` where it is missing, unreadable or no login."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            found = self.target.client("secretsmanager").get_secret_value(
                SecretId=self.secret_arn, VersionStage=stage
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            missing = code == "ResourceNotFoundException"
            raise CredentialsProblem(
                "secret_missing" if missing else "secret_unreadable",
                f"The secret {self.secret_arn} has no version {stage}."
                if missing
                else f"The secret {self.secret_arn} cannot be read: {code}.",
                fix="Check its ARN in the stack's settings, and that it was not deleted "
                "(`aws secretsmanager restore-secret` brings it back)."
                if missing
                else "Log in as somebody who may read it (`aws sso login`, AWS_PROFILE).",
            ) from None
        except BotoCoreError as error:
            raise CredentialsProblem(
                "secret_unreadable",
                f"Secrets Manager does not answer: {type(error).__name__}.",
                fix="Log in (`aws sso login`), or set AWS_PROFILE.",
            ) from None
        return self._parse(found)

    def text(self) -> str:
        """The secret's current value as it is, for the state."""
        found = self.target.client("secretsmanager").get_secret_value(SecretId=self.secret_arn)
        return str(found["SecretString"])

    def stages(self, version: str) -> list[str]:
        """The stages that a version is in."""
        found = self.target.client("secretsmanager").describe_secret(SecretId=self.secret_arn)
        return list((found.get("VersionIdsToStages") or {}).get(version, []))

    def holders(self, stage: str) -> list[str]:
        """The versions that are in a stage."""
        found = self.target.client("secretsmanager").describe_secret(SecretId=self.secret_arn)
        versions = found.get("VersionIdsToStages") or {}
        return [version for version, stages in versions.items() if stage in stages]

    def _parse(self, found: dict[str, Any]) -> Login:
        try:
            fields = json.loads(found["SecretString"])
            username, password = fields["username"], fields["password"]
            if not (isinstance(username, str) and isinstance(password, str) and username and password):
                raise ValueError
        except (KeyError, TypeError, ValueError):
            # The error would quote the secret's text.
            raise CredentialsProblem(
                "secret_malformed",
                f"The secret {self.secret_arn} holds no login.",
                fix='Its value has to be JSON with `"username"` and `"password"`.',
            ) from None
        return Login(username, password, str(found["VersionId"]), fields)

    def connect(self, login: Login) -> "psycopg.Connection[tuple[Any, ...]]":
        """An autocommit connection; `CredentialsProblem` where it is refused or nobody answers."""
        import psycopg

        try:
            return psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.name,
                user=login.username,
                password=login.password,
                sslmode=self.sslmode,
                sslrootcert=str(RDS_ROOTS) if self.sslmode == "verify-full" else None,
                connect_timeout=CONNECT_SECONDS,
                application_name="bmx credentials",
                autocommit=True,
            )
        except psycopg.OperationalError as error:
            said = " ".join(str(error).split())
            if "authentication failed" in said or "FATAL: role" in said:
                raise CredentialsProblem(
                    "login_refused",
                    f"The database {self.where} refuses the login of {login.username}.",
                    why=f"Its secret {self.secret_arn} holds another password than the database.",
                    fix="Find out who changed one of the two, and set the database's master password to the "
                    "secret's; `bmx credentials adopt` then brings Pulumi's state in line.",
                ) from None
            raise CredentialsProblem(
                "unreachable",
                f"The database {self.where} does not answer.",
                why=said,
                fix="Check that it runs and that this machine is in its network (VPN, security groups).",
            ) from None

    def verify(self, stage: str = CURRENT) -> Verified:
        """Log in with what the secret says now."""
        login = self.read(stage)
        with self.connect(login) as connection:
            row = connection.execute("select current_user, current_setting('server_version')").fetchone()
        user, server = (str(row[0]), str(row[1])) if row else ("", "")
        return Verified(user, self.host, self.port, self.name, self.secret_arn, stage, server)
