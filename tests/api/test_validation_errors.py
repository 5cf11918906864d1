"""What clients are told about requests that are not valid."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field, HttpUrl, ValidationError

from interlock.api.validation_errors import wire_errors

NO_ID = "00000000-0000-0000-0000-000000000001"
LINE = {"name": "n", "level": 10, "message": "m", "timestamp": "2026-01-01T00:00:00+00:00"}
TASK = {"task_key": "a", "dynamic_key": "b"}

INTEGER = ("value is not a valid integer", "type_error.integer")
UUID = ("value is not a valid uuid", "type_error.uuid")
MISSING = ("field required", "value_error.missing")
NULL = ("none is not an allowed value", "type_error.none.not_allowed")
LIST = ("value is not a valid list", "type_error.list")
DICT = ("value is not a valid dict", "type_error.dict")
EXTRA = ("extra fields not permitted", "value_error.extra")
TEXT = ("str type expected", "type_error.str")
BOOLEAN = ("value could not be parsed to a boolean", "type_error.bool")
SORTS = ["TIMESTAMP_ASC", "TIMESTAMP_DESC"]

Told = tuple[list[str | int], tuple[str, str]]


def told(answer: httpx.Response) -> list[Told]:
    """Place, message and type of every error."""
    assert answer.status_code == 422, answer.text
    assert list(answer.json()) == ["exception_message", "exception_detail", "request_body"]
    return [(x["loc"], (x["msg"], x["type"])) for x in answer.json()["exception_detail"]]


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        ("/logs/", [LINE | {"level": "x"}], [(["body", 0, "level"], INTEGER)]),
        ("/logs/", [LINE, LINE | {"level": None}], [(["body", 1, "level"], NULL)]),
        ("/logs/", [LINE | {"flow_run_id": "x"}], [(["body", 0, "flow_run_id"], UUID)]),
        ("/logs/", [LINE | {"message": []}], [(["body", 0, "message"], TEXT)]),
        ("/logs/", [LINE | {"b": 1, "a": 1}], [(["body", 0, "a"], EXTRA), (["body", 0, "b"], EXTRA)]),
        ("/logs/", [1, None], [(["body", 0], DICT), (["body", 1], NULL)]),
        ("/logs/", {}, [(["body"], LIST)]),
        ("/logs/filter", {"logs": {"level": 3}}, [(["body", "logs", "level"], DICT)]),
        ("/logs/filter", [], [(["body", x], MISSING) for x in ("limit", "offset", "logs", "sort")]),
        ("/flows/", {}, [(["body", "name"], MISSING)]),
        ("/flows/", {"name": "x", "tags": {}}, [(["body", "tags"], LIST)]),
        ("/task_runs/", TASK | {"tags": [None, []]}, [(["body", "tags", 0], NULL), (["body", "tags", 1], TEXT)]),
        (f"/task_runs/{NO_ID}/set_state", {"state": {"type": "RUNNING"}, "force": "x"}, [(["body", "force"], BOOLEAN)]),
        ("/v2/concurrency_limits/increment", {"names": None}, [(["body", x], MISSING) for x in ("slots", "names")]),
    ],
)
def test_every_error_has_its_place_message_and_type(
    api: httpx.Client, path: str, body: Any, errors: list[Told]
) -> None:
    """As clients of the 2.x line know them, all at once and in the order of the fields."""
    answer = api.post(path, json=body)
    assert told(answer) == errors
    assert answer.json()["request_body"] == body


def test_errors_in_paths_and_queries_are_told_with_those_of_the_body(api: httpx.Client) -> None:
    """And a request without a body has none to repeat."""
    answer = api.post("/task_runs/no/set_state", json={"state": {}})
    assert told(answer) == [(["path", "id"], UUID), (["body", "state", "type"], MISSING)]
    assert told(api.get("/csrf-token")) == [(["query", "client"], MISSING)]
    assert api.get("/csrf-token").json()["request_body"] is None


def test_every_member_of_a_union_is_told_at_the_place_of_the_value(api: httpx.Client) -> None:
    """Under the value's own place, which knows nothing of the members."""
    place: list[str | int] = ["body", "empirical_policy", "retry_delay"]
    for value, second in (("x", (place, LIST)), ([1, "x"], ([*place, 1], INTEGER))):
        answer = api.post("/task_runs/", json=TASK | {"empirical_policy": {"retry_delay": value}})
        assert told(answer) == [(place, INTEGER), second]


