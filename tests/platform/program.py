"""Runs the Pulumi program in this process, answers for AWS, and records what the program declared.

It shows what the program asks for. What an engine and a provider make of it is tested on the real engine.
"""

import asyncio
import contextvars
import gc
import json
import os
import runpy
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime import stack as runtime_stack

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
DRAWN = "yW4bTq9ZcX7mJr2KsP5vLh8NdF3gQe6A"
"""Every password that is drawn by chance."""
KEPT = "Gd5nVx8RkB2wTz7PfM4jYq9LhS3cXe6U"
"""The one that an existing secret holds."""
Config = dict[str, Any]


@dataclass(frozen=True)
class Declared:
    """A resource as the program declared it; secrets in `inputs` are opened, unknowns absent."""

    type: str
    name: str
    key: str
    parent_key: str
    protect: bool
    delete_before_replace: bool
    """The engine's state does not have it."""
    ignore_changes: tuple[str, ...]
    hooks: tuple[str, ...]
    inputs: Mapping[str, Any]
    secret_inputs: frozenset[str]
    sources: Mapping[str, tuple[str, ...]]
    """Property to the keys of the resources that it is computed from."""


@dataclass
class Run:
    """What one run of the program declared and exported."""

    resources: list[Declared] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    registered: dict[str, frozenset[str]] = field(default_factory=dict)
    """A component's key to the names of its own outputs."""

    def of(self, type_: str) -> dict[str, Declared]:
        """The resources of a type whose token ends so (`Queue`), by name."""
        return {one.name: one for one in self.resources if one.type.split(":")[-1] == type_}


def stack_config(stack: str) -> Config:
    """The configuration of a stack as its file has it."""
    loaded: Config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return loaded


def as_pulumi_passes(config: Config) -> dict[str, str]:
    """Configuration as Pulumi hands it to a program: text, structured values as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def run_program(
    stack: str,
    config: Config | None = None,
    *,
    invokes: Mapping[str, Mapping[str, Any] | Exception] | None = None,
    run: Run | None = None,
) -> Run:
    """Run `platform/__main__.py` for a stack; raises what it raises (`pulumi.RunError` for known faults)."""
    raw = as_pulumi_passes(stack_config(stack) if config is None else config)
    run = Run() if run is None else run
    contextvars.copy_context().run(_run, stack, raw, run, dict(invokes or {}))
    return run


def _run(
    stack: str,
    raw: dict[str, str],
    run: Run,
    invokes: dict[str, Mapping[str, Any] | Exception],
) -> None:
    loop, collecting = asyncio.new_event_loop(), gc.isenabled()
    asyncio.set_event_loop(loop)
    try:
        answers = {**default_invokes(stack), **invokes}
        monitor = RecordingMonitor(run, answers)
        # As `set_mocks` does, but for the root stack, which `run_in_stack` makes.
        settings.configure(
            mocks.MockSettings(  # type: ignore[no-untyped-call]
                monitor=monitor,
                engine=mocks.MockEngine(None),
                project="bluemoxon",
                stack=stack,
                dry_run=False,
                organization=None,
                callbacks=NoCallbacks(),
                outputs=set(),
                lock=threading.Lock(),
                feature_support={},
                package_refs={},
            )
        )
        pulumi.runtime.set_all_config(raw)
        program = str(ROOT / "platform" / "__main__.py")

        def run_main() -> None:
            runpy.run_path(program, run_name="__main__")

        loop.run_until_complete(runtime_stack.run_in_stack(run_main))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
        if collecting:
            gc.enable()  # the program, which lives for seconds, does without; this process does not


def default_invokes(stack: str) -> dict[str, Mapping[str, Any]]:
    """What AWS answers to the program's questions."""
    secret = f"bluemoxon-{stack}/database"
    return {
        "aws:index/getCallerIdentity:getCallerIdentity": {
            "accountId": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:user/ci",
            "id": ACCOUNT,
            "userId": "AIDA",
        },
        "aws:index/getAvailabilityZones:getAvailabilityZones": {
            "names": ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"],
        },
        "aws:secretsmanager/getSecretVersion:getSecretVersion": {
            "secretArn": f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:{secret}-AbCdEf",
            "secretString": json.dumps({"username": "bluemoxon", "password": KEPT}),
        },
    }


