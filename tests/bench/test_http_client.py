"""The load generator's HTTP client reads answers correctly, however they are cut, and refuses what it cannot read."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest

from bench.http_client import Answer, AnswerParser, Connection, ConnectionFailure, HttpError, Target, connected

BODY = b'{"id":"1","status":"ACCEPT"}'
WHOLE = b"HTTP/1.1 201 Created\r\nserver: uvicorn\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def test_a_whole_answer_gives_status_and_body() -> None:
    assert AnswerParser().feed(WHOLE) == Answer(201, BODY, len(WHOLE))


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_an_answer_in_two_pieces_is_the_same_wherever_it_is_cut(cut: int) -> None:
    parser = AnswerParser()
    assert parser.feed(WHOLE[:cut]) is None
    assert parser.feed(WHOLE[cut:]) == Answer(201, BODY, len(WHOLE))


def test_an_answer_byte_by_byte_is_complete_at_its_last_byte() -> None:
    parser = AnswerParser()
    answers = [parser.feed(bytes([byte])) for byte in WHOLE]
    assert answers[:-1] == [None] * (len(WHOLE) - 1)
    assert answers[-1] == Answer(201, BODY, len(WHOLE))


def test_answers_follow_one_another_on_a_kept_connection() -> None:
    parser = AnswerParser()
    second = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"
    assert parser.feed(WHOLE) == Answer(201, BODY, len(WHOLE))
    assert parser.feed(second[:20]) is None
    assert parser.feed(second[20:]) == Answer(404, b"{}", len(second))
    assert parser.feed(WHOLE) == Answer(201, BODY, len(WHOLE))


def test_a_compressed_body_is_read() -> None:
    packed = gzip.compress(BODY)
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nContent-Encoding: gzip\r\n\r\n" % len(packed)
    answer = AnswerParser().feed(head + packed)
    assert answer is not None
    assert answer.body == BODY


def test_no_content_needs_no_length() -> None:
    answer = AnswerParser().feed(b"HTTP/1.1 204 No Content\r\nserver: uvicorn\r\n\r\n")
    assert answer is not None
    assert (answer.status, answer.body) == (204, b"")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "chunked answers"),
        (b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n{}", "without Content-Length"),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", "not an HTTP/1.1 status line"),
        (WHOLE + b"HTTP/1.1 200 OK", "bytes after the end"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(raw: bytes, said: str) -> None:
    with pytest.raises(HttpError, match=said):
        AnswerParser().feed(raw)


def serve_and_request(handler: Handler, requests: int) -> list[Answer]:
    """The answers of a real server, one connection, one request after another."""

    async def run() -> list[Answer]:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        target = Target(host, port, "/api")
        async with server, connected(target) as connection:
            return [await connection.request(target.get("/health")) for _ in range(requests)]

    return asyncio.run(run())


def test_requests_share_one_connection() -> None:
    opened = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(WHOLE)
        writer.close()

    answers = serve_and_request(handler, 3)
    assert [answer.status for answer in answers] == [201, 201, 201]
    assert len(opened) == 1


def test_a_connection_lost_before_the_answer_is_a_failure() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WHOLE[:30])
        writer.close()

    with pytest.raises(ConnectionFailure, match="lost"):
        serve_and_request(handler, 1)


def test_a_refused_connection_is_a_failure() -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        server.close()
        await server.wait_closed()
        await Connection.open(host, port)

    with pytest.raises(ConnectionFailure, match="cannot connect"):
        asyncio.run(run())


def test_a_base_url_gives_host_port_and_prefix() -> None:
    target = Target.parse("http://127.0.0.1:4200/api/")
    assert target == Target("127.0.0.1", 4200, "/api")
    assert target.post("/task_runs/", b"{}").startswith(b"POST /api/task_runs/ HTTP/1.1\r\nHost: 127.0.0.1:4200\r\n")


def test_a_base_url_without_http_is_refused() -> None:
    with pytest.raises(ValueError, match="base URL"):
        Target.parse("127.0.0.1:4200")