def test_choices_are_listed(api: httpx.Client) -> None:
    """In the message, and for programs in the context."""
    (error,) = api.post("/logs/filter", json={"sort": "x"}).json()["exception_detail"]
    assert error == {
        "loc": ["body", "sort"],
        "msg": "value is not a valid enumeration member; permitted: 'TIMESTAMP_ASC', 'TIMESTAMP_DESC'",
        "type": "type_error.enum",
        "ctx": {"enum_values": SORTS},
    }
    body = {"slots": 1, "names": ["a"], "mode": "x"}
    (error,) = api.post("/v2/concurrency_limits/increment", json=body).json()["exception_detail"]
    assert error == {
        "loc": ["body", "mode"],
        "msg": "unexpected value; permitted: 'concurrency', 'rate_limit'",
        "type": "value_error.const",
        "ctx": {"given": "x", "permitted": ["concurrency", "rate_limit"]},
    }


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        (
            "/logs/filter",
            {"offset": -1},
            {
                "loc": ["body", "offset"],
                "msg": "ensure this value is greater than or equal to 0",
                "type": "value_error.number.not_ge",
                "ctx": {"limit_value": 0},
            },
        ),
        (
            "/v2/concurrency_limits/decrement",
            {"slots": 1, "names": ["a"], "occupancy_seconds": 0},
            {
                "loc": ["body", "occupancy_seconds"],
                "msg": "ensure this value is greater than 0.0",
                "type": "value_error.number.not_gt",
                "ctx": {"limit_value": 0.0},
            },
        ),
        (
            "/v2/concurrency_limits/decrement",
            {"slots": 1, "names": []},
            {
                "loc": ["body", "names"],
                "msg": "ensure this value has at least 1 items",
                "type": "value_error.list.min_items",
                "ctx": {"limit_value": 1},
            },
        ),
    ],
)
def test_bounds_are_told_with_the_bound(api: httpx.Client, path: str, body: Any, error: dict[str, Any]) -> None:
    """In the message, and for programs in the context."""
    assert api.post(path, json=body).json()["exception_detail"] == [error]


@pytest.mark.parametrize(
    ("path", "body", "message", "kind"),
    [
        (
            "/task_runs/",
            TASK | {"cache_key": "k" * 2001},
            "Cache key exceeded maximum allowed length of 2000 characters.",
            "value_error",
        ),
        ("/logs/", [LINE | {"timestamp": "x"}], "Unable to parse string [x]", "value_error.parser"),
        ("/logs/", [LINE | {"timestamp": 5}], "Unrecognized datetime.", "value_error"),
        (
            "/v2/concurrency_limits/",
            {"name": "a/b", "limit": 1},
            "Name 'a/b' contains an invalid character. Must not contain any of: ['/', '%', '&', '>', '<'].",
            "value_error.invalidname",
        ),
    ],
)
def test_rules_of_our_own_speak_for_themselves(
    api: httpx.Client, path: str, body: Any, message: str, kind: str
) -> None:
    """Their message is the whole message."""
    assert [x[1] for x in told(api.post(path, json=body))] == [(message, kind)]


def test_a_number_below_zero_is_told_in_one_message(api: httpx.Client) -> None:
    """Which holds the whole report on the number."""
    ((place, (message, kind)),) = told(api.post("/v2/concurrency_limits/", json={"name": "a", "limit": -1}))
    assert (place, kind) == (["body", "limit"], "value_error.validation")
    assert message.startswith("1 validation error for constrained-int\n  Input should be greater than or equal to 0")


def test_text_that_is_no_json_is_told_with_the_place_where_it_ends(api: httpx.Client) -> None:
    """By line and column."""
    answer = api.post("/logs/", content=b"[1,\n 2,}")
    (error,) = answer.json()["exception_detail"]
    assert error == {
        "loc": ["body", 7],
        "msg": "Expecting value: line 2 column 4 (char 7)",
        "type": "value_error.jsondecode",
        "ctx": {"msg": "Expecting value", "doc": "[1,\n 2,}", "pos": 7, "lineno": 2, "colno": 4},
    }
    assert answer.json()["request_body"] == "[1,\n 2,}"


@pytest.mark.parametrize("path", ["/logs/", "/logs/filter", "/task_runs/", f"/task_runs/{NO_ID}/set_state"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"limit": NaN, "task_key": []}',
        b'{"limit": 1e999, "task_key": []}',
        b'{"limit": "\\ud800", "task_key": [NaN, 100000000000000000000000]}',
        b'{"limit": 100000000000000000000000, "task_key": []}',
        b'{"limit": 1' + b"0" * 5000 + b"}",
        b'{"limit": ' + b"[" * 500 + b"]" * 500 + b', "task_key": []}',
        b"[" * 100_000,
        b'["\xff"]',
        b"\x00",
        b"",
    ],
    ids=[
        "nan",
        "infinity",
        "surrogate",
        "large number",
        "huge number",
        "deep",
        "too deep",
        "not utf-8",
        "zero",
        "empty",
    ],
)
def test_a_body_that_nobody_can_read_is_the_clients_error(api: httpx.Client, path: str, body: bytes) -> None:
    """Never the server's, and the answer is JSON."""
    answer = api.post(path, content=body, headers={"Content-Type": "application/json"})
    if path == "/logs/filter" and body == b"":
        assert answer.status_code == 200
        return
    assert answer.status_code in (400, 422)
    json.loads(answer.content, parse_constant=pytest.fail)


