"""Lambda: functions (container images and archives), event sources, permissions."""
# ruff: noqa: ARG002, S105

import time
from typing import Any

import pulumi

from local.provider import tags
from local.provider.context import Context
from local.provider.core import Diff, ResourceType
from local.provider.diff import Change, Kind
from local.provider.lambda_code import archive_bytes, digest
from local.provider.shapes import back, camel, pascal, renamed
from local.provider.values import Properties
from workers.contracts import Problem

_CONFIGURATION = {
    "description": "Description",
    "handler": "Handler",
    "kmsKeyArn": "KMSKeyArn",
    "layers": "Layers",
    "memorySize": "MemorySize",
    "role": "Role",
    "runtime": "Runtime",
    "timeout": "Timeout",
}
_BLOCKS = {
    "deadLetterConfig": "DeadLetterConfig",
    "environment": "Environment",
    "ephemeralStorage": "EphemeralStorage",
    "fileSystemConfig": "FileSystemConfigs",
    "imageConfig": "ImageConfig",
    "loggingConfig": "LoggingConfig",
    "snapStart": "SnapStart",
    "tracingConfig": "TracingConfig",
    "vpcConfig": "VpcConfig",
}
_DEFAULTS: Properties = {"memorySize": 128, "timeout": 3, "packageType": "Zip", "description": ""}
_CODE = ("code", "imageUri", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash")
_READY_WITHIN = 30.0
"""Seconds in which a function must leave `Pending`."""


def _configuration(inputs: Properties) -> dict[str, Any]:
    """What create and update both take."""
    wanted = renamed(inputs, _CONFIGURATION)
    for key, name in _BLOCKS.items():
        block = inputs.get(key)
        if block is None:
            continue
        if key == "environment":
            # Variables' names are the program's own.
            wanted[name] = {"Variables": dict(block.get("variables") or {})}
        elif key == "imageConfig":
            names = {
                "commands": "Command",
                "entryPoints": "EntryPoint",
                "workingDirectory": "WorkingDirectory",
            }
            wanted[name] = renamed(block, names)
        elif key == "tracingConfig":
            wanted[name] = {"Mode": block["mode"]}
        else:
            wanted[name] = [pascal(block)] if name.endswith("s") else pascal(block)
    return wanted


def _code(inputs: Properties) -> dict[str, Any]:
    if inputs.get("imageUri"):
        return {"ImageUri": inputs["imageUri"]}
    if inputs.get("code") is not None:
        return {"ZipFile": archive_bytes(inputs["code"])}
    return renamed(inputs, {"s3Bucket": "S3Bucket", "s3Key": "S3Key", "s3ObjectVersion": "S3ObjectVersion"})


class Function(ResourceType):
    """A function; its id is its name.

    The emulator runs no images: it forwards the invokes of such a function to the process it is told.
    """

    token = "aws:lambda/function:Function"
    replace_on = frozenset({"name", "packageType", "region"})
    name_property = "name"
    name_prefix_property = None
    unordered = frozenset({"vpcConfig.subnetIds", "vpcConfig.securityGroupIds"})
    computed_inputs = frozenset(
        {"architectures", "codeSha256", "ephemeralStorage", "loggingConfig", "snapStart", "tracingConfig"}
    )

    def diff(self, old_inputs: Properties, state: Properties, new: Properties, ignore: list[str]) -> Diff:
        """An archive's content counts, not its path: by our own digest of it, or by the engine's hash."""
        code = new.get("code")
        if not isinstance(code, pulumi.Archive) or "code" in ignore:
            return super().diff(old_inputs, state, new, ignore)
        without = ({**inputs, "code": None} for inputs in (old_inputs, new))
        found = super().diff(next(without), state, next(without), ignore)
        if digest(archive_bytes(code)) == state.get("codeSha256"):
            return found
        return Diff((*found.changes, Change("code", Kind.UPDATE, False)), found.delete_before_replace)

    def make(self, ctx: Context, inputs: Properties) -> str:
        optional = {"Architectures": inputs.get("architectures"), "Publish": inputs.get("publish")}
        ctx.aws.call(
            "lambda",
            "create_function",
            FunctionName=inputs["name"],
            PackageType=inputs.get("packageType", "Zip"),
            Code=_code(inputs),
            Tags=ctx.all_tags(inputs),
            **_configuration(inputs),
            **{key: value for key, value in optional.items() if value},
        )
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            self._update(ctx, identifier, old, new)
        limit = new.get("reservedConcurrentExecutions")
        if limit is not None and limit >= 0:
            ctx.aws.call(
                "lambda",
                "put_function_concurrency",
                FunctionName=identifier,
                ReservedConcurrentExecutions=limit,
            )
        elif (old or {}).get("reservedConcurrentExecutions", -1) >= 0:
            ctx.aws.call("lambda", "delete_function_concurrency", FunctionName=identifier)
        self._wait(ctx, identifier)
        return None

    def _update(self, ctx: Context, identifier: str, old: Properties, new: Properties) -> None:
        cleared = {"environment": {"variables": {}}, "description": "", "memorySize": 128, "timeout": 3}
        dropped = {key: value for key, value in cleared.items() if key in old and key not in new}
        ctx.aws.call(
            "lambda",
            "update_function_configuration",
            FunctionName=identifier,
            **_configuration({**dropped, **new}),
        )
        self._wait(ctx, identifier)
        if any(new.get(key) != old.get(key) for key in _CODE):
            optional = {"Architectures": new.get("architectures"), "Publish": new.get("publish")}
            ctx.aws.call(
                "lambda",
                "update_function_code",
                FunctionName=identifier,
                **_code(new),
                **{key: value for key, value in optional.items() if value},
            )
        wanted, arn = ctx.all_tags(new), ctx.arn("lambda", f"function:{identifier}")
        if gone := tags.removed(old, wanted):
            ctx.aws.call("lambda", "untag_resource", Resource=arn, TagKeys=gone)
        if wanted:
            ctx.aws.call("lambda", "tag_resource", Resource=arn, Tags=wanted)

    def _wait(self, ctx: Context, name: str) -> None:
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline:
            found = ctx.aws.call("lambda", "get_function_configuration", FunctionName=name)
            if found.get("State") != "Pending" and found.get("LastUpdateStatus") != "InProgress":
                return
            time.sleep(0.1)
        raise Problem(f"The function {name} did not become active within {_READY_WITHIN:.0f} s.")

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("lambda", "get_function", FunctionName=identifier)
        if reply is None:
            return None
        found = reply["Configuration"]
        arn = str(found["FunctionArn"])
        invoke = f"arn:aws:apigateway:{ctx.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
        outputs: Properties = {
            **_DEFAULTS,
            **back(found, _CONFIGURATION),
            "name": found["FunctionName"],
            "arn": arn,
            "invokeArn": invoke,
            "qualifiedArn": f"{arn}:{found.get('Version', '$LATEST')}",
            "version": found.get("Version", "$LATEST"),
            "lastModified": found.get("LastModified"),
            "packageType": found.get("PackageType", "Zip"),
            "architectures": found.get("Architectures") or ["x86_64"],
            "codeSha256": found.get("CodeSha256"),
            "sourceCodeSize": found.get("CodeSize", 0),
            "reservedConcurrentExecutions": (reply.get("Concurrency") or {}).get(
                "ReservedConcurrentExecutions", -1
            ),
            "tags": tags.own(ctx.default_tags, reply.get("Tags") or {}),
        }
        if isinstance(state.get("code"), pulumi.Archive):
            outputs["code"] = state["code"]
            outputs["codeSha256"] = digest(archive_bytes(state["code"]))
        if image := reply.get("Code", {}).get("ImageUri"):
            outputs["imageUri"] = image
        variables = (found.get("Environment") or {}).get("Variables")
        outputs["environment"] = {"variables": variables} if variables else None
        for key in ("ephemeralStorage", "loggingConfig", "deadLetterConfig", "tracingConfig"):
            if found.get(_BLOCKS[key]):
                outputs[key] = {**camel(found[_BLOCKS[key]])}
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if not state.get("skipDestroy"):
            ctx.aws.find("lambda", "delete_function", FunctionName=identifier)


_MAPPING = {
    "batchSize": "BatchSize",
    "bisectBatchOnFunctionError": "BisectBatchOnFunctionError",
    "enabled": "Enabled",
    "functionResponseTypes": "FunctionResponseTypes",
    "maximumBatchingWindowInSeconds": "MaximumBatchingWindowInSeconds",
    "maximumRecordAgeInSeconds": "MaximumRecordAgeInSeconds",
    "maximumRetryAttempts": "MaximumRetryAttempts",
    "parallelizationFactor": "ParallelizationFactor",
    "tumblingWindowInSeconds": "TumblingWindowInSeconds",
}


class EventSourceMapping(ResourceType):
    """What feeds a function from a queue; its id is its UUID."""

    token = "aws:lambda/eventSourceMapping:EventSourceMapping"
    replace_on = frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp", "region"})
    unordered = frozenset({"functionResponseTypes"})
    computed_inputs = frozenset({"batchSize", "maximumRecordAgeInSeconds", "maximumRetryAttempts"})

    def _parameters(self, inputs: Properties) -> dict[str, Any]:
        wanted = renamed(inputs, _MAPPING)
        for key in ("scalingConfig", "filterCriteria", "destinationConfig"):
            if inputs.get(key) is not None:
                wanted[key[:1].upper() + key[1:]] = pascal(inputs[key])
        return {"FunctionName": inputs["functionName"], **wanted}

    def make(self, ctx: Context, inputs: Properties) -> str:
        optional = {"StartingPosition": inputs.get("startingPosition")}
        reply = ctx.aws.call(
            "lambda",
            "create_event_source_mapping",
            EventSourceArn=inputs["eventSourceArn"],
            Tags=ctx.all_tags(inputs),
            **self._parameters(inputs),
            **{key: value for key, value in optional.items() if value},
        )
        return str(reply["UUID"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            dropped: Properties = {
                "scalingConfig": {},
                "functionResponseTypes": [],
                "enabled": True,
                "maximumBatchingWindowInSeconds": 0,
            }
            cleared = {key: value for key, value in dropped.items() if old.get(key) and key not in new}
            ctx.aws.call(
                "lambda",
                "update_event_source_mapping",
                UUID=identifier,
                **self._parameters({**cleared, **new}),
            )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("lambda", "get_event_source_mapping", UUID=identifier)
        if found is None or found.get("State") == "Deleting":
            return None
        name = state.get("functionName") or found["FunctionArn"]
        if str(name).rsplit(":", 1)[-1] != str(found["FunctionArn"]).rsplit(":", 1)[-1]:
            name = found["FunctionArn"]
        outputs: Properties = {
            **back(found, _MAPPING),
            "uuid": identifier,
            "arn": found.get("EventSourceMappingArn")
            or ctx.arn("lambda", f"event-source-mapping:{identifier}"),
            "eventSourceArn": found["EventSourceArn"],
            "functionArn": found["FunctionArn"],
            "functionName": name,
            "enabled": found.get("State") not in ("Disabled", "Disabling"),
            "state": found.get("State"),
            "stateTransitionReason": found.get("StateTransitionReason", ""),
            "lastProcessingResult": found.get("LastProcessingResult", ""),
        }
        if found.get("ScalingConfig"):
            outputs["scalingConfig"] = camel(found["ScalingConfig"])
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("lambda", "delete_event_source_mapping", UUID=identifier)


TYPES = (EventSourceMapping, Function)
