"""What the server asks of a database, whichever it is.

What lives here: the Store protocol, the shape of a batch and the errors a store raises. What does not: any driver
(sqlite.py, postgres.py).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar

import msgspec
from sqlalchemy import Connection

from interlock.orchestration.commands import Command
from interlock.orchestration.decision import Decision

P = ParamSpec("P")
T = TypeVar("T")

Query = Callable[Concatenate[Connection, P], T]
"""A plain function that runs statements on the connection it is given, and neither commits nor rolls back."""


def one_statement(query: "Query[P, T]") -> "Query[P, T]":
    """Mark a query that runs a single statement: it is a snapshot by itself, and needs no transaction around it."""
    query.is_one_statement = True  # type: ignore[attr-defined]
    return query


def one_change(query: "Query[P, T]") -> "Query[P, T]":
    """Mark a change that is made often, finds by an index all that it asks for, whatever the statistics say, and in
    PostgreSQL is made by a single statement, if by any, so that it needs no transaction around it."""
    query.is_one_change = True  # type: ignore[attr-defined]
    return query


class Write(msgspec.Struct, frozen=True):
    """A change that needs no decision: a function that is run inside the batch's transaction, on a savepoint.

    `is_one_change`: see the decorator `one_change`.
    """

    function: Callable[[Connection], Any]
    is_one_change: bool = False


BatchItem = Command | Write

Durability = Literal["full", "normal"]
"""What a crash of the machine may cost: nothing, or the last moments."""


class StoreUnavailableError(Exception):
    """The database can't be reached, is full, read-only or busy: nothing of the batch was written. Worth a retry."""


class SlowQueryError(StoreUnavailableError):
    """The query took longer than any may, and was ended."""


class NewerDatabaseError(Exception):
    """The database was made by a newer version of this program."""


class Store(Protocol):
    """A database that keeps the ledger."""

    lanes: int
    """How many calls of `commit` may be under way at once."""

    readers: int
    """How many calls of `read` may be under way at once, and as many of `commit` with a lone Write."""

    batches_writes: bool
    """Whether a Write is best given to `commit` together with commands. Otherwise it is best given alone and at once:
    each has a transaction of its own, beside the others."""

    async def start(self) -> None:
        """Open the database, bringing its schema up to date; raises NewerDatabaseError, StoreUnavailableError."""
        ...

    async def close(self) -> None:
        """Finish what is under way and close the database."""
        ...

    async def read(self, query: "Query[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query that changes nothing, beside the writes; raises StoreUnavailableError."""
        ...

    async def commit(self, items: Sequence[BatchItem]) -> Sequence[Decision | Any | Exception]:
        """Carry out a batch and answer after its commit, one outcome an item in their order.

        All commands of a batch share a transaction. An item that can't be carried out has its exception as its outcome
        and changes nothing. Raises StoreUnavailableError when the transaction of the commands fails as a whole: then
        nothing of them was written, unless the connection broke during the commit itself.
        """
        ...

    async def administer(self, function: Callable[[Connection], T]) -> T:
        """Run a function in a transaction of its own that may take as long as it needs, one at a time across all
        servers on the database: changes of the schema. Works without `start`."""
        ...

    async def tell(self) -> None:
        """Have the functions called that others on the database gave to `listen`; it may be that some are not."""
        ...

    async def listen(self, hear: Callable[[], None]) -> None:
        """Call the function whenever another server tells, until cancelled."""
        ...

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while this server is the leader of those on the database, of which there is one at a time, until
        cancelled. The work is cancelled when the leadership is lost, and begun anew when it is won again."""
        ...
