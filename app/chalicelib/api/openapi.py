"""The OpenAPI 3.1 document, made from the declarations that validate."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from chalice.app import Blueprint, Response
from pydantic import BaseModel, JsonValue, ValidationError
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from chalicelib.api.answering import IDEMPOTENCY_HEADER, REPLAYED_HEADER
from chalicelib.api.errors import STATUS, ErrorOut
from chalicelib.api.json_schema import REF, DocumentSchema, Schema, example_of
from chalicelib.api.operation import Operation
from chalicelib.api.routing import OPERATIONS, Routes
from chalicelib.faults import FaultCode
from chalicelib.security import API_KEY_HEADER
from chalicelib.version import VERSION

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Documents")

_ALWAYS = (FaultCode.INTERNAL_ERROR, FaultCode.UNAVAILABLE, FaultCode.MISCONFIGURED)
_JSON: Final = "application/json"
_DESCRIPTION: Final = (
    "Photos of book listings come in, their backgrounds go out. Programs show an API key, people a token of "
    "the stack's user pool. Errors have one shape: `code` for programs, `message` for people."
)


@routes.route("GET", "/openapi.json", summary="This document", public=True)
def openapi() -> Response:
    return Response(document(), headers={"Content-Type": _JSON, "Cache-Control": "public, max-age=300"})


@dataclass(frozen=True)
class _Models:
    """References to the models' schemas, and the schemas."""

    refs: Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]
    defs: Mapping[str, Schema]

    def content(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        schema = self.refs[model, mode]
        return {_JSON: {"schema": schema, "example": example_of(schema, self.defs)}}


@cache
def document() -> dict[str, Any]:
    """The whole document; call it after every blueprint was imported."""
    operations = [it for it in OPERATIONS if it.reply is not None]
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ErrorOut, "serialization")]
    for operation in operations:
        models += [(it, "validation") for it in (operation.body, operation.query) if it is not None]
        models += [(it, "serialization") for it in (operation.reply,) if it is not None]
    refs, schemas = models_json_schema(
        models, ref_template=f"{REF}{{model}}", schema_generator=DocumentSchema
    )
    known = _Models(refs, schemas.get("$defs", {}))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BlueMoxon",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "."}],
        "tags": [{"name": tag} for tag in dict.fromkeys(it.tag for it in operations)],
        "security": [{"apiKey": []}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": known.defs,
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _operation(operation: Operation, known: _Models) -> dict[str, Any]:
    takes = f"Takes the role {operation.role}." if operation.role else "Open to everybody."
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": "\n\n".join(filter(None, (operation.description, takes))),
        "parameters": _parameters(operation, known),
        "responses": _responses(operation, known),
    }
    if operation.role is None:
        described["security"] = []
    if operation.body is not None:
        described["requestBody"] = {
            "required": not _may_be_empty(operation.body),
            "content": known.content(operation.body, "validation"),
        }
    if operation.binary_body:
        described["requestBody"] = {
            "required": True,
            "content": {
                media: {"schema": {"type": "string", "format": "binary"}} for media in operation.binary_body
            },
        }
    return described


def _may_be_empty(body: type[BaseModel]) -> bool:
    """Whether a call without a body is one with an empty object."""
    try:
        body.model_validate({})
    except ValidationError:
        return False
    return True


def _parameters(operation: Operation, known: _Models) -> list[dict[str, JsonValue]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    found = [_parameter(name, "path", {"type": "string", "minLength": 1}, known) for name in names]
    if operation.query is not None:
        ref = known.refs[operation.query, "validation"]["$ref"]
        for name, schema in known.defs[ref.removeprefix(REF)]["properties"].items():
            found.append(_parameter(name, "query", schema, known))
    if operation.creates:
        key = {
            "type": "string",
            "pattern": "^[!-~]{1,255}$",
            "description": "The same key and request give the same answer, for a day.",
            "examples": ["0199c2b4-1a2b-7c3d-8e4f-5a6b7c8d9e0f"],
        }
        found.append(_parameter(IDEMPOTENCY_HEADER, "header", key, known))
    if operation.etag:
        tag = {"type": "string", "pattern": "^[!-~ ]*$", "examples": ['W/"9b2cf535f2773"']}
        found.append(_parameter("If-None-Match", "header", tag, known))
    return found


def _parameter(name: str, place: str, schema: Schema, known: _Models) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "in": place, "required": place == "path"}
    if "description" in schema:
        described["description"] = schema["description"]
    plain = {key: value for key, value in schema.items() if key not in ("description", "title")}
    if name != "cursor":  # which is given out, not made up
        described["example"] = example_of(schema, known.defs, name)
    return {**described, "schema": plain}


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


