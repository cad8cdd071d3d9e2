"""Requests that a role made, as the emulator's journal has them, to be sent again."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.provider.connection import Connection

_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_DENIAL = re.compile(rb"not authorized to perform: ([\w-]+:\w+)")
_OF_THE_CALL = re.compile(
    r"content-type|if-match|range|smithy-protocol|x-amz-(target|copy-source.*|acl|metadata-directive)"
)
_POOL = urllib3.PoolManager(maxsize=8)


@dataclass(frozen=True)
class Answer:
    """What came back. `denied` is the action that the caller has no right to; empty where it passed."""

    status: int
    denied: str

    @property
    def allowed(self) -> bool:
        """Whether IAM let it pass; what the service then said does not matter."""
        return not self.denied


@dataclass(frozen=True)
class Call:
    """A request, who made it, and one question that it put to IAM."""

    role: str
    session: str
    action: str
    resource: str
    context: Mapping[str, str]
    allowed: bool
    method: str
    path: str
    query: Mapping[str, object]
    headers: Mapping[str, str]
    body: bytes

    @property
    def service(self) -> str:
        """The service that it is signed for."""
        found = _SIGNED_FOR.search(self.headers.get("authorization", ""))
        assert found, self.headers
        return found[1]

    def send(self, connection: Connection) -> Answer:
        """Send it again, signed by this session."""
        query = urlencode(self.query, doseq=True, quote_via=quote)
        url = f"{connection.endpoint}{self.path}" + (f"?{query}" if query else "")
        headers = {name: value for name, value in self.headers.items() if _OF_THE_CALL.fullmatch(name)}
        request = AWSRequest(self.method, url, headers, self.body)
        who = Credentials(connection.access_key, connection.secret_key, connection.session_token)
        signer = S3SigV4Auth if self.service == "s3" else SigV4Auth
        signer(who, self.service, connection.region).add_auth(request)
        reply = _POOL.request(
            self.method, url, body=self.body, headers=dict(request.headers.items()), redirect=False
        )
        denied = _DENIAL.search(reply.data)
        if denied:
            return Answer(reply.status, denied[1].decode())
        # A refused HEAD has no body to say why.
        silent = self.method == "HEAD" and reply.status == 403
        return Answer(reply.status, self.action if silent else "")


def recorded(journal: Path) -> Iterator[Call]:
    """All calls of roles in the journal, in their order."""
    for line in journal.read_text(encoding="utf-8").splitlines():
        found = json.loads(line)
        _, role, session = found.pop("principal").rsplit("/", 2)
        yield Call(role=role, session=session, **{**found, "body": base64.b64decode(found["body"])})


def unique(calls: Iterator[Call]) -> list[Call]:
    """The first call of each kind: the same question of the same session with the same answer."""
    first: dict[tuple[object, ...], Call] = {}
    for call in calls:
        context = tuple(sorted(call.context.items()))
        key = (call.role, call.session, call.action, call.resource, context, call.allowed)
        first.setdefault(key, call)
    return list(first.values())


def matches(patterns: "str | list[str]", value: str) -> bool:
    """Whether one of a policy's patterns covers an action or an ARN."""
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in listed)


def place(call: Call) -> str:
    """What a call is about, for messages."""
    return f"{call.session}: {call.action} on {call.resource} ({call.method} {urlsplit(call.path).path})"
