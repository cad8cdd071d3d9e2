"""How long the rules take for a stack of 1,000 resources: `python benchmarks/policies.py [--sdk]`.

The rules alone, as `rules.unknowns` runs them; with --sdk also as the engine asks, through the policy
SDK, which unpacks each resource anew for each policy.
"""

import sys
import time
from typing import Any

from rules import unknowns
from rules.catalogue import RESOURCE_RULES, RULES, STACK_RULES
from rules.model import Resource, Stack
from rules.settings import PackSettings, Parameters
from rules.values import UNKNOWN, Inputs, Value
from tests.policies.cases import CASES

RESOURCES = 1_000
LIMIT_SECONDS = 2.0


def stack() -> Stack:
    """The cases' resources, good and bad, repeated under names of their own."""
    samples = [one for case in CASES.values() for one in (*case.bad, *case.good) if isinstance(one, Resource)]
    resources = []
    for number in range(RESOURCES):
        sample = samples[number % len(samples)]
        resources.append(
            Resource(
                sample.type,
                f"{sample.name}-{number}",
                f"{sample.urn}-{number}",
                sample.inputs,
                sample.protect,
                sample.ignore_changes,
            )
        )
    return Stack(resources)


def rules_alone(subject: Stack) -> float:
    """Seconds for every rule over every resource and over the stack."""
    start = time.perf_counter()
    parameters = Parameters()
    for resource in subject.resources:
        for rule in RESOURCE_RULES:
            unknowns.judge_resource(rule, resource, parameters)
    for stack_rule in STACK_RULES:
        unknowns.judge_stack(stack_rule, subject, parameters)
    return time.perf_counter() - start


def through_the_sdk(subject: Stack) -> float:
    """Seconds for the same as the engine's requests."""
    from pulumi.runtime.proto import analyzer_pb2
    from pulumi_policy import EnforcementLevel
    from pulumi_policy.policy import _PolicyAnalyzerServicer

    from rules.adapter import policies

    servicer: Any = _PolicyAnalyzerServicer(
        "bluemoxon", "0.0.1", policies(RULES, PackSettings()), EnforcementLevel.MANDATORY
    )
    requests, members = [], []
    for one in subject.resources:
        options = analyzer_pb2.AnalyzerResourceOptions(protect=one.protect, ignoreChanges=one.ignore_changes)
        common: dict[str, Any] = {"type": one.type, "urn": one.urn, "name": one.name, "options": options}
        requests.append(analyzer_pb2.AnalyzeRequest(**common))
        members.append(analyzer_pb2.AnalyzerResource(**common))
        for made in (requests[-1], members[-1]):
            made.properties.update(_wire(one.inputs))
    start = time.perf_counter()
    for request in requests:
        servicer.Analyze(request, None)
    servicer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=members), None)
    return time.perf_counter() - start


def _wire(inputs: Inputs) -> dict[str, object]:
    unknown = {path.split(".")[0] for path in inputs.unknown_paths()}
    values: dict[str, Value] = {
        name: UNKNOWN if name in unknown else inputs.raw(name) for name in inputs.properties()
    }
    return {name: _json(value) for name, value in values.items() if value is not UNKNOWN}


def _json(value: Value) -> object:
    if isinstance(value, tuple):
        return list(value)
    return value


def main() -> int:
    subject = stack()
    seconds = rules_alone(subject)
    print(f"{len(RULES)} rules, {RESOURCES} resources: {seconds:.2f} s (limit {LIMIT_SECONDS} s)")
    if "--sdk" in sys.argv:
        print(f"through the policy SDK: {through_the_sdk(subject):.2f} s")
    return 0 if seconds <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
