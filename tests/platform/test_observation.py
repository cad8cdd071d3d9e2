"""The dashboard and the budget."""

import itertools
import json
from typing import Any

import pytest

from infra.alarms import worker_alarms
from infra.dashboard import WIDTH, body
from infra.naming import Deployment
from infra.workers import WORKERS, External, Worker, select
from tests.platform.program import Config, Run, run_program

Json = dict[str, Any]


def rows(deployment: Deployment) -> dict[int, list[Json]]:
    """Charts by the row that they stand in."""
    found: dict[int, list[Json]] = {}
    for widget in json.loads(body(WORKERS, deployment))["widgets"]:
        if widget["type"] == "metric":
            found.setdefault(widget["y"], []).append(widget)
    return found


def test_each_worker_has_a_row(deployment: Deployment) -> None:
    widgets = json.loads(body(WORKERS, deployment))["widgets"]
    titles = [one["properties"]["markdown"] for one in widgets if one["type"] == "text"]
    assert [title.split()[1] for title in titles] == [worker.name for worker in WORKERS]
    assert len(rows(deployment)) == len(WORKERS)


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_a_row_shows_queue_and_function(worker: Worker, deployment: Deployment) -> None:
    row = rows(deployment)[sorted(rows(deployment))[WORKERS.index(worker)]]
    metrics = [metric for chart in row for metric in chart["properties"]["metrics"]]
    shown = {(metric[0], metric[1], metric[3]) for metric in metrics}
    queue, dlq = deployment.queue(worker.name), deployment.dlq(worker.name)
    wanted = {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", queue),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", dlq),
    }
    function = worker.function(deployment)
    assert (function is None) == isinstance(worker.consumer, External)
    if function is not None:
        wanted |= {("AWS/Lambda", "Errors", function), ("AWS/Lambda", "Duration", function)}
    assert wanted <= shown
    age = next(chart for chart in row if "Oldest" in chart["properties"]["title"])
    alarm = next(one for one in worker_alarms(worker, deployment) if one.suffix == "oldest-message")
    assert age["properties"]["annotations"]["horizontal"][0]["value"] == alarm.threshold


def test_charts_fit_beside_each_other(deployment: Deployment) -> None:
    for row in rows(deployment).values():
        edges = [(chart["x"], chart["x"] + chart["width"]) for chart in row]
        assert all(left[1] == right[0] for left, right in itertools.pairwise(edges))
        assert edges[-1][1] <= WIDTH


def test_chalice_functions_are_named_as_chalice_names_them(deployment: Deployment) -> None:
    """Its rule: application, stage and handler, joined with dashes, the handler as it is."""
    (results,) = select(["image_results"])
    assert results.function(deployment) == "bluemoxon-staging-image_results"


def test_a_budget_tells_the_topic_before_and_after_the_limit(runs: dict[str, Run]) -> None:
    budget = runs["staging"].of("Budget")["budget"].inputs
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("120", "USD", "MONTHLY")
    assert "costFilters" not in budget
    told = {(one["notificationType"], one["threshold"]) for one in budget["notifications"]}
    assert told == {("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}
    topics = {arn for one in budget["notifications"] for arn in one["subscriberSnsTopicArns"]}
    assert topics == {runs["staging"].outputs["alarm_topic_arn"]}
    policy = json.loads(runs["staging"].of("TopicPolicy")["alarms"].inputs["policy"])["Statement"][0]
    assert "budgets.amazonaws.com" in policy["Principal"]["Service"]


def test_a_budget_may_count_one_stack_only(staging: Config) -> None:
    staging["bluemoxon:budget"]["only_this_stack"] = True
    (cost_filter,) = run_program("staging", staging).of("Budget")["budget"].inputs["costFilters"]
    assert cost_filter == {"name": "TagKeyValue", "values": ["user:bluemoxon:stack$staging"]}


def test_locally_neither_is_made(runs: dict[str, Run]) -> None:
    assert runs["local"].of("Dashboard") == {}
    assert runs["local"].of("Budget") == {}
