"""Levels and exceptions: for one stack, with a reason, and for a while."""

import datetime
from pathlib import Path

import pytest

from rules import document, settings
from rules.catalogue import BY_ID
from rules.settings import PackSettings
from workers.contracts import Problem

TODAY = datetime.date(2026, 3, 1)
URN = "urn:pulumi:staging::bluemoxon::aws:sqs/queue:Queue::work"
EXCEPTION = {
    "rule": "queue-has-dlq",
    "urn": "urn:pulumi:staging::*::work",
    "level": "advisory",
    "reason": "Its producer is being retired (see the runbook).",
    "expires": "2026-04-01",
}


def pack(**more: object) -> PackSettings:
    return PackSettings.model_validate({"stacks": {"staging": {"exceptions": [{**EXCEPTION, **more}]}}})


def test_an_exception_holds_for_its_stack_rule_and_resource_until_its_day() -> None:
    level = pack().level
    assert level("queue-has-dlq", "mandatory", URN, TODAY) == "advisory"
    assert level("queue-has-dlq", "mandatory", URN, datetime.date(2026, 4, 1)) == "mandatory"
    assert level("queue-encrypted", "mandatory", URN, TODAY) == "mandatory"
    assert level("queue-has-dlq", "mandatory", URN.replace("::work", "::other"), TODAY) == "mandatory"
    assert level("queue-has-dlq", "mandatory", URN.replace("staging", "prod"), TODAY) == "mandatory"


@pytest.mark.parametrize("missing", ["reason", "expires", "rule", "urn"])
def test_an_exception_without_reason_or_day_is_refused(missing: str) -> None:
    entry = {key: value for key, value in EXCEPTION.items() if key != missing}
    with pytest.raises(ValueError, match=missing):
        PackSettings.model_validate({"stacks": {"staging": {"exceptions": [entry]}}})


def test_parameters_of_a_stack_are_the_defaults_overlaid() -> None:
    read = PackSettings.model_validate(
        {"defaults": {"backup_days": 14}, "stacks": {"local": {"parameters": {"require_tls": False}}}}
    )
    assert read.stack("local").parameters.backup_days == 14
    assert read.stack("local").parameters.require_tls is False
    assert read.stack("prod").parameters.require_tls is True


def test_an_unknown_key_or_rule_is_refused_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("stacks: {prod: {exeptions: []}}")
    with pytest.raises(Problem, match="exeptions"):
        settings.load(file)
    file.write_text(
        "stacks: {prod: {exceptions: [{rule: no-such-rule, urn: '*', reason: because it has to be, "
        "expires: 2026-04-01}]}}"
    )
    with pytest.raises(Problem, match="no-such-rule"):
        settings.load(file, known=BY_ID)


def test_the_projects_own_settings_can_be_used() -> None:
    assert settings.load(known=BY_ID).stack("staging").exceptions == ()


def test_the_documented_rules_are_the_rules() -> None:
    text = document.DOCUMENT.read_text(encoding="utf-8")
    assert document.render(text) == text, "run `python -m rules.document`"


def test_a_laxer_level_needs_an_exception(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("stacks: {prod: {levels: {mapping-concurrency: mandatory}}}")
    assert settings.load(file, known=BY_ID).stack("prod").levels == {"mapping-concurrency": "mandatory"}
    file.write_text("stacks: {prod: {levels: {queue-has-dlq: advisory}}}")
    with pytest.raises(Problem, match="laxer level is an exception"):
        settings.load(file, known=BY_ID)


@pytest.mark.parametrize(
    "text",
    [
        "stacks: {prod: {parameters: {require_tls: false}}}",
        "stacks: {prod: {parameters: {image_pulled: false}}}",
        "defaults: {require_tls: false}",
    ],
)
def test_what_holds_on_the_loopback_interface_only_is_the_local_stacks(text: str, tmp_path: Path) -> None:
    """Elsewhere it would switch rules off, and an exception has a reason and an end."""
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    with pytest.raises(Problem, match="local stack"):
        settings.load(file, known=BY_ID)
