"""Cases of functions, people, keys, networks and what is around them."""

import json

import pulumi

from local.provider.values import Properties
from tests.platform.provider.cases import Case, Outputs

IMAGE = "000000000000.dkr.ecr.us-west-2.amazonaws.com/worker@sha256:" + "a" * 64


def _image_function(made: Outputs, timeout: int, **variables: str) -> Properties:
    return {
        "name": "f",
        "packageType": "Image",
        "imageUri": IMAGE,
        "role": made["role"]["arn"],
        "timeout": timeout,
        "memorySize": 1024,
        "architectures": ["x86_64"],
        "ephemeralStorage": {"size": 1024},
        "loggingConfig": {"logFormat": "JSON", "logGroup": "/aws/lambda/f"},
        "environment": {"variables": variables},
        "tags": {"a": "1"},
    }


def _mapping(made: Outputs, batch: int, concurrency: int) -> Properties:
    return {
        "eventSourceArn": made["queue"]["arn"],
        "functionName": made["function"]["arn"],
        "batchSize": batch,
        "functionResponseTypes": ["ReportBatchItemFailures"],
        "scalingConfig": {"maximumConcurrency": concurrency},
        "maximumBatchingWindowInSeconds": 0,
    }


def _pool(length: int) -> Properties:
    return {
        "name": "pool",
        "usernameAttributes": ["email"],
        "autoVerifiedAttributes": ["email"],
        "adminCreateUserConfig": {"allowAdminCreateUserOnly": True},
        "accountRecoverySetting": {"recoveryMechanisms": [{"name": "verified_email", "priority": 1}]},
        "passwordPolicy": {
            "minimumLength": length,
            "requireLowercase": True,
            "requireNumbers": True,
            "requireSymbols": False,
            "requireUppercase": True,
            "temporaryPasswordValidityDays": 7,
        },
    }


def _rule(made: Outputs, port: int, **source: object) -> Properties:
    return {
        "securityGroupId": made["group"]["id"],
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "description": "a rule",
        **source,
    }


def _parameters(**values: str) -> list[Properties]:
    return [{"name": name, "value": value, "applyMethod": "immediate"} for name, value in values.items()]


def _alert(threshold: int) -> Properties:
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL",
        "threshold": threshold,
        "thresholdType": "PERCENTAGE",
        "subscriberEmailAddresses": ["someone@example.com"],
    }


FUNCTIONS = (
    Case(
        "aws:lambda/function:Function",
        lambda made: _image_function(made, 60, AA="1"),
        lambda made: _image_function(made, 90, BB="2"),
        replace={"name": "other"},
        needs=("role",),
        expect=("arn", "invokeArn", "qualifiedArn", "version"),
    ),
    Case(
        "aws:lambda/function:Function",
        lambda made: {
            "name": "z",
            "role": made["role"]["arn"],
            "handler": "index.handler",
            "runtime": "python3.11",
            "code": pulumi.AssetArchive({"index.py": pulumi.StringAsset("def handler(e, c): return 1")}),
        },
        lambda made: {
            "name": "z",
            "role": made["role"]["arn"],
            "handler": "index.handler",
            "runtime": "python3.11",
            "code": pulumi.AssetArchive({"index.py": pulumi.StringAsset("def handler(e, c): return 2")}),
        },
        needs=("role",),
        expect=("codeSha256", "sourceCodeSize"),
    ),
    Case(
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        lambda made: _mapping(made, 1, 2),
        lambda made: _mapping(made, 5, 4),
        replace={"eventSourceArn": "arn:aws:sqs:us-west-2:000000000000:other"},
        needs=("queue", "role", "function"),
        expect=("uuid", "functionArn", "state"),
    ),
    Case(
        "aws:lambda/permission:Permission",
        lambda made: {
            "function": made["function"]["name"],
            "action": "lambda:InvokeFunction",
            "principal": "events.amazonaws.com",
            "statementId": "s",
        },
        replace={"principal": "s3.amazonaws.com", "statementId": "other"},
        needs=("role", "function"),
    ),
    Case(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        lambda made: {"functionName": made["function"]["name"], "maximumRetryAttempts": 0},
        lambda made: {"functionName": made["function"]["name"], "maximumRetryAttempts": 1},
        replace={"functionName": "other"},
        needs=("role", "function"),
    ),
    Case(
        "aws:secretsmanager/secretRotation:SecretRotation",
        lambda made: {
            "secretId": made["secret"]["id"],
            "rotationLambdaArn": made["function"]["arn"],
            "rotateImmediately": False,
            "rotationRules": {"automaticallyAfterDays": 30},
        },
        replace={"secretId": "other"},
        needs=("secret", "role", "function"),
        stays=True,  # the emulator cannot cancel it
    ),
)

