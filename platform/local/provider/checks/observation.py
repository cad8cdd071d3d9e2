"""CloudWatch's alarms, dashboards, log groups and events, and budgets."""

from collections.abc import Iterator

from local.provider.checks.documents import JSON
from local.provider.checks.grammars import DASHBOARD
from local.provider.checks.limits import Api, Limits
from local.provider.checks.rules import (
    AtMost,
    Exclusive,
    Matches,
    Needs,
    OneOf,
    Refused,
    given,
    number,
)
from local.provider.values import Properties

_RETENTIONS = (
    *(0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288),
    3653,
)
"""Days of "PutRetentionPolicy"; 0 is the real provider's word for never."""
_EVERY_DAY = 86_400
_RATE = r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)|cron\(\S+( \S+){5}\)"
_TIME = r"\d{4}-\d{2}-\d{2}_\d{2}:\d{2}"


def _metric(inputs: Properties) -> Iterator[Refused]:
    if not given(inputs, ("metricName", "metricQueries", "evaluationCriteria")):
        yield Refused("metricName", None, "is missing: give it, or 'metricQueries'")
    if not given(inputs, ("threshold", "thresholdMetricId", "evaluationCriteria")):
        yield Refused("threshold", None, "is missing: give it, or 'thresholdMetricId'")
    if given(inputs, ("metricName",)) and not given(inputs, ("statistic", "extendedStatistic")):
        yield Refused("statistic", None, "is missing: give it, or 'extendedStatistic'")


def _period(inputs: Properties) -> Iterator[Refused]:
    period = number(inputs.get("period"))
    if period is None:
        return
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        yield Refused("period", inputs["period"], "is no period: use 10, 20, 30, or a multiple of 60 seconds")
    spans = period * (number(inputs.get("evaluationPeriods")) or 1)
    if spans > (7 * _EVERY_DAY if period >= 3600 else _EVERY_DAY):
        yield Refused(
            "evaluationPeriods", None, "times period is too long: stay within a day (a week, by the hour)"
        )
    points, periods = number(inputs.get("datapointsToAlarm")), number(inputs.get("evaluationPeriods"))
    if points is not None and periods is not None and points > periods:
        yield Refused("datapointsToAlarm", inputs["datapointsToAlarm"], "is over evaluationPeriods: lower it")


def _trigger(inputs: Properties) -> Iterator[Refused]:
    if not given(inputs, ("scheduleExpression", "eventPattern")):
        yield Refused("scheduleExpression", None, "is missing: give it, or 'eventPattern'")


def _subscribers(inputs: Properties) -> Iterator[Refused]:
    notifications = inputs.get("notifications")
    for index, one in enumerate(notifications if isinstance(notifications, list) else []):
        if not given(one, ("subscriberEmailAddresses", "subscriberSnsTopicArns")):
            yield Refused(f"notifications[{index}]", None, "tells nobody: give an address or a topic")


_NOTIFICATION = "NotificationsWithSubscribers.Notification"

LIMITS = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": Limits(
        Api(
            "cloudwatch",
            "PutMetricAlarm",
            {
                "name": "AlarmName",
                "metricQueries": "Metrics",
                "metricQueries.metric": "Metrics.MetricStat.Metric",
            },
        ),
        rules=(
            OneOf("treatMissingData", ("missing", "ignore", "breaching", "notBreaching")),
            Exclusive(("metricName", "metricQueries")),
            Exclusive(("statistic", "extendedStatistic")),
            Exclusive(("threshold", "thresholdMetricId")),
            Exclusive(("period", "metricQueries")),
            Needs("metricName", ("namespace", "period")),
            Matches(
                "extendedStatistic", r"p\d{1,2}(\.\d+)?|(tm|wm|tc|ts|pr|p|iqm)[^\s]*", "a percentile like p95"
            ),
            _metric,
            _period,
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": Limits(
        documents={"dashboardBody": DASHBOARD},
        rules=(Matches("dashboardName", r"[\w-]{1,255}", "1 to 255 letters, digits, - and _"),),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Limits(
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches("name", r"[\w./#-]{1,512}", "1 to 512 letters, digits and _-/.#"),
            OneOf("retentionInDays", _RETENTIONS),
            OneOf("logGroupClass", ("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")),
        )
    ),
    "aws:cloudwatch/eventRule:EventRule": Limits(
        Api("events", "PutRule"),
        documents={"eventPattern": JSON},
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches(
                "scheduleExpression", _RATE, "rate(5 minutes) or cron(minutes hours day month weekday year)"
            ),
            _trigger,
        ),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Limits(
        Api(
            "events",
            "PutTargets",
            {
                "arn": "Targets.Arn",
                "targetId": "Targets.Id",
                "roleArn": "Targets.RoleArn",
                "input": "Targets.Input",
                "retryPolicy": "Targets.RetryPolicy",
            },
        ),
        documents={"input": JSON},
        rules=(Exclusive(("input", "inputPath", "inputTransformer")),),
    ),
    "aws:budgets/budget:Budget": Limits(
        Api(
            "budgets",
            "CreateBudget",
            {
                "name": "Budget.BudgetName",
                "budgetType": "Budget.BudgetType",
                "timeUnit": "Budget.TimeUnit",
                "limitAmount": "Budget.BudgetLimit.Amount",
                "limitUnit": "Budget.BudgetLimit.Unit",
                "notifications": "NotificationsWithSubscribers",
                "notifications.comparisonOperator": f"{_NOTIFICATION}.ComparisonOperator",
                "notifications.notificationType": f"{_NOTIFICATION}.NotificationType",
                "notifications.threshold": f"{_NOTIFICATION}.Threshold",
                "notifications.thresholdType": f"{_NOTIFICATION}.ThresholdType",
            },
        ),
        rules=(
            Exclusive(("name", "namePrefix")),
            Exclusive(("limitAmount", "plannedLimits")),
            Needs("limitAmount", ("limitUnit",)),
            Needs("limitUnit", ("limitAmount",)),
            Matches("timePeriodStart", _TIME, "a time like 2026-01-01_00:00"),
            Matches("timePeriodEnd", _TIME, "a time like 2026-01-01_00:00"),
            AtMost("notifications.subscriberSnsTopicArns", 1),
            AtMost("notifications.subscriberEmailAddresses", 10),
            _subscribers,
        ),
    ),
}
