"""What a stack expects to find in its AWS account, put into a fresh emulator from the stack's own settings.

That is what others made before: the secret that mode `existing` reads, the secret of an `external` database,
the network of mode `existing`. Each gets the identity that the settings name. Passwords are made up.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from infra.naming import PROJECT, Deployment
from infra.settings import ExistingDatabase, ExistingNetwork, ExternalDatabase, Settings
from local.provider.connection import LOCAL_ACCOUNT, Aws

CUSTOM_ID = "_custom_id_"
"""The tag by which the emulator gives a thing the identity that is asked for."""

_NETWORK = IPv4Network("10.0.0.0/16")


def read_settings(config: Mapping[str, str]) -> Settings | None:
    """A stack's settings from its configuration; None where they are wrong, which the program says better."""
    from pydantic import ValidationError

    areas = {}
    for key, text in config.items():
        namespace, _, area = key.partition(":")
        if namespace == PROJECT:
            try:
                areas[area] = json.loads(text)
            except ValueError:
                return None
    try:
        return Settings.model_validate_json(json.dumps(areas))
    except ValidationError:
        return None


def account(settings: Settings | None) -> str:
    """The account that the settings speak of, else the emulator's usual one."""
    arn = _secret(settings)[0] if settings else ""
    return arn.split(":")[4] if arn.startswith("arn:") else LOCAL_ACCOUNT


def put(settings: Settings, stack: str, aws: Aws) -> Iterator[str]:
    """Make them; what was made, in words."""
    given, username = _secret(settings)
    if username:
        name = given or Deployment(stack, "", "").database_secret()
        end = ""
        if given.startswith("arn:"):
            name, _, end = given.split(":", 6)[6].rpartition("-")
        _put_secret(aws, name, end, username)
        yield f"the database's secret {name}"
    if isinstance(settings.network, ExistingNetwork):
        _put_network(aws, settings.network)
        yield f"the network {settings.network.vpc_id} with its subnets and security groups"


def _secret(settings: Settings) -> tuple[str, str]:
    """Name or ARN of the secret that others made (empty: the usual name), and its user (empty: no such
    secret)."""
    database = settings.database
    if isinstance(database, ExistingDatabase):
        return database.secret or "", database.username
    if isinstance(database, ExternalDatabase):
        return database.secret_arn, database.name
    return "", ""


def _put_secret(aws: Aws, name: str, end: str, username: str) -> None:
    aws.call(
        "secretsmanager",
        "create_secret",
        Name=name,
        Description="Stands in for the secret that others made",
        SecretString=json.dumps({"username": username, "password": secrets.token_urlsafe(24)}),
        Tags=[{"Key": CUSTOM_ID, "Value": end}] if end else [],
    )


def _put_network(aws: Aws, network: ExistingNetwork) -> None:
    aws.call("ec2", "create_vpc", CidrBlock=str(_NETWORK), TagSpecifications=_tagged("vpc", network.vpc_id))
    zones = [zone["ZoneName"] for zone in aws.call("ec2", "describe_availability_zones")["AvailabilityZones"]]
    for number, (subnet, cidr) in enumerate(
        zip(network.subnet_ids, _NETWORK.subnets(new_prefix=24), strict=False)
    ):
        aws.call(
            "ec2",
            "create_subnet",
            VpcId=network.vpc_id,
            CidrBlock=str(cidr),
            AvailabilityZone=zones[number % len(zones)],
            TagSpecifications=_tagged("subnet", subnet),
        )
    for group in network.security_group_ids:
        aws.call(
            "ec2",
            "create_security_group",
            GroupName=group,
            Description="Stands in for the group that others made",
            VpcId=network.vpc_id,
            TagSpecifications=_tagged("security-group", group),
        )


def _tagged(kind: str, identity: str) -> list[dict[str, object]]:
    return [{"ResourceType": kind, "Tags": [{"Key": CUSTOM_ID, "Value": identity}]}]
