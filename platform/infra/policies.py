"""Policy documents: the language, without any decision about who may do what (that is `infra.grants`)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Principals = Mapping[str, Sequence[str]] | Literal["*"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy. `principals` belong to resource policies and trust policies only."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str] = ()
    effect: Literal["Allow", "Deny"] = "Allow"
    principals: Principals | None = None
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None

    def as_json(self) -> dict[str, object]:
        """The statement as IAM reads it, single values unwrapped, lists sorted, so that equal policies are
        equal text.
        """
        out: dict[str, object] = {"Sid": self.sid, "Effect": self.effect, "Action": _compact(self.actions)}
        if self.principals is not None:
            out["Principal"] = (
                "*"
                if self.principals == "*"
                else {kind: _compact(who) for kind, who in self.principals.items()}
            )
        if self.resources:
            out["Resource"] = _compact(self.resources)
        if self.conditions:
            out["Condition"] = {
                operator: {
                    key: value if isinstance(value, str) else _compact(value) for key, value in test.items()
                }
                for operator, test in self.conditions.items()
            }
        return out


def _compact(values: Sequence[str]) -> str | list[str]:
    unique = sorted(set(values))
    return unique[0] if len(unique) == 1 else unique


def document(*statements: Statement) -> str:
    """A policy document as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [one.as_json() for one in statements]})


def service_trust(service: str) -> str:
    """The trust policy that lets an AWS service (`lambda.amazonaws.com`) take on a role."""
    return document(Statement("Trust", ["sts:AssumeRole"], principals={"Service": [service]}))


def deny_plain_http(action: str, resources: Sequence[str]) -> Statement:
    """Refuses every request that did not come over TLS."""
    return Statement(
        "DenyPlainHttp",
        [action],
        resources,
        effect="Deny",
        principals="*",
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
