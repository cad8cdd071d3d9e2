"""Steps to findings: by operation, diff path and options. Pure, and by no value but the safeguards'."""

from collections.abc import Iterator
from dataclasses import dataclass

from gate import safeguards
from gate.findings import Finding
from gate.model import REPLACING, Op, Plan, State, Step, root
from gate.resources import CREDENTIALS, DATABASES, KEPT, PASSWORD_PROPERTIES, SECRET_PROPERTIES, loss
from rules.model import Severity
from rules.types import CREDENTIALS_TAG, MANAGED, RANDOM_PASSWORD, ROLE, SECRET, SECRET_VERSION

ROTATE = "Rotate with `bmx credentials rotate`, which changes database and secret together."
ADOPT = "Switch modes with `bmx credentials move --to MODE`, which keeps database and secret together."
RETIRE = "If it is meant: unprotect it in a change of its own, then approve the deletion by plan digest."
KEEP = "Undo what causes it. If it is meant: take a copy, then approve this URN, operation and plan digest."
WHOLE = "Plan and apply the whole stack, without --target and --exclude."


def judge(plan: Plan) -> list[Finding]:
    """All findings, biggest risk first; empty for a plan that is safe."""
    credentials = _Credentials.of(plan)
    found = [finding for step in plan.steps for finding in _step(step)]
    found += credentials.findings()
    found += safeguards.findings(plan)
    found += _refused(plan)
    # A replacement may be shown as three steps; the first to name the paths stands for all.
    unique: dict[tuple[str, str], Finding] = {}
    for finding in sorted(found, key=lambda finding: not finding.paths):
        unique.setdefault((finding.id, finding.urn), finding)
    return sorted(unique.values(), key=lambda finding: finding.rank)


def _finding(
    id_: str, severity: Severity, step: Step, what: str, remedy: str, paths: tuple[str, ...] = ()
) -> Finding:
    return Finding(id_, severity, step.urn, _operation(step), what, remedy, paths)


def _operation(step: Step) -> str:
    return Op.REPLACE if step.op in REPLACING else step.op


def _step(step: Step) -> Iterator[Finding]:
    yield from _password(step)
    yield from _guards(step)
    yield from _loss(step)
    yield from _boundary(step)
    if step.op is Op.UPDATE and not step.changed_paths and step.type in CREDENTIALS:
        yield _finding(
            "change-unseen",
            Severity.CRITICAL,
            step,
            "An update whose properties the plan does not name.",
            KEEP,
        )


def _password(step: Step) -> Iterator[Finding]:
    if step.type not in DATABASES or step.op in (Op.CREATE, Op.SAME):
        return
    paths = _paths(step, PASSWORD_PROPERTIES[step.type])
    if paths:
        yield _finding(
            "database-password-change",
            Severity.CRITICAL,
            step,
            "The database gets another password; whoever holds the old one cannot log in.",
            ROTATE,
            paths,
        )
    paths = tuple(
        path
        for path in step.changed_paths
        if root(path) == MANAGED or (root(path) == "tags" and CREDENTIALS_TAG in path)
    )
    if paths:
        yield _finding(
            "credentials-mode-switch",
            Severity.CRITICAL,
            step,
            "Another mode of credentials: the database or RDS makes a new password.",
            ADOPT,
            paths,
        )


def _guards(step: Step) -> Iterator[Finding]:
    old, new = step.old_state, step.new_state
    if old is None or new is None or step.op is Op.DELETE:
        return
    if old.protect and not new.protect:
        if step.op in REPLACING:
            yield _finding(
                "unprotect-and-replace",
                Severity.CRITICAL,
                step,
                "Its protection is removed and it is replaced, in one update.",
                RETIRE,
                step.changed_paths,
            )
        else:
            yield _finding(
                "unprotect",
                Severity.HIGH,
                step,
                "Its protection is removed: the next change can delete it.",
                "Keep protect=True. If it is to be retired, approve this change alone.",
            )
    lost = sorted(_guarded(step, old) - _guarded(step, new))
    if lost:
        yield _finding(
            "guard-removed",
            Severity.HIGH,
            step,
            "Changes of its secret properties are no longer ignored: the next update can write another"
            " value.",
            "Keep ignore_changes.",
            tuple(lost),
        )
    elif old.hooks - new.hooks:
        yield _finding(
            "guard-removed",
            Severity.HIGH,
            step,
            "A hook of the program that refuses unsafe changes no longer runs on it.",
            "Keep the hooks.",
        )


def _guarded(step: Step, state: State) -> frozenset[str]:
    """The properties that make a login what it is, and whose changes a state ignores."""
    watched = {**PASSWORD_PROPERTIES, **KEPT}.get(step.type, frozenset())
    if step.type == RANDOM_PASSWORD:
        watched = frozenset(state.ignore_changes)
    ignored = {root(path) for path in state.ignore_changes}
    return watched if "*" in ignored else watched & ignored


