"""Databases, generated passwords and secrets: what of a login changes without what belongs to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from gate.findings import Finding
from gate.model import REPLACING, Op, Plan, Step
from gate.resources import DATABASES, PASSWORD_PROPERTIES, SECRET_PROPERTIES, USER_PROPERTIES
from gate.steps import of_step, paths_of
from rules.model import Severity
from rules.types import RANDOM_PASSWORD, SECRET, SECRET_VERSION

ROTATE = "Rotate with `bmx credentials rotate`, which changes database and secret together."
ADOPT = "Switch modes with `bmx credentials move --to MODE`, which keeps database and secret together."
WHOLE = "Plan and apply the whole stack, without --target and --exclude."

_LOOKED_UP = (Op.READ, Op.READ_REPLACEMENT)


@dataclass(frozen=True)
class Credentials:
    """Databases, generated passwords and secret versions, and which of them belong together."""

    databases: tuple[Step, ...]
    passwords: tuple[Step, ...]
    versions: tuple[Step, ...]
    secrets: tuple[Step, ...]

    @classmethod
    def of(cls, plan: Plan) -> "Credentials":
        def steps(*types: str) -> tuple[Step, ...]:
            return tuple({step.urn: step for step in plan.steps if step.type in types}.values())

        secrets = tuple(step for step in steps(SECRET) if step.op not in _LOOKED_UP)
        return cls(steps(*DATABASES), steps(RANDOM_PASSWORD), steps(SECRET_VERSION), secrets)

    def findings(self) -> Iterator[Finding]:
        for version in self.versions:
            yield from self._version(version)
        for password in self.passwords:
            yield from self._password(password)
        for database in self.databases:
            yield from self._database(database)
        for secret in self.secrets:
            if paths := paths_of(secret, frozenset({"kmsKeyId"})):
                yield of_step(
                    "secret-key-change",
                    Severity.HIGH,
                    secret,
                    "Its values get another key: who may read the secret, and not use that key, is refused.",
                    "Let its readers use the new key in a change of its own, then approve this URN, operation"
                    " and plan digest.",
                    paths,
                )

    def _version(self, version: Step) -> Iterator[Finding]:
        if version.op is not Op.CREATE and not _changes_secret(version):
            return
        paths = paths_of(version, SECRET_PROPERTIES)
        for database in (one for one in self.databases if self._opens(version, one)):
            if _changes_password(database):
                continue
            yield of_step(
                "secret-version-without-database",
                Severity.CRITICAL,
                version,
                f"The secret gets another value, and the database `{database.name}` keeps its password.",
                ROTATE,
                paths,
            )
            return
        if version.op is Op.CREATE:
            if not _sources(version, "secretId") & {secret.urn for secret in self.secrets}:
                yield of_step(
                    "secret-unknown",
                    Severity.CRITICAL,
                    version,
                    "It writes a value into a secret that this stack does not keep: whose login that is"
                    " cannot be told.",
                    "Give it the ARN of a secret of this program, not one that is written out or looked up.",
                )
        else:
            yield of_step(
                "secret-value-change",
                Severity.HIGH,
                version,
                "The secret gets another value; whoever holds the old one is refused.",
                "Rotate the secret instead: its current value becomes the previous one.",
                paths,
            )

    def _password(self, password: Step) -> Iterator[Finding]:
        if password.op in REPLACING or password.op is Op.UPDATE:
            yield of_step(
                "random-password-replace",
                Severity.CRITICAL,
                password,
                "A new password is generated; what was made with the old one does not know it.",
                "Undo what causes it (length, characters, keepers, a provider's new default). " + ROTATE,
                password.changed_paths,
            )
        for database in (one for one in self.databases if _makes(password, one)):
            if (password.op is Op.CREATE) != (database.op is Op.CREATE) and password.op in (
                Op.CREATE,
                Op.DELETE,
            ):
                yield of_step(
                    "credentials-mode-switch",
                    Severity.CRITICAL,
                    password,
                    f"The database `{database.name}` exists, and its password is generated anew or given up.",
                    ADOPT,
                )

    def _database(self, database: Step) -> Iterator[Finding]:
        if database.op is Op.UPDATE and (paths := paths_of(database, USER_PROPERTIES)):
            yield of_step(
                "database-user-change",
                Severity.CRITICAL,
                database,
                "Its user gets another name; its secret, and whoever has read it, knows the old one.",
                "Undo it: set `username` to the user that the database has.",
                paths,
            )
        versions = [version for version in self.versions if self._opens(version, database)]
        passwords = [password for password in self.passwords if _makes(password, database)]
        if _changes_password(database) and database.op is not Op.DELETE:
            kept = [
                version
                for version in versions
                if not _changes_secret(version) and version.op is not Op.CREATE
            ]
            if kept or (passwords and not versions):
                yield of_step(
                    "database-without-secret-version",
                    Severity.CRITICAL,
                    database,
                    "The database gets a password that is written to no secret in this plan. A part of what"
                    " belongs together may have been left out by --target.",
                    WHOLE,
                )

    def _opens(self, version: Step, database: Step) -> bool:
        """Whether the version is of the secret that opens the database."""
        sources = _sources(version, *SECRET_PROPERTIES)
        if database.urn in sources or sources & _sources(database, *PASSWORD_PROPERTIES[database.type]):
            return True
        secrets = {secret.urn for secret in self.secrets if secret.name.endswith("database")}
        return bool(_sources(version, "secretId") & secrets) or version.name == database.name


def _makes(password: Step, database: Step) -> bool:
    return password.urn in _sources(database, *PASSWORD_PROPERTIES[database.type])


def _sources(step: Step, *properties: str) -> frozenset[str]:
    """URNs that the properties are computed from, before or after."""
    states = [state for state in (step.old_state, step.new_state) if state is not None]
    return frozenset(urn for state in states for urn in state.sources(*properties))


def _changes_password(database: Step) -> bool:
    """Whether the database has another password after the plan."""
    if database.op in REPLACING or database.op in (Op.CREATE, Op.DELETE):
        return True
    return bool(paths_of(database, PASSWORD_PROPERTIES[database.type]))


def _changes_secret(version: Step) -> bool:
    if version.op in REPLACING or version.op is Op.DELETE:
        return True
    return version.op is Op.UPDATE and (
        bool(paths_of(version, SECRET_PROPERTIES)) or not version.changed_paths
    )
