"""What of a database is the program's, in Pulumi's state: given up without being deleted, taken in without
being made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.tags import CREDENTIALS_TAG
from operations import changes
from operations.credentials.adopt import INSTANCE, NAME, PASSWORD, VERSION
from operations.credentials.instance import RdsInstance
from operations.credentials.login import DatabaseAccess
from operations.state import Resource, State, find, label, load, refresh, remove, resources, secret
from operations.state import replace as replace_state
from workers.contracts.problem import Problem

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type token
COMPONENT = "bluemoxon:database:Database"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
SUBNETS = "aws:rds/subnetGroup:SubnetGroup"
FIREWALL = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

GENERATED = (PASSWORD, SECRET, VERSION)
"""What mode `generated` has besides the instance."""
_LOGIN = ("password", "passwordWo", "passwordWoVersion", "manageMasterUserPassword")
_KEPT = ("urn", "custom", "type", "inputs", "parent", "protect", "provider", "dependencies")
_KEPT_TOO = ("propertyDependencies", "additionalSecretOutputs")
_WAVES = 6
"""More than the longest chain of things that are made one from the other."""


def give_up(state: State, before: str, after: str) -> list[str]:
    """Forget what the program does not have in the mode after; what is forgotten."""
    gone: list[Resource] = []
    if after == "external":
        gone = [one for one in resources(state) if _inside(one)]
    elif before == "generated":
        gone = [one for kind in GENERATED if (one := find(state, kind, NAME)) is not None]
    remove(state, {one["urn"] for one in gone})
    return [f"{label(one)} is no longer the program's; it stays" for one in gone if one.get("custom", True)]


def relabel(state: State, access: DatabaseAccess, after: str) -> None:
    """Say the mode and its login on the instance in the state. A program with other settings is refused by
    its guard from here on, so an interrupted move does no harm."""
    instance = find(state, INSTANCE, NAME)
    if instance is None:
        return
    given = {"manageMasterUserPassword": True} if after == "rds-managed" else {"password": _password(access)}
    for side in ("inputs", "outputs"):
        properties = instance.get(side) or {}
        for name in _LOGIN:
            properties.pop(name, None)
        properties.update(given)
        for name in ("tags", "tagsAll"):
            if CREDENTIALS_TAG in (properties.get(name) or {}):
                properties[name][CREDENTIALS_TAG] = after
    instance["propertyDependencies"] = {
        name: urns
        for name, urns in (instance.get("propertyDependencies") or {}).items()
        if name not in _LOGIN
    }


def newcomers(before: str, after: str) -> tuple[str, ...]:
    """What the program has in the mode after and not before, in words."""
    found = tuple(f"{kind} {NAME} becomes the program's, as it is" for kind in GENERATED)
    if before == "external":
        instance = f"{INSTANCE} {NAME} becomes the program's, as it is, with its groups"
        return (instance, *(found if after == "generated" else ()))
    return found if after == "generated" else ()


@dataclass(frozen=True)
class Taking:
    """Takes what the program would make, and what is there already, into the state."""

    access: DatabaseAccess
    instance: RdsInstance

    def take(self) -> changes.Changes:
        """Take it; what is planned afterwards. Raises `Problem` where the program would make something of the
        database that is not there.

        In waves: what depends on another thing is known when that is in the state.
        """
        for _ in range(_WAVES):
            planned = changes.preview(self.access.target)
            states = [one["newState"] for one in planned["steps"] if one.get("op") == "create"]
            made = [one for one in states if _inside(one)]
            if not made:
                return changes.parse(self.access.target.stack, planned)
            self._wave(made)
        raise Problem(
            "The database could not be taken into the state.", why="Each look shows new parts of it."
        )

    def _wave(self, made: list[Resource]) -> None:
        state = load(self.access.target)
        taken = [entry for one in made if (entry := self._entry(one)) is not None]
        if not taken:
            missing = ", ".join(label(one) for one in made)
            raise Problem(
                f"The program would make what is not there: {missing}.",
                why="A move takes in what there is and makes nothing.",
                fix="Compare names and settings with what the account has.",
            )
        state["deployment"]["resources"] = [*resources(state), *taken]
        replace_state(self.access.target, state)
        read = [one["urn"] for one in taken if one.get("custom") and one["type"] != PASSWORD]
        if read:
            refresh(self.access.target, read)

    def _entry(self, planned: Resource) -> Resource | None:
        """The state of a planned thing that is there; None where it is not, or not yet to be known."""
        entry = {name: planned[name] for name in (*_KEPT, *_KEPT_TOO) if name in planned}
        if not planned.get("custom"):
            return {**entry, "outputs": {}}
        inputs = {**(planned.get("inputs") or {}), **self._secrets(planned["type"])}
        if changes.unknown(inputs) or planned["type"] not in self._finders:
            return None
        identity = self._finders[planned["type"]](inputs)
        if identity is None:
            return None
        outputs = dict(inputs)
        if planned["type"] == PASSWORD:
            outputs["result"] = secret(_password_text(self.access))
            outputs["bcryptHash"] = secret("")  # nothing reads it
        return {**entry, "id": identity, "inputs": inputs, "outputs": outputs}

    def _secrets(self, kind: str) -> dict[str, Any]:
        """Inputs that no plan shows."""
        if kind == VERSION:
            return {"secretString": secret(self.access.text())}
        if kind == INSTANCE and self.instance.managed_secret() != self.access.secret_arn:
            return {"password": _password(self.access)}
        return {}

    @property
    def _finders(self) -> Mapping[str, Callable[[Mapping[str, Any]], str | None]]:
        """How a thing's id is found from its inputs."""
        return {
            PASSWORD: lambda _inputs: "none",
            SECRET: lambda _inputs: self.access.secret_arn,
            VERSION: lambda _inputs: f"{self.access.secret_arn}|{self.access.read().version}",
            INSTANCE: lambda _inputs: self.instance.resource_id if self.instance.exists() else None,
            PARAMETERS: lambda inputs: str(inputs["name"]),
            SUBNETS: lambda inputs: str(inputs["name"]),
            FIREWALL: self._group,
            INGRESS: self._rule,
        }

    def _group(self, inputs: Mapping[str, Any]) -> str | None:
        filters = {"group-name": inputs["name"], "vpc-id": inputs["vpcId"]}
        found = self.access.target.client("ec2").describe_security_groups(Filters=_filters(filters))
        return next((str(one["GroupId"]) for one in found["SecurityGroups"]), None)

    def _rule(self, inputs: Mapping[str, Any]) -> str | None:
        found = self.access.target.client("ec2").describe_security_group_rules(
            Filters=_filters({"group-id": inputs["securityGroupId"]})
        )
        other = inputs["referencedSecurityGroupId"]
        return next(
            (
                str(one["SecurityGroupRuleId"])
                for one in found["SecurityGroupRules"]
                if not one.get("IsEgress")
                and (one.get("ReferencedGroupInfo") or {}).get("GroupId") == other
                and (one["FromPort"], one["ToPort"]) == (inputs["fromPort"], inputs["toPort"])
            ),
            None,
        )


def _filters(wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": [value]} for name, value in wanted.items()]


def _inside(resource: Resource) -> bool:
    """Whether it is the database's component or a part of it."""
    return COMPONENT in resource["urn"].split("::")[2].split("$")


def _password(access: DatabaseAccess) -> dict[str, str]:
    return secret(_password_text(access))


def _password_text(access: DatabaseAccess) -> str:
    return access.read().password
