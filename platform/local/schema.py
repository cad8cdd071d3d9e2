"""The database's schema, brought to a release by the application's own function, inside the network."""

import json
from typing import Any

from workers.contracts.problem import Problem


def migrate(client: Any, function: str) -> dict[str, Any]:
    """Invoke it with a client of Lambda; the revisions `before` and `after`.

    Raises `Problem` with what the function said.
    """
    answer = client.invoke(FunctionName=function, Payload=b"{}")
    said = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(said, dict):
        message = said.get("errorMessage", said) if isinstance(said, dict) else said
        raise Problem(
            f"The database could not be migrated: {message}",
            why="All steps of a migration are one transaction, so the schema is as it was.",
            fix="Correct the migration, or what it names, and run this again.",
        )
    return said
