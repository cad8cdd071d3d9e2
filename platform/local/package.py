"""The application as a Lambda package: `chalice package` over the sources and the locked dependencies.

Chalice's own dependency builder takes whatever version the registry has. Here the dependencies are
installed from `app/requirements.txt` with their hashes into `vendor/`, which Chalice packs as it is, for
this machine's Python (the emulator runs functions as processes of this machine) or for Lambda's.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from local import gateway_responses
from local import stage as stages
from local.files import checksum, write_atomic
from local.gateway_responses import add_gateway_responses
from local.paths import Paths
from local.provider.connection import LOCAL_ACCOUNT
from local.reporting import Reporter
from local.toolbox import run_uv
from workers.contracts.problem import Problem

REGION = "us-west-2"
AWS_SERVICES = ("cognito-idp", "s3", "secretsmanager", "sqs", "sts")
"""The services that the application has clients for; a test looks for others in its sources."""

_BYTE_CODE = ("__pycache__", "*.pyc")
KEPT_PACKAGES = 4
"""Older packages are removed from the cache."""


class Target(Enum):
    """Where the package is to run."""

    HERE = "here"
    LAMBDA = "lambda"

    @property
    def uv_options(self) -> tuple[str, ...]:
        """What uv must be told for that place."""
        if self is Target.HERE:
            return ()
        return ("--python-platform", "x86_64-manylinux_2_17", "--only-binary", ":all:")


@dataclass(frozen=True)
class Package:
    """A finished package: the functions' code and the CloudFormation (SAM) template that deploys it."""

    archive: Path
    template: Path
    checksum: str

    def function(self, handler: str) -> dict[str, Any]:
        """What the template says of the function of a handler of app.py."""
        resources = json.loads(self.template.read_text(encoding="utf-8"))["Resources"]
        found: dict[str, Any] = next(
            one["Properties"] for logical, one in resources.items() if _handler(logical) == handler
        )
        return found


def build(
    paths: Paths, stage: str, outputs: Mapping[str, Any], report: Reporter, target: Target = Target.HERE
) -> Package:
    """The package of the current sources for a stack; made unless the cache has it."""
    key = package_checksum(paths, stage, outputs, target)
    folder = paths.packages / f"app-{key}"
    package = Package(folder / "deployment.zip", folder / "sam.json", key)
    if package.template.exists():
        os.utime(folder)
        return package
    vendor = dependencies(paths, report, target)
    report.say("Packaging the application")
    work = Path(tempfile.mkdtemp(dir=paths.packages, prefix=".building-"))
    try:
        assemble(paths, work / "app", vendor, stage, outputs)
        _package(work / "app", stage, work / "out")
        template = json.loads((work / "out" / "sam.json").read_text(encoding="utf-8"))
        write_atomic(work / "out" / "sam.json", json.dumps(finish(template, stage)), mode=0o644)
        if folder.exists():
            shutil.rmtree(folder)
        (work / "out").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _forget_old(paths.packages)
    return package


def package_checksum(
    paths: Paths, stage: str, outputs: Mapping[str, Any], target: Target = Target.HERE
) -> str:
    """Of everything that decides what is in the package."""
    return checksum(
        stage,
        json.dumps(stages.stage_settings(outputs), sort_keys=True),
        sys.version,
        target.name,
        paths.app,
        paths.workers / "contracts",
        Path(__file__),
        Path(gateway_responses.__file__),
    )


