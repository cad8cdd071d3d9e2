"""BlueMoxon's infrastructure. Reads the stack's settings, composes the components, exports the outputs;
nothing else.
"""
# ruff: noqa: E402 - before the SDK is imported:

import gc

# A run lives for seconds, and its million objects, the SDK's classes, all stay: looking for garbage among
# them is a fifth of its time.
gc.disable()

import pulumi

from infra.account import locate
from infra.alarms import AlarmTopic, AlarmTopicArgs
from infra.api import Api, ApiArgs
from infra.api_key import ApiKey, ApiKeyArgs
from infra.budget import BudgetAlarm, BudgetAlarmArgs
from infra.config import stack_settings
from infra.container_worker import ContainerWorker, ContainerWorkerArgs
from infra.credentials import ExistingLogin, read_existing
from infra.dashboard import Dashboard, DashboardArgs
from infra.database import Database, DatabaseAddress, DatabaseArgs, external_address
from infra.delivery import Delivery, DeliveryArgs
from infra.guard import Guard
from infra.identity import Identity, IdentityArgs
from infra.naming import Deployment, dashed
from infra.network import Network, PrivateNetwork, PrivateNetworkArgs, existing_network
from infra.queue_worker import QueueWorker, QueueWorkerArgs
from infra.registry import Registry, RegistryArgs
from infra.settings import CreatedNetwork, ExistingNetwork, ExternalDatabase, Settings
from infra.storage import ImagesBucket, ImagesBucketArgs
from infra.workers import Container, check_names, select
from workers.contracts import Problem


def compose() -> None:
    """The whole stack."""
    settings, region = stack_settings()
    deployment = locate(pulumi.get_stack(), region)
    workers = select(settings.workers)
    check_names(workers, deployment)
    login = read_existing(settings.database, deployment)

    # Made in every mode: a stack that leaves a mode has resources in its state that these hooks still guard.
    guard = Guard()
    network = make_network(settings, deployment)
    delivery = None
    if settings.deploy is not None:
        login_arn = login.arn if login else None
        delivery = Delivery(
            "deploy", DeliveryArgs(deployment, settings.deploy, workers, settings.database, login_arn)
        )
    boundary_arn = delivery.boundary_arn if delivery else None

    require_tls = settings.transport.require_tls
    topic = AlarmTopic("alarms", AlarmTopicArgs(deployment, settings.alarms))
    bucket = ImagesBucket("images", ImagesBucketArgs(deployment, settings.storage, require_tls, guard))
    queues = {
        worker.name: QueueWorker(
            dashed(worker.name), QueueWorkerArgs(deployment, worker, topic.arn, require_tls)
        )
        for worker in workers
    }
    repositories, functions = {}, {}
    for worker in workers:
        if not isinstance(worker.consumer, Container):
            continue
        repository = Registry(dashed(worker.name), RegistryArgs(deployment, worker))
        repositories[worker.name] = repository.url
        digest = settings.images[worker.name].digest
        if digest is None:
            pulumi.log.warn(f"{worker.name} awaits its first image: its queue has no consumer yet.")
            continue
        functions[worker.name] = ContainerWorker(
            dashed(worker.name),
            ContainerWorkerArgs(
                deployment=deployment,
                worker=worker,
                container=worker.consumer,
                image_uri=pulumi.Output.concat(repository.url, "@", digest),
                queue_arn=queues[worker.name].queue.arn,
                images_bucket=bucket.name,
                result_queue_url=queues[worker.results_to].queue.url if worker.results_to else None,
                logs=settings.logs,
                boundary_arn=boundary_arn,
            ),
        ).function_name

    database = make_database(settings, deployment, network, login, guard)
    api_key = ApiKey("api-key", ApiKeyArgs(deployment, guard))
    people = Identity("people", IdentityArgs(deployment, guard, settings.sign_in))
    api = Api(
        "api",
        ApiArgs(
            deployment=deployment,
            workers=workers,
            images_bucket=bucket.name,
            database_target=database.target(),
            database_secret_arn=database.secret_arn,
            api_key_secret_arn=api_key.secret_arn,
            user_pool_id=people.user_pool_id,
            user_pool_arn=people.user_pool_arn,
            user_pool_client_id=people.client_id,
            network=network,
            sign_in_url=people.sign_in_url,
            boundary_arn=boundary_arn,
        ),
    )
    if settings.dashboard.enabled:
        Dashboard("dashboard", DashboardArgs(deployment, workers))
    if settings.budget.monthly_usd is not None:
        BudgetAlarm("budget", BudgetAlarmArgs(deployment, settings.budget, topic.arn))

    pulumi.export("images_bucket", bucket.name)
    pulumi.export("queues", {name: queue.outputs() for name, queue in queues.items()})
    pulumi.export("functions", functions)
    pulumi.export("repositories", repositories)
    pulumi.export("api", api.outputs())
    pulumi.export("database", database.outputs())
    pulumi.export("api_key_secret_arn", api_key.secret_arn)
    pulumi.export("alarm_topic_arn", topic.arn)
    if delivery is not None:
        pulumi.export("deploy_role_arn", delivery.role_arn)


def make_network(settings: Settings, deployment: Deployment) -> Network | None:
    """The stack's network; none on one laptop."""
    if isinstance(settings.network, CreatedNetwork):
        return PrivateNetwork("network", PrivateNetworkArgs(deployment, settings.network)).network
    if isinstance(settings.network, ExistingNetwork):
        return existing_network(settings.network)
    return None


def make_database(
    settings: Settings,
    deployment: Deployment,
    network: Network | None,
    login: ExistingLogin | None,
    guard: Guard,
) -> DatabaseAddress:
    """The stack's database, or the address of the one it uses."""
    if isinstance(settings.database, ExternalDatabase):
        return external_address(settings.database, require_tls=settings.transport.require_tls)
    return Database(
        "database",
        DatabaseArgs(
            deployment=deployment,
            settings=settings.database,
            mode=settings.database.mode,
            existing=login,
            network=network,
            require_tls=settings.transport.require_tls,
            guard=guard,
        ),
    ).address


try:
    compose()
except Problem as problem:
    # Pulumi prints a RunError as one message, and anything else with a traceback.
    raise pulumi.RunError(str(problem)) from None
