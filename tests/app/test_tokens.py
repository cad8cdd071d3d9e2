"""Tokens of people, signed by a pool of our own; the emulator's are in tests/local/test_sign_in.py."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from chalicelib import resources
from chalicelib.faults import Fault, FaultCode
from chalicelib.resources import Resources
from chalicelib.security.tokens import Tokens
from tests.app.api import Api
from tests.app.world import API_KEY, World

POOL, CLIENT = "us-west-2_People", "web-client"
ISSUER = f"https://cognito-idp.us-west-2.amazonaws.com/{POOL}"
BY_ID: dict[str, Any] = {"token_use": "id", "aud": CLIENT, "client_id": None}
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("one", "two")}


@dataclass
class Pool:
    """What a user pool publishes, and how often it was asked."""

    published: list[str] = field(default_factory=lambda: ["one"])
    asked: int = 0
    address: str = ""

    def document(self) -> bytes:
        self.asked += 1
        keys = [
            {**json.loads(RSAAlgorithm.to_jwk(KEYS[name].public_key())), "kid": name, "use": "sig"}
            for name in self.published
        ]
        return json.dumps({"keys": keys}).encode()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == f"/{POOL}/.well-known/jwks.json"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(pool.document() if found else b"")

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pool.address = f"http://127.0.0.1:{server.server_port}"
    yield pool
    server.shutdown()
    server.server_close()


@pytest.fixture
def tokens(world: World, pool: Pool) -> Tokens:
    with_pool = replace(
        world.res.settings, user_pool_id=POOL, user_pool_client_id=CLIENT, endpoint_url=pool.address
    )
    resources.use(Resources(with_pool, clock=world.clock))
    return resources.current().tokens


def token(*groups: str, key: str = "one", algorithm: str = "RS256", secret: Any = None, **claims: Any) -> str:
    now = int(time.time())
    content = {
        "sub": "5c1e",
        "iss": ISSUER,
        "token_use": "access",
        "client_id": CLIENT,
        "username": "anna",
        "iat": now,
        "exp": now + 600,
        "cognito:groups": list(groups),
        **claims,
    }
    signed_with = KEYS[key] if secret is None else secret
    return jwt.encode(
        {name: value for name, value in content.items() if value is not None},
        signed_with,
        algorithm=algorithm,
        headers={"kid": key},
    )


def test_access_and_id_tokens_are_taken(tokens: Tokens) -> None:
    found = tokens.verify(token("viewer", "editor"))
    assert (found.name, found.role, found.caller) == ("user:anna", "editor", "user:5c1e")
    by_id = tokens.verify(token("admin", **BY_ID, email="anna@example.com", email_verified=True))
    assert (by_id.name, by_id.role) == ("user:anna@example.com", "admin")
    assert tokens.verify(token("strangers")).role is None


def test_an_address_counts_once_it_is_verified(tokens: Tokens) -> None:
    """Who may change their own address could else act in another's name."""
    for verified in ({}, {"email_verified": False}, {"email_verified": "false"}):
        claims = {**BY_ID, **verified, "cognito:username": "anna", "username": None}
        found = tokens.verify(token("admin", **claims, email="boss@example.com"))
        assert found.name == "user:anna"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_600_000_000},
        {"exp": None},
        {"iss": ISSUER + "x"},
        {"client_id": "another"},
        {"token_use": "id", "aud": "another"},
        {"token_use": "id"},
        {"token_use": "refresh"},
        {"token_use": None},
        {"nbf": 4_000_000_000},
        {"key": "two"},
        {"algorithm": "none", "secret": ""},
        {"algorithm": "HS256", "secret": "x" * 32},
    ],
    ids=str,
)
def test_every_other_token_is_refused(tokens: Tokens, claims: dict[str, Any]) -> None:
    with pytest.raises(Fault) as caught:
        tokens.verify(token("admin", **claims))
    assert caught.value.code is FaultCode.UNAUTHORIZED


@pytest.mark.parametrize("made_up", ["", "x", "a.b.c", token("admin")[:-8] + "AAAAAAAA"])
def test_a_made_up_token_is_refused(tokens: Tokens, made_up: str) -> None:
    with pytest.raises(Fault) as caught:
        tokens.verify(made_up)
    assert caught.value.code is FaultCode.UNAUTHORIZED


def test_a_pool_that_changes_its_keys_is_followed_and_not_pestered(world: World, pool: Pool) -> None:
    now = [0.0]
    settings = replace(
        world.res.settings, user_pool_id=POOL, user_pool_client_id=CLIENT, endpoint_url=pool.address
    )
    tokens = Tokens(settings, clock=lambda: now[0])
    tokens.verify(token())
    tokens.verify(token())
    assert pool.asked == 1
    for _ in range(5):
        with pytest.raises(Fault):
            tokens.verify(token(key="two"))
    assert pool.asked == 2
    pool.published = ["two"]
    now[0] += 30
    tokens.verify(token(key="two"))
    assert pool.asked == 3


