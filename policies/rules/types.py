"""Pulumi type tokens, and which of their properties hold a password or a secret."""

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_V2 = "aws:s3/bucketV2:BucketV2"
BUCKET_ACL = "aws:s3/bucketAcl:BucketAcl"
BUCKET_CORS = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_PUBLIC_ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
DATABASE = "aws:rds/instance:Instance"
DATABASE_CLUSTER = "aws:rds/cluster:Cluster"
DATABASE_CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
DATABASE_CLUSTER_PARAMETERS = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
DATABASE_PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
EVENT_SOURCE = "aws:lambda/eventSourceMapping:EventSourceMapping"
FUNCTION = "aws:lambda/function:Function"
KEY = "aws:kms/key:Key"
KEY_POLICY = "aws:kms/keyPolicy:KeyPolicy"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
PERMISSION = "aws:lambda/permission:Permission"
POLICY = "aws:iam/policy:Policy"
POLICY_ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
RANDOM_PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type token
REDRIVE_ALLOW = "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"
GROUP_ATTACHMENT = "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"
GROUP_POLICY = "aws:iam/groupPolicy:GroupPolicy"
REPOSITORY = "aws:ecr/repository:Repository"
REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
ROLE = "aws:iam/role:Role"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105
SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"  # noqa: S105
SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"  # noqa: S105
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
SECURITY_GROUP_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SECURITY_GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
SUBNET = "aws:ec2/subnet:Subnet"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
USER_ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
USER_POLICY = "aws:iam/userPolicy:UserPolicy"
USER_POOL = "aws:cognito/userPool:UserPool"
VPC = "aws:ec2/vpc:Vpc"

PASSWORDS: dict[str, tuple[str, ...]] = {
    DATABASE: ("password", "passwordWo", "passwordWoVersion"),
    DATABASE_CLUSTER: ("masterPassword", "masterPasswordWo", "masterPasswordWoVersion"),
}
"""The properties that set a database's password; changing one of them changes the password."""

PASSWORD_TEXTS = frozenset(
    {
        "password",
        "passwordWo",
        "masterPassword",
        "masterPasswordWo",
        "masterUserPassword",
        "masterUserPasswordWo",
        "authToken",
        "adminPassword",
        "adminUserPassword",
        "adminUserPasswordWo",
    }
)
"""Properties, of any type and at any depth, whose text is a password."""

SECRET_MAKERS = frozenset(
    {
        RANDOM_PASSWORD,
        SECRET_VERSION,
        "random:index/randomBytes:RandomBytes",
        "random:index/randomString:RandomString",
        "tls:index/privateKey:PrivateKey",
        "aws:cognito/userPoolClient:UserPoolClient",
        "aws:iam/accessKey:AccessKey",
    }
)
"""Resources that make a secret or hold one. What is computed from others only was typed by somebody."""

UNSEEN = ("command:", "null:", "aws-native:", "postgresql:", "mysql:", "mssql:")
"""Packages whose resources change things that no rule knows."""
UNSEEN_TYPES = frozenset(
    {
        "aws:cloudcontrol/resource:Resource",
        "aws:cloudformation/stack:Stack",
        "aws:cloudformation/stackSet:StackSet",
        "aws:lambda/invocation:Invocation",
    }
)

USER_DATA = frozenset({"userData", "userDataBase64"})
"""Properties that a machine runs when it starts; each may be base64."""

SECRET_TEXTS = ("secretString", "secretStringWo", "secretBinary")
"""Properties whose text is meant to be secret: their place is here and nowhere else."""

SECRET_STRINGS = ("secretString", "secretStringWo", "secretStringWoVersion", "secretBinary")
"""Properties of a secret version; changing one of them changes the secret."""

MANAGED = "manageMasterUserPassword"

CREDENTIALS_TAG = "bluemoxon:credentials"
"""On the database: the mode its credentials were made with (written by the program, `infra.tags`)."""
