"""The data sources that programs ask for."""

import json
from collections.abc import Callable

from local.provider.context import Context
from local.provider.values import Bag, Properties
from workers.contracts import Problem

Invoke = Callable[[Context, Properties], Properties]

INVOKES: dict[str, Invoke] = {}
"""Token to the function that answers it."""

SECRET_ANSWERS = {
    "aws:secretsmanager/getSecretVersion:getSecretVersion": frozenset({"secretString", "secretBinary"})
}


def configuration(arguments: Properties) -> Properties:
    """A provider's configuration with its nested values, which the engine sends as JSON text."""
    return {name: _nested(value) for name, value in arguments.items()}


def _nested(value: object) -> object:
    if isinstance(value, str) and value[:1] in "{[" and value:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def invoke(ctx: Context, token: str, arguments: Bag) -> Bag:
    """The answer of the data source `token`; a `Problem` that names it where it is not known."""
    function = INVOKES.get(token)
    if function is None:
        raise Problem(
            f"The local provider does not know the function {token}.",
            fix="Add it to platform/local/provider/invokes.py.",
        )
    values = {name: value for name, value in arguments.values.items() if value is not None}
    return Bag({**values, **function(ctx, values)}).with_secrets(SECRET_ANSWERS.get(token, ()))
