"""What the stack hands to the application, typed and complete; see `workers.contracts.environment`."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from chalicelib.faults import MisconfiguredError
from workers.contracts import DatabaseTarget, HeldModel, Queues, Recipe

IMAGE_WORKER = "image_processing"
"""The worker whose queue takes image jobs; the name of its entry in the platform's declaration."""

RESULTS_WORKER = "image_results"
"""The worker that is this application: its queue brings image results."""

_FIX = (
    "Run `bmx config sync`, which writes the stack's outputs into app/.chalice/config.json, and deploy again."
)


@dataclass(frozen=True)
class Settings:
    """One stack's addresses. Holds no secret: secrets are named by ARN."""

    stack: str
    region: str
    queues: Queues
    images_bucket: str
    database: DatabaseTarget | None
    """None where the stack has no database yet."""
    api_key_secret_arn: str
    """Empty is a fault of the deployment, which authentication and the health check report."""
    user_pool_id: str | None
    user_pool_client_id: str | None
    endpoint_url: str | None
    """Set where AWS is an emulator."""
    calls_per_minute: int = 6000
    """What one caller may make of them; 0 sets no limit."""
    sign_in_url: str | None = None
    """Where the user pool's sign-in page is; None where people cannot sign in to the pages."""

    @property
    def models(self) -> tuple[HeldModel, ...]:
        """What the image worker can cut out with."""
        return self.queues[IMAGE_WORKER].models

    @property
    def account(self) -> str:
        """The AWS account, as the secret's ARN names it; empty where that is not set."""
        parts = self.api_key_secret_arn.split(":")
        return parts[4] if len(parts) > 4 else ""


def load(env: Mapping[str, str]) -> Settings:
    """Settings from environment variables; raises `MisconfiguredError` naming the variable."""
    database = env.get("BMX_DATABASE", "")
    try:
        target = DatabaseTarget.model_validate_json(database) if database else None
    except ValidationError as error:
        raise MisconfiguredError(
            "BMX_DATABASE is not a database target.", why=_places(error), fix=_FIX
        ) from error
    queues = load_queues(env)
    if not Recipe().can_be_done_with(queues[IMAGE_WORKER].models):
        raise MisconfiguredError(
            "BMX_QUEUES gives the image worker no model for what is cut out without a recipe.", fix=_FIX
        )
    endpoint_url = env.get("AWS_ENDPOINT_URL") or None
    client_id = env.get("BMX_USER_POOL_CLIENT_ID") or None
    return Settings(
        stack=_required(env, "BMX_STACK"),
        region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-west-2",
        queues=queues,
        images_bucket=_required(env, "BMX_IMAGES_BUCKET"),
        database=target,
        api_key_secret_arn=env.get("BMX_API_KEY_SECRET_ARN", ""),
        user_pool_id=env.get("BMX_USER_POOL_ID") or None,
        user_pool_client_id=client_id,
        endpoint_url=endpoint_url,
        calls_per_minute=_number(env, "BMX_CALLS_PER_MINUTE", Settings.calls_per_minute),
        # An emulator serves the sign-in pages of its pools itself.
        sign_in_url=(env.get("BMX_SIGN_IN_URL") or endpoint_url) if client_id else None,
    )


def load_queues(env: Mapping[str, str]) -> Queues:
    """The queues alone: registering the handlers needs them before anything else is known."""
    try:
        queues = Queues.model_validate_json(_required(env, "BMX_QUEUES"))
    except ValidationError as error:
        raise MisconfiguredError(
            "BMX_QUEUES is not a map of queues.", why=_places(error), fix=_FIX
        ) from error
    for worker in (IMAGE_WORKER, RESULTS_WORKER):
        if worker not in queues.root:
            raise MisconfiguredError(f"BMX_QUEUES has no queue of worker {worker!r}.", fix=_FIX)
    return queues


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise MisconfiguredError(f"{name} is no number.", fix="Give a whole number, or 0 for no limit.")
    return int(text)


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise MisconfiguredError(f"The environment variable {name} is not set.", fix=_FIX)
    return value


def _places(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'value'}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    )
