"""JSON Schemas of the models as the document shows them, and an example of each."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from chalicelib.api.schemas import EXAMPLE_ID

REF: Final = "#/components/schemas/"
Schema = Mapping[str, Any]

_TIME: Final = "2026-01-31T12:00:00Z"
_EXAMPLES: Final[Mapping[str, Any]] = {
    "action": "update_book",
    "actor": "api-key:current",
    "api_key_secret_arn": "arn:aws:secretsmanager:us-west-2:123456789012:secret:api-key-AbCdEf",
    "arn": "arn:aws:sqs:us-west-2:123456789012:bluemoxon-prod-image-processing",
    "body": '{"version":1}',
    "content_type": "image/jpeg",
    "next_cursor": "MDE4OTBhNWQ",
    "etag": "9b2cf535f27731c974343645a3985328",
    "fields": {"key": f"books/{EXAMPLE_ID}/image_03.jpg"},
    "key": f"books/{EXAMPLE_ID}/image_01.jpg",
    "listing_item_id": "demo-atlas",
    "message": "It ends early.",
    "model": "u2net",
    "name": "sqs",
    "parameters": {"title": "An atlas of the world"},
    "region": "us-west-2",
    "request_id": "1f0c9b6e-6f5b-4a52-9f0e-0d6a3f1f7c11",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "source_key": "listings/demo-atlas/image_01.jpg",
    "title": "An atlas of the world",
    "url": "https://images.example/books/image_01.jpg?X-Amz-Expires=900",
    "worker": "image_processing",
}
"""What a field of this name holds, where its own schema gives no example."""


class DocumentSchema(GenerateJsonSchema):
    """What callers send may leave fields out, but no field takes null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        if self.mode == "validation":
            return self.generate_inner(schema["schema"])
        return super().nullable_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "validation" and schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def example_of(schema: Schema, defs: Mapping[str, Schema], name: str = "") -> Any:
    """A value that the schema allows, as telling as its fields' examples make it."""
    if "$ref" in schema:
        return example_of(defs[schema["$ref"].removeprefix(REF)], defs, name)
    for keyword in ("examples", "enum"):
        if schema.get(keyword):
            return schema[keyword][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema and "type" not in schema:
        return example_of(next(it for it in schema["anyOf"] if it.get("type") != "null"), defs, name)
    if name in _EXAMPLES:
        return _EXAMPLES[name]
    return _by_type(schema, defs, name)


def _by_type(schema: Schema, defs: Mapping[str, Schema], name: str) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {key: example_of(inner, defs, key) for key, inner in properties.items()}
        case "array" if "prefixItems" in schema:
            return [example_of(it, defs, name) for it in schema["prefixItems"]]
        case "array":
            return [example_of(schema.get("items", {}), defs, name)]
        case "integer":
            return max(schema.get("minimum", 0), schema.get("default", 1))
        case "number":
            return 0.5
        case "boolean":
            return bool(schema.get("default", False))
        case "string":
            return _text(schema, name)
        case _:
            return {}


def _text(schema: Schema, name: str) -> str:
    if schema.get("default"):
        return str(schema["default"])
    if schema.get("format") == "date-time":
        return _TIME
    return EXAMPLE_ID if name == "id" or name.endswith("_id") else name.replace("_", " ") or "text"
