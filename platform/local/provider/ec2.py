"""EC2's network: VPCs, subnets, routing, endpoints. Nothing local is inside of it."""
# ruff: noqa: ARG002, S105

from typing import Any, ClassVar

from local.provider import tags
from local.provider.connection import Reply
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import renamed
from local.provider.values import Properties


class Ec2Resource(ResourceType):
    """A thing of EC2 with an id of the service's own; tags are made and changed by the same two calls."""

    resource: ClassVar[str]
    """The type in tag specifications."""
    path: ClassVar[str]
    """The ARN's path before the id."""
    describe: ClassVar[tuple[str, str, str]]
    """Operation, its argument with ids, and the list in its answer."""

    def specification(self, ctx: Context, inputs: Properties) -> dict[str, Any]:
        """The tags for a creation."""
        wanted = tags.pairs(ctx.all_tags(inputs))
        if not wanted:
            return {}
        return {"TagSpecifications": [{"ResourceType": self.resource, "Tags": wanted}]}

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            wanted = ctx.all_tags(new)
            if gone := tags.removed(old, wanted):
                ctx.aws.call(
                    "ec2", "delete_tags", Resources=[identifier], Tags=[{"Key": name} for name in gone]
                )
            if wanted:
                ctx.aws.call("ec2", "create_tags", Resources=[identifier], Tags=tags.pairs(wanted))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        operation, argument, listed = self.describe
        reply = ctx.aws.find("ec2", operation, **{argument: [identifier]})
        if not reply or not reply.get(listed):
            return None
        found = reply[listed][0]
        if found.get("State") in ("deleted", "deleting"):
            return None
        return {
            "arn": ctx.arn("ec2", f"{self.path}/{identifier}"),
            "ownerId": found.get("OwnerId", ctx.account),
            "tags": tags.own(ctx.default_tags, tags.mapping(found.get("Tags") or [])),
            **self.outputs(ctx, identifier, found, state),
        }

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        """What the type has beyond ARN, owner and tags."""
        raise NotImplementedError


