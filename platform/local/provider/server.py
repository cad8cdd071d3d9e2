"""The provider as a plugin of the Pulumi engine.

The SDK's experimental servicer lacks Handshake and Attach, without which the engine does not start a
plugin, drops the old inputs of a diff, and cannot read an archive without its content; all three are added
here. The process leaves at once on SIGINT and
SIGTERM: the engine waits five seconds for each plugin that does not."""

import asyncio
import contextlib
import contextvars
import functools
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from local.provider import elided, invokes
from local.provider.connection import Connection
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.diff import Change, Kind
from local.provider.registry import MODULES, resource_type, resource_types
from local.provider.schema import schema_of
from local.provider.values import Bag, from_wire, to_wire
from workers.contracts import Problem

PACKAGE_VARIABLE = "BMX_PROVIDER_PACKAGE"
PARENT_SECONDS, ORPHAN_SECONDS = 2.0, 300.0

_old_inputs: contextvars.ContextVar[Bag] = contextvars.ContextVar("old_inputs")

_KINDS = {
    (Kind.ADD, False): sdk.PropertyDiffKind.ADD,
    (Kind.ADD, True): sdk.PropertyDiffKind.ADD_REPLACE,
    (Kind.DELETE, False): sdk.PropertyDiffKind.DELETE,
    (Kind.DELETE, True): sdk.PropertyDiffKind.DELETE_REPLACE,
    (Kind.UPDATE, False): sdk.PropertyDiffKind.UPDATE,
    (Kind.UPDATE, True): sdk.PropertyDiffKind.UPDATE_REPLACE,
}


def _property_diff(change: Change) -> sdk.PropertyDiff:
    return sdk.PropertyDiff(_KINDS[change.kind, change.replace], input_diff=True)


def _kind(qualified: str) -> ResourceType:
    """The type of a URN, which has its parents' types before it: `a:b:Parent$aws:sqs/queue:Queue`."""
    return resource_type(qualified.rsplit("$", 1)[-1])


