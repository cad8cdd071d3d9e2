"""Each type against the emulator: created, read, unchanged, changed, replaced where AWS replaces, deleted."""

from collections.abc import Iterator

import pytest

from local.provider.context import Context
from local.provider.registry import resource_types
from tests.platform.provider.cases import Case, Outputs, prepare
from tests.platform.provider.cases_core import CORE
from tests.platform.provider.cases_more import MORE
from tests.platform.provider.lifecycle import Resource, changed

pytestmark = pytest.mark.local

CASES = (*CORE, *MORE)


@pytest.fixture(params=CASES, ids=lambda case: case.id)
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def needed(ctx: Context, case: Case) -> Iterator[Outputs]:
    made, outputs = prepare(ctx, case.needs)
    yield outputs
    for resource in reversed(made):
        resource.delete()


def test_a_resource_lives_and_ends_as_on_aws(ctx: Context, case: Case, needed: Outputs) -> None:
    resource = Resource(ctx, case.token)
    inputs = case.start(needed)
    outputs = resource.create(inputs)
    assert resource.identifier
    for name in case.expect:
        assert outputs.get(name) not in (None, ""), name
    for name, value in inputs.items():
        assert name in outputs or value in (False, None), f"{name} is missing in the outputs"

    assert changed(resource.diff(inputs)) == {}, "right after its creation nothing has changed"
    before = dict(resource.inputs.values)
    assert resource.refresh()
    assert resource.inputs.values == before, "reading gives back what was asked for"
    assert changed(resource.diff(inputs)) == {}, "nor after reading it"

    if case.then is not None:
        then = case.then(needed)
        difference = changed(resource.diff(then))
        assert difference, "the change is seen"
        assert not any(difference.values()), "and made in place"
        resource.update(then)
        assert resource.refresh()
        assert changed(resource.diff(then)) == {}
        inputs = then

    for name, value in case.replace.items():
        assert changed(resource.diff({**inputs, name: value})) == {name: True}

    resource.delete()
    assert resource.refresh() == case.stays
    if not case.stays:
        resource.delete()


def test_every_type_has_a_case() -> None:
    covered = {case.token for case in CASES}
    known = set(resource_types("aws"))
    assert known - covered == {"aws:rds/instance:Instance"} & known, "types without a case"
