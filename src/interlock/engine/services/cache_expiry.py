"""Cache entries go when they have expired: nobody can take them any more, and they would pile up."""

from interlock.engine.services import Service
from interlock.storage.queries import cache_entries

CACHE_EXPIRY = Service(name="cache expiry", every_seconds=60, batch=1000, step=cache_entries.delete_expired)
