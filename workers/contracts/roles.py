"""What callers of the API may do; the groups of the user pool have these names."""

from enum import StrEnum


class Role(StrEnum):
    """Each may do what the ones before it may. An API key is an administrator."""

    VIEWER = "viewer"
    """Look at books, images, jobs and listings."""
    EDITOR = "editor"
    """Change them."""
    ADMIN = "admin"
    """Look at the system, dead letters and the audit log; redrive; rotate the key."""

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what asks for `other`."""
        order = list(Role)
        return order.index(self) >= order.index(other)
