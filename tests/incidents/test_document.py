"""The page about incidents says what the tests show."""

from tests.incidents.document import DOCUMENT, render
from tests.incidents.incidents import INCIDENTS


def test_the_page_is_made_from_the_tables() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run `python -m tests.incidents.document`"


def test_every_incident_is_stopped_before_an_update_by_some_line() -> None:
    assert len(INCIDENTS) == 13
    assert all(set(incident.stops) - {"after"} for incident in INCIDENTS)
