"""What the SDKs know about a resource type: its inputs, which are required, its outputs.

The provider has no schema file of its own: the argument classes of `pulumi_aws` and `pulumi_random` are the
schema that programs are written against, so a property that they do not have can never pass."""

import collections.abc
import difflib
import functools
import importlib
import inspect
import threading
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from pulumi import _types as sdk_types

from local.provider.values import Unknown, Value
from workers.contracts import Problem

_NOUNS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


@dataclass(frozen=True)
class Schema:
    """A type's inputs and outputs by wire name, with the SDK's type annotations."""

    token: str
    inputs: Mapping[str, object]
    required: frozenset[str]
    outputs: Mapping[str, object]


class Mismatch(typing.NamedTuple):
    """One input that the schema refuses."""

    path: str
    reason: str


_import_lock = threading.Lock()


@functools.cache
def schema_of(token: str) -> Schema:
    """The schema of `package:module/file:Type`; a `Problem` where the SDK has no such type."""
    package, module, name = token.split(":")
    module = module.split("/")[0]
    parts = ["pulumi_" + package]
    if module != "index":
        parts.append(module + "_" if module in ("lambda",) else module)
    try:
        # The SDK's lazy imports are not safe in several threads at once.
        with _import_lock:
            home = importlib.import_module(".".join(parts))
            resource: type = getattr(home, name)
            # A nested block may have taken the usual name; the resource's is then called InitArgs.
            arguments: type = getattr(home, name + "InitArgs", None) or getattr(home, name + "Args")
    except (ImportError, AttributeError) as error:
        raise Problem(
            f"The SDK of package {package} has no type {token}.",
            fix="Check the type's name and the version of the SDK in requirements/bmx.in.",
        ) from error
    return Schema(
        token=token,
        inputs=sdk_types.input_type_types(arguments),
        required=_required(arguments),
        outputs=sdk_types.resource_types(resource),
    )


def _required(arguments: type) -> frozenset[str]:
    wire_names = sdk_types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments).parameters.values()
    return frozenset(
        wire_names[parameter.name] for parameter in parameters if parameter.default is inspect.Parameter.empty
    )


def mismatches(schema: Schema, inputs: Mapping[str, Value]) -> list[Mismatch]:
    """Everything in `inputs` that the schema refuses: unknown names, missing required ones, wrong kinds."""
    found = [
        Mismatch(name, f"{schema.token} needs {name!r}, which is missing")
        for name in sorted(schema.required)
        if inputs.get(name) is None
    ]
    found += _in_object(schema.token, schema.inputs, inputs, prefix="")
    return found


def _in_object(
    owner: str, known: Mapping[str, object], given: Mapping[str, Value], prefix: str
) -> typing.Iterator[Mismatch]:
    for name, value in given.items():
        if name.startswith("__"):
            continue
        path = f"{prefix}{name}"
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield Mismatch(path, f"{owner} has no property {name!r}{hint}")
        else:
            yield from _in_value(known[name], value, path)


def _in_value(annotation: object, value: Value, path: str) -> typing.Iterator[Mismatch]:
    if value is None or isinstance(value, Unknown):
        return
    choices = _choices(annotation)
    if any(not list(_against(choice, value, path)) for choice in choices):
        return
    # None fits: tell what the likeliest one (the same kind of container) says.
    likeliest = [choice for choice in choices if _same_kind(choice, value)] or choices[:1]
    for choice in likeliest[:1]:
        yield from _against(choice, value, path)


def _same_kind(choice: object, value: Value) -> bool:
    origin = typing.get_origin(choice)
    if isinstance(value, list):
        return origin is collections.abc.Sequence
    if isinstance(value, Mapping):
        return origin is collections.abc.Mapping or _is_input_class(choice)
    return choice in _NOUNS


def _choices(annotation: object) -> list[object]:
    """The plain alternatives of an annotation, without `Awaitable`, `Output` and `None`."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [one for member in typing.get_args(annotation) for one in _choices(member)]
        return members or [str]
    origin = typing.get_origin(annotation)
    if annotation is type(None) or origin is collections.abc.Awaitable:
        return []
    if origin is not None and getattr(origin, "__name__", "") == "Output":
        return []
    return [annotation]


def _is_input_class(annotation: object) -> TypeGuard[type]:
    return isinstance(annotation, type) and sdk_types.is_input_type(annotation)


def _against(choice: object, value: Value, path: str) -> typing.Iterator[Mismatch]:
    origin = typing.get_origin(choice)
    if origin is collections.abc.Sequence:
        if not isinstance(value, list):
            yield Mismatch(path, f"is a list, not {type(value).__name__}")
            return
        (item_type,) = typing.get_args(choice)
        for index, item in enumerate(value):
            yield from _in_value(item_type, item, f"{path}[{index}]")
    elif origin is collections.abc.Mapping:
        if not isinstance(value, Mapping):
            yield Mismatch(path, f"is a map, not {type(value).__name__}")
            return
        for key, item in value.items():
            yield from _in_value(typing.get_args(choice)[1], item, f"{path}.{key}")
    elif _is_input_class(choice):
        if not isinstance(value, Mapping):
            yield Mismatch(path, f"is a {choice.__name__}, not {type(value).__name__}")
            return
        yield from _in_object(choice.__name__, sdk_types.input_type_types(choice), value, f"{path}.")
    elif isinstance(choice, type) and choice in _NOUNS and not _readable(choice, value):
        shown = f" {value!r:.40}" if isinstance(value, bool | int | float) else ""
        yield Mismatch(path, f"is {_NOUNS[choice]}, not {type(value).__name__}{shown}")


def _readable(choice: type, value: Value) -> bool:
    """Whether a value is a scalar, or one can be read out of it: configuration reaches the provider as text,
    and the real one reads numbers and booleans out of it, too.
    """
    if choice is str:
        return isinstance(value, bool | int | float | str)
    if choice is bool:
        return isinstance(value, bool) or value in ("true", "false")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return choice is float or float(value).is_integer()
    except ValueError:
        return False
