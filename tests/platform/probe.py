"""What a copy of the project makes of its workers, as JSON: `python -m tests.platform.probe`.

It runs the program for two stacks and, with the environment that comes out, the application's health check.
Run in the copy, all of it is the copy's.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from tests.platform.program import Run, run_program

KEY = "key-of-the-probe-0123456789"


def main() -> None:
    """Print both stacks' resources by type and name, and of the local one environment and system info."""
    local, staging = run_program("local"), run_program("staging")
    environment = dict(local.outputs["api"]["environment"])
    with _aws(local, environment):
        info = _system_info()
    found = {
        "local": _resources(local),
        "staging": _resources(staging),
        "queues": local.outputs["queues"],
        "environment": environment,
        "system_info": info,
    }
    json.dump(found, sys.stdout, default=str)


def _resources(run: Run) -> dict[str, dict[str, Any]]:
    types = {one.type.split(":")[-1] for one in run.resources}
    return {short: {name: dict(one.inputs) for name, one in run.of(short).items()} for short in types}


@contextlib.contextmanager
def _aws(run: Run, environment: dict[str, str]) -> Iterator[None]:
    """The stack's queues and API key, and its environment but for database and user pool."""
    import boto3
    from moto import mock_aws

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-west-2"}
    with mock_aws():
        for queue in run.of("Queue").values():
            boto3.client("sqs").create_queue(QueueName=queue.inputs["name"])
        value = json.dumps({"current": KEY, "previous": None})
        arn = boto3.client("secretsmanager").create_secret(Name="key", SecretString=value)["ARN"]
        absent = dict.fromkeys(("BMX_DATABASE", "BMX_USER_POOL_ID", "BMX_USER_POOL_CLIENT_ID"), "")
        os.environ |= {**environment, **absent, "BMX_API_KEY_SECRET_ARN": arn}
        yield


def _system_info() -> Any:
    """What the admin page shows."""
    import importlib

    from chalice.test import Client

    app = importlib.import_module("app").app
    reply = Client(app).http.get("/admin/system-info", headers={"X-API-Key": KEY})
    assert reply.status_code == 200, reply.body
    return reply.json_body


if __name__ == "__main__":
    main()
