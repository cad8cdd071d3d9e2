"""The application's package, deployed to the emulator's CloudFormation, and its database migrated."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.naming import LOCAL
from local import package, schema
from local.files import checksum, read_json, write_atomic
from local.paths import Paths
from local.provider.connection import Aws, AwsError
from local.reporting import Reporter
from local.sign_in import allow_return
from workers.contracts.problem import Problem

STAGE_OF_API = "api"
DEPLOY_SECONDS = 120.0


@dataclass(frozen=True)
class Deployment:
    """What is deployed: where the API answers and which functions there are (label to name)."""

    api_url: str
    functions: dict[str, str]
    checksum: str


@dataclass(frozen=True)
class Deployer:
    """Deploys the application to one emulator."""

    paths: Paths
    aws: Aws
    stack: str = LOCAL

    @property
    def _record(self) -> Path:
        return self.paths.deploy / "application.json"

    @property
    def _name(self) -> str:
        return f"bluemoxon-{self.stack}-app"

    def current(self) -> Deployment | None:
        """What was deployed last, as noted then."""
        data = read_json(self._record)
        return Deployment(data["api_url"], data["functions"], data["checksum"]) if data else None

    def deploy(self, outputs: Mapping[str, Any], report: Reporter) -> Deployment:
        """Package, migrate, create or update the CloudFormation stack. Nothing happens where nothing changed.

        Where there is no application yet, the new one migrates.
        """
        aws = self.aws
        built = package.build(self.paths, self.stack, outputs, report)
        before = self.current()
        if before is not None and not self._exists(aws):
            before = None
        if before and before.checksum == built.checksum:
            allow_return(aws, outputs["api"]["environment"], before.api_url)
            return before
        client = aws.client("lambda")
        if before:
            report.say("Migrating the database")
            schema.update(client, before.functions[schema.FUNCTION], built)
            schema.migrate(client, before.functions[schema.FUNCTION])
        report.say("Deploying the application")
        self._apply(aws, self._template(aws, built))
        functions = self._functions(aws)
        if not before:
            report.say("Migrating the database")
            schema.migrate(client, functions[schema.FUNCTION])
        deployed = Deployment(self._api_url(aws), functions, built.checksum)
        write_atomic(self._record, json.dumps(deployed.__dict__))
        allow_return(aws, outputs["api"]["environment"], deployed.api_url)
        return deployed

    def _template(self, aws: Aws, built: package.Package) -> str:
        bucket = f"bluemoxon-{self.stack}-deploy-{self.aws.connection.account}"
        if aws.find("s3", "head_bucket", Bucket=bucket) is None:
            location = {"LocationConstraint": self.aws.connection.region}
            aws.call("s3", "create_bucket", Bucket=bucket, CreateBucketConfiguration=location)
        key = f"{checksum(built.archive.read_bytes())}.zip"
        if aws.find("s3", "head_object", Bucket=bucket, Key=key) is None:
            aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=built.archive.read_bytes())
        template = json.loads(built.template.read_text(encoding="utf-8"))
        for resource in template["Resources"].values():
            if "CodeUri" in resource.get("Properties", {}):
                resource["Properties"]["CodeUri"] = f"s3://{bucket}/{key}"
        return json.dumps(template)

    def _exists(self, aws: Aws) -> bool:
        try:
            status = self._status(aws)
        except AwsError:
            return False
        return status.endswith("_COMPLETE") and "ROLLBACK" not in status and "DELETE" not in status

    def _status(self, aws: Aws) -> str:
        reply = aws.call("cloudformation", "describe_stacks", StackName=self._name)
        return str(reply["Stacks"][0]["StackStatus"])

    def _apply(self, aws: Aws, template: str) -> None:
        bucket = f"bluemoxon-{self.stack}-deploy-{self.aws.connection.account}"
        key = f"{checksum(template)}.template.json"
        aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=template.encode())
        parameters = {
            "StackName": self._name,
            "TemplateURL": f"{self.aws.connection.endpoint}/{bucket}/{key}",
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        }
        try:
            status = self._status(aws)
        except AwsError:
            status = ""
        if status and ("ROLLBACK" in status or status.endswith("_FAILED")):
            # A first creation that failed cannot be updated, on AWS neither.
            aws.call("cloudformation", "delete_stack", StackName=self._name)
            self._wait(aws, gone=True)
            status = ""
        try:
            operation = "update_stack" if status else "create_stack"
            aws.call("cloudformation", operation, **parameters)
        except AwsError as error:
            if "No updates are to be performed" not in str(error):
                raise
        self._wait(aws)

    def _wait(self, aws: Aws, *, gone: bool = False) -> None:
        deadline = time.monotonic() + DEPLOY_SECONDS
        while True:
            try:
                status = self._status(aws)
            except AwsError:
                if gone:
                    return
                raise
            if not status.endswith("_IN_PROGRESS"):
                break
            if time.monotonic() > deadline:
                raise Problem(
                    f"CloudFormation still says {status} after {DEPLOY_SECONDS:.0f} seconds.",
                    fix="See `./bmx logs emulator`, then run `./bmx up` again.",
                )
            time.sleep(0.1)
        if not gone and ("ROLLBACK" in status or status.endswith("_FAILED")):
            raise Problem(
                f"The application was not deployed ({status}): {self._reason(aws)}",
                fix="Correct it and run `./bmx up` again.",
            )

    def _reason(self, aws: Aws) -> str:
        events = aws.call("cloudformation", "describe_stack_events", StackName=self._name)["StackEvents"]
        failed = [event for event in events if str(event.get("ResourceStatus", "")).endswith("_FAILED")]
        said = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]
        return " | ".join(said) or "no reason given"

    def _resources(self, aws: Aws) -> list[dict[str, Any]]:
        reply = aws.call("cloudformation", "describe_stack_resources", StackName=self._name)
        return list(reply["StackResources"])

    def _functions(self, aws: Aws) -> dict[str, str]:
        return {
            package.function_label(resource["LogicalResourceId"]): resource["PhysicalResourceId"]
            for resource in self._resources(aws)
            if resource["ResourceType"] == "AWS::Lambda::Function"
            or resource["ResourceType"] == "AWS::Serverless::Function"
        }

    def _api_url(self, aws: Aws) -> str:
        """The API's address by path: `*.execute-api.localhost` does not resolve everywhere."""
        for resource in self._resources(aws):
            if resource["ResourceType"] in {"AWS::ApiGateway::RestApi", "AWS::Serverless::Api"}:
                api = resource["PhysicalResourceId"]
                return f"{self.aws.connection.endpoint}/_aws/execute-api/{api}/{STAGE_OF_API}"
        raise Problem("The deployed application has no API.", fix="Run `./bmx up` again.")
