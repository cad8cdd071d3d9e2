"""Edits of the database."""

from tests.incidents.mutants.mutant import LOSS, PROTECTED, Mutant
from tests.incidents.sources import STAGING, Edit, infra

DATABASE = (
    Mutant(
        "another master user",
        Edit(STAGING, "mode: generated", "mode: generated\n    username: moxon"),
        program=PROTECTED,
    ),
    Mutant(
        "no encryption",
        infra("database.py", "storage_encrypted=True,", "storage_encrypted=False,"),
        program=PROTECTED,
        policies="database-encrypted",
    ),
    Mutant(
        "the database under another name in the program",
        Edit(
            "platform/__main__.py",
            'return Database(\n        "database",',
            'return Database(\n        "postgres",',
        ),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "reachable from the internet",
        infra("database.py", "publicly_accessible=False,", "publicly_accessible=True,"),
        policies="database-private",
        gate="safeguard-off",
    ),
    Mutant(
        "open to every address",
        infra("database.py", "referenced_security_group_id=application,", 'cidr_ipv4="0.0.0.0/0",'),
        policies="ingress-from-anywhere",
    ),
    Mutant(
        "deletable",
        infra("database.py", "deletion_protection=True,", "deletion_protection=False,"),
        policies="database-deletion-protection",
        gate="safeguard-off",
    ),
    Mutant(
        "no final snapshot",
        infra("database.py", "skip_final_snapshot=False,", "skip_final_snapshot=True,"),
        policies="database-final-snapshot",
        gate="safeguard-off",
    ),
    Mutant(
        "backups for a day",
        Edit(STAGING, "mode: generated", "mode: generated\n    backup_retention_days: 1"),
        policies="database-backups",
    ),
    Mutant(
        "backups deleted with the instance",
        infra("database.py", "delete_automated_backups=False,", "delete_automated_backups=True,"),
        policies="database-backups",
        gate="safeguard-off",
    ),
    Mutant(
        "logins without TLS",
        infra("database.py", 'value="1" if args.require_tls else "0",', 'value="0",'),
        policies="database-tls",
    ),
    Mutant(
        "no TLS anywhere",
        Edit(
            STAGING, "  bluemoxon:budget:", "  bluemoxon:transport: {require_tls: false}\n  bluemoxon:budget:"
        ),
        policies="queue-tls-only",
    ),
    Mutant(
        "another network under the database",
        Edit(STAGING, "cidr: 10.40.0.0/20", "cidr: 10.50.0.0/20"),
        gate="data-replace",
    ),
)
