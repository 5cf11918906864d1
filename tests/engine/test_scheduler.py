"""The scheduler: which runs there are when, each of them once, whatever happens meanwhile."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from interlock.engine.batcher import Batcher
from interlock.engine.scheduling import schedule_due
from interlock.engine.services import Service
from interlock.engine.services.scheduler import scheduler
from interlock.orchestration.facts import Chance
from interlock.orchestration.scheduling import Horizon
from interlock.orchestration.states import StateType
from interlock.storage.queries import deployment_schedules, deployments, flow_runs, scheduling
from interlock.storage.store import Store
from tests.conftest import FakeClock
from tests.engine.deployed import check, count, deploy, deployment_id, hourly, hours, runs, schedule_id, scheduled

HOUR = timedelta(hours=1)
HORIZON = Horizon(min_runs=3, max_runs=100, min_time=HOUR, max_time=timedelta(days=100), pause=timedelta(seconds=60))


@pytest.fixture
def service(chance: Chance) -> Service:
    return scheduler(HORIZON, 5, chance)


async def work(store: Store, service: Service, now: datetime) -> int:
    """Let the scheduler do all that is due; how many schedules it looked at."""
    batcher, total = Batcher(store), 0
    while (done := await service.step(batcher, now, service.batch)) == service.batch:
        total += done
    return total + done


async def test_a_run_is_what_its_schedule_and_its_deployment_say(
    store: Store, clock: FakeClock, service: Service
) -> None:
    """Parameters of the schedule go before the deployment's; it is told that, and by which schedule, it was made."""
    own = hourly(parameters={"b": 2}, slug="hours")
    await deploy(store, clock(), 1, own, work_queue_name="queue", parameters={"a": 1, "b": 1})
    await work(store, service, clock())
    run = (await runs(store))[0]
    assert run.state is not None
    assert (run.state.type, run.state.name, run.state.message) == (
        StateType.SCHEDULED,
        "Scheduled",
        "Flow run scheduled",
    )
    assert run.expected_start_time == run.next_scheduled_start_time == run.state.details.scheduled_time == clock()
    assert (run.deployment_id, run.deployment_version, run.work_queue_name) == (deployment_id(1), "v1", "queue")
    assert (run.auto_scheduled, run.tags) == (True, ("auto-scheduled", "mine"))
    assert decoded(run.parameters) == {"a": 1, "b": 2}
    labels = {"team": "us", "prefect.flow.id": run.flow_id, "prefect.deployment.id": deployment_id(1)}
    assert decoded(run.labels) == labels
    assert decoded(run.created_by) == {"id": schedule_id(1), "type": "SCHEDULE", "display_value": "hours"}
    assert decoded(run.job_variables) == {}
    assert run.name.count("-") == 1
    await check(store)


def decoded(text: str | None) -> Any:
    assert text is not None
    return msgspec.json.decode(text)


async def test_three_runs_and_an_hour_are_made_ahead(store: Store, clock: FakeClock, service: Service) -> None:
    """A time that is now counts; one that fires often is made for an hour ahead."""
    await deploy(store, clock(), 1, hourly())
    await deploy(store, clock(), 2, scheduled({"cron": "*/10 * * * *"}))
    await work(store, service, clock())
    assert await hours(store, lambda x: x.deployment_id == deployment_id(1)) == [12, 13, 14]
    assert await hours(store, lambda x: x.deployment_id == deployment_id(2)) == [12] * 6 + [13]


async def test_no_more_than_a_hundred_are_made_ahead(store: Store, clock: FakeClock, service: Service) -> None:
    """However often a schedule fires, and however often it is looked at."""
    await deploy(store, clock(), 1, scheduled({"cron": "* * * * * */5"}))
    await work(store, service, clock())
    assert await count(store) == 100
    clock.advance(seconds=60)
    await work(store, service, clock())
    assert sum(x.next_scheduled_start_time >= clock() for x in await runs(store)) == 100  # type: ignore[operator]
    await check(store)


async def test_a_limit_of_the_schedule_goes_before(store: Store, clock: FakeClock, service: Service) -> None:
    await deploy(store, clock(), 1, hourly(max_scheduled_runs=1))
    await work(store, service, clock())
    assert await hours(store) == [12]
    clock.advance(minutes=1)
    await work(store, service, clock())
    assert await hours(store) == [12, 13]


