"""The pages of the documentation that are made of declarations say what these say."""

from enum import StrEnum

import pytest

from bmx import reference


def test_the_documented_routes_and_codes_are_the_declared_ones() -> None:
    assert reference.API.read_text(encoding="utf-8") == reference.api(), "run `python -m bmx.reference`"


def test_the_documented_settings_are_the_declared_ones() -> None:
    text = reference.settings()
    assert reference.SETTINGS.read_text(encoding="utf-8") == text, "run `python -m bmx.reference`"
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert [row for row in rows if row.endswith(" |  |")] == [], "a key without a meaning"


class Codes(StrEnum):
    SAID = "said"
    """What it means,
    over two lines."""
    SILENT = "silent"


def test_a_code_that_does_not_say_what_it_means_is_refused() -> None:
    with pytest.raises(LookupError, match="Codes does not say what silent means"):
        reference.meanings(Codes)
