"""Queues, dead letters and keys: what an operator looks at and puts right."""

from chalice.app import Blueprint

from chalicelib import resources
from chalicelib.api.routing import Call, Routes
from chalicelib.api.schemas import (
    DeadLetterOut,
    DeadLetters,
    KeyRotation,
    KeysOut,
    NewKey,
    PeekQuery,
    QueuesOut,
    Redrive,
    RedriveOut,
)
from chalicelib.faults import FaultCode
from chalicelib.security import Role, presented_key
from chalicelib.services import dead_letters, health, rotation

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Administration")


@routes.route("GET", "/queues", summary="Every queue with its depth and dead letters", role=Role.ADMIN)
def list_queues() -> QueuesOut:
    return QueuesOut(items=health.look_at_queues(resources.current()))


@routes.route(
    "GET",
    "/dlq/{worker}",
    summary="Look at a worker's dead letters",
    role=Role.ADMIN,
    faults=(FaultCode.NOT_FOUND,),
)
def peek_dead_letters(worker: str, query: PeekQuery) -> DeadLetters:
    """They stay where they are. Nobody else sees them while the call lasts."""
    found = dead_letters.peek(resources.current(), worker, query.limit)
    return DeadLetters(items=[DeadLetterOut.model_validate(it, from_attributes=True) for it in found])


@routes.route(
    "POST",
    "/dlq/{worker}/redrive",
    summary="Send a worker's dead letters again",
    role=Role.ADMIN,
    faults=(FaultCode.NOT_FOUND,),
)
def redrive_dead_letters(worker: str, body: Redrive) -> RedriveOut:
    """Each is sent before it is deleted: none is lost, and one that is sent twice does no harm."""
    done = dead_letters.redrive(resources.current(), worker, body.limit, dry_run=body.dry_run)
    return RedriveOut(
        dry_run=body.dry_run,
        messages=list(done.messages),
        failed=done.failed,
        remaining=done.remaining,
    )


@routes.route("GET", "/admin/keys", summary="Which API keys are valid", role=Role.ADMIN)
def list_keys() -> KeysOut:
    """Fingerprints only: a key is told once, when it is made."""
    return KeysOut.model_validate(rotation.fingerprints(resources.current()), from_attributes=True)


@routes.route(
    "POST",
    "/admin/keys/rotate",
    summary="Make a new API key",
    status=201,
    role=Role.ADMIN,
    faults=(FaultCode.CONFLICT,),
)
def rotate_key(body: KeyRotation, call: Call) -> NewKey:
    """The present key stays valid as the previous one until it is retired."""
    key, prints = rotation.rotate(
        resources.current(), presented_key(call.headers), replace_lost=body.replace_lost
    )
    return NewKey(key=key, current=prints.current, previous=prints.previous)


@routes.route(
    "DELETE",
    "/admin/keys/previous",
    summary="End the previous API key",
    role=Role.ADMIN,
    faults=(FaultCode.CONFLICT,),
)
def retire_key(call: Call) -> KeysOut:
    """Other processes forget it within a minute. Refused to who shows that very key."""
    left = rotation.retire(resources.current(), presented_key(call.headers))
    return KeysOut.model_validate(left, from_attributes=True)
