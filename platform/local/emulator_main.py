"""Runs the emulator so that killing a process costs nothing.

This file runs under the emulator's own Python and imports nothing of the project. It adds these things to
ministack:

- *Checkpoints.* ministack writes its state when it is told to stop; a killed one would forget all. Here a
  thread writes each service's state when it has changed, every few seconds. `STATE_DIR/.running` exists
  from the start to an orderly end: who finds it while no emulator runs knows that the last one was killed.
- *Messages in flight are given back at the start.* Whoever worked on them was a part of the last run.
- *A function process that is gone is waited for.* Lambda replaces a dead execution environment; so an
  invocation whose process refused or dropped the connection is sent again until the function's timeout.
- *IAM is asked what AWS asks it*: `emulator_iam`.
- *Things can be made with a given identity*: a tag `_custom_id_`, as LocalStack has it, is the id of a VPC, a
  subnet or a security group, and the random end of a secret's ARN.
- *An API can be imported from an OpenAPI body*, whole: `emulator_apis`.
- *A function has a few processes, and invocations wait for a free one*: `emulator_environments`.
- *A renewed token names the groups of its person*, as Cognito's does.
- *Requests count as made over TLS*, with `BMX_EMULATOR_TLS=1`. Stacks that refuse plain text would lock
  themselves out of an emulator that speaks nothing else; here the loopback interface stands in for TLS.
"""

import contextlib
import contextvars
import hashlib
import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ministack import app  # type: ignore[import-not-found]
from ministack.core import persistence  # type: ignore[import-not-found]

Reply = dict[str, Any]
"""A piece of JSON as the emulator passes it on."""

CHECKPOINT_SECONDS = float(os.environ.get("BMX_CHECKPOINT_SECONDS", "5"))


def keep_checkpoints() -> None:
    """Write changed state every few seconds until the emulator writes it all at its end."""
    marker = Path(persistence.STATE_DIR) / ".running"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(str(os.getpid()))
    stop, lock = threading.Event(), threading.Lock()
    save_at_the_end = app.save_all

    def save_all(services: dict[str, Any]) -> None:
        stop.set()
        with lock:
            save_at_the_end(services)
        marker.unlink(missing_ok=True)

    def loop() -> None:
        written: dict[str, str] = {}
        while not stop.wait(CHECKPOINT_SECONDS):
            with lock:
                if not stop.is_set():
                    _checkpoint(written)

    app.save_all = save_all
    threading.Thread(target=loop, name="checkpoint", daemon=True).start()


def _checkpoint(written: dict[str, str]) -> None:
    for name, get_state in app._build_persistence_save_dict().items():
        # A service that is changing right now cannot be copied; it is written the next time.
        with contextlib.suppress(RuntimeError):
            state = get_state()
            if state is None:
                continue
            text = json.dumps(state, default=persistence._json_default)
            digest = hashlib.sha256(text.encode()).hexdigest()
            if written.get(name) != digest:
                persistence.save_state(name, state)
                written[name] = digest


def give_back_messages() -> None:
    """After the state is loaded, make every received message visible again."""
    load = app._load_persisted_state

    def load_and_give_back() -> None:
        load()
        from ministack.services import sqs  # type: ignore[import-not-found]

        now = time.time()
        for queue in list(sqs._queues._data.values()):
            for message in queue.get("messages", []):
                if message.get("receipt_handle") and message.get("visible_at", 0) > now:
                    message["visible_at"] = now

    app._load_persisted_state = load_and_give_back


def wait_for_function_processes() -> None:
    """Send an invocation again whose process went away, within the function's timeout."""
    from ministack.services import lambda_svc

    invoke_once = lambda_svc._execute_function_proxy

    def invoke(func: Reply, event: Reply, url: str, request_id: str) -> Reply:
        config = func.get("config") or func
        deadline = time.monotonic() + int(config.get("Timeout") or 3)
        while True:
            result: Reply = invoke_once(func, event, url, request_id)
            if not _connection_lost(result) or time.monotonic() > deadline:
                return result
            time.sleep(0.25)

    lambda_svc._execute_function_proxy = invoke


