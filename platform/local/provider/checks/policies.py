"""The grammar of IAM's policies ("Grammar of the IAM JSON policy language") and IAM's quotas of characters.

There are three: what an identity may do has no principal, what a resource allows names one, and a trust
policy has a principal and no resource.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from local.provider.checks.documents import Document, Part

_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_RESOURCE = re.compile(r"\*|arn:[a-z*?${}:A-Za-z-]+:[a-z0-9*?-]+:[^:]*:[^:]*:.+")
_PRINCIPALS = {
    "AWS": re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|A(ROA|IDA)[A-Z0-9]+"),
    "Service": re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?"),
    "Federated": re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(oidc|saml)-provider/.+|[a-z0-9.-]+\.[a-z]{2,}"),
    "CanonicalUser": re.compile(r"[0-9a-f]{64}"),
}
_COMPARISONS = (
    r"String(Not)?(Equals|EqualsIgnoreCase|Like)|Numeric(Not)?Equals|Numeric(LessThan|GreaterThan)(Equals)?"
    r"|Date(Not)?Equals|Date(LessThan|GreaterThan)(Equals)?|Bool|BinaryEquals|(Not)?IpAddress"
    r"|Arn(Not)?(Equals|Like)"
)
_OPERATOR = re.compile(rf"((ForAllValues:|ForAnyValue:)?({_COMPARISONS})(IfExists)?|Null)")
_KEY = re.compile(r"[\w.-]+:[^\s]+")

Scalar = str | int | float | bool


def _action(value: str) -> str:
    if not _ACTION.fullmatch(value):
        raise ValueError(f"{value!r} is no action: write service:Action")
    return value


def _resource(value: str) -> str:
    if not _RESOURCE.fullmatch(value):
        raise ValueError(f"{value!r} is no resource: write an ARN or *")
    return value


def _principal(value: Any) -> Any:
    if value == "*":
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError('a principal is "*" or names AWS, Service, Federated or CanonicalUser')
    for kind, who in value.items():
        if kind not in _PRINCIPALS:
            raise ValueError(f"{kind!r} is no kind of principal: use {', '.join(_PRINCIPALS)}")
        for one in who if isinstance(who, list) else [who]:
            if not isinstance(one, str) or not _PRINCIPALS[kind].fullmatch(one):
                raise ValueError(f"{one!r} is no {kind} principal")
    return value


def _condition(value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    for operator, tests in value.items():
        if not _OPERATOR.fullmatch(operator):
            raise ValueError(f"{operator!r} is no condition operator")
        for key in tests:
            if not _KEY.fullmatch(key):
                raise ValueError(f"{key!r} is no condition key: write prefix:key")
    return value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


# One thing may stand without a list around it.
_Some = (BeforeValidator(_listed), Field(min_length=1))
Actions = Annotated[list[Annotated[str, AfterValidator(_action)]], *_Some]
Resources = Annotated[list[Annotated[str, AfterValidator(_resource)]], *_Some]
Who = Annotated[Any, AfterValidator(_principal)]
Conditions = Annotated[dict[str, dict[str, Scalar | list[Scalar]]], AfterValidator(_condition)]


class Statement(Part):
    """What all statements have."""

    Sid: str | None = None
    Effect: Literal["Allow", "Deny"]
    Action: Actions | None = None
    NotAction: Actions | None = None
    Resource: Resources | None = None
    NotResource: Resources | None = None
    Principal: Who = None
    NotPrincipal: Who = None
    Condition: Conditions | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Statement":
        self.one("Action")
        return self

    def one(self, name: str) -> None:
        """Raise unless exactly one of `name` and its negation is there."""
        if (name in self.model_fields_set) == (f"Not{name}" in self.model_fields_set):
            raise ValueError(f"a statement has either {name} or Not{name}")

    def none(self, name: str, why: str) -> None:
        """Raise when `name` or its negation is there."""
        for given in (name, f"Not{name}"):
            if given in self.model_fields_set:
                raise ValueError(f"{given} has no place here: {why}")


class IdentityStatement(Statement):
    """What the role may do that the policy is on."""

    Sid: Annotated[str, Field(pattern=r"^[A-Za-z0-9]*$")] | None = None

    @model_validator(mode="after")
    def _of_an_identity(self) -> "IdentityStatement":
        self.one("Resource")
        self.none("Principal", "the role itself is meant")
        return self


class TrustStatement(Statement):
    """Who may take on the role."""

    Sid: Annotated[str, Field(pattern=r"^[A-Za-z0-9]*$")] | None = None

    @model_validator(mode="after")
    def _of_a_trust(self) -> "TrustStatement":
        self.one("Principal")
        self.none("Resource", "the role itself is meant")
        return self


class ResourceStatement(Statement):
    """Who may do what to the resource that the policy is on."""

    @model_validator(mode="after")
    def _of_a_resource(self) -> "ResourceStatement":
        self.one("Principal")
        self.one("Resource")
        return self


class RepositoryStatement(Statement):
    """The same for an ECR repository, which takes no resource: it is the one."""

    @model_validator(mode="after")
    def _of_a_repository(self) -> "RepositoryStatement":
        self.one("Principal")
        self.none("Resource", "the repository itself is meant")
        return self


class _Policy(Part):
    Version: Literal["2012-10-17", "2008-10-17"] = "2008-10-17"
    Id: str | None = None

    @model_validator(mode="after")
    def _sids_are_unique(self) -> "_Policy":
        sids = [one.Sid for one in getattr(self, "Statement", ()) if one.Sid]
        if len(set(sids)) != len(sids):
            raise ValueError("two statements have the same Sid")
        return self


class _IdentityPolicy(_Policy):
    Statement: Annotated[list[IdentityStatement], *_Some]


class _TrustPolicy(_Policy):
    Statement: Annotated[list[TrustStatement], *_Some]


class _ResourcePolicy(_Policy):
    Statement: Annotated[list[ResourceStatement], *_Some]


class _RepositoryPolicy(_Policy):
    Statement: Annotated[list[RepositoryStatement], *_Some]


ROLE_POLICY = Document("an identity policy", _IdentityPolicy, 10_240)
MANAGED_POLICY = Document("a managed policy", _IdentityPolicy, 6_144)
TRUST_POLICY = Document("a trust policy", _TrustPolicy, 2_048)
RESOURCE_POLICY = Document("a resource policy", _ResourcePolicy)
BUCKET_POLICY = Document("a bucket policy", _ResourcePolicy, 20_480)
KEY_POLICY = Document("a key policy", _ResourcePolicy, 32_768)
REPOSITORY_POLICY = Document("a repository policy", _RepositoryPolicy, 10_240)
