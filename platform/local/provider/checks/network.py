"""EC2's network, whose model has enums only. The rules are those of "CreateVpc", "CreateSubnet",
"CreateSecurityGroup", "AuthorizeSecurityGroupIngress" and "CreateVpcEndpoint".
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from local.provider.checks.limits import Limits
from local.provider.checks.policies import RESOURCE_POLICY
from local.provider.checks.rules import (
    Between,
    ExactlyOne,
    Exclusive,
    Matches,
    OneOf,
    Refused,
    given,
    known,
    number,
)
from local.provider.values import Properties

_TEXT = r"[\w .:/()#,@\[\]+=&;{}!$*-]{0,255}"
_TEXT_FORM = "up to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"


def _id(path: str, kind: str) -> Matches:
    return Matches(path, rf"{kind}-[0-9a-f]{{8,17}}", f"an id like {kind}-0a1b2c3d4e5f60718")


@dataclass(frozen=True)
class Cidr:
    """An IPv4 network without host bits, of a size."""

    path: str
    largest: int
    smallest: int

    def __call__(self, inputs: Properties) -> Iterator[Refused]:
        for path, value in known(inputs, self.path):
            try:
                network = ipaddress.IPv4Network(value)
            except ValueError:
                yield Refused(path, value, "is no IPv4 network: use one like 10.40.0.0/16, without host bits")
                continue
            if not self.largest <= network.prefixlen <= self.smallest:
                yield Refused(path, value, f"has a wrong size: use /{self.largest} to /{self.smallest}")


def _ports(inputs: Properties) -> Iterator[Refused]:
    protocol, low, high = (
        inputs.get("ipProtocol"),
        number(inputs.get("fromPort")),
        number(inputs.get("toPort")),
    )
    if str(protocol) in ("tcp", "udp", "6", "17"):
        for key in ("fromPort", "toPort"):
            if inputs.get(key) is None:
                yield Refused(key, None, f"is missing: the protocol {protocol!r} needs it")
        if low is not None and high is not None and low > high:
            yield Refused("toPort", inputs["toPort"], "is below 'fromPort': swap them")
    elif str(protocol) in ("-1", "all"):
        for key in given(inputs, ("fromPort", "toPort")):
            yield Refused(key, inputs[key], "has no place with all protocols: remove it")


def _endpoint(inputs: Properties) -> Iterator[Refused]:
    kind = inputs.get("vpcEndpointType", "Gateway")
    wrong = {
        "Gateway": ("subnetIds", "securityGroupIds", "privateDnsEnabled", "dnsOptions"),
        "Interface": ("routeTableIds",),
    }.get(str(kind), ())
    for key in given(inputs, wrong):
        if inputs[key] is not False:
            yield Refused(key, None, f"has no place at an endpoint of type {kind!r}: remove it")


_RULE = (
    ExactlyOne(("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")),
    Cidr("cidrIpv4", 0, 32),
    Between("fromPort", -1, 65_535),
    Between("toPort", -1, 65_535),
    Matches("ipProtocol", r"-1|all|tcp|udp|icmp|icmpv6|\d{1,3}", "tcp, udp, icmp, icmpv6, -1 or a number"),
    Matches("description", _TEXT, _TEXT_FORM),
    _id("securityGroupId", "sg"),
    _id("referencedSecurityGroupId", r"(\d{12}/)?sg"),
    _ports,
)

LIMITS = {
    "aws:ec2/vpc:Vpc": Limits(
        rules=(
            Exclusive(("cidrBlock", "ipv4NetmaskLength")),
            Cidr("cidrBlock", 16, 28),
            OneOf("instanceTenancy", ("default", "dedicated")),
        )
    ),
    "aws:ec2/subnet:Subnet": Limits(
        rules=(
            _id("vpcId", "vpc"),
            Exclusive(("availabilityZone", "availabilityZoneId")),
            Exclusive(("cidrBlock", "ipv4NetmaskLength")),
            Cidr("cidrBlock", 16, 28),
            Matches("availabilityZone", r"[a-z]{2}(-[a-z]+)+-\d[a-z0-9-]*", "a zone like us-west-2a"),
            OneOf("privateDnsHostnameTypeOnLaunch", ("ip-name", "resource-name")),
        )
    ),
    "aws:ec2/routeTable:RouteTable": Limits(rules=(_id("vpcId", "vpc"),)),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Limits(
        rules=(
            ExactlyOne(("subnetId", "gatewayId")),
            _id("subnetId", "subnet"),
            _id("routeTableId", "rtb"),
        )
    ),
    "aws:ec2/internetGateway:InternetGateway": Limits(),
    "aws:ec2/securityGroup:SecurityGroup": Limits(
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches("name", rf"(?!sg-){_TEXT}", f"{_TEXT_FORM}, not beginning with sg-"),
            Matches("description", _TEXT, _TEXT_FORM),
            _id("vpcId", "vpc"),
        )
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Limits(rules=_RULE),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Limits(rules=_RULE),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Limits(
        documents={"policy": RESOURCE_POLICY},
        rules=(
            ExactlyOne(("serviceName", "resourceConfigurationArn", "serviceNetworkArn")),
            OneOf(
                "vpcEndpointType",
                ("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"),
            ),
            _id("vpcId", "vpc"),
            _id("subnetIds", "subnet"),
            _id("securityGroupIds", "sg"),
            _id("routeTableIds", "rtb"),
            OneOf("ipAddressType", ("ipv4", "dualstack", "ipv6")),
            Matches(
                "serviceName",
                r"(com|cn\.com)\.amazonaws\.[a-z0-9.-]+|aws\.[a-z0-9.-]+|com\.[a-z0-9.-]+",
                "a service's name like com.amazonaws.us-west-2.sqs",
            ),
            _endpoint,
        ),
    ),
}
