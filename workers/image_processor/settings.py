"""What the worker reads from its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.contracts import Problem


class SettingsError(Problem):
    """An environment variable that the worker needs is missing."""


@dataclass(frozen=True)
class Settings:
    """Where results go and where the models lie; `workers.contracts.environment` says what the variables
    mean.
    """

    result_queue_url: str
    model_dir: Path

    @staticmethod
    def from_environment(environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the variables; raises `SettingsError` for a missing or empty one."""
        values = {name: environment.get(name, "") for name in ("BMX_RESULT_QUEUE_URL", "BMX_MODEL_DIR")}
        missing = [name for name, value in values.items() if not value]
        if missing:
            raise SettingsError(
                f"The image worker lacks {' and '.join(missing)}.",
                why="The platform sets its environment when it is deployed.",
                fix="Deploy the stack again, or set the variables by hand.",
            )
        return Settings(values["BMX_RESULT_QUEUE_URL"], Path(values["BMX_MODEL_DIR"]))