class Vpc(Ec2Resource):
    """A network."""

    token = "aws:ec2/vpc:Vpc"
    resource, path = "vpc", "vpc"
    describe = ("describe_vpcs", "VpcIds", "Vpcs")
    replace_on = frozenset({"cidrBlock", "region"})
    computed_inputs = frozenset({"cidrBlock", "instanceTenancy", "enableDnsSupport"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "ec2",
            "create_vpc",
            CidrBlock=inputs["cidrBlock"],
            InstanceTenancy=inputs.get("instanceTenancy") or "default",
            **self.specification(ctx, inputs),
        )
        return str(reply["Vpc"]["VpcId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        for key, name, default in _VPC_SWITCHES:
            wanted = {"Value": bool(new.get(key, default))}
            ctx.aws.call("ec2", "modify_vpc_attribute", VpcId=identifier, **{name: wanted})
        return super().configure(ctx, identifier, old, new)

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        switches = {}
        for key, name, default in _VPC_SWITCHES:
            reply = ctx.aws.call(
                "ec2", "describe_vpc_attribute", VpcId=identifier, Attribute=name[:1].lower() + name[1:]
            )
            switches[key] = bool(reply.get(name, {}).get("Value", default))
        within = [{"Name": "vpc-id", "Values": [identifier]}]
        groups = ctx.aws.call("ec2", "describe_security_groups", Filters=within)["SecurityGroups"]
        tables = ctx.aws.call("ec2", "describe_route_tables", Filters=within)["RouteTables"]
        main = [
            one["RouteTableId"] for one in tables if any(a.get("Main") for a in one.get("Associations", []))
        ]
        return {
            "cidrBlock": found["CidrBlock"],
            "instanceTenancy": found.get("InstanceTenancy", "default"),
            "dhcpOptionsId": found.get("DhcpOptionsId"),
            "defaultSecurityGroupId": next(
                (one["GroupId"] for one in groups if one["GroupName"] == "default"), None
            ),
            "mainRouteTableId": main[0] if main else None,
            "defaultRouteTableId": main[0] if main else None,
            **switches,
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ec2", "delete_vpc", VpcId=identifier)


_VPC_SWITCHES = (
    ("enableDnsSupport", "EnableDnsSupport", True),
    ("enableDnsHostnames", "EnableDnsHostnames", False),
)


class Subnet(Ec2Resource):
    """A part of a VPC in one zone."""

    token = "aws:ec2/subnet:Subnet"
    resource, path = "subnet", "subnet"
    describe = ("describe_subnets", "SubnetIds", "Subnets")
    replace_on = frozenset({"availabilityZone", "availabilityZoneId", "cidrBlock", "region", "vpcId"})
    computed_inputs = frozenset({"availabilityZone", "availabilityZoneId"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        names = {"availabilityZone": "AvailabilityZone", "cidrBlock": "CidrBlock", "vpcId": "VpcId"}
        reply = ctx.aws.call(
            "ec2", "create_subnet", **renamed(inputs, names), **self.specification(ctx, inputs)
        )
        return str(reply["Subnet"]["SubnetId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        wanted = bool(new.get("mapPublicIpOnLaunch"))
        if wanted or (old or {}).get("mapPublicIpOnLaunch"):
            ctx.aws.call(
                "ec2", "modify_subnet_attribute", SubnetId=identifier, MapPublicIpOnLaunch={"Value": wanted}
            )
        return super().configure(ctx, identifier, old, new)

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        return {
            "vpcId": found["VpcId"],
            "cidrBlock": found["CidrBlock"],
            "availabilityZone": found.get("AvailabilityZone"),
            "availabilityZoneId": found.get("AvailabilityZoneId"),
            "mapPublicIpOnLaunch": bool(found.get("MapPublicIpOnLaunch")),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ec2", "delete_subnet", SubnetId=identifier)


class RouteTable(Ec2Resource):
    """Where a subnet's packets go. Routes written inside it are not known here."""

    token = "aws:ec2/routeTable:RouteTable"
    resource, path = "route-table", "route-table"
    describe = ("describe_route_tables", "RouteTableIds", "RouteTables")
    replace_on = frozenset({"region", "vpcId"})
    computed_inputs = frozenset({"propagatingVgws"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "ec2", "create_route_table", VpcId=inputs["vpcId"], **self.specification(ctx, inputs)
        )
        return str(reply["RouteTable"]["RouteTableId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        for route in (old or {}).get("routes") or []:
            if route not in (new.get("routes") or []):
                ctx.aws.find(
                    "ec2",
                    "delete_route",
                    RouteTableId=identifier,
                    DestinationCidrBlock=route["cidrBlock"],
                )
        for route in new.get("routes") or []:
            if route not in ((old or {}).get("routes") or []):
                ctx.aws.call("ec2", "create_route", RouteTableId=identifier, **renamed(route, _ROUTE))
        return super().configure(ctx, identifier, old, new)

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        there = {route.get("DestinationCidrBlock") for route in found.get("Routes", [])}
        routes = [route for route in state.get("routes") or [] if route.get("cidrBlock") in there]
        return {"vpcId": found["VpcId"], "routes": routes}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ec2", "delete_route_table", RouteTableId=identifier)


_ROUTE = {
    "cidrBlock": "DestinationCidrBlock",
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "vpcEndpointId": "VpcEndpointId",
}


class RouteTableAssociation(ResourceType):
    """A subnet's route table; its id is the association's."""

    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    replace_on = frozenset({"gatewayId", "region", "routeTableId", "subnetId"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        names = {"routeTableId": "RouteTableId", "subnetId": "SubnetId", "gatewayId": "GatewayId"}
        reply = ctx.aws.call("ec2", "associate_route_table", **renamed(inputs, names))
        return str(reply["AssociationId"])

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("ec2", "describe_route_tables", RouteTableIds=[state["routeTableId"]])
        tables = (reply or {}).get("RouteTables", [])
        for one in tables[0].get("Associations", []) if tables else []:
            if one.get("RouteTableAssociationId") == identifier:
                return {"routeTableId": state["routeTableId"], "subnetId": one.get("SubnetId")}
        return None

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ec2", "disassociate_route_table", AssociationId=identifier)


class InternetGateway(Ec2Resource):
    """A VPC's way out."""

    token = "aws:ec2/internetGateway:InternetGateway"
    resource, path = "internet-gateway", "internet-gateway"
    describe = ("describe_internet_gateways", "InternetGatewayIds", "InternetGateways")
    replace_on = frozenset({"region", "vpcId"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call("ec2", "create_internet_gateway", **self.specification(ctx, inputs))
        identifier = str(reply["InternetGateway"]["InternetGatewayId"])
        if inputs.get("vpcId"):
            ctx.aws.call(
                "ec2", "attach_internet_gateway", InternetGatewayId=identifier, VpcId=inputs["vpcId"]
            )
        return identifier

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        attached = found.get("Attachments") or []
        return {"vpcId": attached[0].get("VpcId")} if attached else {}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if state.get("vpcId"):
            ctx.aws.find("ec2", "detach_internet_gateway", InternetGatewayId=identifier, VpcId=state["vpcId"])
        ctx.aws.find("ec2", "delete_internet_gateway", InternetGatewayId=identifier)


TYPES = (InternetGateway, RouteTable, RouteTableAssociation, Subnet, Vpc)
