"""A new stack's file: everything that it decides, with defaults that are good for a first stack on AWS."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bmx.scaffold.stacks import file_of
from workers.contracts.problem import Problem

FIRST_NETWORK = ipaddress.IPv4Network("10.40.0.0/20")
"""A new stack's network is this one, or the next of its size that no other stack has, in steps of a /16."""


class DatabaseMode(StrEnum):
    """Who makes the database's password (docs/architecture.md)."""

    RDS_MANAGED = "rds-managed"
    GENERATED = "generated"
    EXISTING = "existing"
    EXTERNAL = "external"


@dataclass(frozen=True)
class NewStack:
    """What may be said of a new stack; what is not said is a good default."""

    name: str
    region: str = "us-west-2"
    workers: tuple[str, ...] = ()
    """Without any, all that are declared."""
    database: DatabaseMode = DatabaseMode.RDS_MANAGED
    secret_arn: str | None = None
    host: str | None = None
    vpc: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    monthly_usd: int = 100
    upload_origins: tuple[str, ...] = ()
    repository: str | None = None
    """`OWNER/NAME` on GitHub, whose environment of the stack's name may deploy."""
    oidc_provider_arn: str | None = None
    state_bucket: str | None = None
    """Where its workflows keep what they know of the last deployment."""


def new_stack(root: Path, new: NewStack) -> Path:
    """Write `Pulumi.{name}.yaml` into the project at `root`; the file, relative to it.

    Raises `Problem` for a name that AWS would refuse, a file that is there already, and settings that the
    program would refuse: nothing is written then.
    """
    from infra import naming, workers

    naming.check_stack_name(new.name)
    path = file_of(new.name)
    if (root / path).exists():
        raise Problem(
            f"{path} is there already.",
            why="Nothing is overwritten.",
            fix=f"Change it with an editor, or choose another name than `{new.name}`.",
        )
    chosen = workers.select(new.workers or (worker.name for worker in workers.WORKERS))
    workers.check_names(workers.WORKERS, naming.Deployment(new.name, "0" * 12, new.region))
    containers = [worker.name for worker in chosen if isinstance(worker.consumer, workers.Container)]
    along = {worker.results_to for worker in chosen}
    listed = [worker.name for worker in chosen if worker.name not in along]
    text = render(new, listed, containers, free_network(root))
    _check(new.name, text)
    (root / path).write_text(text, encoding="utf-8")
    return path


def render(new: NewStack, workers: Iterable[str], containers: Iterable[str], network: str) -> str:
    """The file's text."""
    lines = [
        f"# Stack {new.name}. Every setting and its default: platform/infra/settings.py.",
        "config:",
        f"  aws:region: {new.region}",
        f"  bluemoxon:workers: {_list(workers)}",
        *_images(containers),
        "  bluemoxon:database:",
        f"    mode: {new.database}",
    ]
    for key, value in (("secret_arn", new.secret_arn), ("host", new.host)):
        lines += [f"    {key}: {value}"] if value else []
    lines += ["  bluemoxon:network:"]
    if new.vpc:
        lines += ["    mode: existing", f"    vpc_id: {new.vpc}", f"    subnet_ids: {_list(new.subnets)}"]
        lines += [f"    security_group_ids: {_list(new.security_groups)}"]
    else:
        lines += ["    mode: create", f"    cidr: {network}"]
    if new.upload_origins:
        lines += ["  bluemoxon:storage:", f"    upload_origins: {json.dumps(list(new.upload_origins))}"]
    if new.emails:
        lines += ["  bluemoxon:alarms:", f"    emails: {_list(new.emails)}"]
    lines += [
        "  bluemoxon:budget:",
        f"    monthly_usd: {new.monthly_usd} # of the whole account; it is told, not stopped",
    ]
    if new.repository:
        lines += ["  bluemoxon:deploy:", f"    repository: {new.repository}", f"    environment: {new.name}"]
        for key, value in (("oidc_provider_arn", new.oidc_provider_arn), ("state_bucket", new.state_bucket)):
            lines += [f"    {key}: {value}"] if value else []
    return "\n".join(lines) + "\n"


def free_network(root: Path) -> str:
    """A private network that no stack's file names, so that two stacks can be connected later."""
    import yaml

    used = []
    for file in root.glob("Pulumi.*.yaml"):
        config = (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}
        area = config.get("bluemoxon:network")
        cidr = area.get("cidr") if isinstance(area, dict) else None
        if cidr:
            used.append(ipaddress.IPv4Network(cidr, strict=False))
    for second in range(40, 256):
        network = ipaddress.IPv4Network(f"10.{second}.0.0/{FIRST_NETWORK.prefixlen}")
        if not any(network.overlaps(other) for other in used):
            return str(network)
    raise Problem("Every network from 10.40.0.0 to 10.255.0.0 is taken.", fix="Give --vpc, or edit the file.")


def next_steps(new: NewStack) -> list[str]:
    """What a person does with the new file."""
    from infra.naming import Deployment

    steps = [f"Try it without an account: `./bmx plan --stack {new.name} --emulator`."]
    if new.database is DatabaseMode.EXISTING:
        secret = Deployment(new.name, "", "").database_secret()
        steps.append(
            f"Put the database's login into the secret `{secret}` "
            '(`{"username": "bluemoxon", "password": …}`), before anything is made.'
        )
    steps += [
        f"Log in to AWS and to Pulumi's backend (`pulumi login`), then `pulumi stack init {new.name}`.",
        f"See what would be made: `./bmx plan --stack {new.name}`.",
        f"Make it: `./bmx deploy --stack {new.name}`.",
        "Push the workers' images; their digests replace `awaiting_first_image`: `./bmx image build`, "
        f"`./bmx image push --stack {new.name}`, `./bmx image digest --stack {new.name}`.",
        f"Commit the stack's file, and release all of it: `./bmx deploy --stack {new.name}`.",
    ]
    if new.repository:
        steps.append(
            f"Make the environment `{new.name}` in {new.repository} on GitHub, with the variables that "
            "docs/delivery.md names, and add the stack to the lists in .github/workflows/deploy.yml, "
            "drift.yml and image.yml."
        )
    return steps


def _images(containers: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for name in containers:
        lines += [
            f"    {name}:",
            "      awaiting_first_image: true # after the first push: digest: sha256:...",
        ]
    return ["  bluemoxon:images:", *lines] if lines else []


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(values)}]"


def _check(name: str, text: str) -> None:
    """Raise the program's own `Problem` for what it would refuse."""
    import yaml

    from infra.config import parse

    config = yaml.safe_load(text)["config"]
    parse(
        name, {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    )
