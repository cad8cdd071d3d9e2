"""Makes the emulator ask IAM what AWS asks it: the action's name, the resource, the context.

Loaded by `emulator_main`, under the emulator's own Python; imports nothing of the project. ministack decides
each request by the caller's real policies, but for some requests it asks about `*` or about an action that
IAM does not have, and a role that AWS lets pass would be refused. What stands here follows AWS's Service
Authorization Reference.

- *Names*: SQS's batch calls, Lambda's on a mapping and on concurrency, AWS Budgets' reads.
- *Resources*: of new functions, rules, log groups, alarms, dashboards, budgets, tags, subscriptions, identity
  providers and databases' groups.
- *Context*: `lambda:FunctionArn` of a mapping, `iam:PermissionsBoundary` for the actions on a
  role that have it.
- *Second questions*: who gives a role to a function or a rule needs `iam:PassRole`, who puts a function into
  a network its descriptions, who makes a thing with tags the right to tag it; a read of an object that is
  not there needs `s3:ListBucket`, without which S3 does not say that it is missing.

With `BMX_EMULATOR_JOURNAL` (a file) every decision about a role is written there as a line of JSON, with the
request as it came: tests replay it. It holds what the requests hold, secrets too, and is for this user only.
"""

import base64
import contextvars
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses  # type: ignore[import-not-found]

JOURNAL_VARIABLE = "BMX_EMULATOR_JOURNAL"

Context = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """The request in hand: as the emulator routes it."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, Any]
    """Of the address and, where the body is a form, of that."""
    sent: Any = None
    """The request as it was signed."""

    def value(self, *names: str) -> str:
        """The first of these parameters that the request has, else an empty text."""
        content = self._content()
        for name in names:
            found = content.get(name) or self.query.get(name)
            if found:
                return str(found[0] if isinstance(found, list) else found)
        return ""

    def values(self, name: str) -> list[str]:
        """A list parameter, in JSON, CBOR or a query's members."""
        found = self._content().get(name)
        if isinstance(found, list):
            return [str(one) for one in found]
        members = [value for key, value in self.query.items() if key.startswith(f"{name}.member.")]
        return [str(one[0] if isinstance(one, list) else one) for one in members]

    @property
    def target_roles(self) -> list[str]:
        """The roles that a rule's targets are to be called with."""
        targets = self._content().get("Targets") or []
        return [str(one["RoleArn"]) for one in targets if isinstance(one, dict) and one.get("RoleArn")]

    @property
    def in_network(self) -> bool:
        """Whether the function that it makes is put into a network."""
        network = self._content().get("VpcConfig")
        return isinstance(network, dict) and bool(network.get("SubnetIds"))

    @property
    def gives_tags(self) -> bool:
        """Whether what it makes is to have tags."""
        content = self._content()
        return bool(content.get("Tags") or content.get("tags")) or any(
            key.startswith(("Tag.", "Tags.")) for key in self.query
        )

    def _content(self) -> dict[str, Any]:
        if "cbor" in self.headers.get("content-type", ""):
            import cbor2  # type: ignore[import-not-found]

            decoded = cbor2.loads(self.body) if self.body else {}
        else:
            try:
                decoded = json.loads(self.body) if self.body[:1] == b"{" else {}
            except ValueError:
                decoded = {}
        return decoded if isinstance(decoded, dict) else {}


_asked: contextvars.ContextVar[Asked | None] = contextvars.ContextVar("asked", default=None)
_refused: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("refused", default=None)
"""The second question that was answered with no: action and resource."""

_MAPPING_ACTIONS = {"GET": "Get", "PUT": "Update", "DELETE": "Delete"}
_CONCURRENCY_ACTIONS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
_BUDGET_ACTIONS = {
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "budgets:DescribeBudgets": "budgets:ViewBudget",
    "budgets:CreateBudget": "budgets:ModifyBudget",
    "budgets:UpdateBudget": "budgets:ModifyBudget",
    "budgets:DeleteBudget": "budgets:ModifyBudget",
}
_ARN_FIELDS = {
    "cognito-idp": ("ResourceArn",),
    "ecr": ("resourceArn",),
    "iam": ("OpenIDConnectProviderArn",),
    "monitoring": ("ResourceARN",),
    "rds": ("ResourceName",),
    "sns": ("ResourceArn",),
    "budgets": ("ResourceARN",),
}
_RDS_NAMES = {"DBParameterGroupName": "pg", "DBSubnetGroupName": "subgrp", "DBInstanceIdentifier": "db"}
_GIVES_BOUNDARY = {"iam:CreateRole", "iam:PutRolePermissionsBoundary"}
"""Here the key `iam:PermissionsBoundary` is the boundary that the request gives."""
_HAS_BOUNDARY = {
    "iam:AttachRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePolicy",
}
"""Here it is the one that the role has. Other actions on a role, as `iam:DeleteRole`, have no such key."""
_ROLE_GIVEN = {"lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"}
_TAGGED_WITH = {
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "ecr:CreateRepository": "ecr:TagResource",
    "iam:CreateRole": "iam:TagRole",
    "lambda:CreateEventSourceMapping": "lambda:TagResource",
    "lambda:CreateFunction": "lambda:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "sns:CreateTopic": "sns:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
}
"""What who makes a thing with tags needs besides."""


