"""Steps to findings: by operation, diff path and options. Pure, and by no value but the safeguards'."""

from collections.abc import Iterator

from gate import safeguards
from gate.credentials import ADOPT, ROTATE, Credentials
from gate.findings import Finding
from gate.model import REPLACING, Op, Plan, State, Step, root, segments
from gate.resources import CREDENTIALS, DATABASES, KEPT, PASSWORD_PROPERTIES, PASSWORDS_OF_ANY, loss
from gate.steps import of_step, operation, paths_of
from rules.model import Severity
from rules.types import CREDENTIALS_TAG, EVENT_SOURCE, MANAGED, RANDOM_PASSWORD, ROLE

RETIRE = "If it is meant: unprotect it in a change of its own, then approve the deletion by plan digest."
KEEP = "Undo what causes it. If it is meant: take a copy, then approve this URN, operation and plan digest."


def judge(plan: Plan) -> list[Finding]:
    """All findings, biggest risk first; empty for a plan that is safe."""
    credentials = Credentials.of(plan)
    found = [finding for step in plan.steps for finding in _step(step)]
    found += credentials.findings()
    found += safeguards.findings(plan)
    found += _consumers(plan)
    found += _refused(plan)
    # A replacement may be shown as three steps; the first to name the paths stands for all.
    unique: dict[tuple[str, str], Finding] = {}
    for finding in sorted(found, key=lambda finding: not finding.paths):
        unique.setdefault((finding.id, finding.urn), finding)
    return sorted(unique.values(), key=lambda finding: finding.rank)


def _step(step: Step) -> Iterator[Finding]:
    yield from _password(step)
    yield from _password_of_another(step)
    yield from _guards(step)
    yield from _loss(step)
    yield from _boundary(step)
    if step.op is Op.UPDATE and not step.changed_paths and step.type in CREDENTIALS:
        yield of_step(
            "change-unseen",
            Severity.CRITICAL,
            step,
            "An update whose properties the plan does not name.",
            KEEP,
        )


def _password(step: Step) -> Iterator[Finding]:
    if step.type not in DATABASES or step.op in (Op.CREATE, Op.SAME):
        return
    paths = paths_of(step, PASSWORD_PROPERTIES[step.type])
    if paths:
        yield of_step(
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
        yield of_step(
            "credentials-mode-switch",
            Severity.CRITICAL,
            step,
            "Another mode of credentials: the database or RDS makes a new password.",
            ADOPT,
            paths,
        )


def _password_of_another(step: Step) -> Iterator[Finding]:
    """A password that an update changes of anything else: a cache, a broker, a login inside the database."""
    if step.type in DATABASES or step.op is not Op.UPDATE:
        return
    paths = tuple(path for path in step.changed_paths if not PASSWORDS_OF_ANY.isdisjoint(segments(path)))
    if paths:
        yield of_step(
            "password-change",
            Severity.CRITICAL,
            step,
            "It gets another password; whoever holds the old one cannot log in.",
            "Undo it, or change it together with what holds it, and approve this URN, operation and digest.",
            paths,
        )


def _guards(step: Step) -> Iterator[Finding]:
    old, new = step.old_state, step.new_state
    if old is None or new is None or step.op is Op.DELETE:
        return
    if old.protect and not new.protect:
        if step.op in REPLACING:
            yield of_step(
                "unprotect-and-replace",
                Severity.CRITICAL,
                step,
                "Its protection is removed and it is replaced, in one update.",
                RETIRE,
                step.changed_paths,
            )
        else:
            yield of_step(
                "unprotect",
                Severity.HIGH,
                step,
                "Its protection is removed: the next change can delete it.",
                "Keep protect=True. If it is to be retired, approve this change alone.",
            )
    lost = sorted(_guarded(step, old) - _guarded(step, new))
    if lost:
        yield of_step(
            "guard-removed",
            Severity.HIGH,
            step,
            "Changes of its secret properties are no longer ignored: the next update can write another"
            " value.",
            "Keep ignore_changes.",
            tuple(lost),
        )
    elif old.hooks - new.hooks:
        yield of_step(
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
    old = step.old_state
    if step.op is Op.READ and old is not None and not old.external:
        text = f"It is no longer managed, only looked at: nothing here keeps {lost} any more."
        yield of_step("data-delete", severity, step, text, RETIRE)
    elif step.op is Op.DELETE:
        kept = step.old_state is not None and step.old_state.retain_on_delete
        text = (
            f"It is forgotten, and stays in AWS unmanaged: {lost}."
            if kept
            else f"It is deleted: {lost} would be gone."
        )
        yield of_step("data-delete", severity, step, text, RETIRE)
    elif step.op in REPLACING:
        text = f"It is replaced by a new and empty one: {lost} would be gone."
        yield of_step("data-replace", severity, step, text, KEEP, step.changed_paths)


def _boundary(step: Step) -> Iterator[Finding]:
    """A permissions boundary that goes or changes; one that is added takes rights away only."""
    kinds = {path: diff.kind for path, diff in (step.detailed_diff or {}).items()}
    paths = tuple(path for path in step.changed_paths if root(path) == "permissionsBoundary")
    if step.type == ROLE and paths and any(not kinds.get(path, "").startswith("add") for path in paths):
        yield of_step(
            "boundary-removed",
            Severity.HIGH,
            step,
            "Its permissions boundary goes or changes: what it may do at most is another thing.",
            "Keep the boundary. Widening it is a change of infra.boundary, which a person applies.",
            paths,
        )


def _consumers(plan: Plan) -> Iterator[Finding]:
    """Queues that stay, and lose what takes their messages; also where the plan does not say which queue."""
    deleted = {step.urn for step in plan.steps if step.op is Op.DELETE}
    for step in plan.steps:
        if step.type != EVENT_SOURCE or step.op is not Op.DELETE or step.old_state is None:
            continue
        queues = step.old_state.sources("eventSourceArn")
        if (not queues or queues - deleted) and not step.old_state.retain_on_delete:
            yield of_step(
                "consumer-removed",
                Severity.HIGH,
                step,
                "The queue stays and nothing takes its messages any more: they wait, and are gone after its"
                " retention.",
                "Keep the function: `awaiting_first_image` is for a worker that never had one. If another"
                " takes the messages from now on, approve this URN, operation and plan digest.",
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
                operation(step) if step else "unknown",
                "The engine or one of the program's guards refuses this change.",
                "Run `pulumi preview` for the message, and undo what causes it.",
            )