class LocalProvider(sdk.Provider):
    """The engine's requests, answered by the resource types. Calls to the emulator run in threads."""

    def __init__(self, connection: Connection | None = None) -> None:
        self._connection = connection
        self._context: Context | None = None

    @property
    def context(self) -> Context:
        """The configured provider; made from the environment where the engine has not configured it."""
        if self._context is None:
            self._context = Context.for_connection(self._connection or Connection.from_environment())
        return self._context

    async def check_config(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        return sdk.CheckResponse(inputs=request.new_inputs)

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        connection = self._connection or Connection.from_environment()
        self._context = Context.for_connection(
            connection, invokes.configuration(from_wire(request.args).values)
        )
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=False)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        checked = _kind(request.type).check(
            request.name, from_wire(request.new_inputs), from_wire(request.old_inputs), request.random_seed
        )
        return sdk.CheckResponse(
            inputs=to_wire(checked.inputs),
            failures=[sdk.CheckFailure(failure.path, failure.reason) for failure in checked.failures],
        )

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        found = _kind(request.type).diff(
            _old_inputs.get(Bag()).values,
            from_wire(request.old_state).values,
            from_wire(request.new_inputs).values,
            request.ignore_changes,
        )
        return sdk.DiffResponse(
            changes=bool(found.changes),
            replaces=list(found.replaces),
            delete_before_replace=found.delete_before_replace,
            diffs=list(dict.fromkeys(change.root for change in found.changes)),
            detailed_diff={change.path: _property_diff(change) for change in found.changes},
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        kind, inputs = _kind(request.type), from_wire(request.properties)
        if request.preview:
            return sdk.CreateResponse(resource_id="", properties=to_wire(kind.preview(inputs)))
        identifier, outputs = await asyncio.to_thread(kind.create, self.context, inputs)
        return sdk.CreateResponse(resource_id=identifier, properties=to_wire(outputs))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        kind = _kind(request.type)
        found = await asyncio.to_thread(
            kind.refresh,
            self.context,
            request.resource_id,
            from_wire(request.properties),
            from_wire(request.inputs),
        )
        if found is None:
            return sdk.ReadResponse(resource_id="")
        outputs, inputs = found
        return sdk.ReadResponse(request.resource_id, to_wire(outputs), to_wire(inputs))

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        kind, state, inputs = _kind(request.type), from_wire(request.olds), from_wire(request.news)
        if request.preview:
            return sdk.UpdateResponse(properties=to_wire(kind.preview(inputs, state)))
        outputs = await asyncio.to_thread(kind.update, self.context, request.resource_id, state, inputs)
        return sdk.UpdateResponse(properties=to_wire(outputs))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        kind, state = _kind(request.type), from_wire(request.properties)
        await asyncio.to_thread(kind.delete, self.context, request.resource_id, state.values)

    async def invoke(self, request: sdk.InvokeRequest) -> sdk.InvokeResponse:
        answer = await asyncio.to_thread(invokes.invoke, self.context, request.tok, from_wire(request.args))
        return sdk.InvokeResponse(return_value=to_wire(answer))

    async def cancel(self) -> None:
        """Nothing to cancel: every operation is short."""


def _told(method: Callable[[Any, Any, Any], Awaitable[Any]]) -> Any:
    """Make a request one that the SDK can read, and a fault the gRPC error that the engine prints: a sentence
    instead of a traceback.
    """

    @functools.wraps(method)
    async def wrapper(self: Any, request: Any, context: Any) -> Any:
        try:
            elided.mark(request)
            return await method(self, request, context)
        except Problem as problem:
            await context.abort(grpc.StatusCode.UNKNOWN, str(problem))
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", method.__name__)
            await context.abort(grpc.StatusCode.UNKNOWN, f"{type(error).__name__}: {error}")

    return wrapper


class Servicer(ProviderServicer):
    """The SDK's servicer with what it lacks."""

    async def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - the protocol's name
        self._engine_address = request.engine_address
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    async def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        self._engine_address = request.address
        return empty_pb2.Empty()

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    @_told
    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        _old_inputs.set(from_wire(PropertyValue.unmarshal_map(request.old_inputs)))
        return await ProviderServicer.Diff(self, request, context)

    Configure = _told(ProviderServicer.Configure)
    Check = _told(ProviderServicer.Check)
    Create = _told(ProviderServicer.Create)
    Read = _told(ProviderServicer.Read)
    Update = _told(ProviderServicer.Update)
    Delete = _told(ProviderServicer.Delete)
    Invoke = _told(ProviderServicer.Invoke)


async def _serve(packages: list[str], engine_address: str) -> None:
    from importlib.metadata import version

    parent = os.getppid()  # before a port is printed: from then on it may be killed
    servers = []
    for package in packages:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        servicer = Servicer([], version(f"pulumi-{package}"), LocalProvider(), engine_address)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.buffer.write(f"{port}\n".encode())
        sys.stdout.buffer.flush()
        servers.append(server)
    if len(servers) > 1:
        await asyncio.to_thread(_warm, packages)
        await _until_orphaned(parent)
        os._exit(0)
    await asyncio.gather(*(server.wait_for_termination() for server in servers))


async def _until_orphaned(parent: int) -> None:
    """Until the process that started this was killed, and the engine it drove had the time to finish."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_SECONDS)
    await asyncio.sleep(ORPHAN_SECONDS)


def _warm(packages: list[str]) -> None:
    """Import beforehand what requests would wait for."""
    import boto3  # noqa: F401

    for package in packages:
        for token in resource_types(package):
            schema_of(token)
    gc.freeze()
    gc.enable()


def main(arguments: list[str]) -> None:
    """Serve packages until a signal: `[{aws|random}...] [ENGINE_ADDRESS]`; flags are ignored.

    Prints a port for each package. An engine starts one with one package; several are for many operations,
    and are made ready before the first request.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    words = [word for word in arguments if not word.startswith("-")]
    packages = []
    while words and words[0] in MODULES:
        packages.append(words.pop(0))
    packages = packages or [os.environ.get(PACKAGE_VARIABLE, "")]
    if not set(packages) <= MODULES.keys():
        sys.stderr.write(
            f"Name the package: python -m local.provider {{{'|'.join(MODULES)}}} ENGINE_ADDRESS\n"
        )
        raise SystemExit(2)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(packages, words[0] if words else ""))
