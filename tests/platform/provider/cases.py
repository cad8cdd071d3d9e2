"""A resource of each type: how it starts, how it is changed, and what must not be changed in place."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from local.provider.context import Context
from local.provider.values import Properties
from tests.platform.provider.lifecycle import Resource

Outputs = dict[str, Properties]


@dataclass(frozen=True)
class Case:
    """`needs` are made first; their outputs are handed to `start` and `then` by name."""

    token: str
    start: Callable[[Outputs], Properties]
    then: Callable[[Outputs], Properties] | None = None
    """Inputs after a change in place."""
    replace: dict[str, object] = field(default_factory=dict)
    """A change that AWS answers with a new resource."""
    needs: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    """Outputs that the real provider gives."""
    stays: bool = False
    """Whether AWS keeps it after deletion."""

    @property
    def id(self) -> str:
        return self.token.split(":", 1)[1].split("/")[0] + "." + self.token.split(":")[-1]


def policy(action: str, resource: str | None = "*", effect: str = "Allow", **extra: object) -> str:
    about = {} if resource is None else {"Resource": resource}
    statement = {"Effect": effect, "Action": action, **about, **extra}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


PREREQUISITES: dict[str, tuple[str, Properties | Callable[[Outputs], Properties]]] = {
    "queue": ("aws:sqs/queue:Queue", {"name": "needed-queue", "visibilityTimeoutSeconds": 60}),
    "role": ("aws:iam/role:Role", {"name": "needed-role", "assumeRolePolicy": trust("lambda.amazonaws.com")}),
    "bucket": ("aws:s3/bucket:Bucket", {"bucket": "needed-bucket", "forceDestroy": True}),
    "secret": (
        "aws:secretsmanager/secret:Secret",
        {"name": "needed/secret", "recoveryWindowInDays": 0},
    ),
    "topic": ("aws:sns/topic:Topic", {"name": "needed-topic"}),
    "repository": ("aws:ecr/repository:Repository", {"name": "needed-repository", "forceDelete": True}),
    "policy": ("aws:iam/policy:Policy", {"name": "needed-policy", "policy": policy("s3:GetObject")}),
    "pool": ("aws:cognito/userPool:UserPool", {"name": "needed-pool"}),
    "vpc": ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.20.0.0/16"}),
    "key": ("aws:kms/key:Key", {"description": "needed", "deletionWindowInDays": 7}),
    "second key": ("aws:kms/key:Key", {"description": "needed too", "deletionWindowInDays": 7}),
    "function": (
        "aws:lambda/function:Function",
        lambda made: {
            "name": "needed-function",
            "packageType": "Image",
            "imageUri": "000000000000.dkr.ecr.us-west-2.amazonaws.com/worker@sha256:" + "a" * 64,
            "role": made["role"]["arn"],
        },
    ),
    "subnet": (
        "aws:ec2/subnet:Subnet",
        lambda made: {"vpcId": made["vpc"]["id"], "cidrBlock": "10.20.2.0/24"},
    ),
    "table": ("aws:ec2/routeTable:RouteTable", lambda made: {"vpcId": made["vpc"]["id"]}),
    "group": (
        "aws:ec2/securityGroup:SecurityGroup",
        lambda made: {"name": "needed-group", "vpcId": made["vpc"]["id"]},
    ),
    "rule": (
        "aws:cloudwatch/eventRule:EventRule",
        {"name": "needed-rule", "scheduleExpression": "rate(1 minute)"},
    ),
}


def prepare(ctx: Context, names: tuple[str, ...]) -> tuple[list[Resource], Outputs]:
    """Make the prerequisites: the resources to delete afterwards, and their outputs with `id`."""
    made: list[Resource] = []
    outputs: Outputs = {}
    for name in names:
        token, inputs = PREREQUISITES[name]
        resource = Resource(ctx, token, name)
        outputs[name] = {
            **resource.create(inputs(outputs) if callable(inputs) else dict(inputs)),
            "id": resource.identifier,
        }
        made.append(resource)
    return made, outputs
