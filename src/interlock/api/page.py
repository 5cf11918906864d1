"""The page that people open in a browser: its files, and how they are served.

What lives here: which paths are the page's, and their headers. What does not: the page itself, which is made of web/
into interlock/page/ and asks for everything through the API.
"""

import gzip
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

PATHS = re.compile(r"/(?:(?:task-runs|flow-runs)(?:/[^/]+)?|flows|limits|queues|settings)?/?")
"""Those that the page's own script knows: each is answered with the same document."""

ASSETS = "/assets/"
MEDIA_TYPES = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "index.html": "text/html; charset=utf-8",
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    # The files keep their names from one release to the next, so browsers ask whether theirs are still good.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


class _File(NamedTuple):
    plain: bytes
    gzipped: bytes
    etag: str


@cache
def _file(name: str) -> _File:
    """One of the page's files, read and packed when it is first asked for."""
    plain = files("interlock").joinpath("page", name).read_bytes()
    return _File(plain, gzip.compress(plain, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:32]}"')


def page_response(request: Request) -> Response | None:
    """The page's document or one of its files; None where the path is none of the page's."""
    name = _name(request.url.path)
    if name is None:
        return None
    if request.method not in ("GET", "HEAD"):
        return Response(status_code=405, headers={"Allow": "GET, HEAD"})
    file = _file(name)
    headers = {**HEADERS, "ETag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = file.plain
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = file.gzipped
    return Response(body, headers=headers, media_type=MEDIA_TYPES[name])


def _name(path: str) -> str | None:
    """The name of the file that a path is answered with."""
    if PATHS.fullmatch(path):
        return "index.html"
    name = path.removeprefix(ASSETS)
    return name if name in MEDIA_TYPES and path.startswith(ASSETS) else None
