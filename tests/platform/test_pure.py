"""Names, durations, policies and grants: functions without I/O."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import grants, timeouts
from infra.alarms import worker_alarms
from infra.naming import Deployment, Kind
from infra.network import subnet_cidrs
from infra.policies import Statement, deny_plain_http, document
from infra.registry import lifecycle_policy
from infra.tags import tags
from infra.workers import WORKERS, ChaliceHandler, Container, External, Worker, queues, select
from tests.platform.program import ACCOUNT
from workers.contracts import Problem

BY_NAME = {worker.name: worker for worker in WORKERS}
SQS = f"arn:aws:sqs:us-west-2:{ACCOUNT}:bluemoxon-staging"
BUCKET = f"arn:aws:s3:::bluemoxon-staging-images-{ACCOUNT}"


def test_names(deployment: Deployment) -> None:
    assert deployment.queue("image_processing") == "bluemoxon-staging-image-processing"
    assert deployment.dlq("image_processing") == "bluemoxon-staging-image-processing-dlq"
    assert deployment.secret_name("api-key") == "bluemoxon-staging/api-key"
    assert deployment.images_bucket() == f"bluemoxon-staging-images-{ACCOUNT}"
    assert deployment.name(Kind.DATABASE) == "bluemoxon-staging"
    assert deployment.log_group("f") == "/aws/lambda/f"


def test_arns_of_other_partitions(deployment: Deployment) -> None:
    china = Deployment("staging", ACCOUNT, "cn-north-1", partition="aws-cn")
    assert china.queue_arn("q") == f"arn:aws-cn:sqs:cn-north-1:{ACCOUNT}:q"
    assert china.bucket_arn("b", "books/*") == "arn:aws-cn:s3:::b/books/*"


@pytest.mark.parametrize("kind", list(Kind))
def test_a_name_is_refused_one_character_over_its_limit(kind: Kind) -> None:
    limit = kind.value[1]
    room = limit - len("bluemoxon-s-")
    deployment = Deployment("s", ACCOUNT, "us-west-2")
    assert len(deployment.name(kind, "x" * room)) == limit
    with pytest.raises(Problem, match=f"at most {limit}"):
        deployment.name(kind, "x" * (room + 1))


@given(timeout=st.integers(1, timeouts.LAMBDA_MAX_TIMEOUT), window=st.integers(0, 300))
def test_visibility_is_six_timeouts_and_the_window(timeout: int, window: int) -> None:
    visibility = timeouts.visibility_timeout(timeout, window)
    assert visibility >= 6 * timeout + window
    assert visibility <= 12 * timeouts.HOUR, "SQS's maximum"


def test_worker_names_make_distinct_queues(deployment: Deployment) -> None:
    names = [
        name for worker in WORKERS for name in (deployment.queue(worker.name), deployment.dlq(worker.name))
    ]
    assert len(names) == len(set(names))


def test_a_workers_result_queue_comes_along() -> None:
    assert [worker.name for worker in select(["image_processing"])] == ["image_processing", "image_results"]
    assert [worker.name for worker in select(["analysis", "eval_runbook"])] == ["eval_runbook", "analysis"]
    assert select([]) == ()


def test_an_undeclared_worker_is_a_problem_that_names_the_declared() -> None:
    with pytest.raises(Problem, match="tracking_worker") as caught:
        select(["tracking"])
    assert "workers.py" in caught.value.fix


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: Worker("Bad-Name", "x", External(timeout=1)), "name"),
        (lambda: Worker("w", "x", External(timeout=901)), "timeout"),
        (lambda: Worker("w", "x", External(timeout=0)), "timeout"),
        (lambda: Worker("w", "x", ChaliceHandler(timeout=1, batch_window=301)), "batch_window"),
        (lambda: Worker("w", "x", External(timeout=1), max_receive=0), "max_receive"),
        (lambda: Worker("w", "x", Container("workers.w.handler", timeout=1, memory=64)), "memory"),
        (
            lambda: Worker(
                "w", "x", Container("workers.w.handler", timeout=1, memory=512, ephemeral_storage=20_000)
            ),
            "ephemeral",
        ),
        (
            lambda: Worker(
                "w", "x", Container("workers.w.handler", timeout=1, memory=512, max_concurrency=1)
            ),
            "max_concurrency",
        ),
        (
            lambda: Worker("w", "x", Container("workers.w.handler", timeout=1, memory=512, batch_size=11)),
            "batch_size",
        ),
        (
            lambda: Worker(
                "w", "x", Container("workers.w.handler", timeout=1, memory=512), reads=("/books",)
            ),
            "prefix",
        ),
        (
            lambda: Worker(
                "w", "x", Container("workers.w.handler", timeout=1, memory=512), writes=("books",)
            ),
            "prefix",
        ),
        (lambda: Worker("w", "x", Container("handler", timeout=1, memory=512)), "handler"),
        (lambda: Worker("w", "x", External(timeout=1), secrets=("a/b",)), "secret"),
    ],
)
def test_a_declaration_that_aws_would_refuse_is_refused(make: object, word: str) -> None:
    assert callable(make)
    with pytest.raises(Problem, match=word):
        make()


def test_batches_over_ten_need_a_window() -> None:
    worker = Worker(
        "w", "x", Container("workers.w.handler", timeout=1, memory=512, batch_size=11, batch_window=1)
    )
    assert worker.visibility_timeout == 7


def test_queues_are_what_the_application_reads(deployment: Deployment) -> None:
    config = queues(WORKERS, deployment)["image_processing"]
    assert config.consumer == "container"
    assert config.visibility_timeout == 720
    assert config.result_deadline == 720 * 3 + 60


def test_policies_of_equal_meaning_are_equal_text() -> None:
    one = document(Statement("A", ["b:C", "a:B"], ["y", "x", "x"]))
    two = document(Statement("A", ["a:B", "b:C"], ["x", "y"]))
    assert one == two
    assert json.loads(one)["Statement"] == [
        {"Sid": "A", "Effect": "Allow", "Action": ["a:B", "b:C"], "Resource": ["x", "y"]}
    ]


def test_plain_http_is_denied_to_everyone() -> None:
    assert deny_plain_http("sqs:*", ["arn"]).as_json() == {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "arn",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def allowed(statements: list[Statement]) -> set[tuple[str, str]]:
    assert all(statement.effect == "Allow" for statement in statements)
    return {
        (action, resource)
        for statement in statements
        for action in statement.actions
        for resource in statement.resources
    }


def test_the_image_worker_may_do_exactly_this(deployment: Deployment) -> None:
    own, logs = f"{SQS}-image-processing", "log-group:/aws/lambda/bluemoxon-staging-image-processing:*"
    assert allowed(grants.container_worker(BY_NAME["image_processing"], deployment)) == {
        ("sqs:ReceiveMessage", own),
        ("sqs:DeleteMessage", own),
        ("sqs:GetQueueAttributes", own),
        ("sqs:SendMessage", f"{SQS}-image-results"),
        ("s3:GetObject", f"{BUCKET}/books/*"),
        ("s3:PutObject", f"{BUCKET}/books/*"),
        ("s3:ListBucket", BUCKET),
        ("logs:CreateLogStream", f"arn:aws:logs:us-west-2:{ACCOUNT}:{logs}"),
        ("logs:PutLogEvents", f"arn:aws:logs:us-west-2:{ACCOUNT}:{logs}"),
    }


def test_the_api_may_send_to_and_inspect_every_queue_and_consume_only_its_own(deployment: Deployment) -> None:
    may = allowed(
        grants.api(
            WORKERS,
            deployment,
            secret_arns=["db", "key"],
            api_key_secret_arn="key",
            user_pool_arn="pool",
            in_vpc=False,
        )
    )
    for worker in WORKERS:
        queue = deployment.queue_arn(deployment.queue(worker.name))
        for action in ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"):
            assert (action, queue) in may
        consumes = isinstance(worker.consumer, ChaliceHandler)
        assert (("sqs:ReceiveMessage", queue) in may) == consumes
        assert (("sqs:DeleteMessage", queue) in may) == consumes
        assert {action for action, resource in may if resource == f"{queue}-dlq"} == {
            "sqs:GetQueueUrl",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
        }
    assert {resource for action, resource in may if action == "secretsmanager:GetSecretValue"} == {
        "db",
        "key",
    }
    assert {resource for action, resource in may if action == "secretsmanager:PutSecretValue"} == {"key"}
    assert {resource for action, resource in may if action == "s3:GetObject"} == {
        f"{BUCKET}/books/*",
        f"{BUCKET}/listings/*",
    }
    assert {resource for action, resource in may if action in ("s3:PutObject", "s3:DeleteObject")} == {
        f"{BUCKET}/books/*"
    }
    assert not [action for action, resource in may if resource == "*"]


def test_only_a_function_in_a_network_gets_network_interfaces(deployment: Deployment) -> None:
    may = allowed(
        grants.api(
            WORKERS, deployment, secret_arns=["s"], api_key_secret_arn="s", user_pool_arn="p", in_vpc=True
        )
    )
    assert {action for action, resource in may if resource == "*"} == set(grants.VPC_ACCESS)
    interfaces = f"arn:aws:ec2:us-west-2:{ACCOUNT}:network-interface/*"
    assert {action for action, resource in may if resource == interfaces} == set(grants.VPC_ADDRESSES)


def test_a_worker_reads_the_secrets_that_it_names(deployment: Deployment) -> None:
    consumer = Container("workers.w.handler", timeout=1, memory=512)
    may = allowed(grants.container_worker(Worker("w", "x", consumer, secrets=("dealers",)), deployment))
    assert {resource for action, resource in may if action == "secretsmanager:GetSecretValue"} == {
        f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:bluemoxon-staging/dealers-??????"
    }


def test_no_grant_is_for_every_action(deployment: Deployment) -> None:
    everything = allowed(
        grants.api(
            WORKERS, deployment, secret_arns=["s"], api_key_secret_arn="s", user_pool_arn="p", in_vpc=True
        )
        + grants.container_worker(BY_NAME["image_processing"], deployment)
    )
    assert not [action for action, _ in everything if "*" in action]


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_every_worker_has_its_alarms(worker: Worker, deployment: Deployment) -> None:
    alarms = {alarm.suffix: alarm for alarm in worker_alarms(worker, deployment)}
    assert alarms["dlq-not-empty"].dimensions == {"QueueName": deployment.dlq(worker.name)}
    assert alarms["oldest-message"].threshold == worker.visibility_timeout * worker.max_receive
    assert ("errors" in alarms) == (not isinstance(worker.consumer, External)), "where the function is ours"


def test_images_are_expired_in_order_of_priority() -> None:
    rules = json.loads(lifecycle_policy())["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2]
    assert rules[-1]["selection"]["tagStatus"] == "any", "ECR takes `any` in the last rule only"


@pytest.mark.parametrize("zones", [2, 3])
def test_subnets_do_not_overlap_and_stay_when_a_zone_is_added(zones: int) -> None:
    cidrs = subnet_cidrs("10.40.0.0/20", zones)
    assert len(set(cidrs)) == zones
    assert cidrs[:2] == ["10.40.0.0/22", "10.40.4.0/22"]


def test_tags_are_ones_that_aws_takes() -> None:
    for key, value in tags("staging", "images", Name="x").items():
        assert len(key) <= 128
        assert len(value) <= 256
        assert not key.startswith("aws:")


def test_a_containers_process_runs_the_handler_that_is_declared() -> None:
    from local.image_function import load_handler

    assert load_handler("image_processing").__module__ == "workers.image_processor.handler"
    with pytest.raises(Problem, match="is no container"):
        load_handler("image_results")
    with pytest.raises(Problem, match="no worker"):
        load_handler("nobody")