def action_of(asked: Asked, found: str | None) -> str | None:
    """The action that IAM knows for a request for which the emulator found this name."""
    if found and found.startswith("sqs:"):
        return found.removesuffix("Batch")
    if asked.service == "lambda" and _mapping_id(asked) and asked.method in _MAPPING_ACTIONS:
        return f"lambda:{_MAPPING_ACTIONS[asked.method]}EventSourceMapping"
    if found == "lambda:PutFunctionConcurrency":
        return f"lambda:{_CONCURRENCY_ACTIONS[asked.method]}FunctionConcurrency"
    return _BUDGET_ACTIONS.get(found or "", found)


def resource_of(asked: Asked, action: str, found: str, region: str, account: str) -> str:
    """What IAM is asked about, where the emulator found `found`."""
    arn = asked.value(*_ARN_FIELDS.get(asked.service, ()))
    if arn.startswith("arn:"):
        return arn
    here = f"{region}:{account}"
    if asked.service == "events" and (rule := asked.value("Name", "Rule")):
        bus = asked.value("EventBusName")
        return f"arn:aws:events:{here}:rule/{rule if bus in ('', 'default') else f'{bus}/{rule}'}"
    if asked.service == "logs" and ":log-group:" in found and asked.value("logGroupName"):
        return f"{found}:log-stream:{asked.value('logStreamName')}"
    if action == "lambda:CreateFunction":
        return f"arn:aws:lambda:{here}:function:{asked.value('FunctionName')}"
    if asked.service == "monitoring":
        if dashboard := asked.value("DashboardName"):
            return f"arn:aws:cloudwatch::{account}:dashboard/{dashboard}"
        if "Alarm" in action:
            name = asked.value("AlarmName") or next(iter(asked.values("AlarmNames")), "*")
            return f"arn:aws:cloudwatch:{here}:alarm:{name}"
    if asked.service == "rds":
        for field, kind in _RDS_NAMES.items():
            if name := asked.value(field):
                return f"arn:aws:rds:{here}:{kind}:{name}"
    if asked.service == "ecr" and (names := asked.values("repositoryNames")):
        return f"arn:aws:ecr:{here}:repository/{names[0]}"
    if asked.service == "budgets" and (name := asked.value("BudgetName")):
        return f"arn:aws:budgets::{account}:budget/{name}"
    if asked.service == "sns" and (subscription := asked.value("SubscriptionArn")):
        return subscription.rpartition(":")[0]
    return found


def context_of(asked: Asked, action: str) -> Context:
    """The condition keys of a request that the emulator does not find."""
    if asked.service == "lambda" and action.endswith("EventSourceMapping"):
        return {"lambda:FunctionArn": _mapped_function(asked)}
    boundary = ""
    if action in _GIVES_BOUNDARY:
        boundary = asked.value("PermissionsBoundary")
    elif action in _HAS_BOUNDARY:
        boundary = _boundary_of(asked.value("RoleName"))
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


def second_questions(asked: Asked, action: str, resource: str) -> Iterator[tuple[str, str, Context]]:
    """What else IAM is asked before such a request is done: action, resource, context."""
    if action in _ROLE_GIVEN and (role := asked.value("Role")):
        yield "iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"}
    if action == "events:PutTargets":
        for role in asked.target_roles:
            yield "iam:PassRole", role, {"iam:PassedToService": "events.amazonaws.com"}
    if action in _ROLE_GIVEN and asked.in_network:
        for thing in ("SecurityGroups", "Subnets", "Vpcs"):
            yield f"ec2:Describe{thing}", "*", {}
    if (tagging := _TAGGED_WITH.get(action)) and asked.gives_tags:
        mapping = f"{responses.get_region()}:{responses.get_account_id()}:event-source-mapping:*"
        yield tagging, f"arn:aws:lambda:{mapping}" if resource == "*" else _tagged(resource), {}
    if action == "s3:GetObject" and not _object_exists(resource):
        yield "s3:ListBucket", resource.split("/", 1)[0], {}


