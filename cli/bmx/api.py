"""The API, as the command line calls it."""

from types import TracebackType
from typing import Any

from workers.contracts.problem import Problem

TIMEOUT_SECONDS, CONNECT_SECONDS = 30.0, 5.0


class ApiProblem(Problem):
    """The API refused a call. `code` is the API's own error code, `status` the HTTP status."""

    def __init__(self, status: int, code: str, message: str, answer: Any = None) -> None:
        super().__init__(message, why=f"(HTTP {status}, {code})", fix=_FIXES.get(code, ""))
        self.status = status
        self.code = code
        self.answer: dict[str, Any] | None = answer
        """The body, where it is no error but an answer of its own, as `/health/deep` gives with 503."""


_ERROR = {"code", "message", "Message"}
"""What an error of the application or of the gateway holds, and no other answer."""

_FIXES = {
    "unauthorized": "`bmx up` renews the local key, `bmx keys save` keeps another stack's.",
    "rate_limited": "Wait a minute.",
    "misconfigured": "`bmx api GET /health/deep --stack STACK` shows what is not well.",
}


class Api:
    """A client that keeps its connection; use it as a context manager."""

    def __init__(self, url: str, key: str) -> None:
        import httpx  # here, because most commands never call the API

        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers={"X-API-Key": key},
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        )

    def __enter__(self) -> "Api":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET `path`; None values are left out of the query."""
        return self._call(
            "GET", path, params={key: value for key, value in query.items() if value is not None}
        )

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Any call; `body` is sent as JSON where there is one."""
        return self._call(method, path, **({} if body is None else {"json": body}))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """POST `body` as JSON to `path`."""
        return self._call("POST", path, json=body or {})

    def upload(self, path: str, content: bytes, content_type: str) -> dict[str, Any]:
        """POST bytes as they are."""
        return self._call("POST", path, content=content, headers={"Content-Type": content_type})

    def _call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        import httpx

        path = path.lstrip("/")
        try:
            own = httpx.URL(path).is_relative_url
        except httpx.InvalidURL:
            own = False
        if not own:
            raise Problem(
                f"{path} is no path of the API.",
                why="The key would be sent to that address.",
                fix="Give the path alone, like /books.",
            )
        try:
            response = self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise Problem(
                "The API does not answer.",
                why=f"{type(error).__name__} at {self._client.base_url}.",
                fix="`bmx status` shows what runs here, `bmx up` starts the local stack; for another one, "
                "check the address and the network.",
            ) from error
        try:
            answer = response.json()
        except ValueError:
            answer = {}
        if response.is_success and isinstance(answer, dict):
            return answer
        code = str(answer.get("code", "unreadable")) if isinstance(answer, dict) else "unreadable"
        message = answer.get("message") if isinstance(answer, dict) else None
        raise ApiProblem(
            response.status_code,
            code,
            str(message or f"{method} {path} gave no readable answer."),
            answer if isinstance(answer, dict) and answer and _ERROR.isdisjoint(answer) else None,
        )
