"""Between Pulumi's property names and AWS's parameter names."""

from collections.abc import Mapping

from local.provider.values import Properties, Value


def pascal(value: Value) -> Value:
    """Keys as AWS spells them: `maximumConcurrency` becomes `MaximumConcurrency`, at every depth."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [pascal(item) for item in value]
    return value


def camel(value: Value) -> Value:
    """The reverse of `pascal`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [camel(item) for item in value]
    return value


def renamed(inputs: Properties, names: Mapping[str, str]) -> Properties:
    """The given inputs under their AWS names; those that are not given are left out."""
    return {aws: inputs[key] for key, aws in names.items() if inputs.get(key) is not None}


def back(found: Mapping[str, Value], names: Mapping[str, str]) -> Properties:
    """The reverse of `renamed`."""
    return {key: found[aws] for key, aws in names.items() if found.get(aws) is not None}


def nested(inputs: Properties, key: str, inner: str) -> Value:
    """`inputs[key][inner]`, or None."""
    block = inputs.get(key)
    return block.get(inner) if isinstance(block, Mapping) else None
