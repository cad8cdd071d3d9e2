"""Permissions: enough to work, to look, and nothing beyond."""

from collections.abc import Iterator

from rules.documents import Statement, identity_statements, statements
from rules.model import Area, Resource, Severity
from rules.settings import Parameters
from rules.types import (
    GROUP_ATTACHMENT,
    GROUP_POLICY,
    KEY,
    KEY_POLICY,
    PERMISSION,
    POLICY,
    POLICY_ATTACHMENT,
    REPOSITORY_POLICY,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    SECRET_POLICY,
    TOPIC_POLICY,
    USER_ATTACHMENT,
    USER_POLICY,
)

area = Area("permissions")

_SEND = "sqs:SendMessage"
_INSPECT = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes")
_RECEIVE = "sqs:ReceiveMessage"
_CONSUME = ("sqs:DeleteMessage", "sqs:GetQueueAttributes")
_IDENTITY = (ROLE_POLICY, POLICY, ROLE, USER_POLICY, GROUP_POLICY)
"""What carries the permissions of a role, user or group."""
_FEDERATED = "sts:AssumeRoleWithWebIdentity"
_ADMIN = ("AdministratorAccess", "PowerUserAccess", "IAMFullAccess")


def _resources(document: list[Statement], action: str) -> set[str]:
    """What an action is allowed on."""
    return {
        resource
        for statement in document
        if statement.allows_action(action)
        for resource in statement.resources
    }


def _missing(document: list[Statement], given: str, needed: tuple[str, ...]) -> Iterator[str]:
    """Actions that are not allowed on some resource on which `given` is."""
    for statement in document:
        if not statement.allows_action(given):
            continue
        for action in needed:
            covered = _resources(document, action)
            if "*" not in covered and not covered.issuperset(statement.resources):
                yield action


