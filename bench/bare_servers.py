"""The limits: servers that read the load's requests and answer them without keeping or deciding anything.

Four layers, each started as a process: a bare asyncio protocol, which shows what the load generator itself can do, and
on uvicorn with uvloop and httptools a raw ASGI application, a Starlette one and a FastAPI one, the last two validating
and encoding the bodies with pydantic. They only count the COMPLETED proposals: the load asks for that at its end.
"""

import argparse
import asyncio
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.bodies import encode, state, task_run

_RUN_ID = str(uuid.uuid4())
_STATE = state("RUNNING") | {"id": str(uuid.uuid4()), "timestamp": datetime.now(UTC).isoformat()}
CREATED = encode({"id": _RUN_ID} | task_run(_RUN_ID, "0"))
ACCEPTED = encode({"state": _STATE, "status": "ACCEPT", "details": {"type": "accept_details"}})

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Counter:
    """How many COMPLETED proposals came in."""

    completed = 0

    def answer(self, path: str, body: bytes) -> bytes:
        """The answer to a request of the load, by the end of its path."""
        if path.endswith("/set_state"):
            self.completed += b'"COMPLETED"' in body
            return ACCEPTED
        if path.endswith("/count"):
            return str(self.completed).encode()
        if path.endswith("/flow_runs/"):  # where a load begins
            self.completed = 0
        return b"true" if path.endswith("/health") else CREATED


class StateBody(BaseModel):
    """A proposed state, open for the fields that come with it."""

    model_config = ConfigDict(extra="allow")
    type: str
    name: str | None = None
    message: str | None = None
    state_details: dict[str, Any] = {}
    data: Any = None


class SetStateBody(BaseModel):
    """The body of set_state."""

    state: StateBody
    force: bool = False


class StateAnswer(StateBody):
    """A stored state."""

    id: uuid.UUID
    timestamp: datetime


class SetStateAnswer(BaseModel):
    """The answer of set_state."""

    state: StateAnswer
    status: str
    details: dict[str, str]


def accept(body: SetStateBody) -> SetStateAnswer:
    """The proposed state as stored, with an id and a timestamp."""
    stored = StateAnswer.model_construct(**dict(body.state), id=uuid.uuid4(), timestamp=datetime.now(UTC))
    return SetStateAnswer.model_construct(state=stored, status="ACCEPT", details={"type": "accept_details"})


class TrivialServer(asyncio.Protocol):
    """Answers as soon as bytes arrive: the load sends each request in one piece."""

    counter = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        path = head.split(b" ", 2)[1].decode()
        answer = self.counter.answer(path, body)
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(answer), answer))


async def serve_trivially(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(TrivialServer, "127.0.0.1", port)
    await server.serve_forever()


def raw_app() -> Any:
    """ASGI without a framework; bodies are looked at, not parsed."""
    counter = Counter()

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        body = (await receive())["body"] if scope["method"] == "POST" else b""
        answer = counter.answer(scope["path"], body)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return app


def starlette_app() -> Starlette:
    """Starlette with pydantic bodies for set_state."""
    counter = Counter()

    async def transition(request: Request) -> Response:
        body = SetStateBody.model_validate_json(await request.body())
        counter.completed += body.state.type == "COMPLETED"
        return Response(accept(body).model_dump_json(), 201, media_type="application/json")

    async def other(request: Request) -> Response:
        return Response(counter.answer(request.url.path, b""), media_type="application/json")

    routes = [
        Route("/api/task_runs/{id}/set_state", transition, methods=["POST"]),
        Route("/{path:path}", other, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes)


def fastapi_app() -> FastAPI:
    """FastAPI as it is commonly written: a typed body in, a typed model out."""
    counter = Counter()
    app = FastAPI()

    @app.post("/api/task_runs/{id}/set_state", status_code=201)
    async def transition(id: uuid.UUID, body: SetStateBody) -> SetStateAnswer:
        counter.completed += body.state.type == "COMPLETED"
        return accept(body)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def other(path: str) -> Response:
        return Response(counter.answer(path, b""), media_type="application/json")

    return app


APPS: dict[str, Callable[[], Any]] = {"raw": raw_app, "starlette": starlette_app, "fastapi": fastapi_app}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bare_servers", description=__doc__)
    parser.add_argument("layer", choices=["trivial", *APPS])
    parser.add_argument("port", type=int)
    options = parser.parse_args()
    if options.layer == "trivial":
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_trivially(options.port))
    app = APPS[options.layer]()
    uvicorn.run(app, host="127.0.0.1", port=options.port, loop="uvloop", http="httptools", log_level="warning")


if __name__ == "__main__":
    main()