def _tagged(resource: str) -> str:
    """A log group is tagged by its ARN without streams."""
    return resource.removesuffix(":log-stream:")


def _mapping_id(asked: Asked) -> str:
    before, found, after = asked.path.rstrip("/").partition("/event-source-mappings/")
    return after if found and "/functions/" not in before else ""


def _mapped_function(asked: Asked) -> str:
    from ministack.services import lambda_svc  # type: ignore[import-not-found]

    name = asked.value("FunctionName")
    if not name:
        return str((lambda_svc._esms.get(_mapping_id(asked)) or {}).get("FunctionArn", ""))
    if name.startswith("arn:"):
        return name
    return f"arn:aws:lambda:{responses.get_region()}:{responses.get_account_id()}:function:{name}"


def _boundary_of(role: str) -> str:
    from ministack.services import iam

    found = iam._roles.get(role) or {}
    return str(found.get("PermissionsBoundary") or "")


def _object_exists(resource: str) -> bool:
    from ministack.services import s3

    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    return key in (s3._buckets.get(bucket) or {}).get("objects", {})


class Journal:
    """Decisions about roles, with their requests."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def note(
        self, asked: Asked | None, who: str, action: str, resource: str, context: Context, *, allowed: bool
    ) -> None:
        """Write down what was asked about the role's session `who`, and the answer."""
        if self._path is None or asked is None or ":assumed-role/" not in who:
            return
        line = {
            "principal": who,
            "action": action,
            "resource": resource,
            "allowed": allowed,
            "context": {key: value for key, value in context.items() if isinstance(value, str)},
            "method": asked.method,
            "path": asked.sent.raw_path if asked.sent else asked.path,
            "query": asked.sent.query_params if asked.sent else {},
            "headers": asked.headers,
            "body": base64.b64encode(asked.body).decode(),
        }
        opened = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(opened, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def install() -> None:
    """Put this between the emulator and its IAM."""
    given = os.environ.get(JOURNAL_VARIABLE)
    journal = Journal(Path(given) if given else None)
    extract_action, extract_resource = iam_actions.extract_iam_action, iam_actions.extract_resource_arn
    decide, answer = iam_evaluator.enforce, iam_actions.access_denied_response

    def extract_iam_action(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any
    ) -> str | None:
        sent = iam_evaluator._signed_request.get()  # gone once the signature is checked
        asked = Asked(service, method, path, dict(headers), body or b"", dict(query or {}), sent)
        _asked.set(asked)
        _refused.set(None)
        return action_of(asked, extract_action(service, method, path, headers, body, query))

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str
    ) -> str:
        found = str(extract_resource(service, method, path, headers, body, query, region, account))
        asked = _asked.get()
        if asked is None or asked.service != service:
            return found
        named = extract_action(service, method, path, headers, body, query)
        return resource_of(asked, action_of(asked, named) or "", found, region, account)

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Context | None = None,
    ) -> Any:
        asked = _asked.get()
        context = {**(service_context or {}), **(context_of(asked, iam_action) if asked else {})}
        result = decide(access_key_id, iam_action, service, region, resource_arn, context)
        if isinstance(result, iam_evaluator.AuthError):
            return result
        principal = iam_evaluator.resolve_principal(access_key_id or "", responses.get_account_id())
        who = str(getattr(principal, "arn", ""))
        journal.note(asked, who, iam_action, resource_arn, context, allowed=result is None)
        if result is not None or asked is None or getattr(principal, "policies", None) is None:
            return result
        for action, resource, extra in second_questions(asked, iam_action, resource_arn):
            result = decide(access_key_id, action, service, region, resource, extra)
            journal.note(asked, who, action, resource, extra, allowed=result is None)
            if result is not None:
                _refused.set((action, resource))
                return result
        return None

    def access_denied_response(
        service: str, action: str, principal_arn: str, request_id: str, **more: Any
    ) -> Any:
        second = _refused.get()
        if second is not None:
            action, more["resource_arn"] = second
        return answer(service, action, principal_arn, request_id, **more)

    iam_actions.extract_iam_action = extract_iam_action
    iam_actions.extract_resource_arn = extract_resource_arn
    iam_evaluator.enforce = enforce
    iam_actions.access_denied_response = access_denied_response
