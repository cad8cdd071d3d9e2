"""The small programs on the engine's PATH by which it finds the local provider and, if it needs one, the
language host.

The engine takes a program `pulumi-resource-aws` on PATH for the package `aws`, whatever version the SDK
asks for.
"""

import shlex
import sys
from pathlib import Path

from local.engine.build import LANGUAGE_EXEC
from local.engine.find import Engine
from local.files import write_atomic

PROVIDERS = ("aws", "random")
LANGUAGE_HOST = Path(__file__).with_name("language_host.py")

_PULUMI = """\
#!/bin/sh
# The engine would write its salt into the checkout's settings, so it works there on a copy of the project.
folder=$(pwd -P)
while [ "$folder" != / ] && [ ! -e "$folder/Pulumi.yaml" ]; do folder=$(dirname "$folder"); done
if [ "$folder" = {checkout} ]; then exec {pulumi} --cwd {copy} "$@"; fi
exec {pulumi} "$@"
"""


def write_launchers(
    folder: Path, engine: Engine, *, checkout: Path | None = None, copy: Path | None = None
) -> Path:
    """Write them into a folder of their own and give the folder.

    With `checkout` and `copy`, a `pulumi` as well that works on the copy when it is called in the checkout.
    """
    programs = {f"pulumi-resource-{package}": ["-m", "local.provider", package] for package in PROVIDERS}
    host = folder / "pulumi-language-python"
    if engine.has_language_host:
        host.unlink(missing_ok=True)
    else:
        launcher = engine.executable.resolve().with_name(LANGUAGE_EXEC)
        programs[host.name] = [str(LANGUAGE_HOST), str(launcher), engine.version]
    scripts = {}
    for name, arguments in programs.items():
        command = shlex.join([sys.executable, *arguments])
        # Without byte code, each start would compile pulumi_aws anew.
        scripts[name] = f'#!/bin/sh\nunset PYTHONDONTWRITEBYTECODE\nexec {command} "$@"\n'
    if checkout is not None and copy is not None:
        scripts["pulumi"] = _PULUMI.format(
            checkout=shlex.quote(str(checkout.resolve())),
            copy=shlex.quote(str(copy)),
            pulumi=shlex.quote(str(engine.executable)),
        )
    for name, script in scripts.items():
        target = folder / name
        if not target.exists() or target.read_text() != script:
            write_atomic(target, script, mode=0o700)
    return folder
