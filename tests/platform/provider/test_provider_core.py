"""What is checked and what counts as a change, without a service."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from local.provider.core import ResourceType
from local.provider.diff import Kind
from local.provider.registry import resource_type, resource_types
from local.provider.values import DEFAULTS, UNKNOWN, Bag, Properties, from_wire, to_wire
from workers.contracts import Problem

QUEUE = "aws:sqs/queue:Queue"


def refused(token: str, inputs: Properties) -> dict[str, str]:
    checked = resource_type(token).check("thing", Bag(inputs), None, b"seed")
    return {failure.path: failure.reason for failure in checked.failures}


def test_a_misspelt_property_is_refused_with_the_right_name() -> None:
    assert (
        "did you mean 'visibilityTimeoutSeconds'"
        in (refused(QUEUE, {"visibilityTimeoutSecs": 3})["visibilityTimeoutSecs"])
    )


def test_a_misspelt_nested_property_is_refused_with_its_path() -> None:
    inputs = {"bucket": "b", "rules": [{"applyServerSideEncryptionByDefault": {"algorithm": "AES256"}}]}
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    assert list(refused(token, inputs)) == ["rules[0].applyServerSideEncryptionByDefault.algorithm"]


def test_a_missing_property_is_named() -> None:
    assert "assumeRolePolicy" in refused("aws:iam/role:Role", {"name": "r"})


def test_a_list_where_a_map_belongs_is_refused() -> None:
    assert refused(QUEUE, {"tags": ["a"]}) == {"tags": "is a map, not list"}


def test_an_unknown_type_is_named_with_the_place_to_add_it() -> None:
    with pytest.raises(Problem, match=r"aws:dynamodb/table:Table.*platform/local/provider"):
        resource_type("aws:dynamodb/table:Table")


def test_an_unknown_value_passes_every_check() -> None:
    assert refused(QUEUE, {"name": UNKNOWN, "redrivePolicy": UNKNOWN}) == {}


@pytest.mark.parametrize("token", [*resource_types("aws"), *resource_types("random")])
def test_every_type_is_one_of_the_sdk_and_its_settings_name_its_properties(token: str) -> None:
    kind = resource_type(token)
    known = set(kind.schema.inputs)
    roots = {path.split(".")[0] for path in kind.replace_on | kind.unordered}
    named = roots | kind.json_properties | kind.computed_inputs | kind.write_only
    if kind.name_property:
        named.add(kind.name_property)
    # Some arguments are accepted under the outputs' names only (BucketVersioning's bucket).
    assert named - known <= set(kind.schema.outputs) | {"region", "expectedBucketOwner", "number"}


class TestNames:
    def test_a_given_name_is_kept(self) -> None:
        checked = resource_type(QUEUE).check("q", Bag({"name": "mine"}), None, b"s")
        assert checked.inputs.values == {"name": "mine"}

    def test_a_missing_name_is_the_logical_one_with_a_suffix(self) -> None:
        values = resource_type(QUEUE).check("q", Bag({"fifoQueue": True}), None, b"s").inputs.values
        assert values["name"].startswith("q-")
        assert values["name"].endswith(".fifo")
        assert values[DEFAULTS] == ["name"]

    def test_an_automatic_name_stays(self) -> None:
        kind = resource_type(QUEUE)
        first = kind.check("q", Bag(), None, b"one").inputs
        second = kind.check("q", Bag(), first, b"two").inputs
        assert second.values["name"] == first.values["name"]

    def test_a_replacement_with_a_fixed_name_deletes_first(self) -> None:
        kind = resource_type(QUEUE)
        old, new = {"name": "q", "fifoQueue": False}, {"name": "q", "fifoQueue": True}
        assert kind.diff(old, {}, new, []).delete_before_replace
        automatic = {DEFAULTS: ["name"]}
        assert not kind.diff({**old, **automatic}, {}, {**new, **automatic}, []).delete_before_replace


class TestDiff:
    @pytest.fixture
    def queue(self) -> ResourceType:
        return resource_type(QUEUE)

    def test_paths_go_into_maps(self, queue: ResourceType) -> None:
        found = queue.diff({"tags": {"a": "1", "b": "1"}}, {}, {"tags": {"a": "2", "c": "1"}}, [])
        assert {change.path: change.kind for change in found.changes} == {
            "tags.a": Kind.UPDATE,
            "tags.b": Kind.DELETE,
            "tags.c": Kind.ADD,
        }

    def test_documents_are_compared_by_meaning(self, queue: ResourceType) -> None:
        old = {"redrivePolicy": '{"a": 1, "b": 2}'}
        assert not queue.diff(old, {}, {"redrivePolicy": '{"b":2,"a":1}'}, []).changes

    def test_an_unknown_value_is_a_change(self, queue: ResourceType) -> None:
        found = queue.diff({"name": "q"}, {}, {"name": UNKNOWN}, [])
        assert found.replaces == ("name",)

    @pytest.mark.parametrize("ignored", ["tags", "tags.a", "tags[*]", "tags.*"])
    def test_ignored_paths_do_not_count(self, queue: ResourceType, ignored: str) -> None:
        assert not queue.diff({"tags": {"a": "1"}}, {}, {"tags": {"a": "2"}}, [ignored]).changes

    def test_a_path_that_only_starts_like_an_ignored_one_counts(self, queue: ResourceType) -> None:
        old, new = {"tags": {"ab": "1"}}, {"tags": {"ab": "2"}}
        assert queue.diff(old, {}, new, ["tags.a"]).changes

    def test_what_the_service_fills_in_is_not_missed(self, queue: ResourceType) -> None:
        old = {"name": "q", "sqsManagedSseEnabled": True}
        assert not queue.diff(old, {}, {"name": "q"}, []).changes

    def test_text_and_number_of_one_value_are_equal(self, queue: ResourceType) -> None:
        assert not queue.diff({"delaySeconds": "5"}, {}, {"delaySeconds": 5}, []).changes


class TestPreview:
    def test_what_the_service_gives_is_unknown_before_a_creation(self) -> None:
        outputs = resource_type(QUEUE).preview(Bag({"name": "q"}))
        assert outputs.values["name"] == "q"
        assert outputs.values["arn"] is UNKNOWN

    def test_it_stays_known_before_an_update(self) -> None:
        state = Bag({"name": "q", "arn": "arn:q"})
        outputs = resource_type(QUEUE).preview(Bag({"name": "q", "delaySeconds": 1}), state)
        assert outputs.values == {"name": "q", "arn": "arn:q", "delaySeconds": 1}


plain = st.recursive(
    st.booleans() | st.integers(-(2**52), 2**52) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), plain, max_size=4), st.data())
def test_values_and_secrets_survive_the_wire(values: Properties, data: st.DataObject) -> None:
    secrets = data.draw(st.sets(st.sampled_from(sorted(values)))) if values else set()
    bag = Bag(values, frozenset(secrets))
    assert from_wire(to_wire(bag)) == bag


def test_an_unknown_survives_the_wire() -> None:
    wire = to_wire(Bag({"a": [UNKNOWN]}))
    assert from_wire(wire).values == {"a": [UNKNOWN]}
    assert rpc.UNKNOWN in str(wire["a"])
