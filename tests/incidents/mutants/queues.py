"""Edits of the queues and of what empties them."""

from tests.incidents.mutants.mutant import Mutant
from tests.incidents.sources import DIGEST, STAGING, Edit, infra

_CONTAINER = """timeout=120,
            memory=3008"""

QUEUES = (
    Mutant(
        "a queue that is its own dead-letter queue",
        infra(
            "queue_worker.py",
            '{"deadLetterTargetArn": arn,',
            '{"deadLetterTargetArn": arn.removesuffix("-dlq"),',
        ),
        policies="queue-dlq-is-another",
    ),
    Mutant(
        "messages given up after one try",
        infra("queue_worker.py", '"maxReceiveCount": config.max_receive', '"maxReceiveCount": 1'),
        policies="queue-max-receive",
    ),
    Mutant(
        "a visibility that is typed in",
        infra(
            "queue_worker.py",
            "visibility_timeout_seconds=config.visibility_timeout,",
            "visibility_timeout_seconds=180,",
        ),
        policies="queue-visibility",
    ),
    Mutant(
        "a visibility of one timeout",
        infra("timeouts.py", "return 6 * function_timeout", "return function_timeout"),
        policies="queue-visibility",
    ),
    Mutant(
        "a dead-letter queue that forgets first",
        infra("timeouts.py", "DLQ_RETENTION = 14 * DAY", "DLQ_RETENTION = 1 * DAY"),
        policies="dlq-retention",
    ),
    Mutant(
        "a dead-letter queue for everybody's messages",
        infra(
            "queue_worker.py",
            '{"redrivePermission": "byQueue", "sourceQueueArns": [arn]}',
            '{"redrivePermission": "allowAll"}',
        ),
        policies="redrive-allow-named",
    ),
    Mutant(
        "queues without encryption",
        infra(
            "queue_worker.py", "args.sqs_managed_sse_enabled = True", "args.sqs_managed_sse_enabled = False"
        ),
        policies="queue-encrypted",
    ),
    Mutant(
        "queues that take plain HTTP",
        infra("queue_worker.py", "if self._args.require_tls:", "if False:"),
        policies="queue-tls-only",
    ),
    Mutant(
        "queues open to everybody",
        infra(
            "grants.py",
            'return [deny_plain_http("sqs:*", [queue_arn])]',
            'return [Statement("Send", ["sqs:SendMessage"], [queue_arn], principals="*")]',
        ),
        policies="queue-policy-principal",
    ),
    Mutant(
        "plain HTTP refused the wrong way round",
        infra("policies.py", '"aws:SecureTransport": "false"', '"aws:SecureTransport": "true"'),
        policies="queue-policy-tls",
    ),
    Mutant(
        "queues under other names",
        infra(
            "naming.py",
            "return self.name(Kind.QUEUE, worker)\n",
            'return self.name(Kind.QUEUE, "jobs", worker)\n',
        ),
        gate="data-replace",
    ),
    Mutant(
        "a dead-letter queue that is not called one",
        infra(
            "naming.py",
            'return self.name(Kind.QUEUE, worker, "dlq")',
            'return self.name(Kind.QUEUE, worker, "dead")',
        ),
        policies="queue-has-dlq",
        gate="data-replace",
    ),
    Mutant(
        "a worker taken out, with its messages",
        Edit(STAGING, "eval_runbook, tracking_worker]", "eval_runbook]"),
        gate="data-delete",
    ),
    Mutant(
        "a worker whose function is taken away again, and its messages wait",
        Edit(STAGING, f"digest: {DIGEST}", "awaiting_first_image: true"),
        gate="consumer-removed",
    ),
    Mutant(
        "a worker that is fed no more",
        infra(
            "container_worker.py",
            "event_source_arn=args.queue_arn,",
            "event_source_arn=args.queue_arn,\n                enabled=False,",
        ),
        gate="safeguard-off",
    ),
    Mutant(
        "alarms that tell nobody",
        infra("alarms.py", "alarm_actions=[args.topic_arn],", "alarm_actions=[],"),
        policies="dlq-alarm",
    ),
    Mutant(
        "alarms that are switched off",
        infra(
            "alarms.py",
            "alarm_actions=[args.topic_arn],",
            "alarm_actions=[args.topic_arn],\n                    actions_enabled=False,",
        ),
        policies="dlq-alarm",
    ),
    Mutant(
        "an alarm on the wrong queue",
        infra("alarms.py", '{"QueueName": config.dlq},', '{"QueueName": config.queue},'),
        policies="dlq-alarm",
    ),
    Mutant(
        "an alarm from a thousand lost messages on",
        infra("alarms.py", "threshold=0,\n            period=", "threshold=1000,\n            period="),
        policies="dlq-alarm",
    ),
    Mutant(
        "a timeout beyond Lambda's",
        infra("workers.py", _CONTAINER, _CONTAINER.replace("120", "1200")),
        program="wrong timeout",
    ),
    Mutant(
        "a worker that nobody declared",
        Edit(STAGING, "eval_runbook, tracking_worker]", "eval_runbook, tracking_woker]"),
        program="tracking_woker",
    ),
)
