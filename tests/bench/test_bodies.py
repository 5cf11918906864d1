"""The load's requests are those of the published client, byte for byte where they were recorded from it."""

import json

from bench.bodies import TaskRunRequests, encode, id_of
from bench.http_client import Target

FLOW_RUN = "9d07a8ff-3c0d-4571-89a1-1cb2befc3d85"
TASK_RUN = "add2311b-55cc-4ab5-a519-c1a8cb81034e"
TARGET = Target("127.0.0.1", 4200, "/api")
HEAD = (
    "Host: 127.0.0.1:4200\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
    "User-Agent: prefect/2.20.25 (API 0.8.4)\r\nX-PREFECT-API-VERSION: 0.8.4\r\n"
)
DETAILS = (
    '"child_flow_run_id":null,"scheduled_time":null,"cache_key":null,"cache_expiration":null,"untrackable_result":%s,'
    '"pause_timeout":null,"pause_reschedule":false,"pause_key":null,"run_input_keyset":null,"refresh_cache":%s,'
    '"retriable":null,"transition_id":null,"task_parameters_id":null}'
)
RUNNING = (
    '{"state":{"type":"RUNNING","name":"Running","message":null,"state_details":{"flow_run_id":null,"task_run_id":'
    f'"{TASK_RUN}",{DETAILS % ("false", "false")},"data":null}},"force":false}}'
)
COMPLETED = (
    '{"state":{"type":"COMPLETED","name":"Completed","message":null,"state_details":{"flow_run_id":null,"task_run_id":'
    f'"{TASK_RUN}",{DETAILS % ("true", "null")},"data":{{"type":"unpersisted","artifact_type":"result",'
    '"artifact_description":"Unpersisted result of type `int`"}},"force":false}'
)
CREATE = (
    '{"state":{"type":"PENDING","name":"Pending","message":null,"state_details":{"flow_run_id":null,'
    f'"task_run_id":null,{DETAILS % ("false", "null")},"data":null}},"name":"double-00000007",'
    f'"flow_run_id":"{FLOW_RUN}","task_key":"double-3611945e","dynamic_key":"00000007","cache_key":null,'
    '"cache_expiration":null,"task_version":null,"empirical_policy":{"max_retries":0,"retry_delay_seconds":0,'
    '"retries":0,"retry_delay":0,"retry_jitter_factor":null},"tags":[],"task_inputs":{"x":[]}}'
)


def request(path: str, body: str) -> bytes:
    head = f"POST /api{path} HTTP/1.1\r\n{HEAD}Content-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
    return (head + body).encode()


def test_a_task_run_is_created_as_the_client_does() -> None:
    assert TaskRunRequests(TARGET, FLOW_RUN).create(7) == request("/task_runs/", CREATE)


def test_a_task_run_is_set_to_running_and_completed_as_the_client_does() -> None:
    path = f"/task_runs/{TASK_RUN}/set_state"
    assert TaskRunRequests(TARGET, FLOW_RUN).transitions(7, TASK_RUN.encode()) == (
        ("RUNNING", request(path, RUNNING)),
        ("COMPLETED", request(path, COMPLETED)),
    )


def test_the_id_of_a_created_run_is_found_wherever_it_stands() -> None:
    assert id_of(encode({"id": TASK_RUN, "name": "double-0"})) == TASK_RUN.encode()
    assert id_of(json.dumps({"state": {"id": FLOW_RUN}, "id": TASK_RUN}).encode()) == TASK_RUN.encode()
