"""Assets and archives of which the engine sends the hash only.

It does so wherever they are to be compared and not to be used: in Diff, Read and Delete, and of the old state
in Update. The SDK takes one without content for an invalid one; `mark` makes it a value that the SDK reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime import rpc

_MARK = "__bmx_elided"
_HASH = "hash"
_CONTENTS = frozenset({"assets", "path", "text", "uri"})
_SIGNATURES = frozenset({rpc._special_asset_sig, rpc._special_archive_sig})


@dataclass(frozen=True, eq=False)
class Elided:
    """An asset or archive by its hash; equal to another by it, and to none where the hash is missing."""

    signature: str
    digest: str

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Elided):
            return NotImplemented
        return bool(self.digest) and (self.signature, self.digest) == (other.signature, other.digest)

    def __hash__(self) -> int:
        return hash((self.signature, self.digest))

    def fields(self) -> dict[str, str]:
        """What the engine sent, for a reply."""
        return {rpc._special_sig_key: self.signature, _HASH: self.digest}


def of(fields: Mapping[str, object]) -> Elided | None:
    """The marked asset or archive that these plain values are, if they are one."""
    return Elided(str(fields[_MARK]), str(fields.get(_HASH) or "")) if _MARK in fields else None


def mark(request: Any) -> None:
    """Make every asset and archive without content in a request's properties one that `of` knows again."""
    for _, value in request.ListFields():
        if isinstance(value, struct_pb2.Struct):
            _mark_struct(value)


def _mark_struct(struct: struct_pb2.Struct) -> None:
    fields = struct.fields
    signature = fields[rpc._special_sig_key].string_value if rpc._special_sig_key in fields else ""
    if signature in _SIGNATURES and not _CONTENTS & set(fields):
        del fields[rpc._special_sig_key]
        fields[_MARK].string_value = signature
        return
    for value in fields.values():
        _mark_value(value)


def _mark_value(value: struct_pb2.Value) -> None:
    if value.HasField("struct_value"):
        _mark_struct(value.struct_value)
    elif value.HasField("list_value"):
        for item in value.list_value.values:
            _mark_value(item)
