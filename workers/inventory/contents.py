"""The components below a root folder: the system, its packages, Python distributions, models.

Only what the image's own records and files say is listed: dpkg's status, the distributions' metadata, the
model files' bytes. Nothing below the root is run.
"""

import hashlib
import platform
import re
from collections.abc import Iterator
from email.parser import HeaderParser
from importlib.metadata import PathDistribution
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.component import Component, ComponentType, Pedigree
from packageurl import PackageURL

from workers.image_processor.models.catalog import MODELS, Model

DPKG_STATUS = Path("var/lib/dpkg/status")
OS_RELEASE = Path("etc/os-release")
DISTRIBUTIONS = ("opt/worker", "usr/local/lib/python3*/site-packages", "usr/lib/python3/dist-packages")
MODEL_FOLDER = Path("opt/models")


def contents(root: Path) -> list[Component]:
    """Every component, each once, in no particular order."""
    system = _os_release(root)
    packages = list(_packages(root, system))
    return [
        Component(
            type=ComponentType.OPERATING_SYSTEM, name=system.get("ID", ""), version=system.get("VERSION_ID")
        ),
        *packages,
        *_interpreter(root, packages),
        *_distributions(root),
        *_models(root),
    ]


def _os_release(root: Path) -> dict[str, str]:
    lines = (root / OS_RELEASE).read_text(encoding="utf-8").splitlines()
    return {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}


def _packages(root: Path, system: dict[str, str]) -> Iterator[Component]:
    distribution = f"{system.get('ID', '')}-{system.get('VERSION_ID', '')}"
    status = root / DPKG_STATUS
    paragraphs = status.read_text(encoding="utf-8").split("\n\n") if status.exists() else ()
    for paragraph in paragraphs:
        fields = HeaderParser().parsestr(paragraph.strip() + "\n")
        if fields["Status"] != "install ok installed":
            continue
        purl = PackageURL(
            "deb",
            system.get("ID", ""),
            fields["Package"],
            fields["Version"],
            {"arch": fields["Architecture"], "distro": distribution},
        )
        yield Component(name=purl.name, version=purl.version, purl=purl, bom_ref=str(purl))


def _interpreter(root: Path, packages: list[Component]) -> Iterator[Component]:
    """Python itself where no package brings it: the official image's is compiled. This runs in the same."""
    if any(re.fullmatch(r"python3\.\d+-minimal", package.name) for package in packages):
        return
    if any(root.glob("usr/local/bin/python3.*")):
        purl = PackageURL("generic", None, "python", platform.python_version())
        yield Component(
            type=ComponentType.PLATFORM, name=purl.name, version=purl.version, purl=purl, bom_ref=str(purl)
        )


def _distributions(root: Path) -> Iterator[Component]:
    licenses = LicenseFactory()
    for pattern in DISTRIBUTIONS:
        for folder in sorted(root.glob(f"{pattern}/*.dist-info")):
            metadata = PathDistribution(folder).metadata
            name = re.sub(r"[-_.]+", "-", metadata["Name"]).lower()
            purl = PackageURL("pypi", None, name, metadata["Version"])
            expression = metadata["License-Expression"]
            yield Component(
                name=metadata["Name"],
                version=metadata["Version"],
                purl=purl,
                bom_ref=str(purl),
                licenses=[licenses.make_from_string(expression)] if expression else (),
            )


def _models(root: Path) -> Iterator[Component]:
    known = {model.file_name: model for model in MODELS}
    for file in sorted((root / MODEL_FOLDER).glob("*.onnx")):
        with file.open("rb") as data:
            digest = hashlib.file_digest(data, "sha256").hexdigest()
        model = known.get(file.name)
        ancestor = model.derived_from if model else None
        yield Component(
            type=ComponentType.MACHINE_LEARNING_MODEL,
            name=file.name,
            bom_ref=f"model:{file.name}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
            pedigree=Pedigree(ancestors=[_original(ancestor)]) if ancestor else None,
        )


def _original(model: Model) -> Component:
    """A model that another was made from, with the checksum by which it was fetched."""
    digest = model.source.sha256 if model.source else ""
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=model.file_name,
        bom_ref=f"model:{model.file_name}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else (),
        description=f"from {model.source.requirement}" if model.source else None,
    )
