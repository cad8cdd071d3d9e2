"""The small programs on the engine's PATH by which it finds the local provider and, if it needs one, the
language host.

The engine takes a program `pulumi-resource-aws` on PATH for the package `aws`, whatever version the SDK
asks for.
"""

import shlex
import sys
from pathlib import Path

from local.engine.find import Engine
from local.files import write_atomic

PROVIDERS = ("aws", "random")


def write_launchers(folder: Path, engine: Engine) -> Path:
    """Write them into a folder of their own and give the folder."""
    modules = {f"pulumi-resource-{package}": ["local.provider", package] for package in PROVIDERS}
    host = folder / "pulumi-language-python"
    if engine.has_language_host:
        host.unlink(missing_ok=True)
    else:
        modules[host.name] = ["local.engine.language_host"]
    for name, arguments in modules.items():
        command = shlex.join([sys.executable, "-m", *arguments])
        script = f'#!/bin/sh\nexec {command} "$@"\n'
        target = folder / name
        if not target.exists() or target.read_text() != script:
            write_atomic(target, script, mode=0o700)
    return folder
