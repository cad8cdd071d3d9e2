"""The database's schema, brought to a release by the application's own function, inside the network.

A release's code may rely on its schema, and the release before works with it too. So the function that
migrates gets the new code first, alone, and all the others after it is done.
"""

import json
from typing import Any, Final

from local.package import Package
from workers.contracts.problem import Problem

FUNCTION: Final = "migrate"
"""Its handler's name in app.py."""

UPDATE_SECONDS: Final = 300
"""How long Lambda may take to give a function new code; a change of its network takes longest."""

_SETTINGS: Final = ("Runtime", "Handler", "Timeout", "MemorySize", "Role", "Environment")
"""What a release may change of a function, as template and call name it; its network has another form."""


class MigrationFailed(Problem):
    """The function ended with an error; the schema is as it was."""


def exists(client: Any, function: str) -> bool:
    """Whether there is such a function; raises boto3's errors for anything else."""
    from botocore.exceptions import ClientError

    try:
        client.get_function_configuration(FunctionName=function)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return True


def update(client: Any, function: str, package: Package) -> None:
    """Give the function alone the package's code and settings; raises `Problem` with Lambda's reason."""
    wanted = package.function(FUNCTION)
    _wait(client, function)
    client.update_function_code(FunctionName=function, ZipFile=package.archive.read_bytes())
    _wait(client, function)
    client.update_function_configuration(
        FunctionName=function,
        VpcConfig=wanted.get("VpcConfig", {"SubnetIds": [], "SecurityGroupIds": []}),
        **{name: wanted[name] for name in _SETTINGS},
    )
    _wait(client, function)


def _wait(client: Any, function: str) -> None:
    """Until no update of the function runs; one at a time is what Lambda takes."""
    from botocore.exceptions import WaiterError

    pause = 1
    try:
        client.get_waiter("function_updated").wait(
            FunctionName=function, WaiterConfig={"Delay": pause, "MaxAttempts": UPDATE_SECONDS // pause}
        )
    except WaiterError as error:
        said = error.last_response
        status, reason = said.get("LastUpdateStatus"), said.get("LastUpdateStatusReason", "no reason")
        raise Problem(
            f"The function {function} was not updated.",
            why=f"Lambda says {status}: {reason}.",
            fix="Correct what it names, then run this again.",
        ) from error


def migrate(client: Any, function: str) -> dict[str, Any]:
    """Invoke it with a client of Lambda; the revisions `before` and `after`.

    Raises `Problem` with what the function said.
    """
    answer = client.invoke(FunctionName=function, Payload=b"{}")
    said = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(said, dict):
        message = said.get("errorMessage", said) if isinstance(said, dict) else said
        raise MigrationFailed(
            f"The database could not be migrated: {message}",
            why="All steps of a migration are one transaction, so the schema is as it was.",
            fix="Correct the migration, or what it names, and run this again.",
        )
    return said
