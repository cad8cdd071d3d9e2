"""EC2: who may reach what: security groups, their rules, endpoints of services."""
# ruff: noqa: ARG002, S105

from typing import Any, ClassVar

from local.provider import tags
from local.provider.connection import Reply
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.ec2 import Ec2Resource
from local.provider.shapes import back, renamed
from local.provider.values import Properties


class SecurityGroup(Ec2Resource):
    """A security group. Its rules are resources of their own; those written inside it are not known here."""

    token = "aws:ec2/securityGroup:SecurityGroup"
    resource, path = "security-group", "security-group"
    describe = ("describe_security_groups", "GroupIds", "SecurityGroups")
    replace_on = frozenset({"description", "name", "namePrefix", "region", "vpcId"})
    name_property = "name"
    computed_inputs = frozenset({"egress", "ingress", "vpcId"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "ec2",
            "create_security_group",
            GroupName=inputs["name"],
            Description=inputs.get("description") or "Managed by Pulumi",
            **renamed(inputs, {"vpcId": "VpcId"}),
            **self.specification(ctx, inputs),
        )
        identifier = str(reply["GroupId"])
        # The real provider takes away the rule that lets everything out, which EC2 adds by itself.
        found = ctx.aws.call("ec2", "describe_security_groups", GroupIds=[identifier])["SecurityGroups"][0]
        if found.get("IpPermissionsEgress"):
            ctx.aws.call(
                "ec2",
                "revoke_security_group_egress",
                GroupId=identifier,
                IpPermissions=found["IpPermissionsEgress"],
            )
        return identifier

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        return {
            "name": found["GroupName"],
            "description": found["Description"],
            "vpcId": found.get("VpcId"),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ec2", "delete_security_group", GroupId=identifier)


_RULE = {"fromPort": "FromPort", "ipProtocol": "IpProtocol", "toPort": "ToPort"}


class _Rule(ResourceType):
    """One rule of a security group; its id is the rule's."""

    direction: ClassVar[str]
    replace_on = frozenset({"region", "securityGroupId"})

    def _permission(self, inputs: Properties) -> dict[str, Any]:
        permission = renamed(inputs, _RULE)
        described = {"Description": inputs["description"]} if inputs.get("description") else {}
        if inputs.get("cidrIpv4"):
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **described}]
        if inputs.get("cidrIpv6"):
            permission["Ipv6Ranges"] = [{"CidrIpv6": inputs["cidrIpv6"], **described}]
        if inputs.get("prefixListId"):
            permission["PrefixListIds"] = [{"PrefixListId": inputs["prefixListId"], **described}]
        if inputs.get("referencedSecurityGroupId"):
            group = {"GroupId": inputs["referencedSecurityGroupId"], **described}
            permission["UserIdGroupPairs"] = [group]
        return permission

    def make(self, ctx: Context, inputs: Properties) -> str:
        specification = {"ResourceType": "security-group-rule", "Tags": tags.pairs(ctx.all_tags(inputs))}
        reply = ctx.aws.call(
            "ec2",
            f"authorize_security_group_{self.direction}",
            GroupId=inputs["securityGroupId"],
            IpPermissions=[self._permission(inputs)],
            **({"TagSpecifications": [specification]} if specification["Tags"] else {}),
        )
        return str(reply["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is None:
            return None
        names = {
            **_RULE,
            "cidrIpv4": "CidrIpv4",
            "cidrIpv6": "CidrIpv6",
            "description": "Description",
            "prefixListId": "PrefixListId",
            "referencedSecurityGroupId": "ReferencedGroupId",
        }
        ctx.aws.call(
            "ec2",
            "modify_security_group_rules",
            GroupId=new["securityGroupId"],
            SecurityGroupRules=[
                {"SecurityGroupRuleId": identifier, "SecurityGroupRule": renamed(new, names)}
            ],
        )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("ec2", "describe_security_group_rules", SecurityGroupRuleIds=[identifier])
        if not reply or not reply.get("SecurityGroupRules"):
            return None
        found = reply["SecurityGroupRules"][0]
        outputs: Properties = {
            **back(
                found, {**_RULE, "cidrIpv4": "CidrIpv4", "cidrIpv6": "CidrIpv6", "description": "Description"}
            ),
            "securityGroupId": found["GroupId"],
            "securityGroupRuleId": identifier,
            "arn": ctx.arn("ec2", f"security-group-rule/{identifier}"),
        }
        if group := (found.get("ReferencedGroupInfo") or {}).get("GroupId"):
            outputs["referencedSecurityGroupId"] = group
        if outputs.get("ipProtocol") == "-1":
            # "All" has no ports, though EC2 answers -1.
            outputs = {key: value for key, value in outputs.items() if key not in ("fromPort", "toPort")}
        return outputs

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find(
            "ec2",
            f"revoke_security_group_{self.direction}",
            GroupId=state["securityGroupId"],
            SecurityGroupRuleIds=[identifier],
        )


class SecurityGroupIngressRule(_Rule):
    """Who may come in."""

    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    direction = "ingress"


class SecurityGroupEgressRule(_Rule):
    """Where one may go."""

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    direction = "egress"


class VpcEndpoint(Ec2Resource):
    """A way to an AWS service that does not leave the VPC."""

    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    resource, path = "vpc-endpoint", "vpc-endpoint"
    describe = ("describe_vpc_endpoints", "VpcEndpointIds", "VpcEndpoints")
    replace_on = frozenset({"region", "serviceName", "vpcEndpointType", "vpcId"})
    json_properties = frozenset({"policy"})
    unordered = frozenset({"routeTableIds", "securityGroupIds", "subnetIds"})
    computed_inputs = frozenset(
        {"dnsOptions", "ipAddressType", "policy", "privateDnsEnabled", "routeTableIds", "securityGroupIds"}
        | {"subnetIds"}
    )
    lists: ClassVar[dict[str, str]] = {
        "routeTableIds": "RouteTableIds",
        "securityGroupIds": "SecurityGroupIds",
        "subnetIds": "SubnetIds",
    }

    def make(self, ctx: Context, inputs: Properties) -> str:
        names = {
            **self.lists,
            "policy": "PolicyDocument",
            "privateDnsEnabled": "PrivateDnsEnabled",
            "serviceName": "ServiceName",
            "vpcEndpointType": "VpcEndpointType",
            "vpcId": "VpcId",
        }
        reply = ctx.aws.call(
            "ec2", "create_vpc_endpoint", **renamed(inputs, names), **self.specification(ctx, inputs)
        )
        return str(reply["VpcEndpoint"]["VpcEndpointId"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            wanted: dict[str, Any] = {}
            for key, name in self.lists.items():
                before, after = set(old.get(key) or []), set(new.get(key) or [])
                if added := sorted(after - before):
                    wanted[f"Add{name}"] = added
                if key in new and (gone := sorted(before - after)):
                    wanted[f"Remove{name}"] = gone
            if new.get("policy"):
                wanted["PolicyDocument"] = new["policy"]
            if wanted:
                ctx.aws.call("ec2", "modify_vpc_endpoint", VpcEndpointId=identifier, **wanted)
        return super().configure(ctx, identifier, old, new)

    def outputs(self, ctx: Context, identifier: str, found: Reply, state: Properties) -> Properties:
        groups = [one["GroupId"] for one in found.get("Groups") or []]
        return {
            "vpcId": found["VpcId"],
            "serviceName": found["ServiceName"],
            "vpcEndpointType": found.get("VpcEndpointType", "Gateway"),
            "state": found.get("State", "available"),
            "routeTableIds": found.get("RouteTableIds") or [],
            "subnetIds": found.get("SubnetIds") or [],
            "securityGroupIds": groups or state.get("securityGroupIds") or [],
            "privateDnsEnabled": bool(found.get("PrivateDnsEnabled", state.get("privateDnsEnabled"))),
            "networkInterfaceIds": found.get("NetworkInterfaceIds") or [],
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("ec2", "delete_vpc_endpoints", VpcEndpointIds=[identifier])


TYPES = (SecurityGroup, SecurityGroupEgressRule, SecurityGroupIngressRule, VpcEndpoint)
