"""What AWS refuses a person who works on a stack, in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from workers.contracts.problem import Problem


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Raise boto3's errors as a `Problem` that says `what`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        names = ("Denied", "Unauthorized", "Token", "Credential", "NotFound", "NoSuch")
        named = not code or any(name in code for name in names)
        raise Problem(
            what,
            why=f"{error}.",
            fix="Check the credentials (`aws sts get-caller-identity`), then the name."
            if named
            else "Correct what it names, then run this again.",
        ) from error
