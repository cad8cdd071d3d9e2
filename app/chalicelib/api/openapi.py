"""The OpenAPI 3.1 document, made from the declarations that validate."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from chalice.app import Blueprint, Response
from pydantic import BaseModel, JsonValue
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from chalicelib.api.errors import STATUS, ErrorOut
from chalicelib.api.operation import Operation
from chalicelib.api.routing import OPERATIONS, Routes
from chalicelib.faults import FaultCode
from chalicelib.security import API_KEY_HEADER
from chalicelib.version import VERSION

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Documents")

_TEMPLATE = "#/components/schemas/{model}"
_ALWAYS = (FaultCode.INTERNAL_ERROR, FaultCode.UNAVAILABLE, FaultCode.MISCONFIGURED)


@routes.route("GET", "/openapi.json", summary="This document", public=True)
def openapi() -> Response:
    return Response(document(), headers={"Content-Type": "application/json"})


@cache
def document() -> dict[str, Any]:
    """The whole document; call it after every blueprint was imported."""
    operations = [it for it in OPERATIONS if it.reply is not None]
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ErrorOut, "serialization")]
    for operation in operations:
        models += [(it, "validation") for it in (operation.body, operation.query) if it is not None]
        models += [(it, "serialization") for it in (operation.reply,) if it is not None]
    refs, schemas = models_json_schema(models, ref_template=_TEMPLATE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "BlueMoxon", "version": VERSION},
        "servers": [{"url": "."}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER}},
        },
    }


_Refs = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]


def _operation(operation: Operation, refs: _Refs) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.view.__name__,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _responses(operation, refs),
    }
    if operation.description:
        described["description"] = operation.description
    if operation.role is None:
        described["security"] = []
    if operation.body is not None:
        schema = refs[operation.body, "validation"]
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if operation.binary_body:
        described["requestBody"] = {
            "required": True,
            "content": {
                media: {"schema": {"type": "string", "format": "binary"}} for media in operation.binary_body
            },
        }
    return described


def _parameters(operation: Operation) -> list[dict[str, JsonValue]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    found: list[dict[str, JsonValue]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
    ]
    if operation.query is not None:
        for name, schema in operation.query.model_json_schema(ref_template=_TEMPLATE)["properties"].items():
            found.append({"name": name, "in": "query", "required": False, "schema": schema})
    return found


def _faults(operation: Operation) -> set[FaultCode]:
    """Every code that the route can answer: its own, and those of the steps that all calls go through."""
    faults = {*operation.faults, *_ALWAYS}
    if operation.role is not None:
        faults |= {FaultCode.UNAUTHORIZED, FaultCode.FORBIDDEN, FaultCode.RATE_LIMITED}
    if operation.body or operation.query or operation.creates:
        faults.add(FaultCode.INVALID_REQUEST)
    if operation.body or operation.binary_body:
        faults |= {FaultCode.UNSUPPORTED_MEDIA_TYPE, FaultCode.PAYLOAD_TOO_LARGE}
    if operation.creates:
        faults |= {FaultCode.IDEMPOTENCY_KEY_REUSED, FaultCode.IDEMPOTENCY_IN_PROGRESS}
    return faults


def _responses(operation: Operation, refs: _Refs) -> dict[str, Any]:
    codes: dict[int, list[str]] = {}
    faults = _faults(operation)
    for fault in sorted(faults):
        codes.setdefault(STATUS[fault], []).append(fault)
    error = {"application/json": {"schema": refs[ErrorOut, "serialization"]}}
    responses: dict[str, Any] = {
        str(status): {"description": " or ".join(f"`{name}`" for name in names), "content": error}
        for status, names in sorted(codes.items())
    }
    if operation.reply is not None:
        content = {"application/json": {"schema": refs[operation.reply, "serialization"]}}
        responses[str(operation.status)] = {"description": "Done.", "content": content}
        if operation.status_of is not None:
            other = "503" if operation.status == 200 else "200"
            described = "Unhealthy; the same body." if other == "503" else "It was there already."
            merged = {"description": described, "content": content}
            if other in responses:
                schemas = [refs[operation.reply, "serialization"], refs[ErrorOut, "serialization"]]
                merged["content"] = {"application/json": {"schema": {"anyOf": schemas}}}
            responses[other] = merged
    return responses