def dependencies(paths: Paths, report: Reporter, target: Target = Target.HERE) -> Path:
    """The application's locked dependencies, installed into a folder of the cache."""
    requirements = paths.app / "requirements.txt"
    key = checksum(requirements.read_bytes(), sys.version, target.name, *AWS_SERVICES)
    folder = paths.packages / f"vendor-{key}"
    if folder.exists():
        os.utime(folder)
        return folder
    paths.packages.mkdir(parents=True, exist_ok=True)
    report.say("Installing the application's locked dependencies (once)")
    work = Path(tempfile.mkdtemp(dir=paths.packages, prefix=".building-"))
    try:
        arguments = ["--target", str(work / "vendor"), "--no-deps", "--require-hashes"]
        run_uv(
            paths,
            [
                "pip",
                "install",
                *arguments,
                "--python",
                sys.executable,
                *target.uv_options,
                "-r",
                str(requirements),
            ],
            purpose="Installing the application's dependencies",
        )
        for unwanted in ("bin", "include", ".lock"):
            found = work / "vendor" / unwanted
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink(missing_ok=True)
        _leave_out_services(work / "vendor" / "botocore" / "data")
        (work / "vendor").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _leave_out_services(data: Path) -> None:
    """Drop botocore's descriptions of services that the application does not call: most of all files."""
    for folder in data.iterdir() if data.is_dir() else ():
        if folder.is_dir() and folder.name not in AWS_SERVICES:
            shutil.rmtree(folder)


def finish(template: dict[str, Any], stage: str) -> dict[str, Any]:
    """Add what Chalice leaves out: partial batch failures for queues, one shape of errors for the gateway,
    and the names that `chalice deploy` gives and the program expects."""
    from infra.naming import Deployment

    deployment = Deployment(stage, LOCAL_ACCOUNT, REGION)
    add_gateway_responses(template)
    for logical, resource in template["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = resource["Properties"]
        properties["FunctionName"] = deployment.chalice_function(_handler(logical))
        for event in properties.get("Events", {}).values():
            if event["Type"] == "SQS":
                event["Properties"]["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    return template


def function_label(logical: str) -> str:
    """`APIHandler` → `api`, `ImageResults` → `image-results`."""
    return _handler(logical).replace("_", "-") or "api"


def _handler(logical: str) -> str:
    """The handler's name in app.py, empty for the API's: `ImageResults` → `image_results`."""
    if logical == "APIHandler":
        return ""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in logical).lstrip("_")


def put_contracts(paths: Paths, vendor: Path) -> None:
    """Put what the application shares with the workers into its `vendor/`, as it is now."""
    contracts = vendor / "workers" / "contracts"
    shutil.rmtree(contracts, ignore_errors=True)
    shutil.copytree(paths.workers / "contracts", contracts, ignore=shutil.ignore_patterns(*_BYTE_CODE))
    shutil.copy(paths.workers / "__init__.py", contracts.parent)


def assemble(paths: Paths, app: Path, vendor: Path, stage: str, outputs: Mapping[str, Any]) -> None:
    """Make `app` a Chalice project that needs nothing else: sources, the stack's stage, all of `vendor`."""
    unwanted = shutil.ignore_patterns(*_BYTE_CODE, "deployments", "deployed", "vendor")
    shutil.copytree(paths.app, app, ignore=unwanted)
    stages.update(app / ".chalice" / "config.json", stage, outputs).write()
    shutil.copytree(vendor, app / "vendor", copy_function=os.link)
    put_contracts(paths, app / "vendor")
    # Everything is in vendor/; what stood here would be fetched again, without hashes.
    (app / "requirements.txt").write_text("")


def run_chalice(app: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """A command of Chalice in a project; what it said. Raises `Problem` with the end of it."""
    start = "import sys; from chalice.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", start, *arguments],
        cwd=app,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Problem(
            f"chalice {arguments[0]} failed: {' '.join(line.strip() for line in said[-3:])}",
            fix="Correct what it names, in app/ or in AWS, and run this again.",
        )
    return done.stdout


def _package(app: Path, stage: str, out: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    run_chalice(app, ["package", "--stage", stage, "--template-format", "json", str(out)], environment)


def _forget_old(packages: Path) -> None:
    for kind in ("app-*", "vendor-*"):
        newest_first = sorted(packages.glob(kind), key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in newest_first[KEPT_PACKAGES:]:
            shutil.rmtree(folder, ignore_errors=True)
