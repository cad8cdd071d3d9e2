"""How long the policy pack takes for a stack of 1,000 resources: `python benchmarks/policies.py [RUNS]`.

Medians of processor time, as other processes of the machine do not count: the rules alone, and all that the
pack does when the engine asks, through the policy SDK's own server, which unpacks each resource anew for each
policy. The resources are those of the project's own stacks and of the rules' cases, good and bad.
"""

import statistics
import sys
import time
from dataclasses import replace

from rules import unknowns
from rules.catalogue import RESOURCE_RULES, RULES, STACK_RULES
from rules.model import Resource, Stack
from rules.settings import Parameters
from rules.values import Inputs
from tests.platform.conftest import STACKS
from tests.platform.program import run_program
from tests.policies.cases import CASES
from tests.policies.wire import analyze, server

RESOURCES = 1_000
LIMIT_SECONDS = 2.0


def stack() -> Stack:
    """Resources repeated under names of their own, still computed from each other as before."""
    samples = [one for case in CASES.values() for one in (*case.bad, *case.good) if isinstance(one, Resource)]
    for name in STACKS:
        samples += [
            Resource(
                one.type, one.name, one.key, Inputs(one.inputs), one.protect, one.ignore_changes, one.sources
            )
            for one in run_program(name).resources
        ]
    made = []
    for number in range(RESOURCES):
        sample, turn = samples[number % len(samples)], number // len(samples)
        sources = {key: tuple(f"{urn}-{turn}" for urn in urns) for key, urns in sample.sources.items()}
        made.append(replace(sample, urn=f"{sample.urn}-{turn}", sources=sources))
    return Stack(made)


def rules_alone(subject: Stack) -> float:
    """Seconds for every rule over every resource and over the stack."""
    start = time.process_time()
    parameters = Parameters()
    for resource in subject.resources:
        for rule in RESOURCE_RULES:
            unknowns.judge_resource(rule, resource, parameters)
    for stack_rule in STACK_RULES:
        unknowns.judge_stack(stack_rule, subject, parameters)
    return time.process_time() - start


def through_the_sdk(subject: Stack) -> float:
    """Seconds for the same as the engine's requests: one for each resource, one for the stack."""
    answering = server(RULES)
    start = time.process_time()
    for resource in subject.resources:
        analyze(answering, resource)
    analyze(answering, subject)
    return time.process_time() - start


def main(runs: int) -> int:
    subject = stack()
    alone = statistics.median(rules_alone(subject) for _ in range(runs))
    whole = statistics.median(through_the_sdk(subject) for _ in range(runs))
    print(f"{len(RULES)} rules, {RESOURCES} resources, medians of {runs} runs")
    print(f"{alone:6.2f} s  the rules alone")
    print(f"{whole:6.2f} s  through the policy SDK (limit {LIMIT_SECONDS} s)")
    return 0 if whole <= LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
