"""Package `random`: what is drawn, that it stays, and when it is drawn anew."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.provider.context import Context
from local.provider.random_ import SPECIAL
from local.provider.registry import resource_type
from local.provider.values import Bag, Properties
from tests.platform.provider.lifecycle import Resource, changed

PASSWORD = "random:index/randomPassword:RandomPassword"
NOTHING = cast(Context, None)
"""There is no service: no type of this package looks at its context."""


def password(**inputs: object) -> str:
    return str(Resource(NOTHING, PASSWORD).create({"length": 20, **inputs})["result"])


@given(
    length=st.integers(12, 64),
    minimums=st.fixed_dictionaries(
        {key: st.integers(0, 3) for key in ("minLower", "minUpper", "minNumeric")}
    ),
)
def test_length_and_minimums_hold(length: int, minimums: dict[str, int]) -> None:
    drawn = password(length=length, **minimums)
    assert len(drawn) == length
    assert sum(one.islower() for one in drawn) >= minimums["minLower"]
    assert sum(one.isupper() for one in drawn) >= minimums["minUpper"]
    assert sum(one.isdigit() for one in drawn) >= minimums["minNumeric"]


def test_special_characters_are_those_that_are_allowed() -> None:
    drawn = password(length=200, overrideSpecial="-_", minSpecial=5)
    assert sum(one in "-_" for one in drawn) >= 5
    assert not set(drawn) & (set(SPECIAL) - set("-_"))
    assert password(length=200, special=False).isalnum()


def test_two_passwords_differ() -> None:
    assert password() != password()


def test_the_result_is_a_secret_and_stays() -> None:
    resource = Resource(NOTHING, PASSWORD)
    first = resource.create({"length": 20})["result"]
    assert "result" in resource.outputs.secrets
    assert resource.refresh()
    assert resource.outputs.values["result"] == first
    assert changed(resource.diff({"length": 20})) == {}


@pytest.mark.parametrize(
    "change", [{"length": 21}, {"special": False}, {"keepers": {"a": "2"}}, {"overrideSpecial": "-"}]
)
def test_every_change_draws_anew(change: Properties) -> None:
    resource = Resource(NOTHING, PASSWORD)
    resource.create({"length": 20, "keepers": {"a": "1"}})
    difference = changed(resource.diff({"length": 20, "keepers": {"a": "1"}, **change}))
    assert difference
    assert all(difference.values())


def test_counts_that_do_not_fit_are_refused() -> None:
    checked = resource_type(PASSWORD).check("p", Bag({"length": 3, "minLower": 4}), None, b"")
    assert [failure.path for failure in checked.failures] == ["length"]


@pytest.mark.parametrize(
    ("token", "inputs", "outputs"),
    [
        ("random:index/randomId:RandomId", {"byteLength": 4}, {"hex", "dec", "b64Url", "b64Std"}),
        ("random:index/randomUuid:RandomUuid", {}, {"result"}),
        ("random:index/randomString:RandomString", {"length": 8}, {"result"}),
        ("random:index/randomInteger:RandomInteger", {"min": 1, "max": 3}, {"result"}),
        ("random:index/randomBytes:RandomBytes", {"length": 8}, {"base64", "hex"}),
    ],
)
def test_the_other_types_give_their_outputs(token: str, inputs: Properties, outputs: set[str]) -> None:
    resource = Resource(NOTHING, token)
    assert outputs <= set(resource.create(inputs))
    assert resource.identifier
