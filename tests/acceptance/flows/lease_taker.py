"""Take slots of a global limit, which must be free at once, and print how many are taken meanwhile."""

import json
import sys

from prefect import get_client
from prefect.concurrency.sync import concurrency

NAME, SLOTS = sys.argv[1], int(sys.argv[2])

with (
    concurrency(NAME, occupy=SLOTS, max_retries=0, strict=True),
    get_client(sync_client=True) as client,
):
    print(json.dumps(client.read_global_concurrency_limit_by_name(NAME).active_slots))
