"""The CloudWatch dashboard: a row a worker."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch

from infra import timeouts
from infra.naming import Deployment, Kind
from infra.workers import Worker

WIDTH = 24
"""Columns of a dashboard; AWS's number."""

_TITLE_HEIGHT, _ROW_HEIGHT = 1, 5

Widget = dict[str, object]


@dataclass(frozen=True, slots=True)
class Chart:
    """A metric over time, `width` columns wide. `limit` is drawn as a line: what an alarm rings at."""

    title: str
    width: int
    metrics: Sequence[tuple[str, str]]
    """Metric and statistic, of one namespace."""
    namespace: str
    dimension: tuple[str, str]
    limit: int | None = None


def charts(worker: Worker, deployment: Deployment) -> tuple[Chart, ...]:
    """A worker's charts: depth, age and DLQ of its queue; errors and duration of its function where it is
    ours.
    """
    config = worker.queue_config(deployment)
    queue, dlq = ("QueueName", config.queue), ("QueueName", config.dlq)
    visible, in_flight = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
    age_limit = timeouts.oldest_message_alarm(config.visibility_timeout, worker.max_receive)
    age = ("ApproximateAgeOfOldestMessage", "Maximum")
    row = [
        Chart("Messages", 5, [(visible, "Maximum"), (in_flight, "Maximum")], "AWS/SQS", queue),
        Chart("Oldest message, seconds", 5, [age], "AWS/SQS", queue, limit=age_limit),
        Chart("Given up (DLQ)", 4, [(visible, "Maximum")], "AWS/SQS", dlq, limit=0),
    ]
    name = worker.function(deployment)
    if name is not None:
        function = ("FunctionName", name)
        calls, errors = ("Invocations", "Sum"), ("Errors", "Sum")
        durations, slow = [("Duration", "p50"), ("Duration", "p95")], worker.consumer.timeout * 1000
        row += [
            Chart("Calls and errors", 5, [calls, errors], "AWS/Lambda", function),
            Chart("Duration, milliseconds", 5, durations, "AWS/Lambda", function, limit=slow),
        ]
    return tuple(row)


def body(workers: Iterable[Worker], deployment: Deployment) -> str:
    """The dashboard as CloudWatch takes it (its "Dashboard body structure and syntax")."""
    widgets: list[Widget] = []
    top = 0
    for worker in workers:
        title = f"### {worker.name} ({worker.consumer.kind})\n{worker.summary}"
        widgets.append(
            _placed(0, top, WIDTH, _TITLE_HEIGHT, "text", {"markdown": title, "background": "transparent"})
        )
        left = 0
        for chart in charts(worker, deployment):
            properties = _properties(chart, deployment.region)
            widgets.append(_placed(left, top + _TITLE_HEIGHT, chart.width, _ROW_HEIGHT, "metric", properties))
            left += chart.width
        top += _TITLE_HEIGHT + _ROW_HEIGHT
    return json.dumps({"widgets": widgets})


def _placed(x: int, y: int, width: int, height: int, kind: str, properties: dict[str, object]) -> Widget:
    return {"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}


def _properties(chart: Chart, region: str) -> dict[str, object]:
    properties: dict[str, object] = {
        "title": chart.title,
        "region": region,
        "view": "timeSeries",
        "period": timeouts.MINUTE,
        "metrics": [
            [chart.namespace, metric, *chart.dimension, {"stat": statistic}]
            for metric, statistic in chart.metrics
        ],
        "yAxis": {"left": {"min": 0}},
    }
    if chart.limit is not None:
        properties["annotations"] = {"horizontal": [{"label": "limit", "value": chart.limit}]}
    return properties


@dataclass(frozen=True, slots=True)
class DashboardArgs:
    """Whose workers."""

    deployment: Deployment
    workers: Sequence[Worker]


class Dashboard(pulumi.ComponentResource):
    """The stack's dashboard, `bluemoxon-{stack}`."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: DashboardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:alarms:Dashboard", name, None, opts)
        dashboard = cloudwatch.Dashboard(
            name,
            cloudwatch.DashboardArgs(
                dashboard_name=args.deployment.name(Kind.DASHBOARD),
                dashboard_body=body(args.workers, args.deployment),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = dashboard.dashboard_name
        self.register_outputs({"name": self.name})
