"""Values that AWS refuses are refused by the provider's check, with the property, the reason and the remedy.

Each case takes a resource as the program declares it, which passes, and spoils one thing.
"""

import copy
import json
from typing import Any

import pytest

from local.provider.checks.limits import all_limits, limits_of
from local.provider.checks.model import compiled, operation_input, parameter
from local.provider.registry import resource_type, resource_types
from local.provider.values import UNKNOWN, Bag, Properties, Value
from tests.platform.program import Declared, Run, run_program
from tests.platform.provider.cases_refused import VALUES
from tests.platform.test_aws_accepts import everything, whole

SECRET = "hunter2 hunter2"


@pytest.fixture(scope="module")
def declared() -> Run:
    """Staging with a created network, a generated login and every option."""
    return run_program("staging", everything("staging", "generated", "create", "by digest"))


@pytest.fixture
def good(declared: Run) -> "Good":
    return Good(declared)


class Good:
    """The program's resources, to be spoilt."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def token(self, kind: str) -> str:
        (token,) = {one.type for one in self.of(kind)}
        return token

    def of(self, kind: str) -> list[Declared]:
        """The resources of a type, without our components of that name."""
        found = [one for one in self.run.resources if one.type.endswith(f":{kind}")]
        return [one for one in found if not one.type.startswith("bluemoxon:")]

    def inputs(self, kind: str, name: str = "") -> Properties:
        first = next(one for one in self.of(kind) if name in ("", one.name))
        return copy.deepcopy(dict(whole(first.inputs)))

    def failures(
        self, kind: str, inputs: Properties, secrets: frozenset[str] = frozenset()
    ) -> dict[str, str]:
        checked = resource_type(self.token(kind)).check("thing", Bag(inputs, secrets), None, b"seed")
        return {failure.path: failure.reason for failure in checked.failures}


def put(inputs: Properties, path: str, value: Value) -> Properties:
    """`inputs` with `value` at a dotted path; digits are indices."""
    target: Any = inputs
    *way, last = path.split(".")
    for step in way:
        target = target[int(step)] if isinstance(target, list) else target.setdefault(step, {})
    target[int(last) if isinstance(target, list) else last] = value
    return inputs


@pytest.mark.parametrize(
    ("kind", "path", "value", "why", "fix"),
    VALUES,
    ids=[f"{number}-{case[0]}.{case[1]}" for number, case in enumerate(VALUES)],
)
def test_what_aws_refuses_is_refused_at_preview(
    good: Good, kind: str, path: str, value: Value, why: str, fix: str
) -> None:
    inputs = good.inputs(kind)
    assert good.failures(kind, copy.deepcopy(inputs)) == {}
    found = good.failures(kind, put(inputs, path, copy.deepcopy(value)))
    assert len(found) == 1, found
    ((where, reason),) = found.items()
    assert why in f"{where} {reason}"
    assert fix in reason


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [("Queue", "visibilityTimeout"), ("Instance", "storageEncryption"), ("Function", "memory")],
)
def test_a_misspelt_property_of_the_program_is_refused(good: Good, kind: str, wrong: str) -> None:
    found = good.failures(kind, put(good.inputs(kind), wrong, 1))
    assert list(found) == [wrong]
    assert "has no property" in found[wrong]


@pytest.mark.parametrize(
    ("kind", "name"),
    [("Instance", "instanceClass"), ("Role", "assumeRolePolicy"), ("Instance", "allocatedStorage")],
)
def test_a_missing_property_is_refused(good: Good, kind: str, name: str) -> None:
    inputs = good.inputs(kind)
    del inputs[name]
    assert "missing" in good.failures(kind, inputs)[name]


def test_an_interface_endpoint_takes_no_route_tables(good: Good) -> None:
    inputs = good.inputs("VpcEndpoint", "sqs")
    assert good.failures("VpcEndpoint", inputs) == {}
    inputs["routeTableIds"] = ["rtb-0a1b2c3d"]
    assert "remove it" in good.failures("VpcEndpoint", inputs)["routeTableIds"]


def test_unknown_values_pass(good: Good) -> None:
    for one in good.run.resources:
        if not one.type.startswith(("bluemoxon:", "random:")):
            inputs: Properties = dict.fromkeys(one.inputs, UNKNOWN)
            checked = resource_type(one.type).check(one.name, Bag(inputs), None, b"seed")
            assert checked.failures == [], one.type


def test_a_secret_value_is_never_shown(good: Good) -> None:
    inputs = put(good.inputs("Instance"), "password", SECRET)
    assert SECRET not in json.dumps(good.failures("Instance", inputs, frozenset({"password"})))
    inputs = put(good.inputs("SecretVersion"), "secretString", SECRET * 5000)
    found = good.failures("SecretVersion", inputs, frozenset({"secretString"}))
    assert "1 to 65,536" in found["secretString"]
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize("token", resource_types("aws"))
def test_every_type_has_its_limits_and_they_name_what_is_there(token: str) -> None:
    kind, limits = resource_type(token), all_limits()[token]
    assert set(limits.documents) == kind.json_properties
    if limits.api is None:
        return
    shape = operation_input(limits.api.service, limits.api.operation)
    for path, theirs in limits.api.names.items():
        assert path.split(".")[0] in kind.schema.inputs
        assert parameter(shape, theirs) is not None, theirs
    # Where neither name nor case agree, the model would be asked for nothing.
    known = {path.split(".")[0] for path in limits.api.names}
    matched = known | {name for name in kind.schema.inputs if parameter(shape, name) is not None}
    assert matched, "the model limits nothing of this type"


def test_the_limits_are_of_types_that_there_are() -> None:
    assert set(all_limits()) == set(resource_types("aws"))
    assert limits_of("random:index/randomPassword:RandomPassword").api is None


@pytest.mark.parametrize("token", all_limits())
def test_every_pattern_of_a_model_can_be_read(token: str) -> None:
    api = all_limits()[token].api
    if api is None:
        return
    for pattern in patterns(operation_input(api.service, api.operation), frozenset()):
        compiled(pattern)


def patterns(shape: Any, above: frozenset[str]) -> set[str]:
    if shape.name in above:
        return set()
    above |= {shape.name}
    own = {shape.metadata["pattern"]} if "pattern" in shape.metadata else set()
    if shape.type_name == "structure":
        parts = list(shape.members.values())
    elif shape.type_name == "map":
        parts = [shape.key, shape.value]
    else:
        parts = [shape.member] if shape.type_name == "list" else []
    return own.union(*(patterns(part, above) for part in parts))