def test_a_pool_that_does_not_answer_or_has_no_keys_is_unavailable(world: World, pool: Pool) -> None:
    pool.published = []
    settings = replace(world.res.settings, user_pool_id=POOL, user_pool_client_id=CLIENT)
    for address in ("http://127.0.0.1:1", pool.address):
        with pytest.raises(Fault) as caught:
            Tokens(replace(settings, endpoint_url=address)).verify(token())
        assert caught.value.code is FaultCode.UNAVAILABLE


def test_a_stack_without_a_pool_takes_no_token(world: World) -> None:
    with pytest.raises(Fault, match="no sign-in") as caught:
        world.res.tokens.verify(token("admin"))
    assert caught.value.code is FaultCode.UNAUTHORIZED


ALLOWED = {"viewer": {"GET /books"}, "editor": {"GET /books", "POST /books"}}
ALLOWED["admin"] = {*ALLOWED["editor"], "GET /audit", "GET /admin/keys", "GET /queues"}


@pytest.mark.parametrize("role", ["viewer", "editor", "admin", None])
@pytest.mark.usefixtures("tokens")
def test_a_role_opens_what_it_is_for(api: Api, role: str | None) -> None:
    bearer = {"Authorization": f"Bearer {token(*([role] if role else []))}"}
    for call in sorted(ALLOWED["admin"]):
        method, path = call.split()
        body = {"title": "x"} if method == "POST" else None
        answer = api.call(method, path, body, key=None, **bearer)
        if role and call in ALLOWED[role]:
            assert answer.status_code < 300, (call, answer.body)
        else:
            assert (answer.status_code, answer.json_body["code"]) == (403, "forbidden"), call


@pytest.mark.usefixtures("tokens")
def test_what_is_wrong_with_a_check_is_for_administrators(world: World, api: Api) -> None:
    """PostgreSQL's words name its address and the application's user."""
    world.change_password("another")
    boto3.client("sqs").delete_queue(QueueUrl=world.queue_url("tracking_worker"))
    for role, told in (("viewer", False), ("editor", False), ("admin", True)):
        answer = api.call("GET", "/health/deep", key=None, Authorization=f"Bearer {token(role)}")
        assert answer.status_code == 503
        messages = {it["name"]: it["message"] for it in answer.json_body["checks"]}
        assert (world.role in messages["database"]) is told
        assert ("tracking-worker" in messages["sqs"]) is told
        missing = [it for it in answer.json_body["queues"] if it["status"] == "missing_queue"]
        assert [("tracking-worker" in it["message"]) for it in missing] == [told]
        assert messages["secrets"] == "API key set"


@pytest.mark.usefixtures("tokens")
def test_a_wrong_key_is_not_made_good_by_a_token(api: Api) -> None:
    bearer = {"Authorization": f"Bearer {token('admin')}"}
    assert api.call("GET", "/books", key="wrong", **bearer).status_code == 401
    assert api.call("GET", "/books", key=API_KEY, Authorization="Bearer x").status_code == 200
    refused = api.call("GET", "/books", key=None, Authorization="Basic YTpi")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.usefixtures("tokens")
def test_the_audit_log_names_the_person(api: Api) -> None:
    bearer = {"Authorization": f"Bearer {token('editor', email='anna@example.com', email_verified=True)}"}
    api.json("POST", "/books", {"title": "x"}, status=201, key=None, **bearer)
    (entry,) = api.json("GET", "/audit")["items"]
    assert (entry["actor"], entry["role"]) == ("user:anna@example.com", "editor")


def test_every_route_has_the_role_that_was_reviewed(api: Api) -> None:
    """A new route falls into the usual role; one that is public or for administrators is named here."""
    from chalicelib.api.routing import OPERATIONS

    unusual = {
        f"{it.method} {it.path}": it.role
        for it in OPERATIONS
        if it.role != ("viewer" if it.method == "GET" else "editor")
    }
    public = (
        "/",
        "/admin",
        "/docs",
        "/health",
        "/health/deep",
        "/openapi.json",
        "/sign-in",
        "/static/{build}/{name}",
    )
    assert {path for path, role in unusual.items() if role is None} == {f"GET {path}" for path in public}
    assert {path for path, role in unusual.items() if role == "admin"} == {
        "GET /admin/keys",
        "GET /admin/system-info",
        "GET /audit",
        "GET /dlq/{worker}",
        "GET /queues",
        "DELETE /admin/keys/previous",
        "POST /admin/keys/rotate",
        "POST /dlq/{worker}/redrive",
    }
