"""Components as a CycloneDX document.

Equal contents give equal bytes: there is no time in it, and its serial number follows from what is listed.
"""

import json
import uuid
from collections.abc import Iterable

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6

SCHEMA = "1.6"


def as_json(image: str, components: Iterable[Component]) -> str:
    """The document of `image`, one line a value, ending in a newline."""
    subject = Component(type=ComponentType.CONTAINER, name=image, bom_ref=image)
    metadata = BomMetaData(component=subject)
    metadata.timestamp = None  # type: ignore[assignment]
    bom = Bom(metadata=metadata, components=components)
    bom.register_dependency(subject, bom.components)
    listed = sorted(f"{one.bom_ref} {sorted(item.content for item in one.hashes)}" for one in bom.components)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join([image, *listed]))
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
