"""What AWS refuses: a kind of resource, a dotted path in it, the wrong value there, words of the reason and
words of the remedy.
"""

import json
from collections.abc import Mapping

from local.provider.values import Value

ARN = "arn:aws:sqs:us-west-2:123456789012:q"


def statement(**changes: object) -> str:
    """An identity policy with one statement, changed; None removes."""
    whole_one = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **changes}
    return policy([{key: value for key, value in whole_one.items() if value is not None}])


def policy(statements: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def redrive(**more: object) -> str:
    return json.dumps({"deadLetterTargetArn": ARN, **more})


def lifecycle(*selections: Mapping[str, object]) -> str:
    rules = [
        {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}
        for number, selection in enumerate(selections, start=1)
    ]
    return json.dumps({"rules": rules})


ANY = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 3}
UNTAGGED = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 3}


def widget(**changes: object) -> str:
    properties = {"region": "us-west-2", "metrics": [["AWS/SQS", "A", "QueueName", "q"]]}
    return json.dumps({"widgets": [{"type": "metric", "properties": properties, **changes}]})


VALUES: list[tuple[str, str, Value, str, str]] = [
    # wrong types
    ("Queue", "delaySeconds", "soon", "whole number", "not str"),
    ("Queue", "delaySeconds", 1.5, "whole number", "1.5"),
    ("Queue", "sqsManagedSseEnabled", "yes", "true or false", "not str"),
    ("Function", "timeout", True, "whole number", "bool"),
    ("Function", "environment", ["A"], "FunctionEnvironmentArgs", "not list"),
    # ranges, by hand and out of the model
    ("Queue", "visibilityTimeoutSeconds", 43_201, "out of range", "0 to 43,200 seconds"),
    ("Queue", "messageRetentionSeconds", 59, "out of range", "60 to 1,209,600"),
    ("Queue", "receiveWaitTimeSeconds", 21, "out of range", "0 to 20"),
    ("Queue", "maxMessageSize", 1, "out of range", "1,024"),
    ("Function", "timeout", 901, "out of range", "1 to 900 seconds"),
    ("Function", "memorySize", 127, "out of range", "128 to 10,240 MB"),
    ("Function", "ephemeralStorage.size", 511, "out of range", "512 to 10,240"),
    ("Function", "reservedConcurrentExecutions", -2, "out of range", "-1"),
    ("EventSourceMapping", "scalingConfig.maximumConcurrency", 1, "out of range", "2 to 1,000"),
    ("EventSourceMapping", "scalingConfig.maximumConcurrency", 1001, "out of range", "2 to 1,000"),
    ("EventSourceMapping", "maximumBatchingWindowInSeconds", 301, "out of range", "0 to 300"),
    ("EventSourceMapping", "batchSize", 11, "needs maximumBatchingWindowInSeconds", "10 messages"),
    ("Secret", "recoveryWindowInDays", 6, "out of range", "7 to 30 days, or 0"),
    ("Instance", "backupRetentionPeriod", 36, "out of range", "0 to 35 days"),
    ("Instance", "allocatedStorage", 19, "out of range", "20 to 65,536"),
    ("Instance", "maxAllocatedStorage", 21, "1.1 of allocatedStorage", "raise it"),
    ("Instance", "port", 80, "out of range", "1,150"),
    ("UserPool", "passwordPolicy.minimumLength", 5, "out of range", "6 to 99"),
    ("UserPool", "passwordPolicy.temporaryPasswordValidityDays", 366, "out of range", "0 to 365"),
    ("UserPoolClient", "accessTokenValidity", 25, "in hours is out of range", "5 minutes to a day"),
    ("UserPoolClient", "refreshTokenValidity", 3651, "in days is out of range", "ten years"),
    ("MetricAlarm", "period", 45, "no period", "multiple of 60"),
    ("MetricAlarm", "evaluationPeriods", 2000, "too long", "within a day"),
    ("MetricAlarm", "datapointsToAlarm", 5, "over evaluationPeriods", "lower it"),
    ("SecurityGroupIngressRule", "toPort", 65_536, "out of range", "65,535"),
    ("SecurityGroupIngressRule", "fromPort", 6000, "below 'fromPort'", "swap"),
    (
        "BucketLifecycleConfiguration",
        "rules.0.noncurrentVersionExpiration.noncurrentDays",
        0,
        "range",
        "1 to",
    ),
    ("Role", "maxSessionDuration", 60, "out of range", "3,600 to 43,200"),
    # enums
    ("Repository", "imageTagMutability", "FIXED", "not known to AWS", "IMMUTABLE"),
    ("Repository", "encryptionConfigurations.0.encryptionType", "AES", "not known", "AES256"),
    ("Function", "architectures.0", "riscv64", "not known to AWS", "arm64"),
    ("Function", "loggingConfig.logFormat", "XML", "not known to AWS", "JSON, Text"),
    ("EventSourceMapping", "functionResponseTypes.0", "ReportAll", "not known", "ReportBatchItemFailures"),
    ("MetricAlarm", "statistic", "Max", "not known to AWS", "Maximum"),
    ("MetricAlarm", "comparisonOperator", ">", "not known to AWS", "GreaterThanThreshold"),
    ("MetricAlarm", "treatMissingData", "fine", "not known to AWS", "notBreaching"),
    ("LogGroup", "retentionInDays", 31, "not known to AWS", "30, 60"),
    ("Instance", "storageType", "gp4", "not known to AWS", "gp3"),
    ("Instance", "performanceInsightsRetentionPeriod", 8, "not known to AWS", "731"),
    ("Instance", "networkType", "IPV6", "not known to AWS", "DUAL"),
    ("Instance", "enabledCloudwatchLogsExports", ["postgres"], "not known to AWS", "postgresql"),
    ("ParameterGroup", "parameters.0.applyMethod", "now", "not known to AWS", "pending-reboot"),
    ("BucketVersioning", "versioningConfiguration.status", "On", "not known to AWS", "Enabled"),
    ("BucketOwnershipControls", "rule.objectOwnership", "Mine", "not known", "BucketOwnerEnforced"),
    ("BucketCorsConfiguration", "corsRules.0.allowedMethods", ["PATCH"], "not known", "POST"),
    ("UserPoolClient", "explicitAuthFlows", ["ALLOW_ALL"], "not known", "ALLOW_USER_SRP_AUTH"),
    ("UserPool", "deletionProtection", "ON", "not known to AWS", "ACTIVE"),
    ("VpcEndpoint", "vpcEndpointType", "Private", "not known to AWS", "Interface"),
    ("TopicSubscription", "protocol", "mail", "not known to AWS", "email"),
    ("Budget", "timeUnit", "WEEKLY", "not known to AWS", "MONTHLY"),
    ("Budget", "notifications.0.notificationType", "PLANNED", "not known to AWS", "FORECASTED"),
    # forms and lengths
    ("Queue", "name", "a b", "wrong form", "letters, digits"),
    ("Queue", "name", "q" * 81, "wrong form", "1 to 80"),
    ("Role", "name", "r" * 65, "65 characters", "1 to 64"),
    ("Role", "description", "a – b", "wrong form", "matches"),
    ("Function", "name", "f" * 65, "wrong form", "1 to 64"),
    ("Function", "description", "d" * 257, "257 characters", "0 to 256"),
    (
        "Function",
        "imageUri",
        "123456789012.dkr.ecr.us-west-2.amazonaws.com/x@sha256:12",
        "wrong form",
        "digest",
    ),
    ("Function", "environment.variables", {"1A": "x"}, "wrong form", "matches"),
    ("Bucket", "bucket", "Images", "wrong form", "lower-case"),
    ("Repository", "name", "Worker", "wrong form", "matches"),
    ("Secret", "name", "a secret", "wrong form", "1 to 512"),
    ("SecretVersion", "secretString", "", "0 characters", "1 to 65,536"),
    ("Instance", "identifier", "a--b", "wrong form", "single dashes"),
    ("Instance", "finalSnapshotIdentifier", "-last", "wrong form", "a letter first"),
    ("Instance", "instanceClass", "t4g.micro", "wrong form", "db.t4g.micro"),
    ("Instance", "instanceClass", "db.t2.micro", "cannot be encrypted", "db.t4g.micro"),
    ("Instance", "username", "rdsadmin", "reserved", "another name"),
    ("Instance", "backupWindow", "3am-4am", "wrong form", "hh:mm"),
    ("Instance", "maintenanceWindow", "sun:25:00-sun:26:00", "wrong form", "ddd:hh:mm"),
    ("SubnetGroup", "name", "default", "wrong form", "255"),
    ("LogGroup", "name", "a:b", "wrong form", "1 to 512"),
    ("Dashboard", "dashboardName", "a.b", "wrong form", "letters, digits"),
    ("Vpc", "cidrBlock", "10.0.0.0/8", "wrong size", "/16 to /28"),
    ("Subnet", "cidrBlock", "10.0.0.1/24", "no IPv4 network", "without host bits"),
    ("SecurityGroup", "name", "sg-mine", "wrong form", "not beginning with sg-"),
    ("SecurityGroup", "description", "é", "wrong form", "letters, digits"),
    ("TopicSubscription", "endpoint", "ops", "no endpoint for the protocol", "correct one"),
    ("OpenIdConnectProvider", "url", "http://example.org", "wrong form", "https://"),
    ("UserPoolClient", "callbackUrls", ["http://example.org"], "wrong form", "https://"),
    ("Budget", "limitAmount", "much", "wrong form", "matches"),
    ("Budget", "name", "a:b", "wrong form", "matches"),
    ("Queue", "tags", {"aws:x": "1"}, "AWS's own", "leave out"),
    ("Queue", "tags", {"k" * 129: "1"}, "no tag's name", "1 to 128"),
    ("Bucket", "tags", {"k": "v" * 257}, "no tag's value", "up to 256"),
    # ARNs
    ("Function", "role", "worker", "wrong form", "arn:"),
    ("MetricAlarm", "alarmActions", ["alarms"], "no ARN", "the whole one"),
    ("TopicPolicy", "arn", "alarms", "no ARN", "the whole one"),
    ("Role", "permissionsBoundary", "boundary", "8 characters", "20"),
    # documents
    ("RolePolicy", "policy", "{", "no JSON", "json.dumps"),
    ("RolePolicy", "policy", '{"Version": "2012-10-17", "Version": "2012-10-17"}', "twice", "Correct"),
    ("RolePolicy", "policy", policy([]), "identity policy", "at least 1"),
    ("RolePolicy", "policy", statement(Effect="Maybe"), "Statement.0.Effect", "'Allow' or 'Deny'"),
    ("RolePolicy", "policy", statement(Action="GetObject"), "no action", "service:Action"),
    ("RolePolicy", "policy", statement(Action=None), "either Action or NotAction", "Correct"),
    ("RolePolicy", "policy", statement(Resource="bucket"), "no resource", "an ARN or *"),
    ("RolePolicy", "policy", statement(Resource=None), "either Resource or NotResource", "Correct"),
    ("RolePolicy", "policy", statement(Principal="*"), "Principal has no place", "Correct"),
    ("RolePolicy", "policy", statement(Sid="a b"), "Statement.0.Sid", "pattern"),
    (
        "RolePolicy",
        "policy",
        statement(Condition={"Equals": {"aws:x": "1"}}),
        "condition operator",
        "Correct",
    ),
    ("RolePolicy", "policy", statement(Condition={"Bool": {"x": "1"}}), "condition key", "prefix:key"),
    ("RolePolicy", "policy", statement(Conditions={}), "Statement.0.Conditions", "not permitted"),
    ("RolePolicy", "policy", statement(Resource=["*"] * 3000), "characters", "at most 10,240"),
    ("Policy", "policy", statement(Resource=["*"] * 2000), "characters", "at most 6,144"),
    ("Role", "assumeRolePolicy", statement(Resource=None), "either Principal or NotPrincipal", "Correct"),
    (
        "Role",
        "assumeRolePolicy",
        statement(Principal={"Service": "lambda"}, Resource=None),
        "Service",
        "Correct",
    ),
    ("QueuePolicy", "policy", statement(), "either Principal or NotPrincipal", "Correct"),
    ("BucketPolicy", "policy", statement(Principal={"User": "x"}), "no kind of principal", "AWS, Service"),
    ("RepositoryPolicy", "policy", statement(Principal="*"), "Resource has no place", "Correct"),
    ("Queue", "redrivePolicy", redrive(), "maxReceiveCount", "required"),
    ("Queue", "redrivePolicy", redrive(maxReceiveCount=0), "maxReceiveCount", "equal to 1"),
    (
        "RedriveAllowPolicy",
        "redriveAllowPolicy",
        json.dumps({"redrivePermission": "byQueue"}),
        "sourceQueueArns",
        "only then",
    ),
    ("LifecyclePolicy", "policy", lifecycle(ANY, UNTAGGED), "highest rulePriority", "comes last"),
    ("LifecyclePolicy", "policy", lifecycle({**ANY, "tagStatus": "tagged"}), "tagPrefixList", "only then"),
    ("LifecyclePolicy", "policy", lifecycle({**ANY, "countUnit": "days"}), "countUnit", "only then"),
    ("LifecyclePolicy", "policy", lifecycle(ANY, ANY), "two rules", "any"),
    ("Dashboard", "dashboardBody", widget(type="chart"), "widgets.0.type", "Input should be"),
    ("Dashboard", "dashboardBody", widget(width=25), "widgets.0.width", "equal to 24"),
    ("Dashboard", "dashboardBody", widget(properties={"metrics": [["A", "B"]]}), "region", "Correct"),
    ("Dashboard", "dashboardBody", widget(x=1), "x and y", "together"),
    # arguments that exclude or need one another
    ("Queue", "kmsMasterKeyId", "alias/x", "conflicts with 'kmsMasterKeyId'", "one of them"),
    ("Queue", "namePrefix", "q-", "conflicts with 'name'", "one of them"),
    ("Queue", "fifoThroughputLimit", "perQueue", "FIFO queues only", "remove it"),
    ("Function", "s3Bucket", "code", "conflicts with 'imageUri'", "one of"),
    ("Function", "handler", "index.handler", "packageType 'Image'", "remove it"),
    ("Function", "packageType", "Zip", "fits 'Image'", "change one"),
    ("EventSourceMapping", "startingPosition", "LATEST", "means streams", "remove it"),
    (
        "Instance",
        "manageMasterUserPassword",
        True,
        "conflicts with 'manageMasterUserPassword'",
        "one of them",
    ),
    ("Instance", "identifierPrefix", "db-", "conflicts with 'identifier'", "one of them"),
    ("Instance", "monitoringInterval", 60, "monitoringInterval over 0 needs it", "missing"),
    ("Instance", "iops", 3000, "under 400 GB", "remove it"),
    ("MetricAlarm", "extendedStatistic", "p95", "conflicts with 'statistic'", "one of them"),
    ("MetricAlarm", "metricName", None, "missing", "metricQueries"),
    ("SecretVersion", "secretBinary", "AA==", "conflicts with 'secretString'", "one of them"),
    ("SecurityGroupEgressRule", "cidrIpv6", "::/0", "conflicts with 'cidrIpv4'", "one of"),
    ("SecurityGroupEgressRule", "fromPort", 443, "all protocols", "remove it"),
    ("UserPool", "aliasAttributes", ["email"], "conflicts with 'aliasAttributes'", "one of them"),
    ("UserPool", "mfaConfiguration", "ON", "needs a factor", "softwareTokenMfaConfiguration"),
    ("Budget", "limitUnit", None, "'limitAmount' needs it", "missing"),
    ("Budget", "notifications.0.subscriberSnsTopicArns", None, "tells nobody", "give an address"),
    ("BucketLifecycleConfiguration", "rules.0.prefix", "a/", "conflicts with 'filter'", "one of them"),
]
