"""Settings that have a form: each type refuses what AWS would refuse, with reason and fix."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from infra.faults import refuse


def _digest(value: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise refuse(
            "An image is deployed by digest only: a tag can be moved to another image after the review.",
            "Use `sha256:` and 64 hexadecimal digits, as `docker buildx imagetools inspect` and the deploy "
            "workflow print it.",
        )
    return value


def _secret_arn(value: str) -> str:
    if not re.fullmatch(
        r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@!-]+-[A-Za-z0-9]{6}", value
    ):
        raise refuse(
            "It has to be the full ARN of a secret in Secrets Manager: policies grant exactly that one.",
            "Copy it from `aws secretsmanager describe-secret --secret-id NAME`; it ends in a dash and six "
            "characters.",
        )
    return value


def _secret_id(value: str) -> str:
    if not re.fullmatch(r"[\w/+=.@!:-]{1,512}", value):
        raise refuse(
            "Names of secrets have letters, digits and /_+=.@-! only.",
            "Use the secret's name or its ARN, or leave it out for `bluemoxon-{stack}/database`.",
        )
    return value


def _aws_id(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(rf"{prefix}-([0-9a-f]{{8}}|[0-9a-f]{{17}})", value):
            raise refuse(
                f"AWS's ids of this kind are `{prefix}-` and 8 or 17 hexadecimal digits.",
                "Copy the id from the AWS console or from `aws ec2 describe-…`.",
            )
        return value

    return AfterValidator(check)


def _identifier(value: str) -> str:
    if (
        not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", value)
        or value.startswith("pg_")
        or value in {"admin", "rdsadmin"}
    ):
        raise refuse(
            "PostgreSQL and RDS take names of lower-case letters, digits and underscores, at most 63, that "
            "are not reserved.",
            "Use a name like `bluemoxon`.",
        )
    return value


def _instance_class(value: str) -> str:
    if not re.fullmatch(
        r"db\.[a-z]+\d+[a-z0-9-]*\.(micro|small|medium|large|\d*xlarge)(\.[a-z0-9.]+)?", value
    ):
        raise refuse("RDS's classes are named `db.family.size`.", "Use a class like `db.t4g.small`.")
    if re.match(r"db\.(t[12]|[mr][1-4]|cr1|x1e?)\.", value):
        raise refuse(
            "RDS runs no current PostgreSQL on classes of that generation.",
            "Use a class like `db.t4g.small`.",
        )
    return value


def _host(value: str) -> str:
    if len(value) > 253 or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", value):
        raise refuse("It is no host name.", "Use the cluster's endpoint, without protocol and port.")
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise refuse("Alarms are mailed to it.", "Use an address like `ops@example.org`.")
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s*]+(:\*)?", value):
        raise refuse(
            "Browsers compare it with the page's origin: scheme, host and port, nothing more.",
            "Use an origin like `https://books.example.org`, without a path.",
        )
    return value


def _pages_url(value: str) -> str:
    if not re.fullmatch(r"https://[a-z0-9.-]+(/[A-Za-z0-9._~-]+)*", value):
        raise refuse(
            "Cognito sends people back to exactly the address that it was told, over HTTPS.",
            "Use the pages' address as `bmx deploy` prints it, without a slash at its end, like "
            "`https://a1b2c3d4e5.execute-api.us-west-2.amazonaws.com/api`.",
        )
    return value


def _domain_prefix(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", value) or re.search(
        "aws|amazon|cognito", value
    ):
        raise refuse(
            "It becomes the first part of a host's name, and Cognito takes none with `aws`, `amazon` or "
            "`cognito` in it.",
            "Use up to 63 lower-case letters, digits and dashes, like `bluemoxon-people`.",
        )
    return value


def _repository(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", value):
        raise refuse(
            "The role trusts the workflows of exactly one repository on GitHub.",
            "Use `OWNER/NAME`, without address and without `*`.",
        )
    return value


def _ref_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,254}", value):
        raise refuse(
            "The role trusts exactly one environment or branch; a pattern would trust others too.",
            "Use its name, like `prod` or `main`.",
        )
    return value


def _oidc_provider_arn(value: str) -> str:
    if not re.fullmatch(
        r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com", value
    ):
        raise refuse(
            "It has to be the ARN of GitHub's identity provider in the stack's account.",
            "Copy it from `aws iam list-open-id-connect-providers`, or leave it out and the stack makes it.",
        )
    return value


def _bucket_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value):
        raise refuse("It is no bucket's name.", "Use the name alone, without `s3://` and without a path.")
    return value


def _vpc_cidr(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise refuse(
            f"It is no IPv4 network: {error}.", "Use a private network like `10.40.0.0/16`."
        ) from None
    if not network.is_private or not 16 <= network.prefixlen <= 24:
        raise refuse(
            "The network of a VPC has to be private, and from /16 (AWS's largest) to /24 to hold the "
            "subnets.",
            "Use a private network like `10.40.0.0/16`.",
        )
    return value


def _unique(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise refuse(f"AWS takes each once, and {', '.join(twice)} is there twice.", "Remove the repetition.")
    return values


Digest = Annotated[str, AfterValidator(_digest)]
SecretArn = Annotated[str, AfterValidator(_secret_arn)]
SecretId = Annotated[str, AfterValidator(_secret_id)]
Identifier = Annotated[str, AfterValidator(_identifier)]
SubnetId = Annotated[str, _aws_id("subnet")]
SecurityGroupId = Annotated[str, _aws_id("sg")]
VpcId = Annotated[str, _aws_id("vpc")]
BucketName = Annotated[str, AfterValidator(_bucket_name)]
Email = Annotated[str, AfterValidator(_email)]
DomainPrefix = Annotated[str, AfterValidator(_domain_prefix)]
Host = Annotated[str, AfterValidator(_host)]
InstanceClass = Annotated[str, AfterValidator(_instance_class)]
OidcProviderArn = Annotated[str, AfterValidator(_oidc_provider_arn)]
Origin = Annotated[str, AfterValidator(_origin)]
PagesUrl = Annotated[str, AfterValidator(_pages_url)]
RefName = Annotated[str, AfterValidator(_ref_name)]
Repository = Annotated[str, AfterValidator(_repository)]
VpcCidr = Annotated[str, AfterValidator(_vpc_cidr)]
Emails = Annotated[tuple[Email, ...], AfterValidator(_unique)]
Origins = Annotated[tuple[Origin, ...], AfterValidator(_unique)]
# Lambda's limits for the network of a function.
SecurityGroupIds = Annotated[
    tuple[SecurityGroupId, ...], Field(min_length=1, max_length=5), AfterValidator(_unique)
]
SubnetIds = Annotated[tuple[SubnetId, ...], Field(min_length=2, max_length=16), AfterValidator(_unique)]