class NoCallbacks:
    """Takes the registration of hooks; here nobody calls them."""

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        """Accepted."""


class _Answers(mocks.Mocks):
    def __init__(self, invokes: Mapping[str, Mapping[str, Any] | Exception]) -> None:
        self.invokes = invokes

    def call(self, args: mocks.MockCallArgs) -> Any:
        answer = self.invokes[args.token]
        if isinstance(answer, Exception):
            return {}, [("", str(answer))]
        return dict(answer)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        name = (
            args.inputs.get("name") or args.inputs.get("bucket") or args.inputs.get("identifier") or args.name
        )
        made = {"name": name, **args.inputs}
        service, short = args.typ.split(":")[1].split("/")[0], args.typ.split(":")[-1]
        made["arn"] = f"arn:aws:{service}:us-west-2:{ACCOUNT}:{name}"
        identifier = f"{short.lower()}-{args.name}"
        if service == "iam":
            kind = {"OpenIdConnectProvider": "oidc-provider"}.get(short, short.lower())
            name = str(args.inputs.get("url", name)).removeprefix("https://")
            made["arn"] = f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"
        elif short == "Function":
            made["arn"] = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:{name}"
        elif short == "Queue":
            made["url"] = f"https://sqs.us-west-2.amazonaws.com/{ACCOUNT}/{name}"
        elif short == "Repository":
            made["repositoryUrl"] = f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/{name}"
        elif short == "Secret":
            made["arn"] = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:{name}-AbCdEf"
        elif short == "UserPool":
            identifier = "us-west-2_AbCdEfGhI"
            made["arn"] = f"arn:aws:cognito-idp:us-west-2:{ACCOUNT}:userpool/{identifier}"
        elif short == "RandomPassword":
            made["result"] = DRAWN
        elif short == "Instance":
            made |= {"address": f"{name}.rds.amazonaws.com", "port": 5432}
            if args.inputs.get("manageMasterUserPassword"):
                arn = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:rds!x-AbCdEf"
                made["masterUserSecrets"] = [{"secretArn": arn}]
        elif short in _EC2_IDS:
            identifier = f"{_EC2_IDS[short]}-{zlib.crc32(args.name.encode()):08x}"
        return identifier, made


_EC2_IDS = {"RouteTable": "rtb", "SecurityGroup": "sg", "Subnet": "subnet", "Vpc": "vpc"}


class RecordingMonitor(mocks.MockMonitor):
    """Pulumi's mock monitor, which also keeps what mocks are not told: options and outputs."""

    def __init__(self, run: Run, invokes: Mapping[str, Mapping[str, Any] | Exception]) -> None:
        super().__init__(_Answers(invokes))
        self.run = run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        if request.type != "pulumi:pulumi:Stack":
            inputs = rpc.deserialize_properties(request.object)
            self.run.resources.append(
                Declared(
                    request.type,
                    request.name,
                    self.make_urn(request.parent, request.type, request.name),
                    "" if "::pulumi:pulumi:Stack::" in request.parent else request.parent,
                    request.protect,
                    request.deleteBeforeReplace,
                    tuple(request.ignoreChanges),
                    tuple(
                        f"{event}: {hook}"
                        for event in ("before_update", "before_delete")
                        for hook in getattr(request.hooks, event)
                    ),
                    {key: _open(value) for key, value in inputs.items()},
                    frozenset(key for key, value in inputs.items() if rpc.is_rpc_secret(value)),
                    {key: tuple(found.urns) for key, found in request.propertyDependencies.items()},
                )
            )
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if "::pulumi:pulumi:Stack::" in request.urn:
            outputs = rpc.deserialize_properties(request.outputs)
            self.run.outputs.update({key: _open(value) for key, value in outputs.items()})
        else:
            self.run.registered[request.urn] = frozenset(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def _open(value: Any) -> Any:
    return rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value


os.environ.setdefault(
    "PULUMI_ERROR_OUTPUT_STRING", "true"
)  # a secret or unknown turned into text is an error
