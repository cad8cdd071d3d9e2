"""Lambda's Runtime API on 127.0.0.1: what the runtime client inside an image asks for events and answers to.

An image started with `AWS_LAMBDA_RUNTIME_API` set to `address` runs as a function does in Lambda: one event
after the other, with its deadline; an answer of more than 6 MB is refused.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any

from local.json_http import JsonRequests, JsonServer
from local.ports import HOST

VERSION = "2018-06-01"
MAX_ANSWER = 6 * 2**20
_POLL_SECONDS = 0.2


class FunctionError(Exception):
    """What a function reported instead of an answer; `type` is the name of what it raised."""

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(message)
        self.type = type_


@dataclass(frozen=True)
class Invocation:
    """One event on its way."""

    id: str
    event: Any
    deadline: float
    """Seconds since the epoch."""
    answer: "Future[Any]" = field(default_factory=Future)


@dataclass
class RuntimeApi:
    """The service of one function's environment. Use it as a context manager."""

    name: str
    arn: str
    first_asked: float | None = None
    """When the runtime was ready for its first event, on the monotonic clock."""
    first_answered: float | None = None
    _waiting: "queue.Queue[Invocation]" = field(default_factory=queue.Queue)
    _running: dict[str, Invocation] = field(default_factory=dict)
    _failure: FunctionError | None = None
    _arrived: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)
    _server: JsonServer | None = None

    def __enter__(self) -> "RuntimeApi":
        self._server = JsonServer((HOST, 0), _requests(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closed.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def address(self) -> str:
        """Host and port, as `AWS_LAMBDA_RUNTIME_API` has it."""
        assert self._server is not None, "it is not served"  # noqa: S101
        return f"{HOST}:{self._server.server_port}"

    def invoke(self, event: Any, request_id: str, deadline: float) -> Any:
        """The function's answer to an event.

        Raises `FunctionError` for what it reports or for its end, and `TimeoutError` at the deadline.
        """
        if self._failure is not None:
            raise self._failure
        invocation = Invocation(request_id, event, deadline)
        self._waiting.put(invocation)
        self._arrived.set()
        try:
            return invocation.answer.result(timeout=max(0.0, deadline - time.time()))
        except FutureTimeoutError:
            raise TimeoutError(f"{self.name} did not answer before its deadline") from None

    def wait_for_event(self, seconds: float) -> bool:
        """Whether an event came in that time."""
        return self._arrived.wait(seconds)

    def fail(self, failure: FunctionError) -> None:
        """The function's environment is gone: what waits for it is told so."""
        self._failure = failure
        while not self._waiting.empty():
            self._waiting.get_nowait().answer.set_exception(failure)
        for invocation in list(self._running.values()):
            if not invocation.answer.done():
                invocation.answer.set_exception(failure)

    def next(self) -> Invocation | None:
        """The next event whose time is not over; None where nobody will send one any more."""
        self.first_asked = self.first_asked or time.monotonic()
        while not self._closed.is_set():
            try:
                invocation = self._waiting.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if invocation.deadline > time.time():
                self._running[invocation.id] = invocation
                return invocation
        return None

    def end(self, request_id: str, answer: Any = None, failure: FunctionError | None = None) -> bool:
        """Give an event its answer or its failure; False where no event of that id is running."""
        invocation = self._running.pop(request_id, None)
        if invocation is None:
            return False
        if failure is not None:
            invocation.answer.set_exception(failure)
        else:
            self.first_answered = self.first_answered or time.monotonic()
            invocation.answer.set_result(answer)
        return True


def _requests(api: RuntimeApi) -> type[JsonRequests]:
    class Requests(JsonRequests):
        def get(self) -> None:
            if self.path != f"/{VERSION}/runtime/invocation/next":
                super().get()
                return
            invocation = api.next()
            if invocation is None:
                self.close_connection = True
                return
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": api.arn,
            }
            self.reply(200, invocation.event, headers)

        def post(self) -> None:
            body = self.body()
            match self.path.removeprefix(f"/{VERSION}/runtime/").split("/"):
                case ["invocation", request_id, "response"] if len(body) > MAX_ANSWER:
                    failure = FunctionError("Function.ResponseSizeTooLarge", f"{len(body)} bytes")
                    known = api.end(request_id, failure=failure)
                    self.reply(413 if known else 400, {"errorType": failure.type})
                case ["invocation", request_id, "response"]:
                    self._accept(api.end(request_id, json.loads(body or b"null")))
                case ["invocation", request_id, "error"]:
                    self._accept(api.end(request_id, failure=_reported(body)))
                case ["init", "error"]:
                    api.fail(_reported(body))
                    self._accept(known=True)
                case _:
                    super().get()

        def _accept(self, known: bool) -> None:
            if known:
                self.reply(202, {"status": "OK"})
            else:
                self.reply(400, {"errorType": "InvalidRequestID"})

    return Requests


def _reported(body: bytes) -> FunctionError:
    try:
        found = json.loads(body)
        return FunctionError(str(found["errorType"]), str(found["errorMessage"]))
    except (ValueError, KeyError, TypeError):
        return FunctionError("Runtime.Unknown", body.decode("utf-8", "replace")[:500])
