"""The policy pack finds nothing in what the program declares, for every stack and every database mode."""

import pytest

from rules.catalogue import BY_ID, RESOURCE_RULES, STACK_RULES
from rules.model import Level, Resource, Stack
from rules.settings import load
from rules.unknowns import judge_resource, judge_stack
from rules.values import Inputs
from tests.platform.conftest import STACKS
from tests.platform.program import Run, run_program, stack_config

DIGEST = "sha256:" + "0123456789abcdef" * 4


def judged(stack: str, run: Run) -> list[tuple[str, str, str]]:
    """Rule, resource and detail of every violation of a mandatory rule."""
    parameters = load(known=BY_ID).stack(stack).parameters
    resources = [
        Resource(
            one.type, one.name, one.key, Inputs(one.inputs), one.protect, one.ignore_changes, one.sources
        )
        for one in run.resources
    ]
    found = [
        (rule.id, violation.urn, violation.detail)
        for rule in RESOURCE_RULES
        if rule.level is Level.MANDATORY
        for resource in resources
        for violation in judge_resource(rule, resource, parameters)
    ]
    found += [
        (rule.id, violation.urn, violation.detail)
        for rule in STACK_RULES
        if rule.level is Level.MANDATORY
        for violation in judge_stack(rule, Stack(resources), parameters)
    ]
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_the_stacks_break_no_rule(stack: str) -> None:
    config = stack_config(stack)
    if stack != "local":
        config["bluemoxon:images"]["image_processing"] = {"digest": DIGEST}
    assert judged(stack, run_program(stack, config)) == []


@pytest.mark.parametrize("mode", ["generated", "existing", "rds-managed"])
def test_no_database_mode_breaks_a_rule(mode: str) -> None:
    config = stack_config("staging")
    config["bluemoxon:database"] = {"mode": mode}
    assert judged("staging", run_program("staging", config)) == []
