"""CI's role and the boundary of the others: what they allow, and above all what they do not."""

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from pydantic import TypeAdapter

from infra import deploy_grants
from infra.boundary import boundary
from infra.naming import Deployment
from infra.policies import document
from infra.settings import DatabaseSettings, DeploySettings, GeneratedDatabase
from infra.workers import WORKERS
from tests.platform.program import ACCOUNT, ROOT, Config, Run, run_program, stack_config

IN_AWS = ("staging", "prod")
INLINE_LIMIT, MANAGED_LIMIT = 10_240, 6_144
"""Characters that IAM takes, white space not counted: a role's inline policies together, a managed policy."""

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bluemoxon-staging-boundary"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bluemoxon-staging"
DIGEST = "sha256:" + "1" * 64
Json = dict[str, Any]


def policy_of(run: Run, name: str = "deploy", type_: str = "RolePolicy") -> list[Json]:
    statements: list[Json] = json.loads(run.of(type_)[name].inputs["policy"])["Statement"]
    return statements


def may(statements: list[Json], action: str, resource: str, **context: str) -> bool:
    """What IAM decides: the conditions have to be met, a denial wins."""
    effects = {
        one["Effect"]
        for one in statements
        if any(fnmatchcase(action, pattern) for pattern in listed(one["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(one["Resource"]))
        and all(
            fnmatchcase(context.get(key.split(":")[1], ""), value)
            for test in one.get("Condition", {}).values()
            for key, value in test.items()
        )
    }
    return effects == {"Allow"}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({"environment": "prod"}, "repo:owner/name:environment:prod"),
        ({"branch": "main"}, "repo:owner/name:ref:refs/heads/main"),
        ({"branch": "release/1.x"}, "repo:owner/name:ref:refs/heads/release/1.x"),
    ],
)
def test_one_environment_or_branch_of_one_repository_is_trusted(given: dict[str, str], subject: str) -> None:
    statement = deploy_grants.trust(DeploySettings(repository="owner/name", **given), "arn").as_json()
    assert statement == {
        "Sid": "TrustWorkflow",
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": "arn"},
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": subject,
            }
        },
    }


def test_the_identity_provider_is_made_once_an_account(runs: dict[str, Run]) -> None:
    made = runs["staging"].of("OpenIdConnectProvider")["deploy"]
    assert made.inputs["url"] == "https://token.actions.githubusercontent.com"
    assert runs["prod"].of("OpenIdConnectProvider") == {}
    trust = json.loads(runs["prod"].of("Role")["deploy"].inputs["assumeRolePolicy"])
    provider = stack_config("prod")["bluemoxon:deploy"]["oidc_provider_arn"]
    assert trust["Statement"][0]["Principal"] == {"Federated": provider}


@pytest.mark.parametrize("stack", IN_AWS)
def test_the_policies_fit_into_iam(stack: str, runs: dict[str, Run]) -> None:
    compact = json.dumps(policy_of(runs[stack]), separators=(",", ":"))
    assert len(compact) < INLINE_LIMIT
    most = json.dumps(policy_of(runs[stack], "deploy-boundary", "Policy"), separators=(",", ":"))
    assert len(most) < MANAGED_LIMIT


@pytest.mark.parametrize("stack", IN_AWS)
def test_statements_have_names_of_their_own(stack: str, runs: dict[str, Run]) -> None:
    for name, type_ in (("deploy", "RolePolicy"), ("deploy-boundary", "Policy"), ("api", "RolePolicy")):
        sids = [one["Sid"] for one in policy_of(runs[stack], name, type_)]
        assert len(sids) == len(set(sids))
        assert all(sid.isalnum() for sid in sids), "IAM takes letters and digits"


