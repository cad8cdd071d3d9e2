"""RDS, whose model limits next to nothing. The rules are those of "CreateDBInstance", for PostgreSQL, and of
the real provider.
"""

import re
from collections.abc import Iterator

from local.provider.checks.limits import Limits
from local.provider.checks.rules import (
    Between,
    Exclusive,
    Matches,
    Needs,
    OneOf,
    Refused,
    given,
    known,
    number,
)
from local.provider.values import Properties

_NAME = r"(?!.*--)(?!.*-$)[a-z][a-z0-9-]{0,62}"
_NAME_FORM = "up to 63 lower-case letters, digits and single dashes, a letter first"
_DAY = r"(mon|tue|wed|thu|fri|sat|sun)"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_RESERVED = frozenset({"admin", "rdsadmin", "postgres_admin", "rdsrepladmin"})
_SMALLEST = {"gp2": 20, "gp3": 20, "io1": 100, "io2": 100, "standard": 5}
"""GB by type of storage, for PostgreSQL."""
_WITHOUT_ENCRYPTION = re.compile(r"db\.(t1|m1|m2)\..*|db\.t2\.micro")
"""Classes that cannot encrypt ("Encrypting Amazon RDS resources")."""
_INSIGHTS_DAYS = (7, *range(31, 714, 31), 731)
_GRANULARITIES = (0, 1, 5, 10, 15, 30, 60)


def _storage(inputs: Properties) -> Iterator[Refused]:
    size, most = number(inputs.get("allocatedStorage")), number(inputs.get("maxAllocatedStorage"))
    kind = inputs.get("storageType")
    if size is None:
        if not given(inputs, ("allocatedStorage", "replicateSourceDb", "snapshotIdentifier")):
            yield Refused("allocatedStorage", None, "is missing: a new instance needs it")
        return
    smallest = _SMALLEST.get(str(kind), 5)
    if not smallest <= size <= 65_536:
        yield Refused(
            "allocatedStorage", inputs["allocatedStorage"], f"is out of range: use {smallest} to 65,536 GB"
        )
    if most and most * 10 < size * 11:
        yield Refused(
            "maxAllocatedStorage", inputs["maxAllocatedStorage"], "is under 1.1 of allocatedStorage: raise it"
        )
    if kind in ("io1", "io2") and inputs.get("iops") is None:
        yield Refused("iops", None, f"is missing: storageType {kind!r} needs it")
    if kind == "gp3" and size < 400:
        for key in ("iops", "storageThroughput"):
            for path, value in known(inputs, key):
                yield Refused(path, value, "cannot be chosen for gp3 under 400 GB: remove it")


def _monitoring(inputs: Properties) -> Iterator[Refused]:
    if number(inputs.get("monitoringInterval")) and inputs.get("monitoringRoleArn") is None:
        yield Refused("monitoringRoleArn", None, "is missing: a monitoringInterval over 0 needs it")


def _encryption(inputs: Properties) -> Iterator[Refused]:
    kind = inputs.get("instanceClass")
    if (
        inputs.get("storageEncrypted") is True
        and isinstance(kind, str)
        and _WITHOUT_ENCRYPTION.fullmatch(kind)
    ):
        yield Refused("instanceClass", kind, "cannot be encrypted: use a current class like db.t4g.micro")


def _names(inputs: Properties) -> Iterator[Refused]:
    for key in ("username", "dbName"):
        for path, value in known(inputs, key):
            if str(value).lower() in _RESERVED or str(value).lower().startswith("pg_"):
                yield Refused(path, value, "is a reserved word: use another name")


LIMITS = {
    "aws:rds/instance:Instance": Limits(
        rules=(
            Exclusive(("identifier", "identifierPrefix")),
            Exclusive(("manageMasterUserPassword", "password", "passwordWo")),
            Exclusive(("dbName", "replicateSourceDb")),
            Needs("passwordWo", ("passwordWoVersion",)),
            Needs("masterUserSecretKmsKeyId", ("manageMasterUserPassword",)),
            Matches("identifier", _NAME, _NAME_FORM),
            Matches("instanceClass", r"db\.[a-z][a-z0-9-]*\.[a-z0-9.]+", "a class like db.t4g.micro"),
            Matches(
                "engineVersion", r"\d{1,2}(\.\d{1,2}(\.\d{1,2})?)?([.-][\w.-]+)?", "a version like 16 or 16.4"
            ),
            Matches("dbName", r"[A-Za-z_]\w{0,62}", "up to 63 letters, digits and _, no digit first"),
            Matches("username", r"[A-Za-z]\w{0,62}", "up to 63 letters, digits and _, a letter first"),
            Matches(
                "finalSnapshotIdentifier",
                r"(?!.*--)(?!.*-$)[A-Za-z][A-Za-z0-9-]{0,254}",
                "up to 255 letters, digits and single dashes, a letter first",
            ),
            Matches("backupWindow", rf"{_TIME}-{_TIME}", "hh:mm-hh:mm in UTC"),
            Matches(
                "maintenanceWindow", rf"(?i:{_DAY}:{_TIME}-{_DAY}:{_TIME})", "ddd:hh:mm-ddd:hh:mm in UTC"
            ),
            Matches(
                "caCertIdentifier", r"rds-ca-[a-z0-9-]+", "a certificate authority like rds-ca-rsa2048-g1"
            ),
            Matches("vpcSecurityGroupIds", r"sg-[0-9a-f]{8,17}", "ids like sg-0a1b2c3d4e5f60718"),
            OneOf("storageType", tuple(_SMALLEST)),
            OneOf("networkType", ("IPV4", "DUAL")),
            OneOf("databaseInsightsMode", ("standard", "advanced")),
            OneOf("monitoringInterval", _GRANULARITIES),
            OneOf("performanceInsightsRetentionPeriod", _INSIGHTS_DAYS),
            OneOf("enabledCloudwatchLogsExports", ("postgresql", "upgrade", "iam-db-auth-error")),
            OneOf(
                "engineLifecycleSupport",
                ("open-source-rds-extended-support", "open-source-rds-extended-support-disabled"),
            ),
            Between("backupRetentionPeriod", 0, 35, "days"),
            Between("port", 1150, 65_535),
            _names,
            _storage,
            _monitoring,
            _encryption,
        ),
    ),
    "aws:rds/subnetGroup:SubnetGroup": Limits(
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches("subnetIds", r"subnet-[0-9a-f]{8,17}", "ids like subnet-0a1b2c3d4e5f60718"),
            Matches(
                "name",
                r"(?!default$)[ .0-9a-z_-]{1,255}",
                "up to 255 lower-case letters, digits, spaces and ._-",
            ),
        )
    ),
    "aws:rds/parameterGroup:ParameterGroup": Limits(
        rules=(
            Exclusive(("name", "namePrefix")),
            Matches(
                "name",
                r"(?!.*--)(?!.*-$)[a-z][a-z0-9.-]{0,254}",
                "up to 255 lower-case letters, digits, dots and single dashes, a letter first",
            ),
            Matches("family", r"[a-z][a-z0-9.-]*\d(\.\d+)?", "a family like postgres16"),
            OneOf("parameters.applyMethod", ("immediate", "pending-reboot")),
        )
    ),
}
