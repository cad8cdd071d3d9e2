"""What the emulator's API Gateway lacks, added by `emulator_main`, under the emulator's own Python.

- *Extensions of an OpenAPI body*: binary media types, without which uploads would reach the application as
  broken text, and gateway responses.
- *ImportRestApi and PutRestApi*, by which `chalice deploy` makes and changes an API. ministack reads an
  OpenAPI body for CloudFormation only.
- *An emptied size of compression is none*, as Chalice writes it.
"""

import json
from typing import Any

from ministack.services import apigateway_v1 as gateway  # type: ignore[import-not-found]

Reply = dict[str, Any]

_BELONGING = ("_resources", "_authorizers_v1", "_models", "_gateway_responses", "_documentation_parts")
"""What an import fills, by API id. Stages and deployments stay as they are, on AWS too."""


def install() -> None:
    """Put the additions in place; called once, before the emulator serves."""
    _read_extensions()
    _take_bodies()
    _take_no_compression()


def _read_extensions() -> None:
    import_rest_api = gateway._import_rest_api

    def import_with_extensions(body: Reply, base: Reply | None = None) -> str:
        binary = body.get("x-amazon-apigateway-binary-media-types") or []
        data = dict(base or {})
        data["binaryMediaTypes"] = list(dict.fromkeys([*(data.get("binaryMediaTypes") or []), *binary]))
        api_id = str(import_rest_api(body, data))
        for kind, response in (body.get("x-amazon-apigateway-gateway-responses") or {}).items():
            gateway._put_gateway_response(api_id, kind, response)
        return api_id

    gateway._import_rest_api = import_with_extensions


def _take_bodies() -> None:
    handle = gateway.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Reply) -> Any:
        parts = [part for part in path.strip("/").split("/") if part]
        mode = gateway._qp(query, "mode")
        if method == "POST" and parts == ["restapis"] and mode == "import":
            return _import(body, query)
        if method == "PUT" and len(parts) == 2 and parts[0] == "restapis":
            return _overwrite(parts[1], body, mode)
        return await handle(method, path, headers, body, query)

    gateway.handle_request = handle_request


def _import(body: bytes, query: Reply) -> Any:
    spec = _document(body)
    if spec is None:
        return _no_document()
    types = str(gateway._qp(query, "endpointConfigurationTypes") or "EDGE").split(",")
    api_id = gateway._import_rest_api(spec, {"endpointConfiguration": {"types": types}})
    return gateway._v1_response(gateway._rest_api_view(gateway._rest_apis[api_id]), 201)


def _overwrite(api_id: str, body: bytes, mode: str | None) -> Any:
    api, spec = gateway._rest_apis.get(api_id), _document(body)
    if api is None:
        return gateway._v1_error("NotFoundException", "Invalid API identifier specified", 404)
    if mode != "overwrite":
        return gateway._v1_error("BadRequestException", "This emulator only overwrites.", 400)
    if spec is None:
        return _no_document()
    # Read as another API first: a body that cannot be read leaves this one as it was.
    other = gateway._import_rest_api(spec, {})
    for name in _BELONGING:
        store = getattr(gateway, name)
        store[api_id] = store[other]
    for name in ("name", "description", "version", "binaryMediaTypes"):
        api[name] = gateway._rest_apis[other][name]
    gateway._delete_rest_api(other)
    return gateway._v1_response(gateway._rest_api_view(api))


def _take_no_compression() -> None:
    update = gateway._update_rest_api

    def update_rest_api(api_id: str, data: Reply) -> Any:
        for operation in data.get("patchOperations") or []:
            if operation.get("path") == "/minimumCompressionSize" and operation.get("value") == "":
                operation["value"] = None
        return update(api_id, data)

    gateway._update_rest_api = update_rest_api


def _document(body: bytes) -> Reply | None:
    try:
        spec = json.loads(body)
    except ValueError:
        return None
    return spec if isinstance(spec, dict) and isinstance(spec.get("paths"), dict) else None


def _no_document() -> Any:
    return gateway._v1_error("BadRequestException", "The body is no OpenAPI document in JSON.", 400)
