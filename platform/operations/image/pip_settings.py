"""The machine's own settings for pip, for commands of a build only: index, proxy, certificates.

They may hold a password, so they reach the build as secrets: files that no layer holds.
"""

import ast
import configparser
import io
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_KEPT = (
    *(
        "index-url",
        "extra-index-url",
        "no-index",
        "find-links",
        "trusted-host",
        "proxy",
        "timeout",
        "retries",
    ),
    *("keyring-provider", "use-deprecated"),
)
_CERTIFICATES = "/run/secrets/ca.pem"


@contextmanager
def as_secrets() -> Iterator[dict[str, Path]]:
    """Files by the ids that the Dockerfiles mount, readable by this user only, gone afterwards."""
    with TemporaryDirectory(prefix="bmx-pip-") as folder:
        settings, authorities = Path(folder, "pip.conf"), Path(folder, "ca.pem")
        bundle = certificates()
        settings.write_text(as_text(effective(), with_certificates=bundle is not None), encoding="utf-8")
        authorities.write_bytes(bundle.read_bytes() if bundle else b"")
        yield {"pip.conf": settings, "ca.pem": authorities}


def effective() -> dict[str, str]:
    """What pip on this machine would use, from its files and from `PIP_…` variables, which go first."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found: dict[str, str] = {}
    for prefix in ("global.", "install.", "download.", ":env:."):
        for line in done.stdout.splitlines():
            name, separator, value = line.partition("=")
            if separator and name.startswith(prefix):
                found[name.removeprefix(prefix)] = str(ast.literal_eval(value))
    return found


def as_text(settings: dict[str, str], *, with_certificates: bool) -> str:
    """The settings that mean the same inside a build as a pip.conf; folders of this machine do not."""
    kept = {name: value for name, value in settings.items() if name in _KEPT}
    if "find-links" in kept:
        pages = [one for one in kept["find-links"].split() if "://" in one and not one.startswith("file:")]
        kept["find-links"] = "\n".join(pages)
    if with_certificates:
        kept["cert"] = _CERTIFICATES
    parser = configparser.RawConfigParser()
    parser["global"] = {name: value for name, value in kept.items() if value}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def certificates() -> Path | None:
    """The authorities that this machine trusts, where it is told about them; else pip's own are right."""
    named = effective().get("cert") or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    candidates = [named, ssl.get_default_verify_paths().cafile]
    return next((Path(one) for one in candidates if one and Path(one).is_file()), None)
