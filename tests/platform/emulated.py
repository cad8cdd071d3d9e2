"""Everything of a stack that is in an emulator, in a form in which two emulators can be compared.

Addresses, ids, times and random values differ between two emulators and are made equal; all else stays.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from local.provider.connection import Aws

Found = dict[str, Any]
"""`service/kind/name` to what the emulator says of it."""

_TIMES = {
    "CreateDate", "CreatedDate", "CreationDate", "CreatedTimestamp", "LastModifiedTimestamp", "LastModified",
    "LastChangedDate", "LastAccessedDate", "LastUpdatedDate", "LastModifiedDate", "StateUpdatedTimestamp",
    "AlarmConfigurationUpdatedTimestamp", "StateTransitionedTimestamp", "creationTime", "createdAt",
    "ResponseMetadata", "RevisionId", "RoleId", "UUID", "EventSourceMappingArn", "VersionId", "RoleLastUsed",
    "VersionIdsToStages", "registryId", "LastProcessingResult", "HostId", "StateReason", "storedBytes",
    "ClientId", "SecretVersionsToStages",
}  # fmt: skip

_RANDOM = (
    (re.compile(r"127\.0\.0\.1:\d+|localhost:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"(:secret:[\w/+=.@-]+)-[A-Za-z0-9]{6}\b"), r"\1-XXXXXX"),
    (re.compile(r"us-west-2_[A-Za-z0-9]{9}"), "us-west-2_POOL"),
    (re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"), "UUID"),
)


def collect(aws: Aws) -> Found:
    """All that a stack may have made, by name."""
    found: Found = {}
    for part in (_queues, _roles, _functions, _buckets, _secrets, _alarms, _topics, _logs, _ecr, _people):
        found.update(part(aws))
    return {name: _plain(value) for name, value in sorted(found.items())}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items()) if key not in _TIMES}
    if isinstance(value, list):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    if not isinstance(value, str):
        return value if value is None or isinstance(value, bool | int | float) else str(type(value))
    if value.startswith("{"):
        try:
            return _plain(json.loads(value))
        except json.JSONDecodeError:
            pass
    for pattern, replacement in _RANDOM:
        value = pattern.sub(replacement, value)
    return value


def _queues(aws: Aws) -> Iterator[tuple[str, Any]]:
    for url in aws.call("sqs", "list_queues").get("QueueUrls", []):
        attributes = aws.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        tags = aws.call("sqs", "list_queue_tags", QueueUrl=url).get("Tags", {})
        settings = {k: v for k, v in attributes["Attributes"].items() if not k.startswith("Approximate")}
        yield f"sqs/queue/{url.rsplit('/', 1)[-1]}", {**settings, "tags": tags}


def _roles(aws: Aws) -> Iterator[tuple[str, Any]]:
    for role in aws.call("iam", "list_roles")["Roles"]:
        name = role["RoleName"]
        inline = aws.call("iam", "list_role_policies", RoleName=name)["PolicyNames"]
        documents = {
            policy: aws.call("iam", "get_role_policy", RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in inline
        }
        attached = aws.call("iam", "list_attached_role_policies", RoleName=name)["AttachedPolicies"]
        tags = aws.call("iam", "list_role_tags", RoleName=name)["Tags"]
        yield f"iam/role/{name}", {**role, "inline": documents, "attached": attached, "tags": tags}


def _functions(aws: Aws) -> Iterator[tuple[str, Any]]:
    for function in aws.call("lambda", "list_functions")["Functions"]:
        arn = function["FunctionArn"]
        tags = aws.call("lambda", "list_tags", Resource=arn)["Tags"]
        yield f"lambda/function/{function['FunctionName']}", {**function, "tags": tags}
    for mapping in aws.call("lambda", "list_event_source_mappings")["EventSourceMappings"]:
        yield f"lambda/mapping/{mapping['EventSourceArn']}", mapping


def _buckets(aws: Aws) -> Iterator[tuple[str, Any]]:
    reads = (
        "get_bucket_versioning", "get_bucket_encryption", "get_public_access_block", "get_bucket_policy",
        "get_bucket_lifecycle_configuration", "get_bucket_cors", "get_bucket_ownership_controls",
        "get_bucket_tagging", "get_bucket_location",
    )  # fmt: skip
    for bucket in aws.call("s3", "list_buckets")["Buckets"]:
        name = bucket["Name"]
        yield f"s3/bucket/{name}", {read: aws.find("s3", read, Bucket=name) for read in reads}


def _secrets(aws: Aws) -> Iterator[tuple[str, Any]]:
    for secret in aws.call("secretsmanager", "list_secrets")["SecretList"]:
        value = aws.find("secretsmanager", "get_secret_value", SecretId=secret["ARN"])
        fields = json.loads(value["SecretString"]) if value else {}
        # Which fields there are and how long they are; the values are random.
        shape = {key: f"{type(item).__name__} {len(str(item))}" for key, item in fields.items()}
        yield f"secretsmanager/secret/{secret['Name']}", {**secret, "fields": shape}


def _alarms(aws: Aws) -> Iterator[tuple[str, Any]]:
    for alarm in aws.call("cloudwatch", "describe_alarms")["MetricAlarms"]:
        evaluated = {"StateValue", "StateReason", "StateReasonData"}
        yield (
            f"cloudwatch/alarm/{alarm['AlarmName']}",
            {key: value for key, value in alarm.items() if key not in evaluated},
        )


def _topics(aws: Aws) -> Iterator[tuple[str, Any]]:
    for topic in aws.call("sns", "list_topics")["Topics"]:
        arn = topic["TopicArn"]
        yield f"sns/topic/{arn}", aws.call("sns", "get_topic_attributes", TopicArn=arn)["Attributes"]


def _logs(aws: Aws) -> Iterator[tuple[str, Any]]:
    for group in aws.call("logs", "describe_log_groups")["logGroups"]:
        yield f"logs/group/{group['logGroupName']}", group


def _ecr(aws: Aws) -> Iterator[tuple[str, Any]]:
    for repository in aws.call("ecr", "describe_repositories")["repositories"]:
        name = repository["repositoryName"]
        policy = aws.find("ecr", "get_repository_policy", repositoryName=name)
        lifecycle = aws.find("ecr", "get_lifecycle_policy", repositoryName=name)
        yield f"ecr/repository/{name}", {**repository, "policy": policy, "lifecycle": lifecycle}


def _people(aws: Aws) -> Iterator[tuple[str, Any]]:
    for pool in aws.call("cognito-idp", "list_user_pools", MaxResults=60)["UserPools"]:
        described = aws.call("cognito-idp", "describe_user_pool", UserPoolId=pool["Id"])["UserPool"]
        yield f"cognito/pool/{pool['Name']}", described
        clients = aws.call("cognito-idp", "list_user_pool_clients", UserPoolId=pool["Id"])["UserPoolClients"]
        for client in clients:
            known = {"UserPoolId": pool["Id"], "ClientId": client["ClientId"]}
            found = aws.call("cognito-idp", "describe_user_pool_client", **known)["UserPoolClient"]
            yield f"cognito/client/{client['ClientName']}", found


def differing(one: Any, other: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Where two descriptions differ: the path of each field, with both values."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = {}
        for key in one.keys() | other.keys():
            found.update(differing(one.get(key), other.get(key), f"{path}.{key}".lstrip(".")))
        return found
    return {} if one == other else {path: (one, other)}
