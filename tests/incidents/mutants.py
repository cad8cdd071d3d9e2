"""Unsafe edits of the real program, one each, and what is expected to stop them.

Each is planned against staging as it is deployed. A line that is not named finds nothing: a plan shows no
intent, and what one line cannot see is another one's to stop.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.incidents.lines import Line
from tests.incidents.sources import DIGEST, STAGING, Edit, infra


@dataclass(frozen=True)
class Mutant:
    """One unsafe edit; the part of the program's refusal, the rule and the finding that it meets."""

    what: str
    edit: Edit
    program: str = ""
    policies: str = ""
    gate: str = ""

    @property
    def lines(self) -> frozenset[Line]:
        """The lines that stop it."""
        said = {Line.PROGRAM: self.program, Line.POLICIES: self.policies, Line.GATE: self.gate}
        return frozenset(line for line, found in said.items() if found)


PROTECTED = "protect"
"""A refused replacement that would delete first is not in the plan, so that the gate has nothing to judge."""
HOOK = "is not changed"
LOSS = "is not deleted"

_KEY_VERSION = 'self, ignore_changes=["secret_string", "secret_binary", "version_stages"]'
_KEY_PASSWORD = "args.guard.kept(self, ignore_changes=RANDOM_PASSWORD_INPUTS)"
_UNPROTECTED = "pulumi.ResourceOptions(parent=self, ignore_changes="
_LOGIN_VERSION = 'self, ignore_changes=["secret_string", "secret_binary", "version_stages"]'
_SECOND_VERSION = """        another = random.RandomPassword(
            "another", length=40, opts=self._args.guard.options(self, ignore_changes=RANDOM_PASSWORD_INPUTS)
        )
        secretsmanager.SecretVersion(
            "another",
            secret_id=self._args.deployment.database_secret(),
            secret_string=another.result.apply(lambda text: json.dumps({"password": text})),
            opts=self._args.guard.options(
                self, ignore_changes=["secret_string", "secret_binary", "version_stages"]
            ),
        )
        return secret.arn
"""
_LOGIN_SECRET = 'guard.options(self, ignore_changes=["name", "name_prefix"])'
_INSTANCE = 'args.guard.options(self, ignore_changes=["password", "password_wo", "password_wo_version"])'
_CONTAINER = """timeout=120,
            memory=3008"""
_EXTERNAL = """mode: external
    secret_arn: arn:aws:secretsmanager:us-west-2:000000000000:secret:bluemoxon-staging/aurora-a1B2c3
    host: aurora.cluster-c0ffee123456.us-west-2.rds.amazonaws.com"""

