"""The gate's reports: on a terminal, as data, and as the comment of a pull request."""

import json

from gate.check import check
from gate.report import MARKDOWN_LIMIT, as_data, as_markdown, as_table
from rules import types
from tests.policies.plans import (
    CLUSTER,
    DATABASE,
    PROJECT,
    QUEUE,
    TODAY,
    VALUE,
    document,
    judged,
    step,
)


def test_the_biggest_risk_comes_first_and_the_report_fits_a_comment() -> None:
    many = [step("delete", f"{PROJECT}{types.QUEUE}::{'queue' * 10}{number}") for number in range(900)]
    report = judged(*many, step("update", DATABASE, "password"))
    text = as_markdown(report)
    assert len(text) < MARKDOWN_LIMIT
    assert "more lines do not fit" in text
    assert text.index("database-password" if "database-password" in text else DATABASE) < text.index(
        "queuequeue"
    )


def test_a_row_that_alone_is_too_long_is_shortened_and_shown_first() -> None:
    paths = [f'tags["{"🛑" * 300}{number}"].password' for number in range(2_000)]
    report = judged(
        step("delete", QUEUE),
        step("update", CLUSTER * 3_000, *(f"masterPassword.{path}" for path in paths)),
        diagnostics=[{"severity": "error", "message": "x" * 100_000}],
    )
    text = as_markdown(report)
    assert len(text.encode("utf-16-le")) // 2 < MARKDOWN_LIMIT
    first = next(line for line in text.splitlines() if line.startswith("| 🛑"))
    assert CLUSTER in first
    assert "and 1992 more" in first
    assert QUEUE in text


def test_a_plan_with_nothing_to_do_says_that_it_was_judged() -> None:
    report = judged()
    assert report.looked_at == "6 resources judged: none of them changes"
    assert "6 resources judged" in as_markdown(report)
    other = json.dumps(document()).replace("urn:pulumi:x::", "urn:pulumi:y::")
    assert check(other, (), TODAY).digest != report.digest


def test_no_report_shows_a_value() -> None:
    from rich.console import Console

    report = judged(step("update", DATABASE, "password", new={"ignoreChanges": []}), step("delete", QUEUE))
    console = Console(record=True, width=200, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(as_table(report))
    assert report.open
    for text in (console.export_text(), as_markdown(report), json.dumps(as_data(report), default=str)):
        assert VALUE not in text


def test_markdown_cannot_be_broken_out_of() -> None:
    name = "a`|<img src=x>\n| b"
    text = as_markdown(judged(step("delete", f"{PROJECT}{types.QUEUE}::{name}")))
    row = next(line for line in text.splitlines() if "delete" in line and line.startswith("| "))
    assert row.replace(r"\|", "").count("|") == 6
    assert "\n| b" not in text