def test_parameters_that_are_not_sent_as_json_are_missing(api: httpx.Client) -> None:
    """Rather than taken for absent, which would ask for everything."""
    text = {"Content-Type": "text/plain"}
    answer = api.post("/logs/filter", content=b'{"limit": 1}', headers=text)
    assert told(answer) == [(["body", x], MISSING) for x in ("limit", "offset", "logs", "sort")]
    assert answer.json()["request_body"] == '{"limit": 1}'
    assert told(api.post("/logs/", content=b"[]", headers=text)) == [(["body"], LIST)]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.prefect+json"])
def test_kinds_of_json_are_json(api: httpx.Client, kind: str) -> None:
    """So is a body of no declared kind."""
    assert api.post("/logs/filter", content=b'{"limit": 0}', headers={"Content-Type": kind}).json() == []
    assert api.post("/logs/filter", content=b'{"limit": 0}').json() == []


@pytest.mark.parametrize("body", [b"null", b"{}", b"", b'{"limit": null, "offset": null, "logs": null, "sort": null}'])
def test_null_parameters_are_absent_ones(api: httpx.Client, body: bytes) -> None:
    """They take their defaults."""
    answer = api.post("/logs/filter", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, [])


class Many(BaseModel):
    """Fields of kinds that hardly any request has."""

    at_most: int = Field(0, le=3)
    below: int = Field(0, lt=3)
    few: list[int] = Field([], max_length=1)
    long: str = Field("abc", min_length=3)
    short: str = Field("", max_length=3)
    plain: str = Field("a", pattern="^[a-z]+$")
    page: HttpUrl | None = None
    span: timedelta | None = None
    names: set[str] = set()
    counts: dict[int, int] = {}


@pytest.mark.parametrize(
    ("body", "place", "message", "kind", "context"),
    [
        ({"at_most": 4}, [], "ensure this value is less than or equal to 3", "number.not_le", {"limit_value": 3}),
        ({"below": 3}, [], "ensure this value is less than 3", "number.not_lt", {"limit_value": 3}),
        ({"few": [1, 2]}, [], "ensure this value has at most 1 items", "list.max_items", {"limit_value": 1}),
        ({"long": "a"}, [], "ensure this value has at least 3 characters", "any_str.min_length", {"limit_value": 3}),
        ({"short": "abcd"}, [], "ensure this value has at most 3 characters", "any_str.max_length", {"limit_value": 3}),
        ({"plain": "A"}, [], 'string does not match regex "^[a-z]+$"', "str.regex", {"pattern": "^[a-z]+$"}),
        ({"page": "x"}, [], "invalid or missing URL scheme", "url.scheme", None),
        ({"span": "x"}, [], "invalid duration format", "duration", None),
    ],
)
def test_bounds_and_forms_are_told(
    body: dict[str, Any], place: list[str], message: str, kind: str, context: dict[str, Any] | None
) -> None:
    """With what bounds them."""
    told_context = {} if context is None else {"ctx": context}
    wanted = {"loc": ["body", *body, *place], "msg": message, "type": f"value_error.{kind}", **told_context}
    assert wire_errors(errors_of(body), body) == [wanted]


@pytest.mark.parametrize(
    ("body", "place", "message", "kind"),
    [
        ({"span": []}, [], "invalid type; expected timedelta, string, bytes, int or float", "type_error"),
        ({"names": {}}, [], "value is not a valid set", "type_error.set"),
        ({"counts": {"1": None}}, ["1"], "none is not an allowed value", "type_error.none.not_allowed"),
        ({"counts": {"x": 1}}, ["__key__"], "value is not a valid integer", "type_error.integer"),
    ],
)
def test_what_has_the_wrong_type_is_told(body: dict[str, Any], place: list[str], message: str, kind: str) -> None:
    """All keys of an object have one place of their own."""
    assert wire_errors(errors_of(body), body) == [{"loc": ["body", *body, *place], "msg": message, "type": kind}]


def errors_of(body: Any) -> list[Any]:
    """The errors of this body as the framework tells them."""
    with pytest.raises(ValidationError) as caught:
        Many.model_validate(body)
    return [error | {"loc": ("body", *error["loc"])} for error in caught.value.errors()]
