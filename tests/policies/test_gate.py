"""The gate's judgements on plans, by operation and diff path."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gate.check import check
from gate.model import NotJudgeable, Op
from gate.report import Report, Verdict, as_markdown
from gate.resources import UNKNOWN_TYPE, loss
from rules import types
from tests.policies.plans import (
    CLUSTER,
    DATABASE,
    PASSWORD,
    PROJECT,
    QUEUE,
    ROOT,
    SECRET,
    TODAY,
    VALUE,
    VERSION,
    Json,
    document,
    judged,
    preview,
    step,
)

API_KEY = f"{PROJECT}{types.RANDOM_PASSWORD}::api-key"
API_KEY_SECRET = f"{PROJECT}{types.SECRET}::api-key"
API_KEY_VERSION = f"{PROJECT}{types.SECRET_VERSION}::api-key"


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.open}


def gone(urn: str) -> str:
    return f"{PROJECT}{urn}::thing"


def depends(name: str, urn: str) -> Json:
    """A state with a property that is computed from another resource."""
    return {"propertyDependencies": {name: [urn]}}


UNSAFE: dict[str, tuple[tuple[Json, ...], str]] = {
    "literal password": (
        (step("update", DATABASE, "password", new={"ignoreChanges": []}),),
        "database-password-change",
    ),
    "write-only password": ((step("update", DATABASE, "passwordWoVersion"),), "database-password-change"),
    "cluster's password": ((step("update", CLUSTER, "masterPassword"),), "database-password-change"),
    "password added": ((step("update", DATABASE, "password.x"),), "database-password-change"),
    "targeted: database alone": (
        (step("update", DATABASE, "password"),),
        "database-without-secret-version",
    ),
    "targeted: secret left out": (
        (step("create", PASSWORD), step("create", DATABASE)),
        "database-without-secret-version",
    ),
    "password replaced": ((step("replace", PASSWORD, replace="length"),), "random-password-replace"),
    "api key's password replaced": ((step("replace", API_KEY, replace="length"),), "random-password-replace"),
    "password deleted": ((step("delete", PASSWORD),), "data-delete"),
    "secret without database": (
        (step("update", VERSION, "secretString"),),
        "secret-version-without-database",
    ),
    "secret made anew, database kept": (
        (step("create", PASSWORD), step("create", VERSION)),
        "secret-version-without-database",
    ),
    "secret deleted": ((step("delete", VERSION),), "secret-version-without-database"),
    "api key changed": ((step("update", API_KEY_VERSION, "secretString"),), "secret-value-change"),
    "mode switched back": (
        (step("create", PASSWORD), step("update", VERSION, "secretString")),
        "credentials-mode-switch",
    ),
    "mode tag": ((step("update", DATABASE, 'tags["bluemoxon:credentials"]'),), "credentials-mode-switch"),
    "managed by RDS": ((step("update", DATABASE, "manageMasterUserPassword"),), "credentials-mode-switch"),
    "unprotected": ((step("same", SECRET, new={"protect": False}),), "unprotect"),
    "unprotected and replaced": (
        (step("replace", DATABASE, replace="identifier", new={"protect": False}),),
        "unprotect-and-replace",
    ),
    "no longer ignored": ((step("same", VERSION, new={"ignoreChanges": []}),), "guard-removed"),
    "a secret's name no longer ignored": (
        (step("same", SECRET, old={"ignoreChanges": ["name"]}, new={"ignoreChanges": []}),),
        "guard-removed",
    ),
    "no longer hooked": (
        (
            step(
                "same",
                gone(types.BUCKET),
                old={"resourceHooks": {"beforeDelete": ["refuse"], "beforeUpdate": ["refuse"]}},
                new={"resourceHooks": {"beforeUpdate": ["refuse"]}},
            ),
        ),
        "guard-removed",
    ),
    "no longer bounded": ((step("update", gone(types.ROLE), "permissionsBoundary"),), "boundary-removed"),
    "no longer protected by AWS": (
        (
            step(
                "update",
                DATABASE,
                "deletionProtection",
                old={"inputs": {"deletionProtection": True}},
                new={"inputs": {"deletionProtection": False}},
            ),
        ),
        "safeguard-off",
    ),
    "versioning deleted": ((step("delete", gone(types.BUCKET_VERSIONING)),), "safeguard-off"),
    "database renamed": ((step("replace", DATABASE, replace="identifier"),), "data-replace"),
    "database deleted": ((step("delete", DATABASE),), "data-delete"),
    "replacement in three steps": (
        (step("create-replacement", DATABASE), step("delete-replaced", DATABASE)),
        "data-replace",
    ),
    "queue deleted": ((step("delete", QUEUE),), "data-delete"),
    "consumer deleted": (
        (step("delete", gone(types.EVENT_SOURCE), old=depends("eventSourceArn", QUEUE)),),
        "consumer-removed",
    ),
    "consumer of an unnamed queue deleted": ((step("delete", gone(types.EVENT_SOURCE)),), "consumer-removed"),
    "consumer switched off": (
        (step("update", gone(types.EVENT_SOURCE), "enabled", new={"inputs": {"enabled": False}}),),
        "safeguard-off",
    ),
    "secret's other version made the current one": (
        (step("update", VERSION, "versionStages"),),
        "secret-version-without-database",
    ),
    "database under another user": ((step("update", DATABASE, "username"),), "database-user-change"),
    "secret under another key": ((step("update", API_KEY_SECRET, "kmsKeyId"),), "secret-key-change"),
    "a second version, its secret written out": (
        (
            step("create", API_KEY),
            step("create", API_KEY_VERSION, new={"propertyDependencies": {"secretString": [API_KEY]}}),
        ),
        "secret-unknown",
    ),
    "a second version, its secret looked up": (
        (
            step("read", API_KEY_SECRET),
            step("create", API_KEY_VERSION, new={"propertyDependencies": {"secretId": [API_KEY_SECRET]}}),
        ),
        "secret-unknown",
    ),
    **{
        f"{path} of {type_}": ((step("update", gone(type_), path),), "password-change")
        for type_, path in (
            ("aws:docdb/cluster:Cluster", "masterPassword"),
            ("aws:redshift/cluster:Cluster", "masterPasswordWoVersion"),
            ("aws:elasticache/replicationGroup:ReplicationGroup", "authToken"),
            ("aws:mq/broker:Broker", "users[0].password"),
            ("postgresql:index/role:Role", "password"),
            ("aws-native:rds:DBInstance", '["masterUserPassword"]'),
        )
    },
    "given up, and only looked at from now on": (
        (step("read", QUEUE, old={}, new={"external": True}),),
        "data-delete",
    ),
    "change without a diff": ((step("update", VERSION),), "change-unseen"),
    "unknown type deleted": ((step("delete", gone("aws:efs/fileSystem:FileSystem")),), "data-delete"),
    "forgotten": ((step("delete", QUEUE, old={"retainOnDelete": True}),), "data-delete"),
    **{
        f"{type_} replaced": ((step("replace", gone(type_), replace="name"),), "data-replace")
        for type_ in (
            types.BUCKET,
            types.SECRET,
            types.REPOSITORY,
            types.USER_POOL,
            types.KEY,
            types.LOG_GROUP,
            types.VPC,
            types.SUBNET,
        )
    },
}


@pytest.mark.parametrize(("steps", "wanted"), UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_plan_is_found(steps: tuple[Json, ...], wanted: str) -> None:
    report = judged(*steps)
    assert wanted in ids(report)
    assert report.verdict is Verdict.UNSAFE
    assert all(finding.remedy for finding in report.open)


FUNCTION = gone(types.FUNCTION)
SAFE: dict[str, tuple[Json, ...]] = {
    "nothing": (),
    "a new queue": (step("create", gone(types.QUEUE)),),
    "a new stack": tuple(step("create", urn) for urn in (ROOT, PASSWORD, DATABASE, SECRET, VERSION)),
    "a new secret that has nothing to do with the database": (
        step("create", API_KEY),
        step("create", API_KEY_SECRET),
        step(
            "create",
            API_KEY_VERSION,
            new={"propertyDependencies": {"secretId": [API_KEY_SECRET], "secretString": [API_KEY]}},
        ),
    ),
    "a resource that was only looked at before, too": (
        step("read", QUEUE, old={"external": True}, new={"external": True}),
    ),
    "longer passwords of people": (step("update", gone(types.USER_POOL), "passwordPolicy.minimumLength"),),
    "a bigger function": (step("update", FUNCTION, "memorySize"),),
    "a new image": (step("update", FUNCTION, "imageUri"),),
    "a tag": (step("update", DATABASE, 'tags["team"]'),),
    "a bigger database": (step("update", DATABASE, "instanceClass", "allocatedStorage"),),
    "protected now": (step("same", QUEUE, old={"protect": False}, new={"protect": True}),),
    "a consumer in another's place": (step("replace", gone(types.EVENT_SOURCE), replace="functionName"),),
    "a role replaced": (step("replace", gone(types.ROLE), replace="name"),),
    "a rule removed": (step("delete", gone("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")),),
    "a component removed": (step("delete", gone("bluemoxon:queue:QueueWorker")),),
    "a dashboard removed": (step("delete", gone("aws:cloudwatch/dashboard:Dashboard")),),
    "hooked now": (step("same", QUEUE, new={"resourceHooks": {"beforeDelete": ["refuse"]}}),),
    "an import": (step("import", gone(types.BUCKET)),),
}


@pytest.mark.parametrize("steps", SAFE.values(), ids=SAFE)
def test_a_safe_plan_has_no_finding(steps: tuple[Json, ...]) -> None:
    report = judged(*steps)
    assert report.open == ()
    assert report.verdict is Verdict.SAFE


def _without(key: str) -> str:
    made = document()
    del made[key]
    return json.dumps(made)


def _first_step(**more: Any) -> str:
    made = document(step("update", QUEUE, "name"))
    made["steps"][-1].update(more)
    return json.dumps(made)


UNREADABLE = {
    "empty": "",
    "truncated": preview()[:-20],
    "not an object": "[]",
    "no steps": json.dumps({"changeSummary": {}}),
    "no summary": _without("changeSummary"),
    "a stream of events": '{"sequence": 1}\n{"sequence": 2}',
    "a later version": preview(version=2),
    "an unknown operation": _first_step(op="transmogrify"),
    "an unknown operation in the summary": preview(changeSummary={"transmogrify": 1}),
    "an unknown kind of difference": _first_step(detailedDiff={"name": {"kind": "maybe"}}),
    "a step missing": preview(changeSummary={"same": 6, "update": 1}),
    "made without --show-sames": preview(changeSummary={"same": 60}),
    "no old state": _first_step(oldState=None),
    "no new state": _first_step(newState=None),
    "two stacks": _first_step(urn=QUEUE.replace("pulumi:x", "pulumi:y")),
    "no URN": _first_step(urn="queue"),
    "deeply nested": "[" * 100_000,
    "states of a strange form": _first_step(newState=[VALUE]),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_for_certain_is_not_judged(text: str) -> None:
    with pytest.raises(NotJudgeable) as caught:
        check(text, (), TODAY)
    assert VALUE not in str(caught.value)


def test_another_stacks_preview_is_not_judged() -> None:
    with pytest.raises(NotJudgeable, match="stack `x`"):
        check(preview(), (), TODAY, stack="staging")


def test_a_preview_that_failed_is_undecided_and_its_message_is_not_repeated() -> None:
    report = judged(diagnostics=[{"severity": "error", "urn": QUEUE, "message": f"password {VALUE}"}])
    assert report.verdict is Verdict.UNDECIDED
    assert VALUE not in as_markdown(report)


@pytest.mark.parametrize(
    "message",
    [
        f"unable to replace resource {VALUE}\nas it is currently marked for protection.",
        f"resource {VALUE} cannot be deleted\nbecause it is protected.",
        f'before hook "refuse-credentials-loss" failed: {VALUE}',
    ],
)
def test_a_refusal_of_engine_or_hook_is_unsafe(message: str) -> None:
    report = judged(diagnostics=[{"severity": "error", "urn": PASSWORD, "message": message}])
    assert ids(report) == {"refused-by-engine"}
    assert report.verdict is Verdict.UNSAFE
    assert VALUE not in as_markdown(report)


def test_a_corrupt_state_is_undecided() -> None:
    assert judged(maybeCorrupt=True).verdict is Verdict.UNDECIDED


def test_warnings_and_unknown_keys_are_tolerated() -> None:
    report = judged(diagnostics=[{"severity": "warning", "message": "old"}], newKey={"a": 1})
    assert report.verdict is Verdict.SAFE


def test_every_type_of_the_program_is_known() -> None:
    """What the gate does not know it takes to hold data: right for a stranger, a false alarm for our own."""
    inventory = Path(__file__).parents[1] / "platform" / "inventory"
    found = {
        type_
        for file in inventory.glob("*.txt")
        for type_ in re.findall(r"\b[a-z]+:\w+/\w+:\w+", file.read_text())
    }
    assert len(found) > 30
    assert {type_ for type_ in found if (loss(type_) or ("", ""))[1] == UNKNOWN_TYPE} == set()


def test_every_operation_is_decided_for_what_holds_data() -> None:
    """A new operation of the engine has to be put somewhere before it is let through."""
    harmless = {Op.SAME, Op.CREATE, Op.UPDATE, Op.READ, Op.READ_REPLACEMENT, Op.REFRESH, Op.DISCARD}
    harmless |= {Op.DISCARD_REPLACED, Op.IMPORT}
    for op in Op:
        found = bool(judged(step(op, gone(types.BUCKET), "tags")).open)
        assert found == (op not in harmless), op


FINDERS = ("judge.py", "credentials.py", "safeguards.py")


def test_every_finding_is_documented() -> None:
    root = Path(__file__).parents[2]
    code = "".join((root / "policies/gate" / name).read_text() for name in FINDERS)
    rows = (root / "docs/policies.md").read_text().split("\n| finding |")[1].split("\n\n")[0]
    assert set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', code)) | {"unprotect"} == set(
        re.findall(r"`([a-z]+(?:-[a-z]+)*)`", "".join(re.findall(r"^\|[^|]*\|", rows, re.MULTILINE)))
    )
