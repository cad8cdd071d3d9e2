"""Edits of where passwords and keys come from and go."""

from tests.incidents.mutants.mutant import HOOK, LOSS, Mutant
from tests.incidents.sources import STAGING, Edit, infra

_VERSION = 'self, ignore_changes=["secret_string", "secret_binary", "version_stages"]'
_KEY_PASSWORD = "args.guard.kept(self, ignore_changes=RANDOM_PASSWORD_INPUTS)"
_UNPROTECTED = "pulumi.ResourceOptions(parent=self, ignore_changes="
_SECOND_VERSION = """        another = random.RandomPassword(
            "another", length=40, opts=self._args.guard.options(self, ignore_changes=RANDOM_PASSWORD_INPUTS)
        )
        secretsmanager.SecretVersion(
            "another",
            secret_id=self._args.deployment.database_secret(),
            secret_string=another.result.apply(lambda text: json.dumps({"password": text})),
            opts=self._args.guard.options(
                self, ignore_changes=["secret_string", "secret_binary", "version_stages"]
            ),
        )
        return secret.arn
"""
_LOGIN_SECRET = 'guard.options(self, ignore_changes=["name", "name_prefix"])'
_INSTANCE = 'args.guard.options(self, ignore_changes=["password", "password_wo", "password_wo_version"])'
_EXTERNAL = """mode: external
    secret_arn: arn:aws:secretsmanager:us-west-2:000000000000:secret:bluemoxon-staging/aurora-a1B2c3
    host: aurora.cluster-c0ffee123456.us-west-2.rds.amazonaws.com"""

CREDENTIALS = (
    Mutant(
        "the guard without protect",
        infra("guard.py", "protect=True,", "protect=False,"),
        policies="credentials-protected",
        gate="unprotect",
    ),
    Mutant(
        "the guard without ignore_changes",
        infra("guard.py", "ignore_changes=list(ignore_changes),", "ignore_changes=[],"),
        policies="database-password-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "the guard without hooks",
        infra(
            "guard.py",
            "before_update=list(before_update), before_delete=[self._delete]",
            "",
        ),
        gate="guard-removed",
    ),
    Mutant(
        "the instance no longer ignores changes of its password",
        infra("database.py", _INSTANCE, "args.guard.options(self, ignore_changes=[])"),
        policies="database-password-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "a literal password for the instance",
        infra(
            "database.py",
            "instance.password = credentials.password",
            'instance.password = "Sommer24!Staging"',
        ),
        policies="database-password-source",
    ),
    Mutant(
        "a second random password for the secret",
        infra(
            "credentials.py",
            '"password": self.password,',
            '"password": random.RandomPassword("another", length=40).result,',
        ),
        policies="password-one-source",
    ),
    Mutant(
        "a typed password in the secret, beside the host",
        infra("credentials.py", '"password": self.password,', '"password": "kV7wQm2Zp9TrX4Ls",'),
        policies="secret-value-source",
    ),
    Mutant(
        "a second version of the secret, guarded, by the secret's name",
        infra("credentials.py", "        return secret.arn\n", _SECOND_VERSION),
        policies="secret-version-of-own",
        gate="secret-unknown",
    ),
    Mutant(
        "the random password no longer ignores its length",
        infra("credentials.py", '    "length",\n', ""),
        gate="guard-removed",
    ),
    Mutant(
        "the secret's version no longer ignores its value",
        infra("credentials.py", _VERSION, "self, ignore_changes=[]"),
        policies="secret-version-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "the secret no longer ignores its name",
        infra("credentials.py", _LOGIN_SECRET, "guard.options(self, ignore_changes=[])"),
        gate="guard-removed",
    ),
    Mutant(
        "the login component under another name",
        infra(
            "database.py",
            "credentials = DatabaseCredentials(\n            name,",
            'credentials = DatabaseCredentials(\n            "login",',
        ),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "secrets deleted without recovery",
        infra("credentials.py", "RECOVERY_DAYS = 30", "RECOVERY_DAYS = 0"),
        policies="secret-recovery-window",
        gate="safeguard-off",
    ),
    Mutant(
        "the database's tag of its mode left out",
        infra("database.py", "tags={**self._tags, CREDENTIALS_TAG: args.mode},", "tags=self._tags,"),
        program=HOOK,
        gate="credentials-mode-switch",
    ),
    Mutant(
        "mode existing",
        Edit(STAGING, "mode: generated", "mode: existing"),
        program=HOOK,
        gate="credentials-mode-switch",
    ),
    Mutant(
        "mode rds-managed",
        Edit(STAGING, "mode: generated", "mode: rds-managed"),
        program="conflicts with 'manageMasterUserPassword'",
    ),
    Mutant(
        "mode external, and the database forgotten",
        Edit(STAGING, "mode: generated", _EXTERNAL),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "a password in the settings",
        Edit(STAGING, "mode: generated", "mode: generated\n    password: Sommer24!Staging"),
        program="bmx credentials rotate",
    ),
    Mutant(
        "the API's key unprotected",
        infra("api_key.py", _KEY_PASSWORD, f"{_UNPROTECTED}list(RANDOM_PASSWORD_INPUTS))"),
        policies="credentials-protected",
        gate="unprotect",
    ),
    Mutant(
        "the API's key drawn anew when its length changes",
        infra("api_key.py", _KEY_PASSWORD, "args.guard.kept(self)"),
        gate="guard-removed",
    ),
    Mutant(
        "the API key's value written by each update",
        infra("api_key.py", _VERSION, "self"),
        policies="secret-version-guarded",
        gate="guard-removed",
    ),
    Mutant(
        "the API key under another name",
        Edit("platform/__main__.py", 'ApiKey("api-key",', 'ApiKey("key",'),
        program=LOSS,
        gate="data-delete",
    ),
    Mutant(
        "the API key's secret under another KMS key",
        infra(
            "api_key.py",
            'description="Key of the BlueMoxon API: current and previous.",',
            'description="Key of the BlueMoxon API: current and previous.", kms_key_id="alias/other",',
        ),
        gate="secret-key-change",
    ),
)
