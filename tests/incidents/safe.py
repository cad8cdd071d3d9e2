"""Changes that somebody makes on any day, to the real program: none of them may be held up.

A false alarm is what makes people look for a way around.
"""

from dataclasses import dataclass

from tests.incidents.sources import DIGEST, STAGING, Edit, infra

WORKERS = "workers: [image_processing, eval_runbook, tracking_worker]"
EXTERNAL = '    Worker("analysis", "Writes the long analysis of a book.", External(timeout=600)),\n'
CONTAINER = """"workers.image_processor.handler.handler",
            timeout=120,
            memory=3008,
            ephemeral_storage=1024"""


@dataclass(frozen=True)
class Safe:
    """One change."""

    what: str
    edits: tuple[Edit, ...]


def _safe(what: str, *edits: Edit) -> Safe:
    return Safe(what, edits)


def _staging(old: str, new: str) -> Edit:
    return Edit(STAGING, old, new)


def _more(line: str) -> Edit:
    """One more setting of staging."""
    return _staging("  bluemoxon:budget:\n", f"  {line}\n  bluemoxon:budget:\n")


SAFE = (
    _safe("a worker that is declared already", _staging(WORKERS, WORKERS.replace("]", ", analysis]"))),
    _safe(
        "a new worker whose function is deployed elsewhere",
        infra("workers.py", EXTERNAL, EXTERNAL + EXTERNAL.replace("analysis", "price_watch", 1)),
        _staging(WORKERS, WORKERS.replace("]", ", price_watch]")),
    ),
    _safe(
        "a new container worker that awaits its first image",
        infra(
            "workers.py",
            EXTERNAL,
            EXTERNAL
            + '    Worker("ocr", "Reads title pages.", Container("workers.ocr.handler.handler", 60, 512)),\n',
        ),
        _staging(WORKERS, WORKERS.replace("]", ", ocr]")),
        _staging("    image_processing:\n", "    ocr: {awaiting_first_image: true}\n    image_processing:\n"),
    ),
    _safe(
        "a new handler of the Chalice application",
        infra(
            "workers.py",
            EXTERNAL,
            EXTERNAL + '    Worker("mailer", "Writes to dealers.", ChaliceHandler(timeout=30)),\n',
        ),
        _staging(WORKERS, WORKERS.replace("]", ", mailer]")),
    ),
    _safe("a new image", _staging(DIGEST, "sha256:" + "fedcba9876543210" * 4)),
    _safe("more memory", infra("workers.py", CONTAINER, CONTAINER.replace("3008", "4096"))),
    _safe(
        "a longer timeout, which the visibility follows",
        infra("workers.py", CONTAINER, CONTAINER.replace("120", "180")),
    ),
    _safe("more disk", infra("workers.py", CONTAINER, CONTAINER.replace("1024", "2048"))),
    _safe("several messages in a batch", infra("workers.py", CONTAINER, f"{CONTAINER}, batch_size=5")),
    _safe("a batch window", infra("workers.py", CONTAINER, f"{CONTAINER}, batch_window=30")),
    _safe(
        "more functions at the same time", infra("workers.py", CONTAINER, f"{CONTAINER}, max_concurrency=40")
    ),
    _safe("functions on arm64", infra("workers.py", CONTAINER, f'{CONTAINER}, architecture="arm64"')),
    _safe("more tries", infra("workers.py", "max_receive=5", "max_receive=8")),
    _safe(
        "a worker that also reads listings",
        infra("workers.py", 'reads=("books/",),', 'reads=("books/", "listings/"),'),
    ),
    _safe(
        "a worker that reads a secret of the stack",
        infra("workers.py", 'writes=("books/",),', 'writes=("books/",),\n        secrets=("dealers",),'),
    ),
    _safe(
        "an added tag",
        infra(
            "tags.py",
            '        f"{PROJECT}:stack": stack,\n',
            '        f"{PROJECT}:stack": stack,\n        f"{PROJECT}:owner": "books",\n',
        ),
    ),
    _safe(
        "one more person hears of alarms",
        _staging(
            "staging-alarms@bluemoxon.example", "staging-alarms@bluemoxon.example, on-call@bluemoxon.example"
        ),
    ),
    _safe("nobody hears of alarms by mail", _staging("[staging-alarms@bluemoxon.example]", "[]")),
    _safe("a larger budget", _staging("monthly_usd: 120", "monthly_usd: 200")),
    _safe("no budget", _staging("  bluemoxon:budget:\n    monthly_usd: 120\n", "")),
    _safe("no dashboard", _more("bluemoxon:dashboard: {enabled: false}")),
    _safe("logs kept longer", _more("bluemoxon:logs: {retention_days: 90}")),
    _safe(
        "uploads from another page",
        _staging(
            '["https://staging.books.bluemoxon.example"]',
            '["https://staging.books.bluemoxon.example", "https://preview.books.bluemoxon.example"]',
        ),
    ),
    _safe(
        "a new rule of the bucket: old versions to a cheaper class",
        infra(
            "storage.py",
            "                        abort_incomplete_multipart_upload=",
            "                        noncurrent_version_transitions=[\n"
            "                            s3.BucketLifecycleConfigurationRuleNoncurrentVersionTransitionArgs("
            'noncurrent_days=7, storage_class="GLACIER_IR"'
            ")\n"
            "                        ],\n"
            "                        abort_incomplete_multipart_upload=",
        ),
    ),
    _safe("longer backups", _staging("mode: generated", "mode: generated\n    backup_retention_days: 14")),
    _safe(
        "a larger instance", _staging("mode: generated", "mode: generated\n    instance_class: db.t4g.small")
    ),
    _safe(
        "more storage for the database",
        _staging("mode: generated", "mode: generated\n    max_allocated_storage: 400"),
    ),
    _safe("a standby of the database", _staging("mode: generated", "mode: generated\n    multi_az: true")),
    _safe("a third zone", _staging("cidr: 10.40.0.0/20", "cidr: 10.40.0.0/20\n    zones: 3")),
    _safe(
        "an endpoint to another service",
        infra(
            "network.py",
            '("sqs", "secretsmanager", "cognito-idp")',
            '("sqs", "secretsmanager", "cognito-idp", "logs")',
        ),
    ),
    _safe("deployments from a branch", _staging("environment: staging", "branch: main")),
    _safe("longer passwords of people", infra("identity.py", "minimum_length=12", "minimum_length=16")),
    _safe("shorter sessions", infra("identity.py", "refresh_token_validity=30", "refresh_token_validity=7")),
    _safe("more images kept to go back to", infra("registry.py", "KEPT_IMAGES = 20", "KEPT_IMAGES = 40")),
    _safe(
        "messages kept longer", infra("timeouts.py", "QUEUE_RETENTION = 4 * DAY", "QUEUE_RETENTION = 7 * DAY")
    ),
    _safe(
        "an alarm that rings sooner",
        infra("timeouts.py", "return visibility * max_receive", "return visibility * max_receive // 2"),
    ),
)