@area.resource(
    "sender-may-inspect",
    *_IDENTITY,
    severity=Severity.CRITICAL,
    summary="Who may send to a queue may also look at it",
    why=(
        "Sending does not imply inspecting: the health check gets AccessDenied, which the SDK reports as"
        " NonExistentQueue."
    ),
    remedy="Grant sqs:GetQueueUrl and sqs:GetQueueAttributes on the same queues (infra.grants).",
)
def sender_may_inspect(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    document = identity_statements(policy)
    sends, receives = _resources(document, _SEND), _resources(document, _RECEIVE)
    if receives and len(sends) == 1 and not sends & receives:
        return  # a worker that passes its results on; nobody asks it how the queue is
    for action in dict.fromkeys(_missing(document, _SEND, _INSPECT)):
        yield f"`policy` allows {_SEND} on a queue without {action}."


@area.resource(
    "consumer-complete",
    *_IDENTITY,
    severity=Severity.HIGH,
    summary="Who may receive from a queue may also delete and look",
    why="A consumer that cannot delete does every message again, until it lies in the DLQ.",
    remedy="Grant sqs:DeleteMessage and sqs:GetQueueAttributes on the same queues (infra.grants).",
)
def consumer_complete(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    for action in dict.fromkeys(_missing(identity_statements(policy), _RECEIVE, _CONSUME)):
        yield f"`policy` allows {_RECEIVE} on a queue without {action}."


@area.resource(
    "no-star-action",
    *_IDENTITY,
    severity=Severity.CRITICAL,
    summary="No policy allows all actions of a service",
    why="A function that is taken over could do everything with the service.",
    remedy="List the actions (infra.grants).",
)
def no_star_action(policy: Resource, _parameters: Parameters) -> Iterator[str]:
    for statement in identity_statements(policy):
        if not statement.allows:
            continue
        if statement.not_actions:
            yield f"`{statement.where}` allows everything but something (NotAction, NotResource)."
        if any(action == "*" or action.endswith(":*") for action in statement.actions):
            yield f"`{statement.where}` allows all actions of a service."


@area.resource(
    "no-star-resource",
    *_IDENTITY,
    severity=Severity.HIGH,
    summary="No policy allows an action on everything",
    why="A worker for one queue could read every queue of the account.",
    remedy="Name the ARNs. Actions that AWS grants on * only are listed in rules.settings.Parameters.",
)
def no_star_resource(policy: Resource, parameters: Parameters) -> Iterator[str]:
    free = set(parameters.star_resource_actions)
    for statement in identity_statements(policy):
        if not statement.allows or statement.conditions:
            continue
        if not any(_is_everything(resource) for resource in statement.resources):
            continue
        if not free.issuperset(statement.actions):
            yield f"`{statement.where}` allows actions on every resource."


def _is_everything(resource: str) -> bool:
    """Whether an ARN leaves open what names a resource: `*`, `arn:aws:s3:::*`, `arn:aws:sqs:*:*:*`."""
    return not resource.split(":", 5)[-1].strip("*/")


@area.resource(
    "no-admin-policy",
    ROLE_ATTACHMENT,
    ROLE,
    USER_ATTACHMENT,
    GROUP_ATTACHMENT,
    POLICY_ATTACHMENT,
    severity=Severity.CRITICAL,
    summary="No role, user or group has an administrator's policy",
    why="Who has it can undo every other rule here, or everything of a service.",
    remedy="Grant the actions that the role needs (infra.grants).",
)
def no_admin_policy(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    attached = resource.inputs.texts("managedPolicyArns") if resource.inputs.has("managedPolicyArns") else []
    single = resource.inputs.text("policyArn")
    for arn in [*attached, *([single] if single else [])]:
        name = arn.rsplit("/", 1)[-1]
        if name in _ADMIN or name.endswith("FullAccess"):
            yield "It attaches an administrator's policy."


@area.resource(
    "trust-nobody-unknown",
    ROLE,
    severity=Severity.CRITICAL,
    summary="A role is taken on by named principals only",
    why="Anybody with an AWS account could take on the role.",
    remedy=(
        "Name the service or role in the trust policy, or add a condition; for an identity provider, on its"
        " `sub`."
    ),
)
def trust_nobody_unknown(role: Resource, _parameters: Parameters) -> Iterator[str]:
    for statement in statements(role.inputs, "assumeRolePolicy"):
        if statement.lets_everybody_in:
            yield f"`{statement.where}` trusts everybody."
        if statement.allows_action(_FEDERATED) and not _names_a_subject(statement):
            yield f"`{statement.where}` trusts whoever an identity provider knows, without one subject."


def _names_a_subject(statement: Statement) -> bool:
    """Whether a condition asks for certain subjects; of GitHub's, the repository has to be written out."""
    for test in statement.conditions.values():
        for key, wanted in test.items():
            subjects = wanted if isinstance(wanted, list) else [wanted]
            if key.endswith((":sub", ":subject")) and subjects:
                return not any("*" in ":".join(str(one).split(":")[:2]) for one in subjects)
    return False


@area.resource(
    "resource-policy-principal",
    KEY,
    KEY_POLICY,
    PERMISSION,
    REPOSITORY_POLICY,
    SECRET_POLICY,
    TOPIC_POLICY,
    severity=Severity.CRITICAL,
    summary="No key, function, repository, secret or topic lets everybody in without a condition",
    why="Anybody with an AWS account could read it, run it or decrypt with it.",
    remedy="Name the accounts or roles, or add a condition on aws:SourceArn or aws:PrincipalOrgID.",
)
def resource_policy_principal(resource: Resource, _parameters: Parameters) -> Iterator[str]:
    if resource.type == PERMISSION:
        bound = ("sourceArn", "sourceAccount", "principalOrgId")
        if resource.inputs.text("principal") == "*" and not any(map(resource.inputs.has, bound)):
            yield "`principal` is everybody."
        return
    for statement in statements(resource.inputs, "policy"):
        if statement.lets_everybody_in:
            yield f"`{statement.where}` allows everybody."