def _responses(operation: Operation, known: _Models) -> dict[str, Any]:
    codes: dict[int, list[FaultCode]] = {}
    for fault in sorted(_faults(operation)):
        codes.setdefault(STATUS[fault], []).append(fault)
    responses = {str(status): _error(faults, known) for status, faults in sorted(codes.items())}
    if operation.etag:
        responses["304"] = {"description": "Nothing has changed.", "headers": _header("ETag")}
    if operation.reply is not None:
        responses[str(operation.status)] = _success(operation, "Done.", operation.reply, known)
        if operation.status_of is not None:
            other = "503" if operation.status == 200 else "200"
            described = "Unhealthy; the same body." if other == "503" else "It was there already."
            answer = _success(operation, described, operation.reply, known)
            if other in responses:
                media = answer["content"][_JSON]
                media["schema"] = {"anyOf": [media["schema"], known.refs[ErrorOut, "serialization"]]}
            responses[other] = answer
    return dict(sorted(responses.items()))


def _success(operation: Operation, described: str, reply: type[BaseModel], known: _Models) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": described,
        "content": known.content(reply, "serialization"),
    }
    if operation.etag:
        answer["headers"] = _header("ETag")
    elif operation.creates:
        answer["headers"] = _header(REPLAYED_HEADER)
    return answer


def _error(faults: list[FaultCode], known: _Models) -> dict[str, Any]:
    """One status with an example of each code it stands for."""
    ref = known.refs[ErrorOut, "serialization"]
    usual = example_of(ref, known.defs)
    examples = {
        fault.value: {"value": {**usual, "code": fault.value, "message": _MESSAGES[fault], "details": {}}}
        for fault in faults
    }
    answer: dict[str, Any] = {
        "description": " or ".join(f"`{fault}`" for fault in faults),
        "content": {_JSON: {"schema": ref, "examples": examples}},
    }
    if FaultCode.RATE_LIMITED in faults or FaultCode.IDEMPOTENCY_IN_PROGRESS in faults:
        answer["headers"] = _header("Retry-After")
    return answer


def _header(name: str) -> dict[str, Any]:
    return {name: {"schema": {"type": "string"}}}


_MESSAGES: Final = {
    FaultCode.INVALID_REQUEST: "The request is not valid.",
    FaultCode.UNAUTHORIZED: "The API key is wrong.",
    FaultCode.FORBIDDEN: "This takes the role editor.",
    FaultCode.NOT_FOUND: "There is no book '01890a5d'.",
    FaultCode.LISTING_NOT_FOUND: "There is no listing 'demo-atlas'.",
    FaultCode.METHOD_NOT_ALLOWED: "The path does not take this method.",
    FaultCode.CONFLICT: "The image is uploading. Only a stored image can be primary.",
    FaultCode.JOB_NOT_RETRYABLE: "The job is queued.",
    FaultCode.IMPORT_IN_PROGRESS: "Listing 'demo-atlas' is being imported by another call.",
    FaultCode.TOO_MANY_IMAGES: "The book would have 301 images. A book may have 300.",
    FaultCode.UPLOAD_MISSING: "Nothing has been uploaded for this image.",
    FaultCode.PAYLOAD_TOO_LARGE: "The image has 5,000,000 bytes.",
    FaultCode.IDEMPOTENCY_IN_PROGRESS: "A call with this Idempotency-Key is running.",
    FaultCode.IDEMPOTENCY_KEY_REUSED: "This Idempotency-Key was used for another request.",
    FaultCode.RATE_LIMITED: "More than 6000 calls in a minute.",
    FaultCode.UNKNOWN_MODEL: "The worker does not hold the model u2net:fp32.",
    FaultCode.UNSUPPORTED_MEDIA_TYPE: "The content is no image.",
    FaultCode.MISCONFIGURED: "The API key is empty.",
    FaultCode.UNAVAILABLE: "The database does not answer.",
    FaultCode.INTERNAL_ERROR: "Something unforeseen went wrong; it has been logged.",
}
