"""A plain HTTP/1.1 client on one connection: what the cases need of one, and little time spent in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage
from urllib.parse import quote, urlsplit

from tests.comparison.model import JSON

TIMEOUT_SECONDS = 120
# What may stand in a path or query as it is.
PLAIN = "/?&=:%+,;@!$'()*~"

AGENT = "prefect/2.20.25 (API 0.8.4)"
"""What the client of the line calls itself whose answers are compared."""

CONNECTION_ERRORS = (HTTPException, OSError)


@dataclass(frozen=True)
class Response:
    status: int
    headers: HTTPMessage
    content: bytes

    def body(self) -> JSON:
        """The content as JSON, as text where it isn't, None where there is none."""
        if not self.content:
            return None
        return json.loads(self.content) if self.is_json() else self.content.decode()

    def is_json(self) -> bool:
        return self.headers.get_content_type() == "application/json"


class Connection:
    """Sends requests under a base URL one after another, over a connection that is opened again where it was closed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._base = parts.path
        self._http = HTTPConnection(parts.netloc, timeout=TIMEOUT_SECONDS)

    def send(self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] = {}) -> Response:
        """One request and its answer. Raises one of CONNECTION_ERRORS.

        One used before may have been closed meanwhile, as the peer does after any 5xx: then a new one is tried.
        """
        used_before = self._http.sock is not None
        try:
            return self._send_once(method, path, content, headers)
        except CONNECTION_ERRORS:
            self._http.close()
            if not used_before:
                raise
        return self._send_once(method, path, content, headers)

    def _send_once(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Response:
        named = {"User-Agent": AGENT, **headers}
        self._http.request(method, quote(self._base + path, safe=PLAIN), content, named)
        answer = self._http.getresponse()
        return Response(answer.status, answer.headers, answer.read())

    def send_json(self, method: str, path: str, body: JSON, headers: Mapping[str, str] = {}) -> Response:
        content = json.dumps(body, ensure_ascii=False).encode()
        return self.send(method, path, content, {"Content-Type": "application/json", **headers})

    def close(self) -> None:
        self._http.close()
