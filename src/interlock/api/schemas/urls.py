"""Web addresses on the wire, kept as they were written.

What lives here: what counts as an address. What does not: which fields hold one.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from interlock.api.schemas.base import FROM_NUMBER

MAX_LENGTH = 2083
MAX_PORT = 65_535
SCHEMES = ("http", "https")

_ADDRESS = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+\-.]+)://)?"
    r"(?P<user>[^\s:/]*(?::[^\s/]*)?@)?"
    r"(?:(?P<ip>(?:\d{1,3}\.){3}\d{1,3}(?=$|[/:#?])|\[[a-f0-9]*:[a-f0-9:]+\](?=$|[/:#?]))|(?P<host>[^\s/:?#]+))?"
    r"(?::(?P<port>\d+))?"
    r"(?P<rest>(?:/[^\s?#]*)?(?:\?[^\s#]*)?(?:#[^\s#]*)?)",
    re.IGNORECASE,
)
_LABEL = r"[_\w](?:[-_\w]{0,61}[_\w])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*?{_LABEL}(?P<top>\.[^\W\d_]{{2,63}}|\.xn--[_0-9a-z-]{{2,63}})?\.?", re.IGNORECASE)


def _web_address(text: str) -> str:
    found = _ADDRESS.match(text)
    assert found is not None  # every part may be absent
    _check_scheme(found["scheme"])
    if found["port"] and int(found["port"]) > MAX_PORT:
        raise PydanticCustomError("value_error.url.port", f"URL port invalid, port cannot exceed {MAX_PORT}")
    if extra := text[found.end() :]:
        message = f"URL invalid, extra characters found after valid URL: {extra!r}"
        raise PydanticCustomError("value_error.url.extra", message, {"extra": extra})
    if found["ip"]:
        return text
    host = _ascii_host(found["host"])
    return text[: found.start("host")] + host + text[found.end("host") :]


def _check_scheme(scheme: str | None) -> None:
    if scheme is None:
        raise PydanticCustomError("value_error.url.scheme", "invalid or missing URL scheme")
    if scheme.lower() not in SCHEMES:
        context = {"allowed_schemes": list(SCHEMES)}
        raise PydanticCustomError("value_error.url.scheme", "URL scheme not permitted", context)


def _ascii_host(host: str | None) -> str:
    """The name of a host under a top-level domain, in ASCII."""
    found = _HOST.fullmatch(host or "")
    if host is None or found is None:
        raise PydanticCustomError("value_error.url.host", "URL host invalid")
    if found["top"] is None:
        raise PydanticCustomError("value_error.url.host", "URL host invalid, top level domain required")
    return host if host.isascii() else host.encode("idna").decode("ascii")


WebAddress = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LENGTH),
    FROM_NUMBER,
    AfterValidator(_web_address),
    WithJsonSchema({"type": "string", "format": "uri", "minLength": 1, "maxLength": MAX_LENGTH}),
]
"""An http or https address with a full host name or an IP address."""
