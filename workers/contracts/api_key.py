"""What the secret of a stack's API key holds."""

import secrets
from typing import Final, Self

from pydantic import BaseModel, Field, ValidationError

_KEY_BYTES: Final = 36


class KeyPair(BaseModel):
    """The key, and the one before it while both are valid. Never logged: what prints a pair shows neither."""

    current: str = Field(default="", repr=False)
    previous: str | None = Field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The secret's text; None where it is in another form. An empty one is a pair without keys."""
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError:
            # The error would quote the text.
            return None

    @property
    def usable(self) -> bool:
        """Whether there is a key at all."""
        return bool(self.current.strip())


def new_key() -> str:
    """A key that nobody can guess: 48 characters."""
    return secrets.token_urlsafe(_KEY_BYTES)
