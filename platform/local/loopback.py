"""What a stack's application has to be told otherwise on one machine: where its database is, and without TLS.

The embedded PostgreSQL speaks no TLS; the loopback interface stands in for it. A database of others (mode
`external`) is stood in for by a server here that has the login of its secret. Everything else the application
is told as on AWS.
"""

import json
from collections.abc import Mapping
from typing import Any

from local.paths import Paths
from local.ports import HOST, Ports
from local.postgres import PostgresInstance, instances
from local.provider.connection import Aws

STAND_IN = "others"
"""The folder, and the port, of the server that stands in for a database of others."""


def on_this_machine(outputs: Mapping[str, Any], paths: Paths, aws: Aws) -> dict[str, Any]:
    """A stack's outputs for an application that runs beside its emulator; makes the stand-in if need be."""
    api = outputs["api"]
    target = json.loads(api["environment"].get("BMX_DATABASE") or "{}")
    if not target:
        return dict(outputs)
    environment = {**api["environment"], "BMX_DATABASE": json.dumps(database(target, paths, aws))}
    return {**outputs, "api": {**api, "environment": environment}}


def database(target: Mapping[str, Any], paths: Paths, aws: Aws) -> dict[str, Any]:
    """A `DatabaseTarget`, as JSON, that is reachable here."""
    here = {**target, "sslmode": "disable"}
    stand_in = PostgresInstance(paths.postgres / STAND_IN)
    if stand_in.exists:
        return {**here, "host": HOST, "port": stand_in.start().port}
    if instances(paths.postgres):
        return here
    secret = aws.call("secretsmanager", "get_secret_value", SecretId=target["secret_arn"])
    login = json.loads(secret["SecretString"])
    port = Ports(paths.ports).get(f"postgres-{STAND_IN}")
    stand_in.create(master=login["username"], password=login["password"], database=target["name"], port=port)
    return {**here, "host": HOST, "port": port}
