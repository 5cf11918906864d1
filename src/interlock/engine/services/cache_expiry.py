"""Cache entries go when they have expired: nobody can take them any more, and they would pile up."""

from interlock.engine.services import Service, in_one_write
from interlock.storage.queries import cache_entries

CACHE_EXPIRY = Service(
    name="cache expiry", every_seconds=60, batch=1000, step=in_one_write(cache_entries.delete_expired)
)
