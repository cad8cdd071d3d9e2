"""The mutation run: each right taken away once, each recorded request sent again."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.provider.connection import Connection
from tests.platform.iam.calls import Call, matches, place, unique
from tests.platform.iam.mutants import Json, Kind, Mutant, listed, narrower


@dataclass
class Proof:
    """What became of the mutants of one policy."""

    policy: str
    killed: list[tuple[Mutant, Call]] = field(default_factory=list)
    survived: list[Mutant] = field(default_factory=list)

    def count(self, kind: Kind) -> tuple[int, int]:
        """Killed and total of one kind."""
        killed = sum(mutant.kind is kind for mutant, _ in self.killed)
        return killed, killed + sum(mutant.kind is kind for mutant in self.survived)


class Subject:
    """A policy under test: how it is replaced, and the sessions that it governs."""

    def __init__(self, name: str, document: Json, put: Callable[[Json], None], calls: Iterable[Call]) -> None:
        self.name, self.document, self.put = name, document, put
        # Rehearsed ones first: the things that they are about are still there.
        self.calls = sorted(unique(iter(calls)), key=lambda call: call.allowed)

    @contextmanager
    def changed(self, document: Json) -> Iterator[None]:
        """Another document while this lasts."""
        self.put(document)
        try:
            yield
        finally:
            self.put(self.document)


def missing_rights(subject: Subject, session: Callable[[str], Connection]) -> Proof:
    """Take away each action and each resource: a recorded request has to be refused for just that action."""
    proof = Proof(subject.name)
    for mutant in narrower(subject.document):
        with subject.changed(mutant.document):
            for call in _touched(mutant, subject.calls):
                if call.send(session(call.role)).denied.lower() == call.action.lower():
                    proof.killed.append((mutant, call))
                    break
            else:
                proof.survived.append(mutant)
    return proof


def refused_with_all_rights(calls: Iterable[Call], session: Callable[[str], Connection]) -> list[str]:
    """The requests that the whole policy refuses: replaying them would prove nothing. To be empty."""
    answers = [(call, call.send(session(call.role))) for call in calls]
    return [f"{place(call)}: {answer.denied}" for call, answer in answers if not answer.allowed]


def _touched(mutant: Mutant, calls: list[Call]) -> Iterator[Call]:
    """The requests that the lost right may have let through."""
    for call in calls:
        if mutant.kind is Kind.ACTION:
            actions, resources = [mutant.lost], listed(mutant.statement["Resource"])
        else:
            actions, resources = listed(mutant.statement["Action"]), [mutant.lost]
        if matches(actions, call.action) and matches(resources, call.resource):
            yield call


def table(proofs: Iterable[Proof]) -> Iterator[str]:
    """Killed and total of each policy, and their sum."""
    proofs = list(proofs)
    yield f"{'policy':<32}" + "".join(f"{kind:>16}" for kind in Kind)
    for proof in proofs:
        yield f"{proof.policy:<32}" + "".join(_cell(proof.count(kind)) for kind in Kind)
    sums = [[sum(proof.count(kind)[i] for proof in proofs) for i in (0, 1)] for kind in Kind]
    yield f"{'all':<32}" + "".join(_cell((killed, total)) for killed, total in sums)


def _cell(count: tuple[int, int]) -> str:
    killed, total = count
    return f"{f'{killed}/{total}' if total else '–':>16}"
