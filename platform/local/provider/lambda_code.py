"""A function's deployment package out of what the program gives as its code."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pulumi

from workers.contracts import Problem


def archive_bytes(archive: pulumi.Archive) -> bytes:
    """A deployment package out of Pulumi's archive: the same content gives the same bytes."""
    if isinstance(archive, pulumi.FileArchive):
        path = Path(archive.path)
        if path.is_file():
            return path.read_bytes()
        files = {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}
    elif isinstance(archive, pulumi.AssetArchive):
        files = {name: _asset_bytes(asset) for name, asset in archive.assets.items()}
    else:
        raise Problem("A function's code comes from a file, a folder or assets here.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            package.writestr(zipfile.ZipInfo(name), files[name])
    return buffer.getvalue()


def _asset_bytes(asset: object) -> bytes:
    if isinstance(asset, pulumi.StringAsset):
        return asset.text.encode()
    if isinstance(asset, pulumi.FileAsset):
        return Path(str(asset.path)).read_bytes()
    raise Problem("A function's code holds files and texts only here.")


def digest(code: bytes) -> str:
    """As Lambda's `CodeSha256`."""
    return base64.b64encode(hashlib.sha256(code).digest()).decode()
