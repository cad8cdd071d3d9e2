"""IAM: roles, policies and identity providers."""
# ruff: noqa: ARG002, S105

import json
from typing import Any
from urllib.parse import unquote

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties


def document(value: Any) -> str:
    """A policy document as JSON text: boto3 parses some, services quote others."""
    return unquote(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


class Role(ResourceType):
    """A role; its id is its name. Inline policies and attachments are resources of their own."""

    token = "aws:iam/role:Role"
    replace_on = frozenset({"name", "namePrefix", "path"})
    name_property = "name"
    json_properties = frozenset({"assumeRolePolicy"})
    unordered = frozenset({"managedPolicyArns"})
    computed_inputs = frozenset({"inlinePolicies", "managedPolicyArns"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        optional = {
            "Description": inputs.get("description"),
            "MaxSessionDuration": inputs.get("maxSessionDuration"),
            "PermissionsBoundary": inputs.get("permissionsBoundary"),
            "Path": inputs.get("path"),
        }
        ctx.aws.call(
            "iam",
            "create_role",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Tags=tags.pairs(ctx.all_tags(inputs)),
            **{key: value for key, value in optional.items() if value is not None},
        )
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is not None:
            self._update(ctx, identifier, old, new)
        for inline in new.get("inlinePolicies") or []:
            if inline.get("name"):
                ctx.aws.call(
                    "iam",
                    "put_role_policy",
                    RoleName=identifier,
                    PolicyName=inline["name"],
                    PolicyDocument=document(inline["policy"]),
                )
        for arn in new.get("managedPolicyArns") or []:
            ctx.aws.call("iam", "attach_role_policy", RoleName=identifier, PolicyArn=arn)
        return None

    def _update(self, ctx: Context, identifier: str, old: Properties, new: Properties) -> None:
        """Like the real provider, touch only what differs: CI has no right to the rest."""
        role = {"RoleName": identifier}
        if json.loads(document(new["assumeRolePolicy"])) != json.loads(document(old["assumeRolePolicy"])):
            trust = new["assumeRolePolicy"]
            ctx.aws.call("iam", "update_assume_role_policy", PolicyDocument=trust, **role)
        description = new.get("description") or ""
        if description != (old.get("description") or ""):
            ctx.aws.call("iam", "update_role_description", Description=description, **role)
        longest = new.get("maxSessionDuration") or 3600
        if longest != (old.get("maxSessionDuration") or 3600):
            ctx.aws.call("iam", "update_role", MaxSessionDuration=longest, **role)
        boundary = new.get("permissionsBoundary")
        if boundary and boundary != old.get("permissionsBoundary"):
            ctx.aws.call("iam", "put_role_permissions_boundary", PermissionsBoundary=boundary, **role)
        elif not boundary and old.get("permissionsBoundary"):
            ctx.aws.call("iam", "delete_role_permissions_boundary", **role)
        wanted = ctx.all_tags(new)
        if gone := tags.removed(old, wanted):
            ctx.aws.call("iam", "untag_role", TagKeys=gone, **role)
        if wanted and wanted != old.get("tagsAll"):
            ctx.aws.call("iam", "tag_role", Tags=tags.pairs(wanted), **role)

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("iam", "get_role", RoleName=identifier)
        if reply is None:
            return None
        role = reply["Role"]
        boundary = role.get("PermissionsBoundary") or {}
        return {
            "name": role["RoleName"],
            "arn": role["Arn"],
            "path": role.get("Path", "/"),
            "uniqueId": role["RoleId"],
            "createDate": role["CreateDate"].isoformat(),
            "description": role.get("Description") or "",
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "assumeRolePolicy": document(role["AssumeRolePolicyDocument"]),
            "permissionsBoundary": boundary.get("PermissionsBoundaryArn"),
            "forceDetachPolicies": bool(state.get("forceDetachPolicies")),
            "tags": tags.own(ctx.default_tags, tags.mapping(role.get("Tags") or [])),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        attached = ctx.aws.find("iam", "list_attached_role_policies", RoleName=identifier) or {}
        for policy in attached.get("AttachedPolicies", []):
            ctx.aws.find("iam", "detach_role_policy", RoleName=identifier, PolicyArn=policy["PolicyArn"])
        inline = ctx.aws.find("iam", "list_role_policies", RoleName=identifier) or {}
        for name in inline.get("PolicyNames", []):
            ctx.aws.find("iam", "delete_role_policy", RoleName=identifier, PolicyName=name)
        ctx.aws.find("iam", "delete_role", RoleName=identifier)


class RolePolicy(ResourceType):
    """A role's inline policy; its id is `role:name`."""

    token = "aws:iam/rolePolicy:RolePolicy"
    replace_on = frozenset({"name", "namePrefix", "role"})
    name_property = "name"
    json_properties = frozenset({"policy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return f"{inputs['role']}:{inputs['name']}"

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        role, name = identifier.split(":", 1)
        ctx.aws.call("iam", "put_role_policy", RoleName=role, PolicyName=name, PolicyDocument=new["policy"])
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        role, name = identifier.split(":", 1)
        reply = ctx.aws.find("iam", "get_role_policy", RoleName=role, PolicyName=name)
        if reply is None:
            return None
        return {"role": role, "name": name, "policy": document(reply["PolicyDocument"])}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        role, name = identifier.split(":", 1)
        ctx.aws.find("iam", "delete_role_policy", RoleName=role, PolicyName=name)


class Policy(ResourceType):
    """A managed policy; its id is its ARN. Each change is a new default version."""

    token = "aws:iam/policy:Policy"
    replace_on = frozenset({"name", "namePrefix", "path", "description"})
    name_property = "name"
    json_properties = frozenset({"policy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        optional = {key: inputs[name] for key, name in _POLICY_OPTIONS.items() if inputs.get(name)}
        reply = ctx.aws.call(
            "iam",
            "create_policy",
            PolicyName=inputs["name"],
            PolicyDocument=inputs["policy"],
            Tags=tags.pairs(ctx.all_tags(inputs)),
            **optional,
        )
        return str(reply["Policy"]["Arn"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is None:
            return None
        if self.diff({"policy": old.get("policy")}, {}, {"policy": new["policy"]}, []).changes:
            self._prune(ctx, identifier)
            ctx.aws.call(
                "iam",
                "create_policy_version",
                PolicyArn=identifier,
                PolicyDocument=new["policy"],
                SetAsDefault=True,
            )
        wanted = ctx.all_tags(new)
        if gone := tags.removed(old, wanted):
            ctx.aws.call("iam", "untag_policy", PolicyArn=identifier, TagKeys=gone)
        if wanted:
            ctx.aws.call("iam", "tag_policy", PolicyArn=identifier, Tags=tags.pairs(wanted))
        return None

    def _prune(self, ctx: Context, arn: str) -> None:
        """AWS keeps at most five versions of a policy."""
        versions = ctx.aws.call("iam", "list_policy_versions", PolicyArn=arn)["Versions"]
        spare = [version["VersionId"] for version in versions if not version["IsDefaultVersion"]]
        for version in spare[3:]:
            ctx.aws.call("iam", "delete_policy_version", PolicyArn=arn, VersionId=version)

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("iam", "get_policy", PolicyArn=identifier)
        if reply is None:
            return None
        policy = reply["Policy"]
        version = ctx.aws.call(
            "iam", "get_policy_version", PolicyArn=identifier, VersionId=policy["DefaultVersionId"]
        )
        return {
            "name": policy["PolicyName"],
            "arn": policy["Arn"],
            "path": policy.get("Path", "/"),
            "policyId": policy["PolicyId"],
            "attachmentCount": policy.get("AttachmentCount", 0),
            "policy": document(version["PolicyVersion"]["Document"]),
            "tags": tags.own(ctx.default_tags, tags.mapping(policy.get("Tags") or [])),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        reply = ctx.aws.find("iam", "list_policy_versions", PolicyArn=identifier) or {}
        for version in reply.get("Versions", []):
            if not version["IsDefaultVersion"]:
                ctx.aws.find(
                    "iam", "delete_policy_version", PolicyArn=identifier, VersionId=version["VersionId"]
                )
        ctx.aws.find("iam", "delete_policy", PolicyArn=identifier)


_POLICY_OPTIONS = {"Description": "description", "Path": "path"}


class RolePolicyAttachment(ResourceType):
    """A managed policy on a role; its id is `role/policy ARN`."""

    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    replace_on = frozenset({"role", "policyArn"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        ctx.aws.call("iam", "attach_role_policy", RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        role, arn = identifier.split("/", 1)
        reply = ctx.aws.find("iam", "list_attached_role_policies", RoleName=role) or {}
        attached = {policy["PolicyArn"] for policy in reply.get("AttachedPolicies", [])}
        return {"role": role, "policyArn": arn} if arn in attached else None

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        role, arn = identifier.split("/", 1)
        ctx.aws.find("iam", "detach_role_policy", RoleName=role, PolicyArn=arn)


class OpenIdConnectProvider(ResourceType):
    """An OIDC provider, as the delivery workflows use; its id is its ARN."""

    token = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
    replace_on = frozenset({"url", "clientIdLists", "thumbprintLists"})
    unordered = frozenset({"clientIdLists"})
    computed_inputs = frozenset({"thumbprintLists"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "iam",
            "create_open_id_connect_provider",
            Url=inputs["url"],
            ClientIDList=inputs["clientIdLists"],
            ThumbprintList=inputs.get("thumbprintLists") or ["0" * 40],
        )
        return str(reply["OpenIDConnectProviderArn"])

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=identifier)
        if reply is None:
            return None
        return {
            "arn": identifier,
            "url": str(reply["Url"]).removeprefix("https://"),
            "clientIdLists": reply.get("ClientIDList", []),
            "thumbprintLists": reply.get("ThumbprintList", []),
        }

    def normalised(self, inputs: Properties) -> Properties:
        """AWS drops the scheme of the address."""
        values = super().normalised(inputs)
        if isinstance(values.get("url"), str):
            values["url"] = values["url"].removeprefix("https://")
        return values

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("iam", "delete_open_id_connect_provider", OpenIDConnectProviderArn=identifier)


TYPES = (OpenIdConnectProvider, Policy, Role, RolePolicy, RolePolicyAttachment)
