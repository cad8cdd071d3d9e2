"""The process behind a container worker's function: the worker's real handler under the worker's own role.

The emulator runs no images; it forwards the function's invocations to this process (`python -m
local.image_function WORKER FUNCTION PORT REVISION`), which gives the handler what Lambda would: the
function's environment, a context with a deadline, and the credentials of the function's role, renewed
before they end. One invocation runs at a time: the handler uses every core by itself. Killing the
process loses nothing; the supervisor starts another and the emulator sends the invocation again.
"""

import hmac
import importlib
import json
import logging
import os
import secrets
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from local.json_http import JsonRequests, JsonServer
from local.paths import Paths
from local.ports import HOST
from local.provider.connection import Aws, Connection
from local.runtime_api import FunctionError
from workers.contracts.problem import Problem

logger = logging.getLogger("image_function")

RENEWAL = timedelta(minutes=20)
"""Before its end a session is replaced: earlier than boto3 asks for a new one, which is 15 minutes before."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Context:
    """What Lambda's context object tells a handler."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: int
    aws_request_id: str
    deadline: float
    """Seconds since the epoch."""
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would stop the handler."""
        return max(0, int((self.deadline - time.time()) * 1000))


@dataclass
class RoleCredentials:
    """Sessions of a role, as the container credential provider of the AWS SDKs wants them."""

    aws: Aws
    role_arn: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    _session: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def current(self) -> dict[str, str]:
        """A session that is valid for a while, in the provider's JSON shape."""
        with self._lock:
            if not self._session or time.time() > (self._session["Expiration"] - RENEWAL).timestamp():
                reply = self.aws.call(
                    "sts", "assume_role", RoleArn=self.role_arn, RoleSessionName="image-function"
                )
                self._session = reply["Credentials"]
            return {
                "AccessKeyId": self._session["AccessKeyId"],
                "SecretAccessKey": self._session["SecretAccessKey"],
                "Token": self._session["SessionToken"],
                "Expiration": self._session["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            }


@dataclass
class Function:
    """One function: its configuration as Lambda has it, and its handler."""

    name: str
    configuration: Mapping[str, Any]
    handler: Callable[[Event, Any], Any]
    prepare: Callable[[], None] = lambda: None
    """Called before each invocation, when none is running."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def invoke(self, event: Event, request_id: str, deadline: float) -> Any:
        """Run the handler when it is its turn; what it raises goes to the caller."""
        with self._turn:
            self.prepare()
            if time.time() > deadline:
                raise TimeoutError(f"{self.name} had no time left when its turn came")
            context = Context(
                function_name=self.name,
                invoked_function_arn=str(self.configuration["FunctionArn"]),
                memory_limit_in_mb=int(self.configuration["MemorySize"]),
                aws_request_id=request_id,
                deadline=deadline,
                log_group_name=f"/aws/lambda/{self.name}",
            )
            return self.handler(event, context)


def function_environment(configuration: Mapping[str, Any], connection: Connection) -> dict[str, str]:
    """What Lambda sets for a function of this configuration, and where AWS is; without credentials."""
    variables = configuration.get("Environment", {}).get("Variables", {})
    return {
        **{name: str(value) for name, value in variables.items()},
        "AWS_REGION": connection.region,
        "AWS_DEFAULT_REGION": connection.region,
        "AWS_ENDPOINT_URL": connection.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_LAMBDA_FUNCTION_NAME": str(configuration["FunctionName"]),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    }


def set_environment(configuration: Mapping[str, Any], connection: Connection, model_dir: Path) -> None:
    """Make this process's environment the function's. Nothing of the user's own AWS settings stays."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(function_environment(configuration, connection), BMX_MODEL_DIR=str(model_dir))


def load_handler(worker: str) -> Callable[[Event, Any], Any]:
    """The handler that the worker's declaration names; raises `Problem` where there is none to run."""
    from infra.workers import container_of

    path = container_of(worker).handler
    module, _, name = path.rpartition(".")
    try:
        handler: Callable[[Event, Any], Any] = getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise Problem(
            f"There is no handler {path} of worker {worker}.",
            why=f"{error}.",
            fix="Write it, or correct the worker's `handler` in platform/infra/workers.py.",
        ) from error
    return handler


def start_anew_with(marker: Path, environment: Mapping[str, str]) -> Callable[[], None]:
    """What a function of this process calls before each invocation: it replaces the process, under the same
    id and with `environment`, once another emulator runs than at its start.

    That one has forgotten all sessions, and what the handler's clients hold cannot be taken from them. The
    emulator sends the invocation again. `marker` is a file that each run of the emulator writes.
    """

    def started() -> int:
        try:
            return marker.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    first = started()

    def start_anew() -> None:
        if started() != first:
            logger.warning("the emulator was started again, and so is this process")
            os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - this very command again

    return start_anew


class Invocable(Protocol):
    """A function that can be called: its handler in this process, or one in a container."""

    @property
    def name(self) -> str: ...

    def invoke(self, event: Event, request_id: str, deadline: float) -> Any:
        """The answer; raises what the handler raised, `FunctionError` or `TimeoutError`."""


def make_server(port: int, function: Invocable, credentials: RoleCredentials | None = None) -> JsonServer:
    """The HTTP side: `POST /` invokes, `GET /credentials` gives the role's session, `GET /` says it is up."""

    class Requests(JsonRequests):
        def get(self) -> None:
            if self.path == "/":
                self.reply(200, {"function": function.name, "pid": os.getpid()})
            elif (
                credentials is not None
                and self.path == "/credentials"
                and hmac.compare_digest(self.headers.get("Authorization", ""), credentials.token)
            ):
                self.reply(200, credentials.current())
            else:
                super().get()

        def post(self) -> None:
            # A page in a browser cannot set this header without asking first.
            if self.headers.get("X-Amzn-Lambda-Function-Name") != function.name:
                self.reply(403, {"errorMessage": "not an invocation of this function"})
                return
            event = json.loads(self.body() or b"{}")
            request_id = self.headers.get("X-Amzn-Lambda-Request-Id", "")
            deadline = int(self.headers.get("X-Amzn-Lambda-Deadline-Ms", "0")) / 1000
            try:
                result = function.invoke(event, request_id, deadline)
            except FunctionError as error:
                self.reply(500, {"errorMessage": str(error), "errorType": error.type})
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is Lambda's function error
                logger.error("%s", traceback.format_exc())
                self.reply(500, {"errorMessage": str(error), "errorType": type(error).__name__})
            else:
                self.reply(200, result)

    server = JsonServer((HOST, port), Requests)
    if credentials is not None:
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://{HOST}:{server.server_port}/credentials"
        os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = credentials.token
    return server


def main() -> None:
    """Serve one function until the process is ended."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    worker, name, port = sys.argv[1:4]
    paths = Paths.default()
    marker = paths.emulator_state / "state" / ".running"
    prepare = start_anew_with(marker, dict(os.environ))
    connection = Connection.from_environment()
    aws = Aws(connection)
    configuration = aws.call("lambda", "get_function_configuration", FunctionName=name)
    set_environment(configuration, connection, paths.models)
    credentials = RoleCredentials(aws, str(configuration["Role"]))
    function = Function(name, configuration, load_handler(worker), prepare)
    server = make_server(int(port), function, credentials)
    logger.info("%s answers on port %s", name, port)
    server.serve_forever()


if __name__ == "__main__":
    main()