def test_a_deployment_can_do_its_work(runs: dict[str, Run]) -> None:
    policy = policy_of(runs["staging"])
    here = f"us-west-2:{ACCOUNT}"
    function = f"arn:aws:lambda:{here}:function:bluemoxon-staging-image-processing"
    for action, resource in {
        "ecr:PutImage": f"arn:aws:ecr:{here}:repository/bluemoxon-staging-image-processing",
        "lambda:UpdateFunctionCode": function,
        "lambda:InvokeFunction": f"arn:aws:lambda:{here}:function:bluemoxon-staging-migrate",
        "lambda:UpdateFunctionConfiguration": f"arn:aws:lambda:{here}:function:bluemoxon-staging",
        "sqs:CreateQueue": f"arn:aws:sqs:{here}:bluemoxon-staging-price-check-dlq",
        "cloudwatch:PutMetricAlarm": f"arn:aws:cloudwatch:{here}:alarm:bluemoxon-staging-price-check-errors",
        "cloudwatch:PutDashboard": f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/bluemoxon-staging",
        "logs:CreateLogGroup": f"arn:aws:logs:{here}:log-group:/aws/lambda/bluemoxon-staging-price-check",
        "events:PutRule": f"arn:aws:events:{here}:rule/bluemoxon-staging-sweep-event",
        "apigateway:PUT": "arn:aws:apigateway:us-west-2::/restapis/abc123",
        "secretsmanager:GetSecretValue": (
            f"arn:aws:secretsmanager:{here}:secret:bluemoxon-staging/api-key-AbCdEf"
        ),
        "rds:DescribeDBInstances": f"arn:aws:rds:{here}:db:bluemoxon-staging",
    }.items():
        assert may(policy, action, resource), action
    assert may(policy, "lambda:CreateEventSourceMapping", "*", FunctionArn=function)
    assert may(policy, "ec2:DescribeVpcs", "*", RequestedRegion="us-west-2")
    assert may(policy, "iam:PassRole", f"{ROLE}-api", PassedToService="lambda.amazonaws.com")
    assert may(policy, "iam:CreateRole", f"{ROLE}-price-check", PermissionsBoundary=BOUNDARY)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("rds:DeleteDBInstance", f"arn:aws:rds:us-west-2:{ACCOUNT}:db:bluemoxon-staging"),
        ("rds:ModifyDBInstance", f"arn:aws:rds:us-west-2:{ACCOUNT}:db:bluemoxon-staging"),
        (
            "secretsmanager:PutSecretValue",
            f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:bluemoxon-staging/database-AbCdEf",
        ),
        (
            "secretsmanager:GetSecretValue",
            f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:bluemoxon-prod/database-AbCdEf",
        ),
        # A stack whose name begins with this one's.
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:bluemoxon-staging2"),
        ("events:PutRule", f"arn:aws:events:us-west-2:{ACCOUNT}:rule/bluemoxon-staging2-sweep-event"),
        ("logs:DeleteLogGroup", f"arn:aws:logs:us-west-2:{ACCOUNT}:log-group:/aws/lambda/bluemoxon-staging2"),
        ("s3:DeleteBucket", f"arn:aws:s3:::bluemoxon-staging-images-{ACCOUNT}"),
        ("s3:PutBucketPolicy", f"arn:aws:s3:::bluemoxon-staging-images-{ACCOUNT}"),
        ("s3:GetObject", f"arn:aws:s3:::bluemoxon-staging-images-{ACCOUNT}/books/1/a.jpg"),
        ("cognito-idp:DeleteUserPool", f"arn:aws:cognito-idp:us-west-2:{ACCOUNT}:userpool/us-west-2_x"),
        ("sns:DeleteTopic", f"arn:aws:sns:us-west-2:{ACCOUNT}:bluemoxon-staging-alarms"),
        ("ecr:PutImage", f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/bluemoxon-prod-image-processing"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:bluemoxon-prod"),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}-api"),
        ("iam:AttachRolePolicy", f"{ROLE}-api"),
        ("iam:CreateRole", f"{ROLE}-new"),
        ("iam:PutRolePolicy", f"{ROLE}-api"),
        ("iam:DeleteRolePermissionsBoundary", f"{ROLE}-api"),
        ("iam:CreatePolicyVersion", BOUNDARY),
        ("iam:PassRole", f"{ROLE}-api"),
        ("lambda:CreateEventSourceMapping", "*"),
        ("ec2:CreateVpc", f"arn:aws:ec2:us-west-2:{ACCOUNT}:vpc/vpc-1"),
    ],
)
def test_a_deployment_cannot_do_more(action: str, resource: str, runs: dict[str, Run]) -> None:
    assert not may(policy_of(runs["staging"]), action, resource)


@pytest.mark.parametrize(
    ("action", "context"),
    [
        ("iam:PutRolePolicy", {"PermissionsBoundary": BOUNDARY}),
        ("iam:DeleteRolePolicy", {"PermissionsBoundary": BOUNDARY}),
        # IAM tells these no boundary: a condition on it would always refuse them.
        ("iam:DeleteRole", {}),
        ("iam:UpdateRoleDescription", {}),
        ("iam:TagRole", {}),
    ],
)
def test_a_deployment_can_change_every_role_but_its_own(
    action: str, context: dict[str, str], runs: dict[str, Run]
) -> None:
    policy = policy_of(runs["staging"])
    assert may(policy, action, f"{ROLE}-api", **context)
    assert not may(policy, action, f"{ROLE}-deploy", **context)


