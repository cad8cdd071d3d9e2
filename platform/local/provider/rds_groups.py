"""RDS: subnet groups and parameter groups, kept by the emulator; the local server reads neither."""
# ruff: noqa: ARG002, S105

from typing import Any, ClassVar

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties

_BATCH = 20
"""Parameters that one call may change."""


class _Group(ResourceType):
    """A named group with tags; its id is its name."""

    kind: ClassVar[str]
    name_property = "name"

    def retag(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> None:
        """Bring the group's tags in line."""
        if old is None:
            return
        wanted, arn = ctx.all_tags(new), ctx.arn("rds", f"{self.kind}:{identifier}")
        if gone := tags.removed(old, wanted):
            ctx.aws.call("rds", "remove_tags_from_resource", ResourceName=arn, TagKeys=gone)
        if wanted:
            ctx.aws.call("rds", "add_tags_to_resource", ResourceName=arn, Tags=tags.pairs(wanted))

    def tagged(self, ctx: Context, identifier: str) -> Properties:
        """ARN and tags, as outputs."""
        arn = ctx.arn("rds", f"{self.kind}:{identifier}")
        reply = ctx.aws.call("rds", "list_tags_for_resource", ResourceName=arn)
        return {"arn": arn, "tags": tags.own(ctx.default_tags, tags.mapping(reply.get("TagList") or []))}


class SubnetGroup(_Group):
    """The subnets of an instance."""

    token = "aws:rds/subnetGroup:SubnetGroup"
    kind = "subgrp"
    replace_on = frozenset({"name", "namePrefix", "region"})
    unordered = frozenset({"subnetIds"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        ctx.aws.call(
            "rds",
            "create_db_subnet_group",
            DBSubnetGroupName=inputs["name"],
            DBSubnetGroupDescription=inputs.get("description") or "Managed by Pulumi",
            SubnetIds=inputs["subnetIds"],
            Tags=tags.pairs(ctx.all_tags(inputs)),
        )
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            ctx.aws.call(
                "rds",
                "modify_db_subnet_group",
                DBSubnetGroupName=identifier,
                DBSubnetGroupDescription=new.get("description") or "Managed by Pulumi",
                SubnetIds=new["subnetIds"],
            )
        self.retag(ctx, identifier, old, new)
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("rds", "describe_db_subnet_groups", DBSubnetGroupName=identifier)
        if not reply or not reply.get("DBSubnetGroups"):
            return None
        found = reply["DBSubnetGroups"][0]
        return {
            "name": identifier,
            "description": found["DBSubnetGroupDescription"],
            "subnetIds": [subnet["SubnetIdentifier"] for subnet in found.get("Subnets", [])],
            "vpcId": found.get("VpcId"),
            "supportedNetworkTypes": ["IPV4"],
            **self.tagged(ctx, identifier),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("rds", "delete_db_subnet_group", DBSubnetGroupName=identifier)


class ParameterGroup(_Group):
    """Settings of an instance."""

    token = "aws:rds/parameterGroup:ParameterGroup"
    kind = "pg"
    replace_on = frozenset({"name", "namePrefix", "family", "description", "region"})
    unordered = frozenset({"parameters"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        ctx.aws.call(
            "rds",
            "create_db_parameter_group",
            DBParameterGroupName=inputs["name"],
            DBParameterGroupFamily=inputs["family"],
            Description=inputs.get("description") or "Managed by Pulumi",
            Tags=tags.pairs(ctx.all_tags(inputs)),
        )
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        before = {one["name"]: one for one in (old or {}).get("parameters") or []}
        wanted = {one["name"]: one for one in new.get("parameters") or []}
        self._change(ctx, identifier, "modify_db_parameter_group", list(wanted.values()))
        dropped = [one for name, one in before.items() if name not in wanted]
        self._change(ctx, identifier, "reset_db_parameter_group", dropped)
        self.retag(ctx, identifier, old, new)
        return None

    def _change(self, ctx: Context, identifier: str, operation: str, parameters: list[Properties]) -> None:
        for start in range(0, len(parameters), _BATCH):
            batch: list[dict[str, Any]] = [
                {
                    "ParameterName": one["name"],
                    "ParameterValue": str(one["value"]),
                    "ApplyMethod": one.get("applyMethod") or "immediate",
                }
                for one in parameters[start : start + _BATCH]
            ]
            ctx.aws.call("rds", operation, DBParameterGroupName=identifier, Parameters=batch)

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("rds", "describe_db_parameter_groups", DBParameterGroupName=identifier)
        if not reply or not reply.get("DBParameterGroups"):
            return None
        found = reply["DBParameterGroups"][0]
        listed = ctx.aws.call("rds", "describe_db_parameters", DBParameterGroupName=identifier, Source="user")
        values = {one["ParameterName"]: one.get("ParameterValue") for one in listed.get("Parameters", [])}
        parameters = [
            {**one, "value": values[one["name"]]}
            for one in state.get("parameters") or []
            if one["name"] in values
        ]
        return {
            "name": identifier,
            "family": found["DBParameterGroupFamily"],
            "description": found["Description"],
            "parameters": parameters,
            **self.tagged(ctx, identifier),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        if not state.get("skipDestroy"):
            ctx.aws.find("rds", "delete_db_parameter_group", DBParameterGroupName=identifier)


TYPES = (ParameterGroup, SubnetGroup)
