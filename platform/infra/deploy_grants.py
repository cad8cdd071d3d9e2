"""Who may deploy, and what a deployment may do.

Three rules keep CI's role small:

- The first `pulumi up` of a stack is a person's: this role is made by it. So the role never makes, and
  cannot change, what lasts: the network, the database instance, the user pool, the secrets and itself. It
  reads them, which a preview needs. A change to one of them is applied by a person, after CI's preview has
  shown it.
- Nothing that holds data can be deleted: there is no action for it here.
- It makes roles for new workers, but only with the boundary of this stack, which it cannot change. Without
  that, who may make a role may do everything.
"""

from infra import grants
from infra.boundary import boundary_name, stack_queues
from infra.naming import Deployment, Kind
from infra.policies import Statement
from infra.settings import DatabaseSettings, DeploySettings, ExternalDatabase

GITHUB = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

_BOUNDED_CHANGES = (
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
)
# To these IAM gives no `iam:PermissionsBoundary`: with a condition on it, they would always be refused. None
# of them gives a right.
_OTHER_CHANGES = ("iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:UpdateRoleDescription")


def deploy_role_name(deployment: Deployment) -> str:
    """The name of CI's role."""
    return deployment.name(Kind.ROLE, "deploy")


def subject(settings: DeploySettings) -> str:
    """What GitHub says of the trusted workflow in its token (`sub`), word for word."""
    if settings.environment is not None:
        return f"repo:{settings.repository}:environment:{settings.environment}"
    return f"repo:{settings.repository}:ref:refs/heads/{settings.branch}"


def trust(settings: DeploySettings, provider_arn: str) -> Statement:
    """Lets the one workflow take on the role. Equal, not like: a pattern would let others in."""
    return Statement(
        "TrustWorkflow",
        ["sts:AssumeRoleWithWebIdentity"],
        principals={"Federated": [provider_arn]},
        conditions={"StringEquals": {f"{GITHUB}:aud": AUDIENCE, f"{GITHUB}:sub": subject(settings)}},
    )


def deploy(
    settings: DeploySettings, deployment: Deployment, database: DatabaseSettings, login_arn: str | None
) -> list[Statement]:
    """CI's role: push images, `pulumi up` within the rules above, `chalice deploy`, and nothing else."""
    return [
        *_images(deployment),
        *_functions(deployment),
        *_chalice(deployment),
        *_messages(deployment),
        *_storage(deployment, database, login_arn),
        *_observation(deployment),
        *_roles(settings, deployment),
        *_readings(deployment, database),
        *_state(settings, deployment),
    ]


