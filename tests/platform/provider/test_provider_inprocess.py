"""The fallback engine: the program applied twice, changed, shrunk, guarded by its hooks, and taken away."""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from local.provider.connection import Aws, Connection
from local.provider.inprocess import SECRET, apply, destroy
from workers.contracts import Problem

pytestmark = pytest.mark.local

PROGRAM = """
import json, pulumi, pulumi_aws as aws, pulumi_random as random
config = pulumi.Config()
parent = pulumi.ComponentResource("test:a:Parent", "parent")
child = pulumi.ResourceOptions(parent=parent)
dlq = aws.sqs.Queue("dlq", name="in-dlq", opts=child)
queue = aws.sqs.Queue("queue", name="in-queue", visibility_timeout_seconds=config.require_int("seconds"),
    redrive_policy=dlq.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})),
    opts=child)
password = random.RandomPassword("password", length=config.get_int("length") or 20,
    opts=pulumi.ResourceOptions(ignore_changes=["length"] if config.get("ignore") else None))
secret = aws.secretsmanager.Secret("secret", name="in/secret", recovery_window_in_days=0)
async def refuse(args):
    new = args.new_inputs["displayName"]
    raise Exception(f"{args.name} keeps its name, not {new}")
hook = pulumi.ResourceHook("refuse", refuse)
topic = aws.sns.Topic("topic", name="in-topic", display_name=config.get("display"),
    opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook])))
aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=password.result)
if not config.get_bool("small"):
    aws.cloudwatch.LogGroup("logs", name="in-logs", retention_in_days=1)
pulumi.export("url", queue.url)
pulumi.export("account", aws.get_caller_identity_output().account_id)
pulumi.export("password", password.result)
"""

Apply = Callable[..., dict[str, object]]


@pytest.fixture
def steps() -> list[str]:
    return []


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state" / "inprocess.json"


@pytest.fixture
def run(connection: Connection, tmp_path: Path, state: Path, steps: list[str]) -> Apply:
    (tmp_path / "__main__.py").write_text(textwrap.dedent(PROGRAM))

    def run(**config: object) -> dict[str, object]:
        steps.clear()
        settings = {f"bluemoxon:{key}": str(value) for key, value in {"seconds": 60, **config}.items()}
        return apply(tmp_path, "local", settings, connection, state, steps.append)

    return run


def secret_value(connection: Connection) -> str:
    found = Aws(connection).call("secretsmanager", "get_secret_value", SecretId="in/secret")
    return str(found["SecretString"])


def test_a_program_is_applied_kept_changed_and_removed(
    run: Apply, connection: Connection, state: Path, steps: list[str]
) -> None:
    aws = Aws(connection)
    outputs = run()
    assert outputs == {
        "url": f"{connection.endpoint}/000000000000/in-queue",
        "account": "000000000000",
        "password": SECRET,
    }
    password = secret_value(connection)
    assert len(password) == 20

    assert run() == outputs
    assert steps == [], "nothing has changed"

    run(seconds=90, ignore=1, length=30)
    assert steps == ["updating Queue queue"], "an ignored change is none"
    assert secret_value(connection) == password

    run(seconds=90, small=True)
    assert steps == ["deleting LogGroup logs"]
    assert aws.call("logs", "describe_log_groups", logGroupNamePrefix="in-logs")["logGroups"] == []

    aws.call("sqs", "delete_queue", QueueUrl=outputs["url"])
    run(seconds=90, small=True)
    assert "creating Queue queue" in steps, "what the emulator has lost is made again"

    destroy(connection, state, steps.append)
    assert aws.find("secretsmanager", "describe_secret", SecretId="in/secret") is None
    assert json.loads(state.read_text())["made"] == {}


def test_the_record_shows_no_secret_and_is_for_this_user_only(
    run: Apply, connection: Connection, state: Path, steps: list[str]
) -> None:
    run()
    password = secret_value(connection)
    assert password not in state.read_text()
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.with_name(state.name + ".secrets").stat().st_mode & 0o777 == 0o600
    destroy(connection, state, steps.append)


def test_a_hook_of_the_program_refuses(
    run: Apply, connection: Connection, state: Path, steps: list[str]
) -> None:
    run(display="one")
    with pytest.raises(Problem, match="topic keeps its name, not two"):
        run(display="two")
    assert run(display="one")
    destroy(connection, state, steps.append)


def test_a_refused_input_is_told_by_name(tmp_path: Path, connection: Connection, state: Path) -> None:
    (tmp_path / "__main__.py").write_text(
        "import pulumi_aws as aws\n"
        'aws.rds.Instance("d", engine="mysql", instance_class="x", username="u", password="long-enough")\n'
    )
    with pytest.raises(Problem, match=r"Instance d is not acceptable.*engine: is not postgres"):
        apply(tmp_path, "local", {}, connection, state, print)


def test_a_fault_of_the_program_is_told(tmp_path: Path, connection: Connection, state: Path) -> None:
    (tmp_path / "__main__.py").write_text('raise KeyError("nowhere")\n')
    with pytest.raises(Problem, match="KeyError: 'nowhere'"):
        apply(tmp_path, "local", {}, connection, state, print)


def test_a_replaced_thing_goes_after_its_successor_is_there(
    run: Apply, connection: Connection, state: Path, steps: list[str]
) -> None:
    run()
    before = secret_value(connection)
    run(length=24)
    assert "replacing RandomPassword password" in steps
    assert len(secret_value(connection)) == 24
    assert secret_value(connection) != before
    destroy(connection, state, steps.append)