PEOPLE_AND_KEYS = (
    Case(
        "aws:cognito/userPool:UserPool",
        lambda _: _pool(12),
        lambda _: _pool(16),
        replace={"usernameAttributes": ["phone_number"]},
        expect=("arn", "endpoint"),
    ),
    Case(
        "aws:cognito/userPoolClient:UserPoolClient",
        lambda made: {
            "userPoolId": made["pool"]["id"],
            "name": "web",
            "generateSecret": False,
            "explicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "accessTokenValidity": 60,
            "tokenValidityUnits": {"accessToken": "minutes"},
            "preventUserExistenceErrors": "ENABLED",
        },
        lambda made: {
            "userPoolId": made["pool"]["id"],
            "name": "web",
            "generateSecret": False,
            "explicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
            "accessTokenValidity": 30,
            "tokenValidityUnits": {"accessToken": "minutes"},
            "preventUserExistenceErrors": "ENABLED",
        },
        replace={"userPoolId": "us-west-2_other"},
        needs=("pool",),
    ),
    Case(
        "aws:cognito/userPoolDomain:UserPoolDomain",
        lambda made: {"userPoolId": made["pool"]["id"], "domain": "bluemoxon-people"},
        replace={"domain": "bluemoxon-others"},
        needs=("pool",),
    ),
    Case(
        "aws:cognito/userGroup:UserGroup",
        lambda made: {"userPoolId": made["pool"]["id"], "name": "editor", "precedence": 2},
        lambda made: {
            "userPoolId": made["pool"]["id"],
            "name": "editor",
            "precedence": 1,
            "description": "Changes books.",
        },
        replace={"name": "writer"},
        needs=("pool",),
    ),
    Case(
        "aws:kms/key:Key",
        lambda _: {"description": "one", "deletionWindowInDays": 7, "tags": {"a": "1"}},
        lambda _: {
            "description": "two",
            "deletionWindowInDays": 7,
            "enableKeyRotation": True,
            "tags": {"b": "2"},
        },
        replace={"keyUsage": "SIGN_VERIFY"},
        expect=("arn", "keyId"),
    ),
    Case(
        "aws:kms/alias:Alias",
        lambda made: {"name": "alias/a", "targetKeyId": made["key"]["keyId"]},
        lambda made: {"name": "alias/a", "targetKeyId": made["second key"]["keyId"]},
        replace={"name": "alias/b"},
        needs=("key", "second key"),
        expect=("arn", "targetKeyArn"),
    ),
    Case(
        "aws:budgets/budget:Budget",
        lambda _: {
            "name": "b",
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "limitAmount": "100",
            "limitUnit": "USD",
            "notifications": [_alert(80)],
        },
        lambda _: {
            "name": "b",
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "limitAmount": "200",
            "limitUnit": "USD",
            "notifications": [_alert(90)],
        },
        replace={"name": "other"},
        expect=("arn",),
    ),
    Case(
        "aws:cloudwatch/eventRule:EventRule",
        lambda _: {"name": "r", "scheduleExpression": "rate(1 minute)", "tags": {"a": "1"}},
        lambda _: {"name": "r", "scheduleExpression": "rate(5 minutes)", "description": "slower"},
        replace={"name": "other"},
        expect=("arn",),
    ),
    Case(
        "aws:cloudwatch/eventTarget:EventTarget",
        lambda made: {"rule": made["rule"]["name"], "targetId": "t", "arn": made["queue"]["arn"]},
        lambda made: {
            "rule": made["rule"]["name"],
            "targetId": "t",
            "arn": made["queue"]["arn"],
            "input": json.dumps({"a": 1}),
        },
        replace={"targetId": "other"},
        needs=("rule", "queue"),
    ),
    Case(
        "aws:rds/parameterGroup:ParameterGroup",
        lambda _: {
            "name": "pg",
            "family": "postgres16",
            "description": "d",
            "parameters": _parameters(log_min_duration_statement="500"),
        },
        lambda _: {
            "name": "pg",
            "family": "postgres16",
            "description": "d",
            "parameters": _parameters(log_min_duration_statement="1000"),
        },
        replace={"family": "postgres18", "name": "other"},
        expect=("arn",),
    ),
)

