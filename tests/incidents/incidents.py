"""What went wrong once, or would: each incident as edits of the real program, and which lines stop it.

The tests replay each one and hold it against this table, from which docs/incidents.md is made: a line that is
said to stop an incident does so alone, and one that is said to be blind finds nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.incidents.lines import Line
from tests.incidents.sources import STAGING, Edit, infra

_SEND = 'SEND_AND_INSPECT = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")'
_NO_CHANGE = (
    "A policy sees the resources as they are to be, never what they were: here nothing of that is wrong."
)
_EDITED = "The program itself is what was edited."


@dataclass(frozen=True)
class Incident:
    """One incident. `edits` are what somebody did; `hole` what they took away of the guards besides."""

    title: str
    happened: str
    damage: str
    instead: str
    named: str
    """The part of `instead` that the message names, too."""
    edits: tuple[Edit, ...]
    stops: Mapping[Line, str]
    """Line to the rule, the finding, or the words by which it stops the incident."""
    blind: Mapping[Line, str] = field(default_factory=dict)
    """Line to why it cannot see the incident."""
    hole: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        """Every line is said to stop it or to be blind, and no line both."""
        assert self.named in self.instead, self.title
        assert sorted([*self.stops, *self.blind]) == sorted(Line), self.title


LITERAL = "Sommer24!Staging"
DATABASE_CHANGES = infra(
    "database.py", 'ignore_changes=["password", "password_wo", "password_wo_version"]', "ignore_changes=[]"
)
_LENGTH = infra("credentials.py", "PASSWORD_LENGTH = 40", "PASSWORD_LENGTH = 48")
_LENGTH_COUNTS = infra("credentials.py", '    "length",\n', "")
_VERSION_CHANGES = infra(
    "credentials.py",
    'self, ignore_changes=["secret_string", "secret_binary", "version_stages"]',
    "self, ignore_changes=[]",
)

LITERAL_PASSWORD = Incident(
    "a targeted apply with a literal password",
    "Somebody types a password into the program to get one resource through, with `--target`; the secret"
    " keeps the real one.",
    "Every login fails: `password authentication failed`.",
    "`bmx credentials rotate` gives database and secret a new password together.",
    "bmx credentials rotate",
    (
        infra("database.py", "instance.password = credentials.password", f'instance.password = "{LITERAL}"'),
        DATABASE_CHANGES,
    ),
    {
        Line.PROGRAM: "is not changed: password would be",
        Line.POLICIES: "database-password-source",
        Line.GATE: "database-password-change",
        Line.AFTER: "login_refused",
    },
)

SECOND_PASSWORD = Incident(
    "a new random password in the secret, while the database keeps the old",
    "The secret's value is computed from another random password than the database's.",
    "Every login fails: `password authentication failed`.",
    "`bmx credentials rotate`; database and secret take the password from one resource.",
    "bmx credentials rotate",
    (
        infra(
            "credentials.py",
            '"password": self.password,',
            '"password": random.RandomPassword("another", length=40).result,',
        ),
    ),
    {
        Line.PROGRAM: "protect",
        Line.POLICIES: "password-one-source",
        Line.GATE: "secret-version-without-database",
        Line.AFTER: "login_refused",
    },
    hole=(_VERSION_CHANGES,),
)

MODE_SWITCHED_BACK = Incident(
    "the mode switched back",
    "A stack in mode `existing` is set to `generated` again: a new random password, a new secret, and a"
    " database that ignores both.",
    "The application is given the new secret, and every login fails: `password authentication failed`.",
    "`bmx credentials move --to MODE` changes state and settings, and nothing else.",
    "bmx credentials move",
    (),
    {
        Line.PROGRAM: "credentials mode would be",
        Line.GATE: "credentials-mode-switch",
        Line.AFTER: "login_refused",
    },
    {Line.POLICIES: _NO_CHANGE},
)

PASSWORD_REPLACED = Incident(
    "the random password replaced",
    "Its length is changed, or a newer provider has another default: the password is drawn anew and written"
    " to the secret; the database ignores it.",
    "Every login fails: `password authentication failed`.",
    "Undo the change; `bmx credentials rotate` makes a longer one too.",
    "bmx credentials rotate",
    (_LENGTH,),
    {
        Line.PROGRAM: "protect",
        Line.GATE: "random-password-replace",
        Line.AFTER: "login_refused",
    },
    {Line.POLICIES: _NO_CHANGE},
    hole=(_LENGTH_COUNTS,),
)

SECRET_ALONE = Incident(
    "the secret's version changed without the database",
    "Somebody corrects the user in the secret's value; the database has another one.",
    "Every login fails: `password authentication failed for user`.",
    "`bmx credentials rotate` writes the secret, with the database.",
    "bmx credentials rotate",
    (infra("credentials.py", '"username": settings.username,', '"username": "application",'),),
    {
        Line.PROGRAM: "protect",
        Line.GATE: "secret-version-without-database",
        Line.AFTER: "login_refused",
    },
    {Line.POLICIES: _NO_CHANGE},
    hole=(_VERSION_CHANGES,),
)

PART_OF_THE_TRIO = Incident(
    "a `--target` that covers part of the trio",
    "Password, secret and database would change together; `--target` names the first two.",
    "Every login fails: `password authentication failed`.",
    "`bmx credentials rotate` changes both; a change is planned and applied whole, without --target.",
    "bmx credentials rotate",
    (_LENGTH, DATABASE_CHANGES),
    {
        Line.PROGRAM: "protect",
        Line.POLICIES: "database-password-guarded",
        Line.GATE: "secret-version-without-database",
        Line.AFTER: "login_refused",
    },
    hole=(_LENGTH_COUNTS,),
)

IDENTIFIER = Incident(
    "the database replaced by a changed identifier",
    "The instance is renamed; RDS makes a new one and deletes the old.",
    "The tables are gone: `relation does not exist`. The login works, which hides it.",
    "Undo it. If it is meant: take a copy, then approve this one operation.",
    "take a copy",
    (
        infra(
            "database.py",
            "identifier = deployment.name(Kind.DATABASE)",
            'identifier = deployment.name(Kind.DATABASE, "main")',
        ),
    ),
    {Line.PROGRAM: "protect", Line.GATE: "data-replace"},
    {
        Line.POLICIES: _NO_CHANGE,
        Line.AFTER: "The new database has the same login; that it is empty is seen by the first query.",
    },
)

UNPROTECTED = Incident(
    "unprotected and replaced in one update",
    "`protect` is taken from the images bucket and its name changed in one update, which the engine allows.",
    "The application looks into a new and empty bucket: `NoSuchKey` for every photo.",
    "Unprotect in a change of its own, which is looked at as such.",
    "in a change of its own",
    (
        infra("storage.py", "opts=args.guard.kept(self),", "opts=self._child,"),
        infra(
            "storage.py",
            "bucket=args.deployment.images_bucket(),",
            'bucket=args.deployment.images_bucket() + "-new",',
        ),
    ),
    {
        Line.PROGRAM: "`images` is not deleted",
        Line.POLICIES: "data-protected",
        Line.GATE: "unprotect-and-replace",
    },
    {Line.AFTER: "The new bucket answers; nobody knows which photos there were."},
)

EMPTY_KEY = Incident(
    "an empty API key",
    "An environment without the key writes an empty one into the secret.",
    "Every call is refused: 503 `misconfigured`.",
    "The key comes from a RandomPassword of the program, and from a rotation later.",
    "RandomPassword",
    (
        infra("api_key.py", '{"current": text, "previous": None}', '{"current": "", "previous": None}'),
        infra(
            "api_key.py",
            'self, ignore_changes=["secret_string", "secret_binary", "version_stages"]',
            "self",
        ),
    ),
    {
        Line.PROGRAM: "protect",
        Line.POLICIES: "secret-not-empty",
        Line.GATE: "secret-value-change",
        Line.AFTER: "The API key is empty",
    },
)

NO_INSPECTION = Incident(
    "a sender that may not look",
    "The application's role may send to the queues and not ask for them.",
    "The health check is unhealthy: `access_denied`, which the SDK alone reports as NonExistentQueue.",
    "Grant sqs:GetQueueUrl and sqs:GetQueueAttributes with sqs:SendMessage (infra.grants).",
    "sqs:GetQueueAttributes",
    (infra("grants.py", _SEND, 'SEND_AND_INSPECT = ("sqs:SendMessage",)'),),
    {Line.POLICIES: "sender-may-inspect", Line.AFTER: "lacks sqs:Get"},
    {
        Line.PROGRAM: _EDITED,
        Line.GATE: "It judges operations on credentials and data, not what a document grants.",
    },
)

NO_DLQ = Incident(
    "a queue without a dead-letter queue",
    "The redrive policy is left out for a new worker.",
    "A message that cannot be handled comes back more often than it may, and then is gone, in no queue.",
    "Declare the worker in infra/workers.py; queue and dead-letter queue come from there.",
    "infra/workers.py",
    (
        infra(
            "queue_worker.py",
            """                redrive_policy=self.dlq.arn.apply(
                    lambda arn: json.dumps(
                        {"deadLetterTargetArn": arn, "maxReceiveCount": config.max_receive}
                    )
                ),
