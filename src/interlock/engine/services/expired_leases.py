"""Leases of concurrency slots go when they have expired: they hold nothing any more, and would pile up.

What lives here: when. What does not: how (storage/queries/concurrency_leases.py).
"""

from interlock.engine.services import Service, in_one_write
from interlock.storage.queries import concurrency_leases

EXPIRED_LEASES = Service(
    name="expired leases", every_seconds=10, batch=100, step=in_one_write(concurrency_leases.delete_expired)
)
