"""The real Pulumi engine on this machine: found, installed or built, and run with the local provider.

- `find`: which `pulumi` there is. `install`: the official CLI. `build`: the same CLI built with Go.
- `language_host`: runs Python programs and policy packs for an engine that came without its own.
- `launchers`: the small programs by which the engine finds the language host and the provider.
- `project`: the project and stack settings as the engine sees them. `cli`: the engine's commands.
"""

from local.engine.find import Engine, Origin, find_engine

__all__ = ["Engine", "Origin", "find_engine"]
