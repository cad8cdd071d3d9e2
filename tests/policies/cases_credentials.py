"""Cases of the rules about credentials and secrets."""

import base64
import json

from rules import types
from rules.model import Stack
from rules.values import UNKNOWN
from tests.policies.case_parts import (
    OTHER_PASSWORD,
    PASSWORD,
    SECRET,
    STRONG,
    TAGS,
    Case,
    database,
    one,
    resource,
    version,
)

CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
QUEUE = resource(types.QUEUE)
BROKER = "aws:mq/broker:Broker"

CREDENTIALS = {
    "password-guessable": one(
        types.DATABASE,
        [
            {"password": text}
            for text in (
                "Passw0rd123",
                "changeme-please",
                "staging-db-password",
                "aaaaaaaaaaaaaaaaaaaaaaaa",
                "",
            )
        ]
        + [{"passwordWo": "letmein12345678"}, {"masterPassword": "hunter2"}]
        + [{"users": [{"username": "app", "password": "hunter2"}]}, {"options": {"masterUserPassword": "x"}}],
        [{"password": STRONG}, {"manageMasterUserPassword": True}],
        "password",
    ),
    "password-too-short": one(
        types.DATABASE_CLUSTER,
        [{"masterPassword": "x9$Kq"}, {"masterPasswordWo": ""}],
        [{"masterPassword": STRONG}],
        "masterPassword",
    ),
    "database-password-source": Case(
        bad=(
            Stack([database()]),
            Stack([database(passwordWo=STRONG)]),
            # A text that somebody typed, made in a function of what has nothing to do with it.
            Stack([QUEUE, database(QUEUE)]),
            Stack([QUEUE, database(QUEUE, password=UNKNOWN)]),
        ),
        good=(
            Stack([PASSWORD, database(PASSWORD)]),
            Stack([database(tags={types.CREDENTIALS_TAG: "existing"})]),
            Stack([resource(types.DATABASE, {"manageMasterUserPassword": True})]),
        ),
        unknown=(Stack([PASSWORD, database(PASSWORD, password=UNKNOWN)]),),
    ),
    "password-literal": Case(
        bad=(
            Stack([resource(CACHE, {"authToken": STRONG})]),
            Stack([resource(CACHE, {"authToken": STRONG}, sources={"authToken": ()})]),
            Stack([resource(BROKER, {"users": [{"username": "app", "password": STRONG}]})]),
        ),
        good=(
            Stack([resource(CACHE, {"authToken": STRONG}, sources={"authToken": (PASSWORD,)}), PASSWORD]),
            Stack(
                [
                    resource(
                        BROKER,
                        {"users": [{"username": "app", "password": STRONG}]},
                        sources={"users": (PASSWORD,)},
                    ),
                    PASSWORD,
                ]
            ),
        ),
        unknown=(
            Stack([resource(CACHE, {"authToken": UNKNOWN}, sources={"authToken": (PASSWORD,)}), PASSWORD]),
        ),
    ),
    "password-one-source": Case(
        bad=(
            Stack([SECRET, PASSWORD, OTHER_PASSWORD, version(OTHER_PASSWORD), database(PASSWORD)]),
            Stack([SECRET, PASSWORD, version(PASSWORD), database()]),
            Stack([PASSWORD, database(PASSWORD)]),
        ),
        good=(
            Stack([SECRET, PASSWORD, version(PASSWORD), database(PASSWORD)]),
            Stack([database()]),
            Stack([SECRET, PASSWORD, version(PASSWORD)]),
        ),
        unknown=(Stack([SECRET, PASSWORD, version(PASSWORD), database(PASSWORD, password=UNKNOWN)]),),
    ),
    "database-password-guarded": Case(
        bad=(
            resource(types.DATABASE, {"password": STRONG}),
            resource(types.DATABASE, {"password": STRONG}, ignore=("password", "passwordWo")),
            resource(types.DATABASE, {"passwordWo": STRONG}, ignore=("passwordWo", "passwordWoVersion")),
            resource(
                types.DATABASE_CLUSTER, {"masterPassword": STRONG}, ignore=types.PASSWORDS[types.DATABASE]
            ),
        ),
        good=(
            resource(types.DATABASE, {"password": STRONG}, ignore=types.PASSWORDS[types.DATABASE]),
            resource(types.DATABASE, {"password": STRONG}, ignore=("*",)),
            resource(
                types.DATABASE_CLUSTER,
                {"masterPasswordWo": STRONG},
                ignore=types.PASSWORDS[types.DATABASE_CLUSTER],
            ),
            resource(types.DATABASE_CLUSTER, {"manageMasterUserPassword": True}),
            resource(types.DATABASE, {"replicateSourceDb": "other"}),
        ),
        unknown=(resource(types.DATABASE, {"password": UNKNOWN}, ignore=("*",)),),
    ),
    "credentials-protected": Case(
        bad=tuple(resource(type_) for type_ in (types.DATABASE, types.RANDOM_PASSWORD, types.SECRET_VERSION)),
        good=(resource(types.DATABASE, protect=True), resource(types.SECRET, protect=True)),
    ),
    "secret-value-source": Case(
        bad=(
            Stack([SECRET, version()]),
            Stack([resource(types.SECRET_VERSION, {"secretStringWo": STRONG})]),
            # The host is the database's, the password beside it was typed.
            Stack([SECRET, PASSWORD, database(PASSWORD), version(database(PASSWORD))]),
        ),
        good=(Stack([SECRET, PASSWORD, version(PASSWORD)]), Stack([SECRET])),
        unknown=(Stack([resource(types.SECRET_VERSION, {"secretString": UNKNOWN})]),),
    ),
    "secret-version-of-own": Case(
        bad=(
            Stack([resource(types.SECRET_VERSION, {"secretId": "bluemoxon-x/database"})]),
            Stack(
                [
                    QUEUE,
                    resource(types.SECRET_VERSION, {"secretId": "x"}, sources={"secretId": (QUEUE,)}),
                ]
            ),
        ),
        good=(Stack([SECRET, version(PASSWORD)]),),
        unknown=(
            Stack(
                [
                    SECRET,
                    resource(types.SECRET_VERSION, {"secretId": UNKNOWN}, sources={"secretId": (SECRET,)}),
                ]
            ),
        ),
    ),
    "secret-version-guarded": Case(
        bad=(resource(types.SECRET_VERSION, {"secretString": STRONG}),),
        good=(resource(types.SECRET_VERSION, {"secretString": STRONG}, ignore=("secretString",)),),
        unknown=(resource(types.SECRET_VERSION, {"secretString": UNKNOWN}, ignore=("secretString",)),),
    ),
    "random-password-strength": one(types.RANDOM_PASSWORD, [{"length": 12}, {}], [{"length": 32}], "length"),
    "random-password-keepers": one(
        types.RANDOM_PASSWORD, [{"length": 32, "keepers": {"version": "1"}}], [{"length": 32}]
    ),
    "secret-recovery-window": one(
        types.SECRET,
        [{"recoveryWindowInDays": 0}, {"forceOverwriteReplicaSecret": True}],
        [{"recoveryWindowInDays": 30}, {}],
        "recoveryWindowInDays",
    ),
    "secret-not-empty": one(
        types.SECRET_VERSION,
        [{}, {"secretString": " "}, {"secretString": '{"current": "", "previous": null}'}],
        [{"secretString": json.dumps({"current": STRONG, "previous": None})}, {"secretBinary": "aGVsbG8="}],
        "secretString",
    ),
    "secret-guessable": one(
        types.SECRET_VERSION,
        [{"secretString": '{"username": "app", "password": "changeme"}'}, {"secretString": "placeholder"}],
        [{"secretString": json.dumps({"username": "app", "password": STRONG})}, {"secretString": STRONG}],
        "secretString",
    ),
    "seen-by-the-rules": Case(
        bad=tuple(
            resource(type_)
            for type_ in (
                "command:local:Command",
                "pulumi-python:dynamic:Resource",
                "aws:cloudcontrol/resource:Resource",
                "aws:cloudformation/stack:Stack",
                "aws:lambda/invocation:Invocation",
                "aws-native:rds:DBInstance",
                "postgresql:index/role:Role",
            )
        ),
        good=(
            resource(types.FUNCTION),
            resource("pulumi:providers:aws"),
            resource("bluemoxon:storage:Bucket"),
        ),
    ),
    "credential-in-the-open": one(
        types.QUEUE,
        [
            {"tags": {"note": "db password=abcd1234"}},
            {"tags": {"dsn": "postgresql://app:s3cr3tpw@db/app"}},
            {"description": "AKIAABCDEFGHIJKLMNOP"},
            {"tags": {"DB_PASSWORD": "hunter2"}},
            {"userData": "#!/bin/sh\nexport PASSWORD=hunter2\n"},
            {"userDataBase64": base64.b64encode(b"#!/bin/sh\nexport PASSWORD=hunter2\n").decode()},
            {"userData": "aws rds modify-db-instance --master-user-password hunter2hunter2"},
            {"containerDefinitions": '[{"environment": [{"name": "DB_PASSWORD", "value": "x"}]}]'},
        ],
        [
            {"tags": TAGS, "userData": 'psql --password "$(cat /run/secret)" --no-password'},
            {"tags": TAGS, "password": "password=abcd1234", "secretString": '{"password": "abcd1234"}'},
        ],
        "tags",
    ),
}