async def test_none_is_made_beyond_the_horizon(store: Store, clock: FakeClock, service: Service) -> None:
    """It is made once the horizon has come to it."""
    yearly = scheduled({"rrule": "DTSTART:20260701T000000\nRRULE:FREQ=YEARLY", "timezone": "UTC"})
    await deploy(store, clock(), 1, yearly)
    await work(store, service, clock())
    assert await count(store) == 0
    clock.advance(days=30)
    await work(store, service, clock())
    assert await count(store) == 1
    assert await work(store, service, clock()) == 0


async def test_as_time_goes_by_each_time_is_made_once(store: Store, clock: FakeClock, service: Service) -> None:
    """Looked at every minute for five hours; a look at a schedule that has enough does nothing."""
    await deploy(store, clock(), 1, hourly())
    looks = 0
    for _ in range(300):
        looks += await work(store, service, clock())
        clock.advance(minutes=1)
    assert await hours(store) == [12, 13, 14, 15, 16, 17, 18, 19]
    assert looks == 6
    await check(store)


async def test_after_a_long_sleep_it_goes_on_from_now(store: Store, clock: FakeClock, service: Service) -> None:
    """What should have been made meanwhile is not."""
    await deploy(store, clock(), 1, hourly())
    await work(store, service, clock())
    clock.advance(hours=30)
    await work(store, service, clock())
    assert await hours(store) == [12, 13, 14, 18, 19, 20]


async def test_two_schedules_of_a_time_make_one_run_unless_one_has_parameters(
    store: Store, clock: FakeClock, service: Service
) -> None:
    await deploy(store, clock(), 1, hourly(), hourly(), hourly(parameters={"a": 2}))
    await work(store, service, clock())
    assert await hours(store) == [12, 12, 13, 13, 14, 14]
    keys = {x.idempotency_key for x in await runs(store)}
    assert f"scheduled {deployment_id(1)} 2026-03-01T12:00:00+00:00" in keys
    assert f"scheduled {deployment_id(1)} {schedule_id(1, 2)} 2026-03-01T12:00:00+00:00" in keys


async def test_a_key_names_the_time_in_the_schedule_s_zone(store: Store, clock: FakeClock, service: Service) -> None:
    await deploy(store, clock(), 1, scheduled({"cron": "0 9 * * *", "timezone": "America/New_York"}))
    await work(store, service, clock())
    keys = [x.idempotency_key for x in await runs(store)]
    assert keys[0] == f"scheduled {deployment_id(1)} 2026-03-01T09:00:00-05:00"
    assert [x for x in keys if x and x.endswith("2026-03-08T09:00:00-04:00")] == []


@pytest.mark.parametrize(("schedule", "values"), [(hourly(active=False), {}), (hourly(), {"paused": True}), (None, {})])
async def test_what_is_switched_off_makes_none(
    store: Store, clock: FakeClock, service: Service, schedule: dict[str, Any] | None, values: dict[str, Any]
) -> None:
    """And is not looked at again, until somebody changes it."""
    await deploy(store, clock(), 1, *([schedule] if schedule else []), **values)
    await work(store, service, clock())
    assert await count(store) == 0
    clock.advance(days=1)
    assert await work(store, service, clock()) == 0


async def test_a_pause_takes_runs_away_and_a_resumption_brings_them_back(
    store: Store, clock: FakeClock, service: Service
) -> None:
    deployed = await deploy(store, clock(), 1, hourly())
    await work(store, service, clock())
    batcher = Batcher(store)
    await batcher.write(deployments.set_paused, deployed, True, lambda _: None, clock())
    await work(store, service, clock())
    assert await count(store) == 0
    await batcher.write(deployments.set_paused, deployed, False, lambda _: None, clock())
    await work(store, service, clock())
    assert await hours(store) == [12, 13, 14]
    await check(store)


async def test_a_changed_schedule_is_due_at_once(store: Store, clock: FakeClock, service: Service) -> None:
    """Its old runs are gone, and the new ones are there after the next look."""
    deployed = await deploy(store, clock(), 1, hourly())
    await work(store, service, clock())
    daily = {"schedule": {"cron": "0 5 * * *", "timezone": None, "day_or": True}}
    await Batcher(store).write(deployment_schedules.change, deployed, schedule_id(1), daily, clock())
    await work(store, service, clock())
    assert await hours(store) == [5, 5, 5]


async def test_a_run_that_somebody_deleted_does_not_come_back(store: Store, clock: FakeClock, service: Service) -> None:
    await deploy(store, clock(), 1, hourly())
    await work(store, service, clock())
    await Batcher(store).write(flow_runs.delete_one, (await runs(store))[1].id)
    clock.advance(minutes=61)
    await work(store, service, clock())
    assert await hours(store) == [12, 14, 15, 16]


