"""Reads a stack's configuration into `Settings`, and judges what shows only when areas are seen together."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import pulumi
from pulumi.runtime import config as runtime_config
from pydantic import BaseModel, ValidationError

from infra import naming
from infra.faults import Fault, SettingsProblem, from_validation, unknown_key
from infra.naming import PROJECT
from infra.settings import ExternalDatabase, ImageSettings, NoNetwork, Settings
from infra.workers import Container, Worker, select
from workers.contracts import Problem

REGIONS_HINT = "Set it to a region like `us-west-2`."


def stack_settings() -> tuple[Settings, str]:
    """The running stack's settings and region; raises `SettingsProblem` with everything that is wrong."""
    raw: dict[str, str] = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return parse(pulumi.get_stack(), raw)


def parse(stack: str, raw: Mapping[str, str]) -> tuple[Settings, str]:
    """Settings and region from configuration as Pulumi hands it over: key to JSON or plain text."""
    naming.check_stack_name(stack)
    faults: list[Fault] = []
    areas = _areas(raw, faults)
    region = _region(raw, faults)
    settings: Settings | None = None
    try:
        # Through JSON, in which pydantic's strict mode takes lists for tuples and text for literals, and
        # nothing else.
        settings = Settings.model_validate_json(json.dumps(areas))
    except ValidationError as error:
        faults += from_validation(error, known_keys())
    if settings is not None:
        faults += _together(settings, region)
    if faults or settings is None:
        raise SettingsProblem(stack, faults)
    return settings, region


def _areas(raw: Mapping[str, str], faults: list[Fault]) -> dict[str, Any]:
    """The JSON under each known `bluemoxon:` key."""
    areas: dict[str, Any] = {}
    for key, text in raw.items():
        namespace, _, area = key.partition(":")
        if namespace != PROJECT:
            continue
        if area not in Settings.model_fields:
            faults.append(unknown_key(key, Settings.model_fields))
            continue
        try:
            areas[area] = json.loads(text)
        except ValueError:
            areas[area] = text  # plain text, which pydantic refuses with the area's own expectation
    return areas


def _region(raw: Mapping[str, str], faults: list[Fault]) -> str:
    from pulumi_aws import _enums  # half a second, which who only needs a message should not wait

    region = raw.get("aws:region", "")
    if region not in {known.value for known in _enums.Region}:
        what = f"is `{region}`." if region else "is not set."
        why = (
            "Everything is created there, and it is no region of AWS."
            if region
            else "Everything is created there."
        )
        faults.append(Fault("aws:region", what, why, REGIONS_HINT))
    return region


def _together(settings: Settings, region: str) -> Iterable[Fault]:
    try:
        workers = select(settings.workers)
    except Problem as problem:
        yield Fault(
            f"{PROJECT}:workers", "has an unknown name.", f"{problem.what} {problem.why}", problem.fix
        )
        return
    duplicates = sorted({name for name in settings.workers if settings.workers.count(name) > 1})
    if duplicates:
        yield Fault(
            f"{PROJECT}:workers",
            f"names {', '.join(duplicates)} twice.",
            "A stack has a worker once.",
            "Remove the repetition.",
        )
    yield from _images(settings.images, workers)
    database = settings.database
    if isinstance(database, ExternalDatabase) and database.secret_arn.split(":")[3] != region:
        yield Fault(
            f"{PROJECT}:database.secret_arn",
            f"is in {database.secret_arn.split(':')[3]}.",
            f"The stack is in {region}, and functions read secrets of their own region.",
            "Use the ARN of the secret (or of its replica) in the stack's region.",
        )
    if isinstance(settings.network, NoNetwork) and settings.transport.require_tls:
        yield Fault(
            f"{PROJECT}:network.mode",
            "is `none`.",
            "Only on the same machine, without TLS, is a database reached without a network.",
            "Use `create` or `existing`, or on one laptop `transport.require_tls: false`.",
        )


def _images(images: Mapping[str, ImageSettings], workers: Sequence[Worker]) -> Iterable[Fault]:
    containers = {worker.name for worker in workers if isinstance(worker.consumer, Container)}
    for name in sorted(containers - set(images)):
        yield Fault(
            f"{PROJECT}:images.{name}",
            "is not set.",
            "The worker is a container, and its function runs exactly one image.",
            "Set its `digest`, or `awaiting_first_image: true` until the first image is in the repository.",
        )
    for name in sorted(set(images) - containers):
        yield Fault(
            f"{PROJECT}:images.{name}",
            "has an image, but is no container worker of this stack.",
            "The image would never run.",
            f"Remove it, or add the worker to `{PROJECT}:workers`.",
        )


def known_keys() -> dict[str, set[str]]:
    """The keys that each area knows, whatever its mode; of `images`, those of each image."""
    return {
        area: {name for model in _models(field.annotation) for name in model.model_fields}
        for area, field in Settings.model_fields.items()
    }


def _models(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