CREDENTIALS = (
    Mutant(
        "the guard without protect",
        infra("guard.py", "protect=True,", "protect=False,"),
        policies="credentials-protected",
        gate="unprotect",
    ),
    Mutant(
        "the guard without ignore_changes",
        infra("guard.py", "ignore_changes=list(ignore_changes),", "ignore_changes=[],"),
        policies="database-password-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "the guard without hooks",
        infra(
            "guard.py",
            "before_update=list(before_update), before_delete=[self._delete]",
            "",
        ),
        gate="guard-removed",
    ),
    Mutant(
        "the instance no longer ignores changes of its password",
        infra("database.py", _INSTANCE, "args.guard.options(self, ignore_changes=[])"),
        policies="database-password-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "a literal password for the instance",
        infra(
            "database.py",
            "instance.password = credentials.password",
            'instance.password = "Sommer24!Staging"',
        ),
        policies="database-password-source",
    ),
    Mutant(
        "a second random password for the secret",
        infra(
            "credentials.py",
            '"password": self.password,',
            '"password": random.RandomPassword("another", length=40).result,',
        ),
        policies="password-one-source",
    ),
    Mutant(
        "a typed password in the secret, beside the host",
        infra("credentials.py", '"password": self.password,', '"password": "kV7wQm2Zp9TrX4Ls",'),
        policies="secret-value-source",
    ),
    Mutant(
        "a second version of the secret, guarded, by the secret's name",
        infra("credentials.py", "        return secret.arn\n", _SECOND_VERSION),
        policies="secret-version-of-own",
        gate="secret-unknown",
    ),
    Mutant(
        "the random password no longer ignores its length",
        infra("credentials.py", '    "length",\n', ""),
        gate="guard-removed",
    ),
    Mutant(
        "the secret's version no longer ignores its value",
        infra("credentials.py", _LOGIN_VERSION, "self, ignore_changes=[]"),
        policies="secret-version-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "the secret no longer ignores its name",
        infra("credentials.py", _LOGIN_SECRET, "guard.options(self, ignore_changes=[])"),
        gate="guard-removed",
    ),
    Mutant(
        "the login component under another name",
        infra(
            "database.py",
            "credentials = DatabaseCredentials(\n            name,",
            'credentials = DatabaseCredentials(\n            "login",',
        ),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "secrets deleted without recovery",
        infra("credentials.py", "RECOVERY_DAYS = 30", "RECOVERY_DAYS = 0"),
        policies="secret-recovery-window",
        gate="safeguard-off",
    ),
    Mutant(
        "the database's tag of its mode left out",
        infra("database.py", "tags={**self._tags, CREDENTIALS_TAG: args.mode},", "tags=self._tags,"),
        program=HOOK,
        gate="credentials-mode-switch",
    ),
    Mutant(
        "mode existing",
        Edit(STAGING, "mode: generated", "mode: existing"),
        program=HOOK,
        gate="credentials-mode-switch",
    ),
    Mutant(
        "mode rds-managed",
        Edit(STAGING, "mode: generated", "mode: rds-managed"),
        program="conflicts with 'manageMasterUserPassword'",
    ),
    Mutant(
        "mode external, and the database forgotten",
        Edit(STAGING, "mode: generated", _EXTERNAL),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "a password in the settings",
        Edit(STAGING, "mode: generated", "mode: generated\n    password: Sommer24!Staging"),
        program="bmx credentials rotate",
    ),
    Mutant(
        "the API's key unprotected",
        infra("api_key.py", _KEY_PASSWORD, f"{_UNPROTECTED}list(RANDOM_PASSWORD_INPUTS))"),
        policies="credentials-protected",
        gate="unprotect",
    ),
    Mutant(
        "the API's key drawn anew when its length changes",
        infra("api_key.py", _KEY_PASSWORD, "args.guard.kept(self)"),
        gate="guard-removed",
    ),
    Mutant(
        "the API key's value written by each update",
        infra("api_key.py", _KEY_VERSION, "self"),
        policies="secret-version-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "the API key under another name",
        Edit("platform/__main__.py", 'ApiKey("api-key",', 'ApiKey("key",'),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "the API key's secret under another KMS key",
        infra(
            "api_key.py",
            'description="Key of the BlueMoxon API: current and previous.",',
            'description="Key of the BlueMoxon API: current and previous.", kms_key_id="alias/other",',
        ),
        gate="secret-key-change",
    ),
)

DATABASE = (
    Mutant(
        "another master user",
        Edit(STAGING, "mode: generated", "mode: generated\n    username: moxon"),
        program=PROTECTED,
    ),
    Mutant(
        "no encryption",
        infra("database.py", "storage_encrypted=True,", "storage_encrypted=False,"),
        program=PROTECTED,
        policies="database-encrypted",
    ),
    Mutant(
        "the database under another name in the program",
        Edit(
            "platform/__main__.py",
            'return Database(\n        "database",',
            'return Database(\n        "postgres",',
        ),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "reachable from the internet",
        infra("database.py", "publicly_accessible=False,", "publicly_accessible=True,"),
        policies="database-private",
        gate="safeguard-off",
    ),
    Mutant(
        "open to every address",
        infra("database.py", "referenced_security_group_id=application,", 'cidr_ipv4="0.0.0.0/0",'),
        policies="ingress-from-anywhere",
    ),
    Mutant(
        "deletable",
        infra("database.py", "deletion_protection=True,", "deletion_protection=False,"),
        policies="database-deletion-protection",
        gate="safeguard-off",
    ),
    Mutant(
        "no final snapshot",
        infra("database.py", "skip_final_snapshot=False,", "skip_final_snapshot=True,"),
        policies="database-final-snapshot",
        gate="safeguard-off",
    ),
    Mutant(
        "backups for a day",
        Edit(STAGING, "mode: generated", "mode: generated\n    backup_retention_days: 1"),
        policies="database-backups",
    ),
    Mutant(
        "backups deleted with the instance",
        infra("database.py", "delete_automated_backups=False,", "delete_automated_backups=True,"),
        policies="database-backups",
        gate="safeguard-off",
    ),
    Mutant(
        "logins without TLS",
        infra("database.py", 'value="1" if args.require_tls else "0",', 'value="0",'),
        policies="database-tls",
    ),
    Mutant(
        "no TLS anywhere",
        Edit(
            STAGING, "  bluemoxon:budget:", "  bluemoxon:transport: {require_tls: false}\n  bluemoxon:budget:"
        ),
        policies="queue-tls-only",
    ),
    Mutant(
        "another network under the database",
        Edit(STAGING, "cidr: 10.40.0.0/20", "cidr: 10.50.0.0/20"),
        gate="data-replace",
    ),
)

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

