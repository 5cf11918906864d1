"""Hold slots of a global limit until killed."""

import sys
import threading

from prefect.concurrency.sync import concurrency

with concurrency(sys.argv[1], occupy=int(sys.argv[2])):
    print("held", flush=True)
    threading.Event().wait()
