"""Names of everything in AWS, and their ARNs.

Every name is `bluemoxon-{stack}-{name-with-dashes}` (secrets: `bluemoxon-{stack}/{name}`) and checked against
AWS's limits before anything is created.
"""

import re
from dataclasses import dataclass
from enum import Enum

from workers.contracts import Problem

PROJECT = "bluemoxon"
LOCAL = "local"
"""The stack of one laptop, which `bmx up` applies."""

_STACK = re.compile(r"[a-z][a-z0-9]*")


class Kind(Enum):
    """What is named: a noun for messages, and AWS's maximum length."""

    ALARM = ("an alarm", 255)
    BUCKET = ("a bucket", 63)
    BUDGET = ("a budget", 100)
    DASHBOARD = ("a dashboard", 255)
    DATABASE = ("a database", 63)
    FUNCTION = ("a function", 64)
    LOG_GROUP = ("a log group", 512)
    NETWORK = ("a network", 256)
    PARAMETER_GROUP = ("a parameter group", 255)
    POLICY = ("a policy", 128)
    QUEUE = ("a queue", 80)
    REPOSITORY = ("a repository", 256)
    ROLE = ("a role", 64)
    SECRET = ("a secret", 512)
    SECURITY_GROUP = ("a security group", 255)
    SIGN_IN_DOMAIN = ("a sign-in page's domain", 63)
    SUBNET_GROUP = ("a subnet group", 255)
    TOPIC = ("a topic", 256)
    USER_POOL = ("a user pool", 128)


def dashed(name: str) -> str:
    """A worker's name as names in AWS have it: `image_processing` → `image-processing`."""
    return name.replace("_", "-")


def check_stack_name(stack: str) -> None:
    """Raise `Problem` for a stack name that some AWS name cannot hold, or that has a dash.

    Rights are given on `bluemoxon-{stack}-*`. Without dashes in stacks' names, none of these patterns covers
    another stack's things, and no two stacks have a thing of the same name.
    """
    if not _STACK.fullmatch(stack):
        raise Problem(
            f"`{stack}` cannot be a stack's name.",
            why="It becomes part of bucket, queue and database names, which take lower-case letters and "
            "digits; a dash ends it there, so that no stack has rights on another's things.",
            fix="Choose a name like `staging` or `review12`, which starts with a letter.",
        )


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a stack lives; the source of every name and ARN in it."""

    stack: str
    account_id: str
    region: str
    partition: str = "aws"

    def name(self, kind: Kind, *parts: str) -> str:
        """The name of a thing of this stack; raises `Problem` when AWS would refuse its length."""
        joined = "-".join((PROJECT, self.stack, *map(dashed, parts)))
        return self._fits(kind, joined)

    def sign_in_prefix(self) -> str:
        """Of the sign-in page's host, which no other account may have."""
        return self.name(Kind.SIGN_IN_DOMAIN, self.account_id)

    def secret_name(self, name: str) -> str:
        """`bluemoxon-{stack}/{name}`."""
        return self._fits(Kind.SECRET, f"{PROJECT}-{self.stack}/{name}")

    def database_secret(self) -> str:
        """The name of the secret with the database's login, unless the settings name another."""
        return self.secret_name("database")

    def queue(self, worker: str) -> str:
        """The name of a worker's queue."""
        return self.name(Kind.QUEUE, worker)

    def dlq(self, worker: str) -> str:
        """The name of a worker's dead-letter queue."""
        return self.name(Kind.QUEUE, worker, "dlq")

    def function(self, worker: str) -> str:
        """The name of a container worker's function."""
        return self.name(Kind.FUNCTION, worker)

    def chalice_function(self, handler: str = "") -> str:
        """The name that Chalice gives the function of a handler, or without one the API's own: it takes the
        handler's name as it is, underscores and all.
        """
        joined = "-".join((PROJECT, self.stack, *([handler] if handler else [])))
        return self._fits(Kind.FUNCTION, joined)

    def images_bucket(self) -> str:
        """The name of the bucket of listings and books; the account makes it unique in the world."""
        return self.name(Kind.BUCKET, "images", self.account_id)

    def log_group(self, function: str) -> str:
        """The log group that Lambda gives a function of this name."""
        return self._fits(Kind.LOG_GROUP, f"/aws/lambda/{function}")

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def queue_arn(self, name: str) -> str:
        """The ARN of a queue by its name."""
        return self.arn("sqs", name)

    def global_arn(self, service: str, resource: str) -> str:
        """An ARN in this account, of a service without regions: IAM, dashboards, budgets."""
        return f"arn:{self.partition}:{service}::{self.account_id}:{resource}"

    def secret_arn(self, name: str) -> str:
        """The ARN of a secret of this stack, whose six characters at the end only AWS knows."""
        return self.arn("secretsmanager", f"secret:{self.secret_name(name)}-??????")

    def bucket_arn(self, bucket: str, key: str = "") -> str:
        """The ARN of a bucket, or of the objects under `key` in it."""
        return f"arn:{self.partition}:s3:::{bucket}" + (f"/{key}" if key else "")

    @staticmethod
    def _fits(kind: Kind, name: str) -> str:
        noun, limit = kind.value
        if len(name) > limit:
            raise Problem(
                f"`{name}` is too long to be {noun}'s name: {len(name)} characters.",
                why=f"AWS takes at most {limit}.",
                fix="Choose a shorter name for the stack or the worker.",
            )
        return name
