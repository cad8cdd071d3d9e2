"""Calls of the routes as API Gateway makes them."""

import json
from typing import TYPE_CHECKING, Any

from chalice.test import Client, HTTPResponse

from tests.app.world import API_KEY

if TYPE_CHECKING:
    from chalice.app import Chalice


class Api:
    """Calls with the key."""

    def __init__(self, app: "Chalice") -> None:
        self.client = Client(app)

    def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = API_KEY, **headers: str
    ) -> HTTPResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["X-API-Key"] = key
        data = b""
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        return self.client.http.request(method, path, headers=sent, body=data)

    def json(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        key: str | None = API_KEY,
        **headers: str,
    ) -> Any:
        response = self.call(method, path, body, key=key, **headers)
        assert response.status_code == status, response.body
        return response.json_body

    def error(self, method: str, path: str, body: Any = None, *, status: int, **options: Any) -> Any:
        response = self.call(method, path, body, **options)
        assert response.status_code == status, response.body
        assert set(response.json_body) == {"code", "message", "details", "request_id"}
        return response.json_body