FUNCTIONS = (
    Mutant(
        "an image by tag",
        Edit(
            "platform/__main__.py",
            'pulumi.Output.concat(repository.url, "@", digest)',
            'pulumi.Output.concat(repository.url, ":latest")',
        ),
        policies="function-image-digest",
    ),
    Mutant(
        "a placeholder image",
        infra(
            "container_worker.py",
            "image_uri=args.image_uri,",
            'image_uri="public.ecr.aws/lambda/python:3.12",',
        ),
        program="has a wrong form",
        policies="function-no-placeholder",
    ),
    Mutant("a tag for a digest", Edit(STAGING, DIGEST, "latest"), program="sha256"),
    Mutant(
        "a digest that no image has",
        Edit(STAGING, DIGEST, "sha256:" + "0" * 64),
        policies="function-no-placeholder",
    ),
    Mutant(
        "an empty variable",
        infra("container_worker.py", '"BMX_IMAGES_BUCKET": images_bucket,', '"BMX_IMAGES_BUCKET": "",'),
        policies="function-environment-empty",
    ),
    Mutant(
        "a login in a variable's value",
        infra(
            "container_worker.py",
            '"BMX_STACK": deployment.stack,',
            '"BMX_STACK": deployment.stack,\n            "BMX_STORE": "postgresql://moxon:hunter2hunter2@10.40.1.7/books",',
        ),
        policies="credential-in-the-open",
    ),
    Mutant(
        "a variable named after a password",
        infra(
            "container_worker.py",
            '"BMX_STACK": deployment.stack,',
            '"BMX_STACK": deployment.stack,\n        "DATABASE_PASSWORD": images_bucket,',
        ),
        policies="function-environment-secret",
    ),
    Mutant(
        "a generated password in a variable",
        infra(
            "container_worker.py",
            '"BMX_STACK": deployment.stack,',
            '"BMX_STACK": deployment.stack,'
            '"BMX_LOGIN": __import__("pulumi_random").RandomPassword('
            '"login", length=40, opts=pulumi.ResourceOptions(protect=True)).result,',
        ),
        policies="function-environment-generated",
    ),
    Mutant(
        "logs kept for ever",
        infra("container_worker.py", "                retention_in_days=args.logs.retention_days,\n", ""),
        policies="log-retention",
    ),
    Mutant(
        "a role without the boundary",
        infra("container_worker.py", "                permissions_boundary=args.boundary_arn,\n", ""),
        gate="boundary-removed",
    ),
)

PERMISSIONS = (
    Mutant(
        "the API may send and not ask for the depth",
        infra(
            "grants.py",
            'SEND_AND_INSPECT = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")',
            'SEND_AND_INSPECT = ("sqs:SendMessage", "sqs:GetQueueUrl")',
        ),
        policies="sender-may-inspect",
    ),
    Mutant(
        "workers that cannot delete what they did",
        infra(
            "grants.py",
            'CONSUME = (*TAKE, "sqs:GetQueueAttributes")',
            'CONSUME = ("sqs:ReceiveMessage", "sqs:GetQueueAttributes")',
        ),
        policies="consumer-complete",
    ),
    Mutant(
        "every action on secrets",
        infra(
            "grants.py",
            'READ_SECRET = ("secretsmanager:GetSecretValue",)',
            'READ_SECRET = ("secretsmanager:*",)',
        ),
        policies="no-star-action",
    ),
    Mutant(
        "every queue for a worker",
        infra(
            "grants.py",
            '"ConsumeOwnQueue", CONSUME, [config.arn]',
            '"ConsumeOwnQueue", CONSUME, ["*"]',
        ),
        policies="no-star-resource",
    ),
    Mutant(
        "an administrator's policy",
        infra(
            "api.py",
            "                permissions_boundary=args.boundary_arn,\n",
            "                permissions_boundary=args.boundary_arn,\n"
            '                managed_policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"],\n',
        ),
        policies="no-admin-policy",
    ),
    Mutant(
        "roles for everybody",
        infra("policies.py", 'principals={"Service": [service]}', 'principals="*"'),
        policies="trust-nobody-unknown",
    ),
    Mutant(
        "deployments from every repository of GitHub",
        infra(
            "deploy_grants.py",
            'f"{GITHUB}:aud": AUDIENCE, f"{GITHUB}:sub": subject(settings)',
            'f"{GITHUB}:aud": AUDIENCE',
        ),
        policies="trust-nobody-unknown",
    ),
    Mutant(
        "images for everybody",
        infra(
            "grants.py",
            """            principals={"Service": ["lambda.amazonaws.com"]},
            conditions={"StringEquals": {"aws:SourceArn": function_arn}},
""",
            '            principals="*",\n',
        ),
        policies="resource-policy-principal",
    ),
    Mutant(
        "a boundary around everything",
        infra("boundary.py", '"sqs": [stack_queues(deployment)],', '"sqs": ["*"],'),
        policies="no-star-resource",
    ),
)