async def test_a_run_that_has_begun_is_not_made_again_by_a_new_schedule(
    store: Store, clock: FakeClock, service: Service
) -> None:
    """Who deploys anew while a run is about to start gets other schedules, and no second run."""
    await deploy(store, clock(), 1, hourly())
    await work(store, service, clock())
    await Batcher(store).write(flow_runs.change, (await runs(store))[0].id, {"auto_scheduled": False}, clock())
    await deploy(store, clock(), 1, hourly() | {"id": schedule_id(9)})
    await work(store, service, clock())
    assert await hours(store) == [12, 13, 14]


CHANGES = {
    "changed": (deployment_schedules.change, schedule_id(1), {"parameters": {"x": 1}}),
    "switched off": (deployment_schedules.change, schedule_id(1), {"active": False}),
    "deleted": (deployment_schedules.delete_one, schedule_id(1)),
    "paused": (deployments.set_paused, True, lambda _: None),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_changed_while_it_is_looked_at_makes_no_outdated_run(
    store: Store, clock: FakeClock, chance: Chance, change: str
) -> None:
    """Also where the clock did not move on meanwhile."""
    deployed, batcher = await deploy(store, clock(), 1, hourly()), Batcher(store)
    due = await batcher.write(scheduling.due, clock(), 10)
    function, *args = CHANGES[change]
    await batcher.write(function, deployed, *args, clock())
    await schedule_due(batcher, due, clock(), HORIZON, chance)
    assert await count(store) == 0
    left = await batcher.write(scheduling.due, clock(), 10)
    assert [x.id for x in left] == ([] if change == "deleted" else [schedule_id(1)])


async def test_several_schedulers_make_each_run_once(store: Store, clock: FakeClock, chance: Chance) -> None:
    """As when a leader does not know yet that it is none any more."""
    for number in range(30):
        await deploy(store, clock(), number + 1, hourly())
    services = [scheduler(HORIZON, 5, chance) for _ in range(4)]
    await asyncio.gather(*(work(store, x, clock()) for x in services))
    assert await count(store) == 90
    await check(store)


@pytest.mark.parametrize("wrong", [{"cron": "0 0 30 2 *"}, {"interval": 1.0}, {"rrule": "FREQ=NEVER"}])
async def test_a_wrong_schedule_stops_no_other_and_is_logged(
    store: Store, clock: FakeClock, service: Service, wrong: dict[str, Any]
) -> None:
    """It is tried again after a while."""
    await deploy(store, clock(), 1, scheduled(wrong))
    await deploy(store, clock(), 2, hourly())
    with capture_logs() as lines:
        await work(store, service, clock())
    assert await hours(store) == [12, 13, 14]
    assert [x["schedule"] for x in lines if x["event"] == "schedule failed"] == [schedule_id(1)]
    assert await work(store, service, clock()) == 0
    clock.advance(seconds=60)
    with capture_logs() as lines:
        await work(store, service, clock())
    assert [x["schedule"] for x in lines if x["event"] == "schedule failed"] == [schedule_id(1)]


async def test_a_schedule_that_can_not_be_written_stops_no_other(
    store: Store, clock: FakeClock, chance: Chance, service: Service
) -> None:
    """One of those that are written together; it is logged and put off."""
    for number in (1, 2):
        await deploy(store, clock(), number, hourly())
    batcher = Batcher(store)
    await batcher.write(refuse_runs_of, deployment_id(1))
    with capture_logs() as lines:
        await work(store, service, clock())
    assert await hours(store, lambda x: x.deployment_id == deployment_id(2)) == [12, 13, 14]
    assert await count(store) == 3
    assert [x["schedule"] for x in lines if x["event"] == "schedule failed"] == [schedule_id(1)]
    assert await work(store, service, clock()) == 0


def refuse_runs_of(conn: Connection, deployment: str) -> None:
    """Have the database take no run of this deployment."""
    when = f"WHEN (NEW.deployment_id = '{deployment}')"
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT ON flow_runs {when} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
    else:
        body = "BEGIN RAISE EXCEPTION 'refused'; END"
        conn.exec_driver_sql(f"CREATE FUNCTION refuse() RETURNS trigger AS $${body}$$ LANGUAGE plpgsql")
        conn.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT ON flow_runs FOR EACH ROW {when} EXECUTE FUNCTION refuse()"
        )
