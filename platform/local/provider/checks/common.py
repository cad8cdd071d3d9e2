"""What holds for every type: tags, and the form of ARNs."""

import re
from collections.abc import Iterator, Mapping

from local.provider.checks.rules import Refused
from local.provider.values import Properties, Value

TAGS = 50
"""AWS's limit for most resources ("Tag naming limits and requirements")."""

_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_ACCOUNT = r"(\d{12}|aws|aws-managed|aws-marketplace|third-party|cloudfront|ec2|swf)?"
"""The owner of a thing: an account, nobody, AWS, or a service whose actions an alarm may call."""
_ARN = re.compile(rf"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:{_ACCOUNT}:[^\s]+")
_ARN_NAMES = re.compile(r"arn|\w*Arns?|\w*[a-z]Actions")
"""By their names, properties that hold ARNs; `okActions` and `alarmActions` too."""


def refusals(inputs: Properties) -> Iterator[Refused]:
    """What is wrong with tags and ARNs anywhere in `inputs`."""
    yield from _tags(inputs.get("tags"))
    yield from _arns(inputs, "")


def _tags(tags: Value) -> Iterator[Refused]:
    if not isinstance(tags, Mapping):
        return
    if len(tags) > TAGS:
        yield Refused("tags", None, f"are {len(tags)}: AWS takes at most {TAGS}, remove some")
    for key, value in tags.items():
        path = f"tags.{key}"
        if not 1 <= len(key) <= 128 or not _TAG.fullmatch(key):
            yield Refused(path, None, "is no tag's name: use 1 to 128 letters, digits, spaces and _.:/=+-@")
        if key.lower().startswith("aws:"):
            yield Refused(path, None, "has a name of AWS's own: leave out the prefix 'aws:'")
        if isinstance(value, str) and (len(value) > 256 or not _TAG.fullmatch(value)):
            yield Refused(
                path, value, "is no tag's value: use up to 256 letters, digits, spaces and _.:/=+-@"
            )


def _arns(value: Value, prefix: str) -> Iterator[Refused]:
    for name, item in value.items() if isinstance(value, Mapping) else ():
        holds_arns = bool(_ARN_NAMES.fullmatch(name))
        for index, entry in enumerate(item if isinstance(item, list) else [item]):
            path = f"{prefix}{name}[{index}]" if isinstance(item, list) else f"{prefix}{name}"
            if isinstance(entry, Mapping) and name not in ("tags", "variables"):
                yield from _arns(entry, f"{path}.")
            elif holds_arns and isinstance(entry, str) and not _ARN.fullmatch(entry):
                yield Refused(path, entry, "is no ARN: use the whole one, arn:aws:service:region:account:…")
