"""Alarms and the topic that they go to."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, sns

from infra import grants, timeouts
from infra.naming import Deployment, Kind, dashed
from infra.policies import document
from infra.settings import AlarmSettings
from infra.tags import tags
from infra.workers import Worker


@dataclass(frozen=True, slots=True)
class AlarmTopicArgs:
    """`settings.emails` are subscribed; each has to confirm by the mail that AWS sends."""

    deployment: Deployment
    settings: AlarmSettings


class AlarmTopic(pulumi.ComponentResource):
    """The SNS topic of all alarms.

    It has no key of its own: it carries names and counts only, and CloudWatch cannot use SNS's default key.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: AlarmTopicArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:alarms:AlarmTopic", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        deployment = args.deployment
        topic = sns.Topic(
            name,
            sns.TopicArgs(
                name=deployment.name(Kind.TOPIC, "alarms"),
                display_name=f"BlueMoxon {deployment.stack}",
                tags=tags(deployment.stack, "alarms"),
            ),
            opts=child,
        )
        policy = topic.arn.apply(lambda arn: document(*grants.alarm_topic_policy(arn, deployment)))
        allowed = sns.TopicPolicy(name, sns.TopicPolicyArgs(arn=topic.arn, policy=policy), opts=child)
        for email in args.settings.emails:
            sns.TopicSubscription(
                f"{name}-{email}",
                sns.TopicSubscriptionArgs(topic=topic.arn, protocol="email", endpoint=email),
                opts=child,
            )
        # The policy's: who publishes to the topic is made when it may.
        self.arn = allowed.arn
        self.register_outputs({"arn": self.arn})


@dataclass(frozen=True, slots=True)
class Alarm:
    """A threshold on a metric. It rings when the metric is over it for `periods` times `period` seconds."""

    suffix: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    threshold: int
    period: int = 5 * timeouts.MINUTE
    periods: int = 1


def worker_alarms(worker: Worker, deployment: Deployment) -> tuple[Alarm, ...]:
    """The alarms of a worker: a message in the DLQ, one that waits too long, and errors of its function."""
    config = worker.queue_config(deployment)
    alarms = [
        Alarm(
            "dlq-not-empty",
            f"{worker.name}: messages were given up after {worker.max_receive} tries. "
            "See the DLQ on the admin page.",
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"QueueName": config.dlq},
            "Maximum",
            threshold=0,
            period=timeouts.MINUTE,
        ),
        Alarm(
            "oldest-message",
            f"{worker.name}: a message has waited longer than every try takes. Is the consumer running?",
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": config.queue},
            "Maximum",
            threshold=timeouts.oldest_message_alarm(config.visibility_timeout, worker.max_receive),
        ),
    ]
    function = worker.function(deployment)
    if function is not None:
        alarms.append(
            Alarm(
                "errors",
                f"{worker.name}: its function failed. See the log group.",
                "AWS/Lambda",
                "Errors",
                {"FunctionName": function},
                "Sum",
                threshold=0,
            )
        )
    return tuple(alarms)


@dataclass(frozen=True, slots=True)
class WorkerAlarmsArgs:
    """Whose alarms, and the topic that hears of them."""

    deployment: Deployment
    worker: Worker
    topic_arn: pulumi.Input[str]


class WorkerAlarms(pulumi.ComponentResource):
    """A worker's alarms. They tell the topic when they start and when they end."""

    def __init__(self, name: str, args: WorkerAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:alarms:WorkerAlarms", name, None, opts)
        deployment = args.deployment
        names: list[pulumi.Output[str]] = []
        for alarm in worker_alarms(args.worker, deployment):
            resource = cloudwatch.MetricAlarm(
                f"{dashed(args.worker.name)}-{alarm.suffix}",
                cloudwatch.MetricAlarmArgs(
                    name=deployment.name(Kind.ALARM, args.worker.name, alarm.suffix),
                    alarm_description=alarm.description,
                    namespace=alarm.namespace,
                    metric_name=alarm.metric,
                    dimensions=alarm.dimensions,
                    statistic=alarm.statistic,
                    comparison_operator="GreaterThanThreshold",
                    threshold=alarm.threshold,
                    period=alarm.period,
                    evaluation_periods=alarm.periods,
                    # SQS and Lambda send no data while nothing happens.
                    treat_missing_data="notBreaching",
                    alarm_actions=[args.topic_arn],
                    ok_actions=[args.topic_arn],
                    tags=tags(deployment.stack, dashed(args.worker.name)),
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
            names.append(resource.name)
        self.register_outputs({"names": names})
