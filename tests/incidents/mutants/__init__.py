"""Unsafe edits of the real program, one each, and what is expected to stop them.

Each is planned against staging as it is deployed. A line that is not named finds nothing: a plan shows no
intent, and what one line cannot see is another one's to stop.
"""

from collections.abc import Iterator

from tests.incidents.mutants.credentials import CREDENTIALS
from tests.incidents.mutants.data import DATA
from tests.incidents.mutants.database import DATABASE
from tests.incidents.mutants.functions import FUNCTIONS
from tests.incidents.mutants.mutant import Mutant
from tests.incidents.mutants.permissions import PERMISSIONS
from tests.incidents.mutants.queues import QUEUES

__all__ = ["AREAS", "Mutant", "all_mutants"]

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
