"""The data sources that programs ask for."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from local.provider import tags
from local.provider.context import Context
from local.provider.values import Bag, Properties, Value
from workers.contracts import Problem

Invoke = Callable[[Context, Properties], Properties]

INVOKES: dict[str, Invoke] = {}
"""Token to the function that answers it."""

SECRET_ANSWERS = {
    "aws:secretsmanager/getSecretVersion:getSecretVersion": frozenset({"secretString", "secretBinary"})
}


def configuration(arguments: Properties) -> Properties:
    """A provider's configuration with its nested values, which the engine sends as JSON text."""
    return {name: _nested(value) for name, value in arguments.items()}


def _nested(value: object) -> object:
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def invoke(ctx: Context, token: str, arguments: Bag) -> Bag:
    """The answer of the data source `token`; a `Problem` that names it where it is not known."""
    function = INVOKES.get(token)
    if function is None:
        raise Problem(
            f"The local provider does not know the function {token}.",
            fix="Add it to platform/local/provider/invokes.py.",
        )
    values = {name: value for name, value in arguments.values.items() if value is not None}
    return Bag({**values, **function(ctx, values)}).with_secrets(SECRET_ANSWERS.get(token, ()))


def _caller_identity(ctx: Context, _: Properties) -> Properties:
    found = ctx.aws.call("sts", "get_caller_identity")
    account = str(found["Account"])
    return {"accountId": account, "arn": found["Arn"], "userId": found["UserId"], "id": account}


def _region(ctx: Context, arguments: Properties) -> Properties:
    name = str(arguments.get("region") or arguments.get("name") or ctx.region)
    return {
        "name": name,
        "region": name,
        "id": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def _partition(ctx: Context, _: Properties) -> Properties:
    return {
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
        "id": "aws",
        "region": ctx.region,
    }


_ZONE_FILTERS = {"opt-in-status": "OptInStatus", "zone-name": "ZoneName", "zone-type": "ZoneType"}


def _availability_zones(ctx: Context, arguments: Properties) -> Properties:
    zones = ctx.aws.call("ec2", "describe_availability_zones")["AvailabilityZones"]
    state = arguments.get("state")
    # The emulator knows no filters of zones.
    wanted = {one["name"]: one["values"] for one in arguments.get("filters") or []}
    zones = [
        zone
        for zone in zones
        if state in (None, zone.get("State"))
        and all(zone.get(_ZONE_FILTERS[name]) in values for name, values in wanted.items())
    ]
    return {
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone.get("ZoneId", zone["ZoneName"]) for zone in zones],
        "groupNames": [ctx.region],
        "id": ctx.region,
        "region": ctx.region,
    }


def _secret(ctx: Context, arguments: Properties) -> Properties:
    found = ctx.aws.call(
        "secretsmanager", "describe_secret", SecretId=arguments.get("arn") or arguments["name"]
    )
    return {
        "arn": found["ARN"],
        "id": found["ARN"],
        "name": found["Name"],
        "description": found.get("Description") or "",
        "kmsKeyId": found.get("KmsKeyId") or "",
        "policy": "",
        "createdDate": str(found.get("CreatedDate", "")),
        "lastChangedDate": str(found.get("LastChangedDate", "")),
        "region": ctx.region,
        "tags": tags.mapping(found.get("Tags") or []),
        "type": "",
    }


def _secret_version(ctx: Context, arguments: Properties) -> Properties:
    wanted = {"VersionId": arguments.get("versionId"), "VersionStage": arguments.get("versionStage")}
    found = ctx.aws.call(
        "secretsmanager",
        "get_secret_value",
        SecretId=arguments["secretId"],
        **{key: value for key, value in wanted.items() if value},
    )
    return {
        "arn": found["ARN"],
        "secretArn": found["ARN"],
        "id": f"{arguments['secretId']}|{arguments.get('versionStage') or 'AWSCURRENT'}",
        "secretId": arguments["secretId"],
        "secretString": found.get("SecretString", ""),
        "secretBinary": "",
        "versionId": found["VersionId"],
        "versionStage": arguments.get("versionStage") or "AWSCURRENT",
        "versionStages": found.get("VersionStages") or [],
        "createdDate": str(found.get("CreatedDate", "")),
        "region": ctx.region,
    }


