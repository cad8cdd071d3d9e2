"""What no role of a stack can ever exceed, whoever makes it."""

from collections.abc import Iterable

from infra import grants
from infra.naming import Deployment, Kind
from infra.policies import Statement
from infra.settings import DatabaseSettings, ExternalDatabase
from infra.workers import Container, Worker


def boundary_name(deployment: Deployment) -> str:
    """The name of the policy that bounds every role of the stack."""
    return deployment.name(Kind.POLICY, "boundary")


def boundary(
    workers: Iterable[Worker], deployment: Deployment, database: DatabaseSettings, login_arn: str | None
) -> list[Statement]:
    """The most that a role of the stack may do: the actions that its roles have, on this stack's things.

    A new action widens the boundary, which CI may not: a person decides on it.
    """
    workers = list(workers)
    given = grants.api(
        workers,
        deployment,
        secret_arns=[deployment.secret_arn("*")],
        api_key_secret_arn=deployment.secret_arn("api-key"),
        user_pool_arn="",
        in_vpc=True,
    )
    for worker in workers:
        if isinstance(worker.consumer, Container):
            given += grants.container_worker(worker, deployment)
    # As they are: the network's know no resource of ours, and of all secrets the key alone may be written.
    kept = [one for one in given if one.actions[0].startswith("ec2:") or one.actions == grants.WRITE_SECRET]
    actions: dict[str, set[str]] = {}
    for action in (action for one in given if one not in kept for action in one.actions):
        actions.setdefault(action.split(":")[0], set()).add(action)
    bucket = deployment.images_bucket()
    within = {
        "cognito-idp": [deployment.arn("cognito-idp", "userpool/*")],
        "logs": grants.function_logs(deployment),
        "s3": [deployment.bucket_arn(bucket), deployment.bucket_arn(bucket, "*")],
        "secretsmanager": stack_secrets(deployment, database, login_arn),
        "sqs": [stack_queues(deployment)],
    }
    bounded = [
        Statement(f"Bound{service.split('-')[0].capitalize()}", sorted(actions[service]), within[service])
        for service in sorted(actions)
    ]
    return bounded + kept


def stack_secrets(deployment: Deployment, database: DatabaseSettings, login_arn: str | None) -> list[str]:
    """The stack's secrets, and the database's where another name has it."""
    ours = deployment.arn("secretsmanager", f"secret:{deployment.secret_name('*')}")
    other = login_arn
    if isinstance(database, ExternalDatabase):
        other = database.secret_arn
    elif database.mode == "rds-managed":
        other = deployment.arn("secretsmanager", "secret:rds!db-*")
    return [ours] if other is None or other.startswith(ours.removesuffix("*")) else [ours, other]


def stack_queues(deployment: Deployment) -> str:
    """Every queue of the stack, as a pattern of ARNs."""
    return deployment.queue_arn(deployment.queue("*"))
