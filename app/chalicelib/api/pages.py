"""The pages: served to anybody and without secrets; their scripts fetch the data with the API key.

Every link is relative, because the pages do not know their address: API Gateway puts a stage before the
path, an emulator more than that, and a custom domain nothing.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from chalice.app import Blueprint, Request, Response

from chalicelib import resources
from chalicelib.api.routing import Routes
from chalicelib.faults import FaultCode, NotFoundError
from chalicelib.settings import Settings
from chalicelib.version import VERSION

if TYPE_CHECKING:
    from jinja2 import Environment

blueprint = Blueprint(__name__)
routes = Routes(blueprint, "Pages")

_WEB = Path(__file__).parent.parent / "web"
_SLIDER_STYLE: Final = "sha256-2/K8OOTUmBZdSx40ChE6mqKryrESGtjj6d3LMhUzlEk="
"""The one style element that is allowed: the comparison slider's own, in web/static/image-compare.js."""
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@routes.route("GET", "/", summary="Page: books", public=True)
def books_page() -> Response:
    return _render("books.html", blueprint.current_request, depth=0)


@routes.route("GET", "/admin", summary="Page: health, queues and failed jobs", public=True)
def admin_page() -> Response:
    return _render("admin.html", blueprint.current_request, depth=1)


@routes.route("GET", "/docs", summary="Page: the API", public=True)
def docs_page() -> Response:
    return _render("docs.html", blueprint.current_request, depth=1)


def book_page(request: Request) -> Response:
    """The page of one book; whether there is such a book its script finds out."""
    return _render("book.html", request, depth=2)


@routes.route("GET", "/sign-in", summary="Page: sign in, and where the user pool returns to", public=True)
def sign_in_page() -> Response:
    return _render("sign_in.html", blueprint.current_request, depth=1)


@routes.route(
    "GET", "/static/{build}/{name}", summary="Static file", public=True, faults=(FaultCode.NOT_FOUND,)
)
def static_file(build: str, name: str) -> Response:
    """A file of the build `build` never changes, so browsers keep it and do not ask again. A page of another
    release that is still open gets what there is, and does not keep it.
    """
    content = _static().get(name)
    if content is None:
        raise NotFoundError("static file", name)
    lasting = "public, max-age=31536000, immutable" if build == static_build() else "no-cache"
    return Response(
        content,
        headers={
            "Content-Type": f"{_TYPES[Path(name).suffix]}; charset=utf-8",
            "Cache-Control": lasting,
        },
    )


def relative_root(path: str, depth: int) -> str:
    """From a page to the application's root, as a relative link.

    `path` is the request's path as API Gateway saw it, `depth` the number of the page's own segments. The
    root page is found with and without its closing slash, and a relative link means another place in each.
    """
    if depth == 0:
        last = path.rsplit("/", 1)[-1]
        return f"{last}/" if last else "./"
    return "../" * (depth - 1) or "./"


def content_security_policy(settings: Settings) -> str:
    """Own scripts and styles only; images and uploads also from and to the bucket, tokens from the pool's
    sign-in.
    """
    bucket = bucket_origin(settings)
    sign_in = f" {_origin(settings.sign_in_url)}" if settings.sign_in_url else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' '{_SLIDER_STYLE}'",
            f"img-src 'self' blob: data: {bucket}",
            f"connect-src 'self' {bucket}{sign_in}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def bucket_origin(settings: Settings) -> str:
    """The origin of the signed URLs that `Clients.s3` makes."""
    if settings.endpoint_url:
        return _origin(settings.endpoint_url)
    return f"https://{settings.images_bucket}.s3.{settings.region}.amazonaws.com"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _render(template: str, request: Request, *, depth: int) -> Response:
    settings = resources.current().settings
    root = relative_root(str(request.context.get("path", "/")), depth)
    html = (
        _templates()
        .get_template(template)
        .render(
            root=root,
            build=static_build(),
            version=VERSION,
            stack=settings.stack,
            client_id=settings.user_pool_client_id if settings.sign_in_url else None,
            sign_in_url=settings.sign_in_url,
        )
    )
    return Response(
        html,
        headers={
            "Content-Type": "text/html; charset=utf-8",
            "Cache-Control": "no-cache",
            "Content-Security-Policy": content_security_policy(settings),
        },
    )


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_WEB / "templates"), autoescape=True, undefined=StrictUndefined
    )


@cache
def static_build() -> str:
    """Names the present content of all static files."""
    content = hashlib.sha256()
    for name, text in sorted(_static().items()):
        content.update(f"{name}\0{text}\0".encode())
    return content.hexdigest()[:16]


@cache
def _static() -> dict[str, str]:
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in (_WEB / "static").iterdir()
        if file.suffix in _TYPES
    }
