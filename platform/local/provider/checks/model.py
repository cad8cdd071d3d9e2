"""Ranges, lengths, patterns and enums out of botocore's service models, which AWS generates from its own.

An `Api` names the operation that makes a resource and where a property's AWS name is not the property's own
(whose case does not count). What the model does not limit is not limited here.
"""

import functools
import re
from collections.abc import Iterator, Mapping

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from local.provider.checks.limits import Api
from local.provider.checks.rules import Refused, number, span
from local.provider.values import Properties, Unknown, Value

_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{M}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": r"\s",
    r"\p{S}": "$+<=>^`|~",
    r"\p{P}": r"!-/:-@\[-`{-~",
}
"""Unicode's classes in AWS's patterns, as wide as Python's `re` can say them."""


def refusals(api: Api, inputs: Properties) -> Iterator[Refused]:
    """The values that the operation's model does not take."""
    yield from _members(api, operation_input(api.service, api.operation), inputs, "", "")


@functools.cache
def operation_input(service: str, operation: str) -> Shape:
    """The shape of an operation's parameters."""
    found = _service(service).operation_model(operation).input_shape
    if not isinstance(found, Shape):
        raise LookupError(f"{service}:{operation} takes no parameters")
    return found


@functools.cache
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def parameter(shape: Shape | None, path: str) -> Shape | None:
    """The shape at a dotted path, through lists; None where the model has no such parameter."""
    for part in path.split("."):
        shape = _item(shape)
        members = shape.members if isinstance(shape, StructureShape) else {}
        shape = next((one for name, one in members.items() if name.lower() == part.lower()), None)
    return shape


def _item(shape: Shape | None) -> Shape | None:
    """What a list holds; the real provider has a block where AWS has a list of one."""
    while isinstance(shape, ListShape):
        shape = shape.member
    return shape


def _members(
    api: Api, shape: Shape | None, values: Mapping[str, Value], prefix: str, plain: str
) -> Iterator[Refused]:
    for name, value in values.items():
        path = f"{plain}{name}"
        renamed = api.names.get(path)
        if renamed is not None:
            inner = parameter(operation_input(api.service, api.operation), renamed)
        else:
            inner = parameter(shape, name)
        yield from _value(api, inner, value, f"{prefix}{name}", path)


def _value(api: Api, shape: Shape | None, value: Value, path: str, plain: str) -> Iterator[Refused]:
    """`path` has indices, `plain` has none."""
    if value is None or isinstance(value, Unknown):
        return
    if isinstance(value, list):
        if isinstance(shape, ListShape):
            yield from _size(shape, len(value), path, value, "entries")
            shape = shape.member
        for index, item in enumerate(value):
            yield from _value(api, shape, item, f"{path}[{index}]", plain)
        return
    shape = _item(shape)
    if isinstance(value, Mapping) and isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _scalar(shape.key, key, f"{path}.{key}")
            yield from _value(api, shape.value, item, f"{path}.{key}", f"{plain}.{key}")
    elif isinstance(value, Mapping):
        yield from _members(api, shape, value, f"{path}.", f"{plain}.")
    elif shape is not None:
        yield from _scalar(shape, value, path)


def _scalar(shape: Shape, value: Value, path: str) -> Iterator[Refused]:
    if shape.type_name in ("integer", "long", "float", "double"):
        given = number(value)
        low, high = _bounds(shape)
        if given is not None and ((low is not None and given < low) or (high is not None and given > high)):
            yield Refused(path, value, f"is out of range: use {span(low, high)}")
    elif shape.type_name == "string":
        text = str(value)
        choices = shape.metadata.get("enum")
        if choices and text not in choices:
            yield Refused(path, value, f"is not known to AWS: use {_some(choices)}")
            return
        yield from _size(shape, len(text), path, value, "characters")
        pattern = shape.metadata.get("pattern")
        if pattern and not compiled(pattern).fullmatch(text):
            yield Refused(path, value, f"has a wrong form: AWS takes what matches {pattern}")


def _size(shape: Shape, size: int, path: str, value: Value, noun: str) -> Iterator[Refused]:
    low, high = _bounds(shape)
    if (low is not None and size < low) or (high is not None and size > high):
        yield Refused(path, value, f"has {size} {noun}: use {span(low, high)}")


def _bounds(shape: Shape) -> tuple[float | None, float | None]:
    return shape.metadata.get("min"), shape.metadata.get("max")


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """An AWS pattern, which is a Java one, for Python."""
    flags = re.NOFLAG
    if "(?i)" in pattern:  # in the middle of a pattern, where Python takes none
        pattern, flags = pattern.replace("(?i)", ""), re.IGNORECASE
    if r"\p{" not in pattern:
        return re.compile(pattern, flags | re.ASCII)
    for theirs, ours in _CLASSES.items():
        pattern = pattern.replace(theirs, ours)
    return re.compile(pattern, flags)


def _some(choices: list[str]) -> str:
    return ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
