"""API keys: wrong, missing, empty, rotated."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib import security
from chalicelib.faults import Fault, FaultCode, MisconfiguredError
from chalicelib.security.api_key import ApiKeys
from tests.app.world import API_KEY, PREVIOUS_KEY, World


def test_both_keys_are_taken(world: World) -> None:
    assert security.authenticate({"X-API-Key": API_KEY}, world.res).name == "api-key:current"
    assert security.authenticate({"x-api-key": PREVIOUS_KEY}, world.res).name == "api-key:previous"


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}, {"X-API-Key": "kürzer"}])
def test_a_wrong_or_missing_key_is_unauthorized(world: World, headers: dict[str, str]) -> None:
    with pytest.raises(Fault) as caught:
        security.authenticate(headers, world.res)
    assert caught.value.code is FaultCode.UNAUTHORIZED


@pytest.mark.parametrize("content", ["{}", '{"current": "", "previous": null}', '{"current": " "}', "broken"])
@pytest.mark.parametrize("presented", ["", "anything"])
def test_an_empty_secret_refuses_everybody_as_misconfigured(
    world: World, content: str, presented: str
) -> None:
    world.write_secret(world.key_secret, content)
    with pytest.raises(MisconfiguredError):
        security.authenticate({"X-API-Key": presented}, world.res)


def test_an_absent_previous_key_is_not_the_empty_key(world: World) -> None:
    world.write_secret(world.key_secret, {"current": API_KEY, "previous": ""})
    assert world.res.api_keys.match("") is None


def test_a_missing_secret_is_misconfigured(world: World) -> None:
    boto3.client("secretsmanager").delete_secret(SecretId=world.key_secret, ForceDeleteWithoutRecovery=True)
    with pytest.raises(MisconfiguredError, match="ResourceNotFoundException"):
        world.res.api_keys.match(API_KEY)
    with pytest.raises(MisconfiguredError, match="BMX_API_KEY_SECRET_ARN"):
        ApiKeys(world.res.clients, "").match(API_KEY)


def test_a_key_counts_on_while_the_secrets_cannot_be_asked(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For a quarter of an hour; a secret that refuses is another thing."""
    now = [0.0]
    keys = ApiKeys(world.res.clients, world.key_secret, clock=lambda: now[0])
    assert keys.match(API_KEY) == "current"
    asked = []

    def fail(error: Exception) -> Any:
        def call(**_: Any) -> None:
            asked.append(now[0])
            raise error

        return call

    busy = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "GetSecretValue")
    gone = EndpointConnectionError(endpoint_url="https://secretsmanager")
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetSecretValue")
    monkeypatch.setattr(world.res.clients.secrets, "get_secret_value", fail(busy))
    now[0] = 61
    assert [keys.match(API_KEY), keys.match("wrong"), keys.match(API_KEY)] == ["current", None, "current"]
    assert len(asked) == 1, "it is not asked at each call"
    assert "counts on" in caplog.text
    with pytest.raises(Fault) as strict:
        keys.read()
    assert strict.value.code is FaultCode.UNAVAILABLE
    monkeypatch.setattr(world.res.clients.secrets, "get_secret_value", fail(gone))
    now[0] = 901
    with pytest.raises(Fault) as late:
        keys.match(API_KEY)
    assert late.value.code is FaultCode.UNAVAILABLE
    monkeypatch.setattr(world.res.clients.secrets, "get_secret_value", fail(denied))
    now[0] = 910
    with pytest.raises(MisconfiguredError):
        keys.match(API_KEY)


def test_a_new_key_works_at_once_and_an_old_one_ends_within_the_minute(world: World) -> None:
    now = [0.0]
    keys = ApiKeys(world.res.clients, world.key_secret, clock=lambda: now[0])
    assert keys.match(PREVIOUS_KEY) == "previous"
    world.write_secret(world.key_secret, {"current": "brand-new", "previous": API_KEY})
    assert keys.match("brand-new") is None, "asked again within three seconds"
    now[0] += 3
    assert keys.match("brand-new") == "current"
    assert keys.match(API_KEY) == "previous"
    assert keys.match(PREVIOUS_KEY) is None