def _images(deployment: Deployment) -> list[Statement]:
    repositories = [deployment.arn("ecr", f"repository/{deployment.name(Kind.REPOSITORY, '*')}")]
    push = (
        "BatchCheckLayerAvailability CompleteLayerUpload InitiateLayerUpload PutImage UploadLayerPart "
        "BatchGetImage DescribeImages GetDownloadUrlForLayer"
    )
    manage = (
        "CreateRepository DescribeRepositories GetLifecyclePolicy GetRepositoryPolicy ListTagsForResource "
        "PutLifecyclePolicy SetRepositoryPolicy TagResource"
    )
    return [
        # ECR has no resource for this one; the token opens only what the other statements allow.
        Statement("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
        Statement("PushImages", _of("ecr", push), repositories),
        # No BatchDeleteImage and no DeleteRepository: the lifecycle tidies up.
        Statement("ManageRepositories", _of("ecr", manage), repositories),
    ]


def _functions(deployment: Deployment) -> list[Statement]:
    # Chalice's function of the API has the bare name; `NAME*` would be other stacks' too.
    named = deployment.arn("lambda", f"function:{deployment.chalice_function('*')}")
    ours = [deployment.arn("lambda", f"function:{deployment.chalice_function()}"), named]
    functions = (
        "AddPermission CreateFunction DeleteFunction DeleteFunctionConcurrency GetFunction "
        "GetFunctionConfiguration GetPolicy ListTags ListVersionsByFunction TagResource UntagResource "
        "UpdateFunctionCode UpdateFunctionConfiguration"
    )
    mappings = (
        "CreateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping"
    )
    return [
        Statement("ManageFunctions", _of("lambda", functions), ours),
        # The deployment migrates the database's schema by calling the application's function for it.
        Statement(
            "MigrateSchema",
            ["lambda:InvokeFunction"],
            [deployment.arn("lambda", f"function:{deployment.chalice_function('migrate')}")],
        ),
        # A mapping's ARN is a UUID; what tells ours from others' is the function.
        Statement(
            "FeedFunctions",
            _of("lambda", mappings),
            ["*"],
            conditions={"ArnLike": {"lambda:FunctionArn": named}},
        ),
        Statement(
            "TagMappings",
            ["lambda:ListTags", "lambda:TagResource"],
            [deployment.arn("lambda", "event-source-mapping:*")],
        ),
        # A list knows no resource.
        Statement(
            "ListMappings", ["lambda:ListEventSourceMappings"], ["*"], conditions=_in_region(deployment)
        ),
    ]


def _chalice(deployment: Deployment) -> list[Statement]:
    # REST APIs are known by an id that AWS makes up, and Chalice gives them no tag to tell them by.
    region, partition = deployment.region, deployment.partition
    apis = [f"arn:{partition}:apigateway:{region}::/restapis{rest}" for rest in ("", "/*")]
    methods = "DELETE GET PATCH POST PUT"
    rules = "DeleteRule PutRule PutTargets RemoveTargets"
    return [
        Statement("DeployApi", _of("apigateway", methods), apis),
        Statement(
            "Schedule",
            _of("events", rules),
            [deployment.arn("events", f"rule/{deployment.chalice_function('*')}")],
        ),
    ]


def _messages(deployment: Deployment) -> list[Statement]:
    topic = deployment.arn("sns", deployment.name(Kind.TOPIC, "alarms"))
    queues = "CreateQueue DeleteQueue GetQueueAttributes ListQueueTags SetQueueAttributes TagQueue UntagQueue"
    topics = (
        "GetSubscriptionAttributes GetTopicAttributes ListTagsForResource SetTopicAttributes Subscribe "
        "TagResource"
    )
    return [
        # A queue may go with its worker: jobs are in the database, and the messages only repeat them.
        Statement("ManageQueues", _of("sqs", queues), [stack_queues(deployment)]),
        # No Unsubscribe and no DeleteTopic: nobody silences the alarms by a pull request.
        Statement("ManageAlarmTopic", _of("sns", topics), [topic]),
    ]


def _storage(deployment: Deployment, database: DatabaseSettings, login_arn: str | None) -> list[Statement]:
    bucket = [deployment.bucket_arn(deployment.images_bucket())]
    write = "PutBucketCORS PutBucketTagging PutLifecycleConfiguration"
    return [
        # Everything about the bucket, nothing in it.
        Statement("ReadBucketSettings", ["s3:Get*Configuration", "s3:GetBucket*", "s3:ListBucket"], bucket),
        # What opens a bucket, its policy and public access, stays a person's.
        Statement("WriteBucketSettings", _of("s3", write), bucket),
        *_secrets(deployment, database, login_arn),
    ]


def _secrets(deployment: Deployment, database: DatabaseSettings, login_arn: str | None) -> list[Statement]:
    """The secrets that Pulumi made, with their values: a refresh compares a secret's version. Of the login
    that mode `existing` takes, the value alone. RDS's own and that of a database elsewhere are not for CI.
    """
    made = [deployment.secret_arn("api-key")]
    if database.mode == "generated":
        made.append(deployment.secret_arn("database"))
    look = ("secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy")
    read = made if login_arn is None else [*made, login_arn]
    return [Statement("LookAtSecrets", look, made), Statement("ReadSecrets", grants.READ_SECRET, read)]


def _observation(deployment: Deployment) -> list[Statement]:
    alarms = "DeleteAlarms DescribeAlarms ListTagsForResource PutMetricAlarm TagResource"
    groups = "CreateLogGroup DeleteLogGroup ListTagsForResource PutRetentionPolicy TagResource"
    dashboard = deployment.global_arn("cloudwatch", f"dashboard/{deployment.name(Kind.DASHBOARD)}")
    budget = deployment.global_arn("budgets", f"budget/{deployment.name(Kind.BUDGET, 'monthly')}")
    # The API's function has the bare name; for some calls IAM is asked about the group's streams.
    named = (deployment.function("*"), f"{deployment.chalice_function()}:*")
    log_groups = [deployment.arn("logs", f"log-group:{deployment.log_group(name)}") for name in named]
    return [
        Statement(
            "ManageAlarms",
            _of("cloudwatch", alarms),
            [deployment.arn("cloudwatch", f"alarm:{deployment.name(Kind.ALARM, '*')}")],
        ),
        Statement("ManageDashboard", ["cloudwatch:GetDashboard", "cloudwatch:PutDashboard"], [dashboard]),
        Statement("ReadBudget", ["budgets:ListTagsForResource", "budgets:ViewBudget"], [budget]),
        Statement("ManageLogs", _of("logs", groups), log_groups),
        # A list knows no resource.
        Statement("FindLogs", ["logs:DescribeLogGroups"], ["*"], conditions=_in_region(deployment)),
    ]


def _roles(settings: DeploySettings, deployment: Deployment) -> list[Statement]:
    roles = [deployment.global_arn("iam", f"role/{deployment.name(Kind.ROLE, '*')}")]
    own = deployment.global_arn("iam", f"role/{deploy_role_name(deployment)}")
    bound = deployment.global_arn("iam", f"policy/{boundary_name(deployment)}")
    read = "GetRole GetRolePolicy ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies"
    statements = [
        Statement("ReadRoles", _of("iam", read), roles),
        Statement(
            "ChangeBoundedRoles",
            _BOUNDED_CHANGES,
            roles,
            conditions={"StringEquals": {"iam:PermissionsBoundary": bound}},
        ),
        Statement("ChangeRoles", _OTHER_CHANGES, roles),
        # Its own name is among the roles' names; the denial wins.
        Statement("NotItself", (*_BOUNDED_CHANGES, *_OTHER_CHANGES), [own], effect="Deny"),
        Statement(
            "GiveRolesToFunctions",
            ["iam:PassRole"],
            roles,
            conditions={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
        Statement("ReadBoundary", ["iam:GetPolicy", "iam:GetPolicyVersion"], [bound]),
    ]
    if settings.oidc_provider_arn is None:
        provider = [deployment.global_arn("iam", f"oidc-provider/{GITHUB}")]
        statements.append(Statement("ReadIdentityProvider", ["iam:GetOpenIDConnectProvider"], provider))
    return statements


def _readings(deployment: Deployment, database: DatabaseSettings) -> list[Statement]:
    """What lasts, to be looked at."""
    pool = "DescribeUserPool DescribeUserPoolClient GetGroup GetUserPoolMfaConfig"
    statements = [
        Statement("ReadUserPool", _of("cognito-idp", pool), [deployment.arn("cognito-idp", "userpool/*")]),
        # These descriptions know no resources. EC2's are wanted of whoever puts a function into a network.
        Statement(
            "ReadNetwork",
            ["cognito-idp:DescribeUserPoolDomain", "ec2:Describe*"],
            ["*"],
            conditions=_in_region(deployment),
        ),
    ]
    if not isinstance(database, ExternalDatabase):
        # RDS describes an instance by its resource id too, which AWS makes up.
        ours = [deployment.arn("rds", f"{kind}:*") for kind in ("db", "pg", "subgrp")]
        statements.append(Statement("ReadDatabase", ["rds:Describe*", "rds:ListTagsForResource"], ours))
    return statements


def _state(settings: DeploySettings, deployment: Deployment) -> list[Statement]:
    """What is known of the last deployment, in S3: by Pulumi, which deletes its locks, and by Chalice."""
    if settings.state_bucket is None:
        return []
    pulumi = [deployment.bucket_arn(settings.state_bucket, ".pulumi/*")]
    chalice = [deployment.bucket_arn(settings.state_bucket, f"chalice/{deployment.stack}/*")]
    return [
        Statement("ListState", ["s3:ListBucket"], [deployment.bucket_arn(settings.state_bucket)]),
        Statement("KeepState", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], pulumi),
        Statement("KeepAppState", ["s3:GetObject", "s3:PutObject"], chalice),
    ]


def _of(service: str, actions: str) -> list[str]:
    return [f"{service}:{action}" for action in actions.split()]


def _in_region(deployment: Deployment) -> dict[str, dict[str, str]]:
    return {"StringEquals": {"aws:RequestedRegion": deployment.region}}
