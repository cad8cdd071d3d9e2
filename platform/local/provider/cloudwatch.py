"""CloudWatch: alarms and dashboards."""
# ruff: noqa: ARG002, S105

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.shapes import back, camel, pascal, renamed
from local.provider.values import Properties

_ALARM = {
    "name": "AlarmName",
    "alarmDescription": "AlarmDescription",
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "extendedStatistic": "ExtendedStatistic",
    "insufficientDataActions": "InsufficientDataActions",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "thresholdMetricId": "ThresholdMetricId",
    "treatMissingData": "TreatMissingData",
    "unit": "Unit",
}
_DEFAULTS: Properties = {"actionsEnabled": True, "treatMissingData": "missing"}


class MetricAlarm(ResourceType):
    """An alarm; its id is its name. One call makes it and changes it."""

    token = "aws:cloudwatch/metricAlarm:MetricAlarm"
    replace_on = frozenset({"name", "region"})
    name_property = "name"
    unordered = frozenset({"alarmActions", "okActions", "insufficientDataActions"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["name"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        wanted = renamed({**_DEFAULTS, **new}, _ALARM)
        if new.get("dimensions"):
            wanted["Dimensions"] = tags.pairs(new["dimensions"], key="Name")
        if new.get("metricQueries"):
            wanted["Metrics"] = [_query(query) for query in new["metricQueries"]]
        ctx.aws.call("cloudwatch", "put_metric_alarm", Tags=tags.pairs(ctx.all_tags(new)), **wanted)
        if old is not None:
            arn = self._arn(ctx, identifier)
            wanted_tags = ctx.all_tags(new)
            if gone := tags.removed(old, wanted_tags):
                ctx.aws.call("cloudwatch", "untag_resource", ResourceARN=arn, TagKeys=gone)
            if wanted_tags:
                ctx.aws.call("cloudwatch", "tag_resource", ResourceARN=arn, Tags=tags.pairs(wanted_tags))
        return None

    def _arn(self, ctx: Context, name: str) -> str:
        return ctx.arn("cloudwatch", f"alarm:{name}")

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.call("cloudwatch", "describe_alarms", AlarmNames=[identifier])
        if not reply.get("MetricAlarms"):
            return None
        found = reply["MetricAlarms"][0]
        outputs = back(found, _ALARM)
        if "Dimensions" in found:
            outputs["dimensions"] = tags.mapping(found["Dimensions"], key="Name")
        return {**_DEFAULTS, **outputs, "arn": found.get("AlarmArn") or self._arn(ctx, identifier)}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("cloudwatch", "delete_alarms", AlarmNames=[identifier])


def _query(query: Properties) -> Properties:
    """A metric query as CloudWatch takes it: its metric is one level deeper there."""
    wanted: Properties = pascal({key: value for key, value in query.items() if key != "metric"})
    if metric := query.get("metric"):
        inner = {"Namespace": metric.get("namespace"), "MetricName": metric["metricName"]}
        if metric.get("dimensions"):
            inner["Dimensions"] = tags.pairs(metric["dimensions"], key="Name")
        wanted["MetricStat"] = {"Metric": inner, "Period": metric["period"], "Stat": metric["stat"]}
    return wanted


class Dashboard(ResourceType):
    """A dashboard; its id is its name."""

    token = "aws:cloudwatch/dashboard:Dashboard"
    replace_on = frozenset({"dashboardName", "region"})
    name_property = "dashboardName"
    name_prefix_property = None
    json_properties = frozenset({"dashboardBody"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["dashboardName"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        ctx.aws.call("cloudwatch", "put_dashboard", **pascal({key: new[key] for key in self.schema.required}))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        found = ctx.aws.find("cloudwatch", "get_dashboard", DashboardName=identifier)
        if found is None:
            return None
        outputs: Properties = camel({key: found[key] for key in ("DashboardName", "DashboardBody")})
        arn = ctx.arn("cloudwatch", f"dashboard/{identifier}", region="")
        return {**outputs, "dashboardArn": found.get("DashboardArn") or arn}

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("cloudwatch", "delete_dashboards", DashboardNames=[identifier])


TYPES = (Dashboard, MetricAlarm)
