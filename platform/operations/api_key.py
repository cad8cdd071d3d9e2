"""The API key in its stack's secret, for whoever has rights there; the API itself rotates it."""

from collections.abc import Mapping
from typing import Any

from operations.asking import asking
from operations.target import Target
from workers.contracts.api_key import KeyPair, new_key
from workers.contracts.problem import Problem


def read(target: Target, outputs: Mapping[str, Any]) -> str:
    """The stack's key; raises `Problem` where it cannot be read, or there is none."""
    keys = _pair(target, outputs)
    if keys is None or not keys.usable:
        raise Problem(
            f"The secret {outputs['api_key_secret_arn']} holds no API key.",
            fix=f"Make one: bmx keys restore {target.options}.",
        )
    return keys.current


def restore(target: Target, outputs: Mapping[str, Any]) -> str:
    """A key for a secret that holds none, or something else; raises `Problem` where it holds a key: that one
    would end unwarned.
    """
    keys = _pair(target, outputs, may_be_empty=True)
    if keys is not None and keys.usable:
        raise Problem(
            f"Stack {target.stack} has an API key.",
            why="Another one in its place would end it, whoever uses it.",
            fix=f"Keep it: bmx keys save {target.options} --from-secret. Change it: bmx keys rotate.",
        )
    made = KeyPair(current=new_key())
    arn = outputs["api_key_secret_arn"]
    with asking(f"The API key's secret {arn} cannot be written."):
        target.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=made.model_dump_json())
    return made.current


def _pair(target: Target, outputs: Mapping[str, Any], *, may_be_empty: bool = False) -> KeyPair | None:
    arn = outputs["api_key_secret_arn"]
    client = target.client("secretsmanager")
    with asking(f"The API key's secret {arn} cannot be read."):
        if may_be_empty and not client.describe_secret(SecretId=arn).get("VersionIdsToStages"):
            return None
        found = client.get_secret_value(SecretId=arn)
    return KeyPair.parse(found.get("SecretString", ""))
