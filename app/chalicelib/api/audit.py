"""The audit log."""

from chalice.app import Blueprint

from chalicelib import resources
from chalicelib.api import present
from chalicelib.api.routing import Routes
from chalicelib.api.schemas import AuditEntryOut, AuditPage, AuditQuery
from chalicelib.ids import is_id
from chalicelib.security import Role
from chalicelib.services import audit

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Administration")


@routes.route("GET", "/audit", summary="Who did what, newest first", role=Role.ADMIN)
def list_audit(query: AuditQuery) -> AuditPage:
    """Every call that asked for a change. One without a status ended before it answered: its change may
    have been made or not.
    """
    before = present.decode_cursor(query.cursor, 1)[0] if query.cursor else None
    if before is not None and not is_id(before):
        raise present.bad_cursor()
    search = audit.Search(query.actor, query.action, query.book_id)
    found = audit.page(resources.current(), search, before=before, limit=query.limit)
    shown = found[: query.limit]
    return AuditPage(
        items=[AuditEntryOut.model_validate(row, from_attributes=True) for row in shown],
        next_cursor=present.encode_cursor(shown[-1].id) if len(found) > query.limit else None,
    )
