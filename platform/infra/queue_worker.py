"""A worker's queue: with its DLQ, encrypted, TLS only, watched."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import sqs

from infra import grants, timeouts
from infra.alarms import WorkerAlarms, WorkerAlarmsArgs
from infra.naming import Deployment, dashed
from infra.policies import document
from infra.tags import tags
from infra.workers import Worker


@dataclass(frozen=True, slots=True)
class QueueWorkerArgs:
    """Whose queue, the topic for its alarms, and whether it refuses plain HTTP."""

    deployment: Deployment
    worker: Worker
    alarm_topic_arn: pulumi.Input[str]
    require_tls: bool


class QueueWorker(pulumi.ComponentResource):
    """Queue, DLQ, redrive both ways, policies and alarms of one worker; not who consumes it."""

    queue: sqs.Queue
    dlq: sqs.Queue

    def __init__(self, name: str, args: QueueWorkerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bluemoxon:queue:QueueWorker", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        worker, config = args.worker, args.worker.queue_config(args.deployment)
        self.dlq = self._queue(
            f"{name}-dlq", sqs.QueueArgs(name=config.dlq, message_retention_seconds=timeouts.DLQ_RETENTION)
        )
        self.queue = self._queue(
            name,
            sqs.QueueArgs(
                name=config.queue,
                visibility_timeout_seconds=config.visibility_timeout,
                message_retention_seconds=timeouts.QUEUE_RETENTION,
                redrive_policy=self.dlq.arn.apply(
                    lambda arn: json.dumps(
                        {"deadLetterTargetArn": arn, "maxReceiveCount": config.max_receive}
                    )
                ),
            ),
        )
        sqs.RedriveAllowPolicy(
            name,
            sqs.RedriveAllowPolicyArgs(
                queue_url=self.dlq.url,
                redrive_allow_policy=self.queue.arn.apply(
                    lambda arn: json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]})
                ),
            ),
            opts=self._child,
        )
        WorkerAlarms(
            name,
            WorkerAlarmsArgs(args.deployment, worker, args.alarm_topic_arn),
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"outputs": self.outputs()})

    def outputs(self) -> pulumi.Output[dict[str, object]]:
        """The worker's entry in the stack output `queues`."""
        return pulumi.Output.from_input(
            {
                "name": self.queue.name,
                "url": self.queue.url,
                "arn": self.queue.arn,
                "dlq_name": self.dlq.name,
                "dlq_url": self.dlq.url,
                "dlq_arn": self.dlq.arn,
                "consumer": self._args.worker.consumer.kind,
            }
        )

    def _queue(self, name: str, args: sqs.QueueArgs) -> sqs.Queue:
        """A queue with what both kinds share."""
        args.sqs_managed_sse_enabled = True
        args.receive_wait_time_seconds = timeouts.RECEIVE_WAIT
        args.tags = tags(self._args.deployment.stack, dashed(self._args.worker.name))
        queue = sqs.Queue(name, args, opts=self._child)
        if self._args.require_tls:
            policy = queue.arn.apply(lambda arn: document(*grants.queue_policy(arn)))
            sqs.QueuePolicy(name, sqs.QueuePolicyArgs(queue_url=queue.url, policy=policy), opts=self._child)
        return queue