def _connection_lost(result: Reply) -> bool:
    if not result.get("error"):
        return False
    body = result.get("body") or {}
    answered = str(body.get("errorMessage", "")).startswith("Proxy target returned HTTP")
    return body.get("errorType") != "Sandbox.Timedout" and not answered


def load_beside(name: str) -> Any:
    """A module from beside this file, whose folder is not on the path: its other names are common ones."""
    place = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, place)
    if spec is None or spec.loader is None:
        raise ImportError(f"{place} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


CUSTOM_ID = "_custom_id_"

_wanted: contextvars.ContextVar[tuple[str, str]] = contextvars.ContextVar("wanted", default=("", ""))
"""The prefix of the id that the call in hand is to give, and the whole id."""


def give_wanted_ids() -> None:
    """Let a tag decide the identity of what is made, so that others' things can be stood in for."""
    from ministack.services import ec2, secretsmanager

    for action, prefix, maker in (
        ("CreateVpc", "vpc", "_new_vpc_id"),
        ("CreateSubnet", "subnet", "_new_subnet_id"),
        ("CreateSecurityGroup", "sg", "_new_sg_id"),
    ):
        ec2._ACTION_MAP[action] = _with_wanted_id(ec2._ACTION_MAP[action], prefix)
        setattr(ec2, maker, _wanted_or(getattr(ec2, maker), prefix))

    store = secretsmanager._store_new_secret

    def store_new_secret(name: str, *arguments: Any, **named: Any) -> tuple[str, str]:
        arn, version = store(name, *arguments, **named)
        end = next((tag["Value"] for tag in named.get("tags") or [] if tag["Key"] == CUSTOM_ID), None)
        if end:
            arn = f"{arn.rpartition('-')[0]}-{end}"
            secretsmanager._secrets[name]["ARN"] = arn
        return arn, version

    secretsmanager._store_new_secret = store_new_secret


def _with_wanted_id(create: Any, prefix: str) -> Any:
    def handler(parameters: Reply) -> Any:
        token = _wanted.set((prefix, _tag(parameters)))
        try:
            return create(parameters)
        finally:
            _wanted.reset(token)

    return handler


def _wanted_or(make: Any, prefix: str) -> Any:
    def new_id() -> str:
        kind, wanted = _wanted.get()
        return wanted if wanted and kind == prefix else str(make())

    return new_id


def _tag(parameters: Reply) -> str:
    """The value of the tag `_custom_id_` among EC2's flat parameters, each a list of values."""
    for name, value in parameters.items():
        if name.endswith(".Key") and CUSTOM_ID in value:
            found = parameters[name.removesuffix("Key") + "Value"]
            return str(found[0] if isinstance(found, list) else found)
    return ""


def name_groups_when_renewing() -> None:
    """A token that is renewed at the sign-in page's endpoint says again in which groups its person is."""
    from ministack.services import cognito

    make = cognito._fake_token

    def make_with_groups(sub: str, pool_id: str, client_id: str, *kind: str, **said: Any) -> str:
        if said.get("trigger_source") == "TokenGeneration_RefreshTokens" and not said.get("groups"):
            person = cognito._get_pool_unscoped(pool_id)["_users"].get(said.get("username"), {})
            said["groups"] = person.get("_groups", [])
        return str(make(sub, pool_id, client_id, *kind, **said))

    cognito._fake_token = make_with_groups


def count_as_tls() -> None:
    """Tell IAM's conditions that every request came over TLS."""
    pin = app.pin_request_origin
    app.pin_request_origin = lambda address, _secure: pin(address, True)


def main() -> None:
    keep_checkpoints()
    give_wanted_ids()
    load_beside("emulator_apis").install()
    load_beside("emulator_environments").install()
    load_beside("emulator_iam").install()
    if os.environ.get("BMX_EMULATOR_TLS") == "1":
        count_as_tls()
    give_back_messages()
    wait_for_function_processes()
    name_groups_when_renewing()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