""",
            "",
        ),
        Edit(STAGING, "eval_runbook, tracking_worker]", "eval_runbook, tracking_worker, analysis]"),
    ),
    {Line.POLICIES: "queue-has-dlq"},
    {
        Line.PROGRAM: f"{_EDITED} Its declaration has no way to leave it out.",
        Line.GATE: "Nothing is deleted: a new queue is made, and what it lacks is no operation.",
        Line.AFTER: "The dead-letter queue is there and empty, as it should be.",
    },
)

SHORT_VISIBILITY = Incident(
    "a visibility shorter than six timeouts",
    "The visibility is typed in instead of derived, and is shorter than the work.",
    "A message is handled twice at the same time.",
    "Declare the timeout in infra/workers.py; the visibility follows from it.",
    "infra/workers.py",
    (infra("timeouts.py", "return 6 * function_timeout + batch_window", "return 2"),),
    {Line.POLICIES: "queue-visibility"},
    {
        Line.PROGRAM: f"{_EDITED} Its declaration has no key for it.",
        Line.GATE: "It is an update of a number, and says nothing about the function's timeout.",
        Line.AFTER: "Every single message is handled well.",
    },
)

PLACEHOLDER = Incident(
    "placeholder code behind a live queue",
    "To get the stack through before the image is there, the worker's function is given a few lines that"
    " answer 200; the queue feeds it already.",
    "The message is taken, answered and gone: no result, no error, and nothing in the dead-letter queue.",
    "Leave the function out until its image is there: `awaiting_first_image: true`.",
    "awaiting_first_image",
    (
        infra(
            "container_worker.py",
            """                package_type="Image",
                image_uri=args.image_uri,
                # Said here too, so that image and declaration cannot name two handlers.
                image_config=lambda_.FunctionImageConfigArgs(commands=[container.handler]),
""",
            """                runtime="python3.11",
                handler="index.handler",
                code=pulumi.AssetArchive(
                    {
                        "index.py": pulumi.StringAsset(
                            "def handler(event, context):\\n    return {'statusCode': 200}\\n"
                        )
                    }
                ),
""",
        ),
    ),
    {Line.POLICIES: "function-no-placeholder"},
    {
        Line.PROGRAM: f"{_EDITED} Its declaration knows images only.",
        Line.GATE: "A function holds no data: another one in its place loses none, and what it does is no"
        " operation.",
        Line.AFTER: "The queues are empty, as after good work; a job without a result shows at its deadline.",
    },
)

INCIDENTS = (
    LITERAL_PASSWORD,
    SECOND_PASSWORD,
    MODE_SWITCHED_BACK,
    PASSWORD_REPLACED,
    SECRET_ALONE,
    PART_OF_THE_TRIO,
    UNPROTECTED,
    IDENTIFIER,
    EMPTY_KEY,
    NO_INSPECTION,
    NO_DLQ,
    SHORT_VISIBILITY,
    PLACEHOLDER,
)