DATA = (
    Mutant(
        "a bucket that is emptied when it is deleted",
        infra("storage.py", "force_destroy=False,", "force_destroy=True,"),
        policies="bucket-force-destroy",
        gate="safeguard-off",
    ),
    Mutant(
        "an unprotected bucket",
        infra("storage.py", "opts=args.guard.kept(self),", "opts=self._child,"),
        policies="data-protected",
        gate="unprotect",
    ),
    Mutant(
        "another bucket",
        infra(
            "storage.py",
            "bucket=args.deployment.images_bucket(),",
            'bucket=args.deployment.images_bucket() + "-new",',
        ),
        program=PROTECTED,
        gate="data-replace",
    ),
    Mutant(
        "public access not blocked",
        infra("storage.py", "restrict_public_buckets=True,", "restrict_public_buckets=False,"),
        policies="bucket-public-access",
        gate="safeguard-off",
    ),
    Mutant(
        "versioning suspended",
        infra(
            "storage.py",
            'VersioningConfigurationArgs(status="Enabled")',
            'VersioningConfigurationArgs(status="Suspended")',
        ),
        policies="bucket-versioning",
        gate="safeguard-off",
    ),
    Mutant(
        "a bucket that takes plain HTTP",
        infra("storage.py", "if args.require_tls:", "if False:"),
        policies="bucket-complete",
    ),
    Mutant(
        "photos that expire",
        infra("storage.py", "expired_object_delete_marker=True", "days=30"),
        policies="bucket-keeps-objects",
    ),
    Mutant(
        "uploads from every page",
        infra("storage.py", "allowed_origins=list(settings.upload_origins),", 'allowed_origins=["*"],'),
        policies="bucket-cors-origins",
    ),
    Mutant(
        "tags of images that can be moved",
        infra("registry.py", 'image_tag_mutability="IMMUTABLE",', 'image_tag_mutability="MUTABLE",'),
        policies="repository-immutable",
        gate="safeguard-off",
    ),
    Mutant(
        "a repository that is deleted with its images",
        infra(
            "registry.py",
            'image_tag_mutability="IMMUTABLE",',
            'image_tag_mutability="IMMUTABLE",\n                force_delete=True,',
        ),
        policies="repository-immutable",
        gate="safeguard-off",
    ),
    Mutant(
        "another repository",
        infra(
            "registry.py",
            "name=deployment.name(Kind.REPOSITORY, worker.name),",
            'name=deployment.name(Kind.REPOSITORY, worker.name, "images"),',
        ),
        gate="data-replace",
    ),
    Mutant(
        "short passwords of people",
        infra("identity.py", "minimum_length=12,", "minimum_length=8,"),
        policies="people-passwords",
    ),
    Mutant(
        "an unprotected user pool",
        infra(
            "identity.py",
            "opts=args.guard.kept(self),",
            "opts=pulumi.ResourceOptions(parent=self),",
        ),
        policies="data-protected",
        gate="unprotect",
    ),
    Mutant(
        "a user pool that can be deleted",
        infra("identity.py", 'deletion_protection="ACTIVE",', 'deletion_protection="INACTIVE",'),
        policies="data-protected",
        gate="safeguard-off",
    ),
    Mutant(
        "another user pool, without its users",
        infra("identity.py", 'username_attributes=["email"],', 'username_attributes=["phone_number"],'),
        program=PROTECTED,
    ),
    Mutant(
        "things without the project's tag",
        infra("tags.py", '        f"{PROJECT}:project": PROJECT,\n', ""),
        policies="required-tags",
    ),
)

AREAS = {
    "Credentials": CREDENTIALS,
    "The database": DATABASE,
    "Queues": QUEUES,
    "Functions": FUNCTIONS,
    "Permissions": PERMISSIONS,
    "Data": DATA,
}


def all_mutants() -> Iterator[Mutant]:
    """Every mutant, in the order of the document."""
    for mutants in AREAS.values():
        yield from mutants
