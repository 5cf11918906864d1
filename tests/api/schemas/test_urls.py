"""Web addresses in bodies."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from interlock.api.schemas.urls import WebAddress

ADDRESS = TypeAdapter[str](WebAddress)


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "HTTPS://Example.Com/A?b=c&d#e",
        "http://user:word@a_b.example.com:0/",
        "http://example.com./",
        "http://example.com?x=1#y",
        "http://1.2.3.4:80/x",
        "http://[::1]:8080/",
        "http://xn--mnchen-3ya.de/ü",
    ],
)
def test_addresses_are_kept_as_they_were_written(text: str) -> None:
    assert ADDRESS.validate_python(text) == text


def test_space_around_an_address_is_dropped() -> None:
    assert ADDRESS.validate_python("  http://example.com/ ") == "http://example.com/"


def test_a_host_beyond_ascii_gets_its_ascii_name() -> None:
    assert ADDRESS.validate_python("http://münchen.de/ü") == "http://xn--mnchen-3ya.de/ü"


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("", "string_too_short", None),
        ("http://example.com/" + "x" * 2083, "string_too_long", None),
        ([], "string_type", None),
        ("example.com", "value_error.url.scheme", "invalid or missing URL scheme"),
        (3, "value_error.url.scheme", "invalid or missing URL scheme"),
        ("ftp://example.com", "value_error.url.scheme", "URL scheme not permitted"),
        ("http://", "value_error.url.host", "URL host invalid"),
        ("http://a-.com/", "value_error.url.host", "URL host invalid"),
        ("http://localhost/", "value_error.url.host", "URL host invalid, top level domain required"),
        ("http://a.b/", "value_error.url.host", "URL host invalid, top level domain required"),
        ("http://a.com:65536/", "value_error.url.port", "URL port invalid, port cannot exceed 65535"),
        ("http://a.com/x y", "value_error.url.extra", "URL invalid, extra characters found after valid URL: ' y'"),
        ("http://a.com/#a#b", "value_error.url.extra", "URL invalid, extra characters found after valid URL: '#b'"),
    ],
)
def test_what_is_no_web_address_is_told(value: Any, kind: str, message: str | None) -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(WebAddress, config={"coerce_numbers_to_str": True}).validate_python(value)
    (error,) = raised.value.errors()
    assert error["type"] == kind
    assert message in (None, error["msg"])


def test_what_is_too_much_is_named_beside_the_message() -> None:
    with pytest.raises(ValidationError) as raised:
        ADDRESS.validate_python("http://a.com/{extra} x")
    (error,) = raised.value.errors()
    assert error["ctx"] == {"extra": " x"}
