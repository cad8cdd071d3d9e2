"""The network of the functions that talk to the database, and of the database itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
from pulumi_aws import GetAvailabilityZonesFilterArgs, ec2, vpc
from pulumi_aws.get_availability_zones import get_availability_zones

from infra.naming import Deployment, Kind
from infra.settings import CreatedNetwork, ExistingNetwork
from infra.tags import tags
from workers.contracts import Problem

INTERFACE_SERVICES = ("sqs", "secretsmanager", "cognito-idp")
"""Services that the application talks to from its private subnets; S3 has a gateway endpoint, which costs
nothing. No more are needed: Lambda itself takes logs and pulls images, from outside of the network, and the
container workers are not in it.
"""


@dataclass(frozen=True, slots=True)
class Network:
    """Where functions and database are. `application_group_ids` are the functions' security groups."""

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    application_group_ids: Sequence[pulumi.Input[str]]


def existing_network(settings: ExistingNetwork) -> Network:
    """A network that others manage."""
    return Network(settings.vpc_id, settings.subnet_ids, settings.security_group_ids)


def subnet_cidrs(cidr: str, zones: int) -> list[str]:
    """A network's equal shares, one a zone; the shares are quarters, so that a third zone can come later."""
    return [str(part) for part in list(IPv4Network(cidr).subnets(prefixlen_diff=2))[:zones]]


def _zones(region: str, count: int) -> list[str]:
    """The first zones of the region; raises `Problem` when it has fewer than `count`."""
    # An account may have opted in to local zones (us-west-2-lax-1a), which sort first and hold no endpoints.
    ordinary = GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])
    names = get_availability_zones(state="available", filters=[ordinary]).names
    if len(names) < count:
        raise Problem(
            f"{region} has {len(names)} availability zones for this account, too few for {count} subnets.",
            why="`bluemoxon:network.zones` says how many, and each lies in a zone of its own.",
            fix=f"Set `zones` to {len(names)}, or use another region.",
        )
    return list(names[:count])


@dataclass(frozen=True, slots=True)
class PrivateNetworkArgs:
    """Where, and how large."""

    deployment: Deployment
    settings: CreatedNetwork


class PrivateNetwork(pulumi.ComponentResource):
    """A VPC without a way to the internet: private subnets, and endpoints to the services that the
    application uses.
    """

    network: Network

    def __init__(
        self, name: str, args: PrivateNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("bluemoxon:network:PrivateNetwork", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._deployment = args.deployment
        zones = _zones(args.deployment.region, args.settings.zones)
        net = ec2.Vpc(
            name,
            ec2.VpcArgs(
                cidr_block=args.settings.cidr,
                enable_dns_support=True,
                enable_dns_hostnames=True,
                tags=self._tags(args.deployment.name(Kind.NETWORK)),
            ),
            opts=self._child,
        )
        routes = ec2.RouteTable(
            name, ec2.RouteTableArgs(vpc_id=net.id, tags=self._tags("private")), opts=self._child
        )
        subnets = self._subnets(name, args.settings.cidr, zones, net, routes)
        application, endpoints = self._groups(net, args.settings.cidr)
        self._endpoints(net, routes, subnets, endpoints)
        self.network = Network(net.id, [subnet.id for subnet in subnets], [application.id])
        self.register_outputs({"vpc_id": net.id})

    def _tags(self, name: str) -> dict[str, str]:
        return tags(self._deployment.stack, "network", Name=name)

    def _subnets(
        self, name: str, whole: str, zones: Sequence[str], net: ec2.Vpc, routes: ec2.RouteTable
    ) -> list[ec2.Subnet]:
        subnets = []
        for number, (zone, cidr) in enumerate(
            zip(zones, subnet_cidrs(whole, len(zones)), strict=True), start=1
        ):
            subnet = ec2.Subnet(
                f"{name}-{number}",
                ec2.SubnetArgs(
                    vpc_id=net.id,
                    availability_zone=zone,
                    cidr_block=cidr,
                    map_public_ip_on_launch=False,
                    tags=self._tags(f"private-{number}"),
                ),
                opts=self._child,
            )
            ec2.RouteTableAssociation(
                f"{name}-{number}",
                ec2.RouteTableAssociationArgs(subnet_id=subnet.id, route_table_id=routes.id),
                opts=self._child,
            )
            subnets.append(subnet)
        return subnets

    def _groups(self, net: ec2.Vpc, cidr: str) -> tuple[ec2.SecurityGroup, ec2.SecurityGroup]:
        application = self._group("application", "The functions of the application", net)
        endpoints = self._group("endpoints", "Interface endpoints: HTTPS from the network", net)
        vpc.SecurityGroupEgressRule(
            "application-out",
            # The subnets have routes to the VPC and to S3 only, so that this opens nothing else.
            vpc.SecurityGroupEgressRuleArgs(
                security_group_id=application.id,
                cidr_ipv4="0.0.0.0/0",
                ip_protocol="-1",
                description="To the database and the endpoints",
            ),
            opts=self._child,
        )
        vpc.SecurityGroupIngressRule(
            "endpoints-in",
            vpc.SecurityGroupIngressRuleArgs(
                security_group_id=endpoints.id,
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                description="HTTPS from the network",
            ),
            opts=self._child,
        )
        return application, endpoints

    def _group(self, name: str, description: str, net: ec2.Vpc) -> ec2.SecurityGroup:
        full = self._deployment.name(Kind.SECURITY_GROUP, name)
        return ec2.SecurityGroup(
            name,
            ec2.SecurityGroupArgs(name=full, description=description, vpc_id=net.id, tags=self._tags(full)),
            opts=self._child,
        )

    def _endpoints(
        self, net: ec2.Vpc, routes: ec2.RouteTable, subnets: Sequence[ec2.Subnet], group: ec2.SecurityGroup
    ) -> None:
        region = self._deployment.region
        ec2.VpcEndpoint(
            "s3",
            ec2.VpcEndpointArgs(
                vpc_id=net.id,
                service_name=f"com.amazonaws.{region}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=[routes.id],
                tags=self._tags("s3"),
            ),
            opts=self._child,
        )
        for service in INTERFACE_SERVICES:
            ec2.VpcEndpoint(
                service,
                ec2.VpcEndpointArgs(
                    vpc_id=net.id,
                    service_name=f"com.amazonaws.{region}.{service}",
                    vpc_endpoint_type="Interface",
                    subnet_ids=[subnet.id for subnet in subnets],
                    security_group_ids=[group.id],
                    private_dns_enabled=True,
                    tags=self._tags(service),
                ),
                opts=self._child,
            )