def _policy_document(_: Context, arguments: Properties) -> Properties:
    statements = [_statement(one) for one in arguments.get("statements") or []]
    document = {"Version": arguments.get("version") or "2012-10-17", "Statement": statements}
    if arguments.get("policyId"):
        document = {"Id": arguments["policyId"], **document}
    text = json.dumps(document, indent=2)
    return {
        "id": hashlib.sha256(text.encode()).hexdigest()[:10],
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _statement(one: Properties) -> Properties:
    found: Properties = {"Sid": one["sid"]} if one.get("sid") else {}
    found["Effect"] = one.get("effect") or "Allow"
    for key, name in _STATEMENT.items():
        if one.get(key):
            found[name] = _one_or_more(one[key])
    for key, name in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if one.get(key):
            found[name] = _principals(one[key])
    for condition in one.get("conditions") or []:
        operator = found.setdefault("Condition", {}).setdefault(condition["test"], {})
        operator[condition["variable"]] = _one_or_more(condition["values"])
    return found


_STATEMENT = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def _principals(given: list[Properties]) -> Value:
    if given == [{"type": "*", "identifiers": ["*"]}]:
        return "*"
    return {one["type"]: _one_or_more(one["identifiers"]) for one in given}


def _one_or_more(values: list[str]) -> Value:
    return values[0] if len(values) == 1 else sorted(values, reverse=True)


def _filters(arguments: Properties) -> list[dict[str, Any]]:
    found = [{"Name": one["name"], "Values": one["values"]} for one in arguments.get("filters") or []]
    found += [
        {"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()
    ]
    return found


def _vpc(ctx: Context, arguments: Properties) -> Properties:
    wanted = _filters(arguments)
    if arguments.get("default"):
        wanted.append({"Name": "isDefault", "Values": ["true"]})
    if arguments.get("id"):
        wanted.append({"Name": "vpc-id", "Values": [arguments["id"]]})
    found = ctx.aws.call("ec2", "describe_vpcs", Filters=wanted)["Vpcs"]
    if len(found) != 1:
        raise Problem(f"{len(found)} VPCs match the data source aws.ec2.getVpc; it needs exactly one.")
    vpc = found[0]
    return {
        "id": vpc["VpcId"],
        "arn": ctx.arn("ec2", f"vpc/{vpc['VpcId']}"),
        "cidrBlock": vpc["CidrBlock"],
        "default": bool(vpc.get("IsDefault")),
        "state": vpc.get("State", "available"),
        "ownerId": vpc.get("OwnerId", ctx.account),
        "tags": tags.mapping(vpc.get("Tags") or []),
        "region": ctx.region,
    }


def _subnets(ctx: Context, arguments: Properties) -> Properties:
    found = ctx.aws.call("ec2", "describe_subnets", Filters=_filters(arguments))["Subnets"]
    return {
        "ids": sorted(subnet["SubnetId"] for subnet in found),
        "id": ctx.region,
        "region": ctx.region,
        "tags": arguments.get("tags") or {},
    }


INVOKES.update(
    {
        "aws:ec2/getSubnets:getSubnets": _subnets,
        "aws:ec2/getVpc:getVpc": _vpc,
        "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
        "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
        "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
        "aws:index/getPartition:getPartition": _partition,
        "aws:index/getRegion:getRegion": _region,
        "aws:secretsmanager/getSecret:getSecret": _secret,
        "aws:secretsmanager/getSecretVersion:getSecretVersion": _secret_version,
    }
)
