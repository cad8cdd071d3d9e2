"""The application of a stack, deployed by Chalice: to AWS, or to the stack's emulator.

Chalice is run on a project of its own, put together from the checkout and the stack's outputs, with the
locked dependencies in `vendor/`. So the checkout stays as it is, and nothing is fetched without its hash.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import package, schema
from local.deploy import STAGE_OF_API
from local.gateway_responses import GATEWAY_RESPONSES
from local.loopback import on_this_machine
from local.reporting import Reporter
from operations.asking import asking
from operations.release.kept import Kept
from operations.target import Target
from workers.contracts.problem import Problem

BATCH_FAILURES = "ReportBatchItemFailures"


@dataclass(frozen=True)
class Deployed:
    """What Chalice made: the API's address, and the functions' names by their handlers'."""

    url: str
    functions: Mapping[str, str]


@dataclass(frozen=True)
class Application:
    """The application of one stack."""

    target: Target
    kept: Kept

    @property
    def _record(self) -> str:
        return f"{self.target.stack}.json"

    def deploy(self, outputs: Mapping[str, Any], report: Reporter) -> Deployed:
        """Run `chalice deploy`; raises `Problem` with what it said, also where an output is empty."""
        target = self.target
        outputs = self._reachable(outputs)
        vendor = package.dependencies(target.paths, report, self._place)
        work = Path(tempfile.mkdtemp(dir=target.paths.packages, prefix=".building-"))
        try:
            app = work / "app"
            package.assemble(target.paths, app, vendor, target.stack, outputs)
            noted = app / ".chalice" / "deployed" / self._record
            before = self.kept.read(self._record)
            if before is not None:
                noted.parent.mkdir()
                noted.write_text(json.dumps(before), encoding="utf-8")
            package.run_chalice(app, ["deploy", "--stage", target.stack], self._environment())
            self.kept.write(self._record, json.loads(noted.read_text(encoding="utf-8")))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        self.shape_gateway_errors()
        return self.deployed()

    def deployed(self) -> Deployed:
        """What was deployed last; raises `Problem` where nothing was."""
        functions = {
            one["name"]: str(one["lambda_arn"]).rpartition(":")[2]
            for one in self._resources("lambda_function")
        }
        return Deployed(self._url(self._resources("rest_api")[0]), functions)

    def _resources(self, kind: str) -> list[dict[str, Any]]:
        """What Chalice made of a kind; raises `Problem` where it made nothing yet."""
        noted = self.kept.read(self._record)
        if noted is None:
            raise Problem(
                f"The application of stack {self.target.stack} was not deployed yet.",
                fix=f"Deploy it: bmx deploy {self.target.options}.",
            )
        return [one for one in noted["resources"] if one["resource_type"] == kind]

    def report_batch_failures(self) -> list[str]:
        """Have every function that a queue feeds report the messages of a batch that failed, which Chalice
        does not set; the functions whose mapping was changed."""
        client = self.target.client("lambda")
        changed = []
        with asking("The functions' queues cannot be looked at or set."):
            for function in self.deployed().functions.values():
                pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=function)
                for mapping in (one for page in pages for one in page["EventSourceMappings"]):
                    if BATCH_FAILURES not in (mapping.get("FunctionResponseTypes") or ()):
                        client.update_event_source_mapping(
                            UUID=mapping["UUID"], FunctionResponseTypes=[BATCH_FAILURES]
                        )
                        changed.append(function)
        return changed

    def shape_gateway_errors(self) -> None:
        """Have the gateway's own errors in the application's shape: a deployment by Chalice takes it away."""
        client, api = self.target.client("apigateway"), str(self._resources("rest_api")[0]["rest_api_id"])
        with asking(f"The answers of the API {api} itself cannot be set."):
            for kind, response in GATEWAY_RESPONSES.items():
                client.put_gateway_response(restApiId=api, responseType=kind, **response)
            client.create_deployment(restApiId=api, stageName=STAGE_OF_API)

    def keep_logs(self, days: int) -> None:
        """Keep every function's log for so many days: Lambda makes it at the first line, and for ever."""
        client = self.target.client("logs")
        for function in self.deployed().functions.values():
            group = f"/aws/lambda/{function}"
            with asking(f"How long {group} is kept cannot be set."):
                with suppress(client.exceptions.ResourceAlreadyExistsException):
                    client.create_log_group(logGroupName=group)
                client.put_retention_policy(logGroupName=group, retentionInDays=days)

    def can_migrate(self) -> bool:
        """Whether the function that migrates is there: not before the first release of the application."""
        if self.kept.read(self._record) is None:
            return False
        function = self.deployed().functions[schema.FUNCTION]
        with asking(f"The function {function} cannot be looked at."):
            return schema.exists(self.target.client("lambda"), function)

    def prepare_migration(self, outputs: Mapping[str, Any], report: Reporter) -> None:
        """Give the function that migrates, and no other, this release's code and settings."""
        function = self.deployed().functions[schema.FUNCTION]
        outputs = self._reachable(outputs)
        built = package.build(self.target.paths, self.target.stack, outputs, report, self._place)
        with asking(f"The function {function} cannot be changed."):
            schema.update(self.target.client("lambda"), function, built)

    def migrate(self) -> dict[str, Any]:
        """Bring the schema to this release while the application before it runs on; the revisions before and
        after. Raises `MigrationFailed` where it stayed as it was.
        """
        function = self.deployed().functions[schema.FUNCTION]
        with asking(f"The function {function} cannot be invoked."):
            return schema.migrate(self.target.client("lambda", once=True), function)

    @property
    def _place(self) -> package.Target:
        return package.Target.LAMBDA if self.target.emulator is None else package.Target.HERE

    def _reachable(self, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The stack's outputs as functions have to be told them, where they run."""
        target = self.target
        return outputs if target.emulator is None else on_this_machine(outputs, target.paths, target.emulator)

    def _url(self, api: Mapping[str, Any]) -> str:
        emulator = self.target.emulator
        if emulator is None:
            return str(api["rest_api_url"]).rstrip("/")
        endpoint = emulator.connection.endpoint
        return f"{endpoint}/_aws/execute-api/{api['rest_api_id']}/{STAGE_OF_API}"

    def _environment(self) -> dict[str, str]:
        if self.target.emulator is None:
            return {**os.environ, "AWS_DEFAULT_REGION": self.target.region}
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **self.target.emulator.connection.to_sdk_environment(),
        }