def _loss(step: Step) -> Iterator[Finding]:
    what = loss(step.type)
    if what is None:
        return
    severity, lost = what
    if step.op is Op.DELETE:
        kept = step.old_state is not None and step.old_state.retain_on_delete
        text = (
            f"It is forgotten, and stays in AWS unmanaged: {lost}."
            if kept
            else f"It is deleted: {lost} would be gone."
        )
        yield _finding("data-delete", severity, step, text, RETIRE)
    elif step.op in REPLACING:
        text = f"It is replaced by a new and empty one: {lost} would be gone."
        yield _finding("data-replace", severity, step, text, KEEP, step.changed_paths)


def _boundary(step: Step) -> Iterator[Finding]:
    """A permissions boundary that goes or changes; one that is added takes rights away only."""
    kinds = {path: diff.kind for path, diff in (step.detailed_diff or {}).items()}
    paths = tuple(path for path in step.changed_paths if root(path) == "permissionsBoundary")
    if step.type == ROLE and paths and any(not kinds.get(path, "").startswith("add") for path in paths):
        yield _finding(
            "boundary-removed",
            Severity.HIGH,
            step,
            "Its permissions boundary goes or changes: what it may do at most is another thing.",
            "Keep the boundary. Widening it is a change of infra.boundary, which a person applies.",
            paths,
        )


def _refused(plan: Plan) -> Iterator[Finding]:
    """Errors by which the engine, or a hook of the program, refuses to touch a guarded resource.

    Their text only tells them from other errors; it is never repeated, because it can hold anything.
    """
    steps = {step.urn: step for step in plan.steps}
    for diagnostic in plan.diagnostics:
        if diagnostic.urn and diagnostic.is_refusal:
            step = steps.get(diagnostic.urn)
            yield Finding(
                "refused-by-engine",
                Severity.HIGH,
                diagnostic.urn,
                _operation(step) if step else "unknown",
                "The engine or one of the program's guards refuses this change.",
                "Run `pulumi preview` for the message, and undo what causes it.",
            )


@dataclass(frozen=True)
class _Credentials:
    """Databases, generated passwords and secret versions, and which of them belong together."""

    databases: tuple[Step, ...]
    passwords: tuple[Step, ...]
    versions: tuple[Step, ...]
    secrets: tuple[Step, ...]

    @classmethod
    def of(cls, plan: Plan) -> "_Credentials":
        def steps(*types: str) -> tuple[Step, ...]:
            return tuple({step.urn: step for step in plan.steps if step.type in types}.values())

        return cls(steps(*DATABASES), steps(RANDOM_PASSWORD), steps(SECRET_VERSION), steps(SECRET))

    def findings(self) -> Iterator[Finding]:
        for version in self.versions:
            yield from self._version(version)
        for password in self.passwords:
            yield from self._password(password)
        for database in self.databases:
            yield from self._database(database)

    def _version(self, version: Step) -> Iterator[Finding]:
        if version.op is not Op.CREATE and not _changes_secret(version):
            return
        paths = _paths(version, SECRET_PROPERTIES)
        for database in (one for one in self.databases if self._opens(version, one)):
            if _changes_password(database):
                continue
            yield _finding(
                "secret-version-without-database",
                Severity.CRITICAL,
                version,
                f"The secret gets another value, and the database `{database.name}` keeps its password.",
                ROTATE,
                paths,
            )
            return
        if version.op is not Op.CREATE:
            yield _finding(
                "secret-value-change",
                Severity.HIGH,
                version,
                "The secret gets another value; whoever holds the old one is refused.",
                "Rotate the secret instead: its current value becomes the previous one.",
                paths,
            )

    def _password(self, password: Step) -> Iterator[Finding]:
        if password.op in REPLACING or password.op is Op.UPDATE:
            yield _finding(
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
                yield _finding(
                    "credentials-mode-switch",
                    Severity.CRITICAL,
                    password,
                    f"The database `{database.name}` exists, and its password is generated anew or given up.",
                    ADOPT,
                )

    def _database(self, database: Step) -> Iterator[Finding]:
        versions = [version for version in self.versions if self._opens(version, database)]
        passwords = [password for password in self.passwords if _makes(password, database)]
        if _changes_password(database) and database.op is not Op.DELETE:
            kept = [
                version
                for version in versions
                if not _changes_secret(version) and version.op is not Op.CREATE
            ]
            if kept or (passwords and not versions):
                yield _finding(
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


def _paths(step: Step, properties: frozenset[str]) -> tuple[str, ...]:
    return tuple(path for path in step.changed_paths if root(path) in properties)


def _changes_password(database: Step) -> bool:
    """Whether the database has another password after the plan."""
    if database.op in REPLACING or database.op in (Op.CREATE, Op.DELETE):
        return True
    return bool(_paths(database, PASSWORD_PROPERTIES[database.type]))


def _changes_secret(version: Step) -> bool:
    if version.op in REPLACING or version.op is Op.DELETE:
        return True
    return version.op is Op.UPDATE and (bool(_paths(version, SECRET_PROPERTIES)) or not version.changed_paths)
