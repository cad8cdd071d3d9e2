"""`bmx jobs retry --failed` over several calls of an API that answers in the order of the test."""

from typing import Any, cast

from bmx.api import Api
from bmx.commands.operate import _retry_all
from bmx.output import Ui


class Answers:
    """An API that answers with what it is given, and keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.left = list(answers)
        self.asked: list[dict[str, Any]] = []

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path == "/jobs/retry"
        self.asked.append(body)
        return self.left.pop(0)


def answer(sent: int, kept: list[str], refused: int, cursor: str | None) -> dict[str, Any]:
    not_retried = [{"job_id": it, "reason": "gone"} for it in kept]
    return {
        "sent": sent,
        "refused": refused,
        "not_retried": not_retried,
        "remaining": 1 if cursor else 0,
        "next_cursor": cursor,
    }


def test_one_pass_goes_past_what_cannot_be_sent_and_tells_of_all_of_it() -> None:
    api = Answers(answer(0, ["a"], 0, "one"), answer(0, [], 1, "two"), answer(1, ["b"], 0, None))
    outcome = _retry_all(cast(Api, api), Ui())
    assert [it.get("cursor") for it in api.asked] == [None, "one", "two"]
    assert (outcome.data["sent"], outcome.data["refused"]) == (1, 1)
    assert [it["job_id"] for it in outcome.data["not_retried"]] == ["a", "b"]
    assert not outcome.ok