@pytest.mark.parametrize("stack", IN_AWS)
def test_the_state_is_reached_where_it_is_in_s3(stack: str, runs: dict[str, Run]) -> None:
    config = stack_config(stack)
    bucket = f"arn:aws:s3:::{config['bluemoxon:deploy']['state_bucket']}"
    pulumi, chalice = (
        f"{bucket}/.pulumi/stacks/bluemoxon/{stack}.json",
        f"{bucket}/chalice/{stack}/{stack}.json",
    )
    policy = policy_of(runs[stack])
    assert may(policy, "s3:ListBucket", bucket)
    for action in ("s3:GetObject", "s3:PutObject"):
        assert may(policy, action, pulumi)
        assert may(policy, action, chalice)
        assert not may(policy, action, f"{bucket}/chalice/other/other.json")
    del config["bluemoxon:deploy"]["state_bucket"]
    without = policy_of(run_program(stack, config))
    assert not any(may(without, "s3:PutObject", key) for key in (pulumi, chalice))


SECRETS = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:"
LOGIN = f"{SECRETS}elsewhere/login-AbCdEf"


@pytest.mark.parametrize(
    ("mode", "value", "more"),
    [
        ("generated", {"bluemoxon-staging/database-AbCdEf"}, {"bluemoxon-staging/database-AbCdEf"}),
        ("existing", {"elsewhere/login-AbCdEf"}, set()),
        ("rds-managed", set(), set()),
        ("external", set(), set()),
    ],
)
def test_a_deployment_reads_the_secrets_that_its_refresh_needs(
    mode: str, value: set[str], more: set[str], deployment: Deployment
) -> None:
    settings = DeploySettings(repository="owner/name", branch="main")
    key = "bluemoxon-staging/api-key-AbCdEf"
    secrets = {
        key,
        "bluemoxon-staging/database-AbCdEf",
        "bluemoxon-staging/dealers-AbCdEf",
        "elsewhere/login-AbCdEf",
        "rds!db-0a1b-AbCdEf",
    }
    given = {"secret_arn": LOGIN, "host": "db.example"} if mode == "external" else {}
    database = TypeAdapter(DatabaseSettings).validate_python({"mode": mode, **given})
    login = LOGIN if mode == "existing" else None
    policy = json.loads(document(*deploy_grants.deploy(settings, deployment, database, login)))["Statement"]
    for action, readable in (
        ("GetSecretValue", value),
        ("DescribeSecret", more),
        ("GetResourcePolicy", more),
    ):
        allowed = {name for name in secrets if may(policy, f"secretsmanager:{action}", SECRETS + name)}
        assert allowed == {key, *readable}, action


def test_tracing_is_on_exactly_where_the_functions_role_may_trace(runs: dict[str, Run]) -> None:
    """Lambda refuses a function with tracing whose role may not."""
    config = json.loads((ROOT / "app" / ".chalice" / "config.json").read_text())
    places = [config, *config["lambda_functions"].values(), *config["stages"].values()]
    traced = any(place.get("xray") for place in places)
    for stack in IN_AWS:
        policy = policy_of(runs[stack], "api")
        for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
            assert may(policy, action, "*") == traced


@pytest.mark.parametrize("stack", IN_AWS)
def test_every_role_of_the_application_is_bounded_and_within_its_bounds(stack: str) -> None:
    config = stack_config(stack)
    config["bluemoxon:images"]["image_processing"] = {"digest": DIGEST}
    run = run_program(stack, config)
    most = policy_of(run, "deploy-boundary", "Policy")
    bound = run.of("Policy")["deploy-boundary"].inputs["name"]
    for name, role in run.of("Role").items():
        if name == "deploy":
            assert "permissionsBoundary" not in role.inputs
            continue
        assert role.inputs["permissionsBoundary"].endswith(bound)
        for statement in policy_of(run, name):
            for action in listed(statement["Action"]):
                for resource in listed(statement["Resource"]):
                    assert may(most, action, resource), (name, action, resource)


def test_without_the_setting_nobody_else_deploys(staging: Config) -> None:
    del staging["bluemoxon:deploy"]
    run = run_program("staging", staging)
    assert "deploy" not in run.of("Role")
    assert run.of("Policy") == {}
    assert "permissionsBoundary" not in run.of("Role")["api"].inputs
    assert "deploy_role_arn" not in run.outputs


def test_a_database_managed_by_rds_has_its_secret_within_the_boundary(deployment: Deployment) -> None:
    from infra.settings import RdsManagedDatabase

    arn = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:rds!db-0a1b-AbCdEf"
    for database, expected in (
        (RdsManagedDatabase(mode="rds-managed"), True),
        (GeneratedDatabase(mode="generated"), False),
    ):
        most = json.loads(document(*boundary(WORKERS, deployment, database, None)))["Statement"]
        assert may(most, "secretsmanager:GetSecretValue", arn) is expected
