"""Whether the database does what it is asked to, and what the log says of it."""

from structlog.testing import capture_logs

from interlock.engine.availability import Availability
from interlock.storage.store import StoreUnavailableError

FAILURE = StoreUnavailableError("no connection")
GONE, BACK = "database unavailable", "database available again"


def told(*outcomes: StoreUnavailableError | None) -> list[str]:
    """The lines for what is asked and answered in turn."""
    availability = Availability("writes")
    with capture_logs() as lines:
        for outcome in outcomes:
            availability.note(availability.ask(), outcome)
    return [x["event"] for x in lines]


def test_a_change_is_told_once() -> None:
    """However many requests find the same."""
    assert told(None, None) == []
    assert told(FAILURE, FAILURE, None, None, FAILURE) == [GONE, BACK, GONE]


def test_what_was_asked_before_a_change_tells_nothing_of_the_time_after_it() -> None:
    """As a write that is tried for long, and fails when others are done again."""
    availability = Availability("writes")
    slow, failed = availability.ask(), availability.ask()
    with capture_logs() as lines:
        availability.note(failed, FAILURE)
        availability.note(slow, None)
        assert availability.is_failing
        availability.note(availability.ask(), None)
        availability.note(failed, FAILURE)
    assert not availability.is_failing
    assert [x["event"] for x in lines] == [GONE, BACK]