NETWORK = (
    Case(
        "aws:ec2/vpc:Vpc",
        lambda _: {"cidrBlock": "10.40.0.0/20", "enableDnsHostnames": True, "tags": {"a": "1"}},
        lambda _: {"cidrBlock": "10.40.0.0/20", "enableDnsHostnames": False, "tags": {"b": "2"}},
        replace={"cidrBlock": "10.50.0.0/20"},
        expect=("arn", "defaultSecurityGroupId"),
    ),
    Case(
        "aws:ec2/subnet:Subnet",
        lambda made: _subnet(made, a="1"),
        lambda made: _subnet(made, b="2"),
        replace={"cidrBlock": "10.20.9.0/24"},
        needs=("vpc",),
        expect=("arn",),
    ),
    Case(
        "aws:ec2/internetGateway:InternetGateway",
        lambda made: {"vpcId": made["vpc"]["id"], "tags": {"a": "1"}},
        lambda made: {"vpcId": made["vpc"]["id"], "tags": {"b": "2"}},
        needs=("vpc",),
        expect=("arn",),
    ),
    Case(
        "aws:ec2/routeTable:RouteTable",
        lambda made: {"vpcId": made["vpc"]["id"], "tags": {"a": "1"}},
        lambda made: {"vpcId": made["vpc"]["id"], "tags": {"b": "2"}},
        replace={"vpcId": "vpc-00000000"},
        needs=("vpc",),
        expect=("arn",),
    ),
    Case(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        lambda made: {"routeTableId": made["table"]["id"], "subnetId": made["subnet"]["id"]},
        replace={"subnetId": "subnet-00000000"},
        needs=("vpc", "subnet", "table"),
    ),
    Case(
        "aws:ec2/securityGroup:SecurityGroup",
        lambda made: {
            "name": "sg",
            "description": "d",
            "vpcId": made["vpc"]["id"],
            "tags": {"a": "1"},
        },
        lambda made: {
            "name": "sg",
            "description": "d",
            "vpcId": made["vpc"]["id"],
            "tags": {"b": "2"},
        },
        replace={"name": "other", "description": "other"},
        needs=("vpc",),
        expect=("arn",),
    ),
    Case(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        lambda made: _rule(made, 5432, referencedSecurityGroupId=made["group"]["id"]),
        lambda made: _rule(made, 5433, referencedSecurityGroupId=made["group"]["id"]),
        replace={"securityGroupId": "sg-00000000"},
        needs=("vpc", "group"),
        expect=("arn", "securityGroupRuleId"),
    ),
    Case(
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        lambda made: _rule(made, 443, cidrIpv4="0.0.0.0/0"),
        lambda made: _rule(made, 444, cidrIpv4="0.0.0.0/0"),
        replace={"securityGroupId": "sg-00000000"},
        needs=("vpc", "group"),
        expect=("arn", "securityGroupRuleId"),
    ),
    Case(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        lambda made: {
            "vpcId": made["vpc"]["id"],
            "serviceName": "com.amazonaws.us-west-2.s3",
            "vpcEndpointType": "Gateway",
            "routeTableIds": [made["table"]["id"]],
            "tags": {"a": "1"},
        },
        lambda made: {
            "vpcId": made["vpc"]["id"],
            "serviceName": "com.amazonaws.us-west-2.s3",
            "vpcEndpointType": "Gateway",
            "routeTableIds": [made["table"]["id"]],
            "tags": {"b": "2"},
        },
        replace={"serviceName": "com.amazonaws.us-west-2.sqs"},
        needs=("vpc", "table"),
        expect=("arn", "state"),
    ),
    Case(
        "aws:rds/subnetGroup:SubnetGroup",
        lambda made: {"name": "sng", "description": "d", "subnetIds": [made["subnet"]["id"]]},
        lambda made: {"name": "sng", "description": "e", "subnetIds": [made["subnet"]["id"]]},
        replace={"name": "other"},
        needs=("vpc", "subnet"),
        expect=("arn",),
    ),
)


def _subnet(made: Outputs, **tags: str) -> Properties:
    return {
        "vpcId": made["vpc"]["id"],
        "cidrBlock": "10.20.1.0/24",
        "availabilityZone": "us-west-2a",
        "tags": tags,
    }


MORE = (*FUNCTIONS, *PEOPLE_AND_KEYS, *NETWORK)
