"""The tags of everything that takes tags."""

from infra.naming import PROJECT

CREDENTIALS_TAG = f"{PROJECT}:credentials"
"""On the database: the mode its credentials were made with. The guard compares it, so that a switched mode is
seen.
"""


def tags(stack: str, component: str, **more: str) -> dict[str, str]:
    """Project, stack, part of the system and who manages it, plus `more`."""
    return {
        f"{PROJECT}:component": component,
        f"{PROJECT}:managed-by": "pulumi",
        f"{PROJECT}:project": PROJECT,
        f"{PROJECT}:stack": stack,
        **more,
    }
