"""Stands in for the engine while a program runs in this process: every resource is really made or updated.

It does what keeps a laptop's stack in line with its program: check, diff, create, update, replace, delete
what the program dropped, `ignore_changes`, hooks, secrets. It has no preview, no policies, no `protect`, no
aliases and no imports: those are the real engine's.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pulumi
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import mocks, rpc
from pulumi.runtime._callbacks import outputtify_secrets
from pulumi.runtime.proto import resource_pb2

from local.provider import invokes
from local.provider.connection import Connection
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.record import Made, Record
from local.provider.registry import resource_type
from local.provider.values import Bag, Properties, from_wire, to_wire
from workers.contracts import Problem

_log = logging.getLogger(__name__)

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE = "pulumi:providers:"


class _NoAnswers(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise NotImplementedError


class Hooks:
    """The hooks that the program registered: asked in this process, without the callback server."""

    def __init__(self) -> None:
        self._hooks: dict[str, pulumi.ResourceHook] = {}

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        """Called by the SDK."""
        self._hooks[hook.name] = hook

    def ask(self, names: Iterable[str], urn: str, made: Made, new_inputs: Bag | None) -> None:
        """Run the named hooks; what one raises stops the operation."""
        for name in names:
            hook = self._hooks.get(name)
            if hook is not None:
                asyncio.run(self._run(hook, urn, made, new_inputs))

    async def _run(self, hook: pulumi.ResourceHook, urn: str, made: Made, new_inputs: Bag | None) -> None:
        arguments = pulumi.ResourceHookArgs(
            urn=urn,
            id=made.identifier,
            name=urn.rsplit("::", 1)[-1],
            type=made.token,
            new_inputs=None if new_inputs is None else _for_hook(new_inputs),
            old_inputs=_for_hook(made.inputs),
            old_outputs=_for_hook(made.outputs),
        )
        result = hook.callback(arguments)
        if result is not None:
            await result


def _for_hook(bag: Bag) -> Properties:
    found: Properties = outputtify_secrets(
        rpc.deserialize_properties(PropertyValue.marshal_map(to_wire(bag)), keep_unknowns=True)
    )
    return found


class ApplyingMonitor(mocks.MockMonitor):
    """The SDK's mock monitor with everything real in it. Its methods are called from several threads."""

    def __init__(
        self,
        connection: Connection,
        configuration: Properties,
        record: Record,
        hooks: Hooks,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(_NoAnswers())
        self.connection = connection
        self.record = record
        self.hooks = hooks
        self.say = say
        self.outputs = Bag()
        self.faults: list[BaseException] = []
        self.seen: set[str] = set()
        self._default = {
            key.split(":", 1)[1]: value for key, value in configuration.items() if key.startswith("aws:")
        }
        self._providers: dict[str, Properties] = {}
        self._contexts: dict[str, Context] = {}
        self._lock = threading.Lock()

    # What the SDK calls

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = from_wire(PropertyValue.unmarshal_map(request.object))
        if request.type.startswith(PROVIDER_TYPE):
            self._providers[urn] = inputs.values
            return resource_pb2.RegisterResourceResponse(urn=urn, id="local", object=request.object)
        try:
            made = self._apply(urn, request, inputs)
        except BaseException as error:
            self.faults.append(error)
            raise
        outputs = made.outputs.with_secrets(request.additionalSecretOutputs)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=made.identifier, object=PropertyValue.marshal_map(to_wire(outputs))
        )

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        state = from_wire(PropertyValue.unmarshal_map(request.properties))
        ctx = self._context(self._configuration(request.provider))
        found = resource_type(request.type).refresh(ctx, request.id, state, Bag())
        if found is None:
            raise Problem(f"There is no {request.type} {request.id} in the emulator.")
        return resource_pb2.ReadResourceResponse(
            urn=urn, properties=PropertyValue.marshal_map(to_wire(found[0]))
        )

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        arguments = from_wire(PropertyValue.unmarshal_map(request.args))
        try:
            answer = invokes.invoke(
                self._context(self._configuration(request.provider)), request.tok, arguments
            )
        except BaseException as error:
            self.faults.append(error)
            raise
        fields = {"return": PropertyValue.marshal_map(to_wire(answer))}
        return resource_pb2.ResourceInvokeResponse(**fields)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if f"::{STACK_TYPE}::" in request.urn:
            self.outputs = from_wire(PropertyValue.unmarshal_map(request.outputs))
        return empty_pb2.Empty()

    # What an engine does

    def _configuration(self, reference: str) -> Properties:
        """The configuration of the provider that a request names (`urn::id`), or of the default one."""
        return self._providers.get(reference.rsplit("::", 1)[0], self._default)

    def _context(self, configuration: Properties) -> Context:
        key = repr(sorted(configuration.items()))
        with self._lock:
            if key not in self._contexts:
                self._contexts[key] = Context.for_connection(
                    self.connection, invokes.configuration(configuration)
                )
            return self._contexts[key]

    def _apply(self, urn: str, request: Any, inputs: Bag) -> Made:
        self.seen.add(urn)
        kind = resource_type(request.type)
        provider = self._configuration(request.provider)
        ctx = self._context(provider)
        made = self._current(kind, ctx, self.record.made.get(urn), urn)
        if made is not None:
            inputs = _ignoring(inputs, made.inputs, request.ignoreChanges)
        checked = kind.check(request.name, inputs, made.inputs if made else None, os.urandom(16))
        if checked.failures:
            raise Problem(
                f"{request.type} {request.name} is not acceptable.",
                why=" ".join(f"{failure.path}: {failure.reason}." for failure in checked.failures),
                fix="Correct it in the Pulumi program.",
            )
        if made is None:
            return self._create(kind, ctx, urn, checked.inputs, provider)
        difference = kind.diff(
            made.inputs.values, made.outputs.values, checked.inputs.values, list(request.ignoreChanges)
        )
        if not difference.changes:
            return made
        if difference.replaces:
            self.hooks.ask(request.hooks.before_delete, urn, made, None)
            first = request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None
            return self._replace(
                kind,
                ctx,
                urn,
                made,
                checked.inputs,
                difference.delete_before_replace if first is None else first,
            )
        self.hooks.ask(request.hooks.before_update, urn, made, checked.inputs)
        self.say(f"updating {_short(urn)}")
        outputs = kind.update(ctx, made.identifier, made.outputs, checked.inputs)
        made = Made(kind.token, made.identifier, checked.inputs, outputs, provider)
        self.record.keep(urn, made)
        return made

    def _current(self, kind: ResourceType, ctx: Context, made: Made | None, urn: str) -> Made | None:
        """What was made, as it is now; None when the emulator has lost it."""
        if made is None:
            return None
        found = kind.refresh(ctx, made.identifier, made.outputs, made.inputs)
        if found is None:
            _log.warning("%s is gone from the emulator and is made again", _short(urn))
            self.record.forget(urn)
            return None
        return Made(kind.token, made.identifier, found[1], found[0], made.provider)

    def _create(self, kind: ResourceType, ctx: Context, urn: str, inputs: Bag, provider: Properties) -> Made:
        self.say(f"creating {_short(urn)}")
        identifier, outputs = kind.create(ctx, inputs)
        made = Made(kind.token, identifier, inputs, outputs, provider)
        self.record.keep(urn, made)
        return made

    def _replace(
        self, kind: ResourceType, ctx: Context, urn: str, made: Made, inputs: Bag, delete_first: bool
    ) -> Made:
        self.say(f"replacing {_short(urn)}")
        if delete_first:
            kind.delete(ctx, made.identifier, made.outputs.values)
            self.record.forget(urn)
        else:
            self.record.doom(urn)
        return self._create(kind, ctx, urn, inputs, made.provider)

    def sweep(self) -> None:
        """Delete what was replaced, and what the program no longer has; the last made first."""
        for made in reversed(list(self.record.doomed)):
            self._delete(made)
            self.record.undoom(made)
        for urn in reversed([urn for urn in self.record.made if urn not in self.seen]):
            self.say(f"deleting {_short(urn)}")
            self._delete(self.record.made[urn])
            self.record.forget(urn)

    def _delete(self, made: Made) -> None:
        ctx = self._context(made.provider)
        resource_type(made.token).delete(ctx, made.identifier, made.outputs.values)


def _short(urn: str) -> str:
    """`Queue image-processing` out of a URN."""
    *_, kind, name = urn.split("::")
    return f"{kind.rsplit(':', 1)[-1]} {name}"


def _ignoring(new: Bag, old: Bag, paths: Iterable[str]) -> Bag:
    """`new` with the old values at the ignored paths, as the engine does before it asks a provider."""
    values, secrets = dict(new.values), set(new.secrets)
    for path in paths:
        root, _, rest = path.partition(".")
        if not rest:
            values.pop(root, None)
            secrets.discard(root)
            if root in old.values:
                values[root] = old.values[root]
                secrets |= {root} & old.secrets
        elif isinstance(values.get(root), dict) and isinstance(old.values.get(root), dict):
            inner = {key: value for key, value in values[root].items() if key != rest}
            kept = {rest: old.values[root][rest]} if rest in old.values[root] else {}
            values[root] = {**inner, **kept}
    return Bag(values, frozenset(secrets))
