"""What the server asks of a database, whichever it is.

What lives here: the Store protocol, the shape of a batch and the errors a store raises. What does not: any driver
(sqlite.py).
"""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
from sqlalchemy import Connection

from interlock.orchestration.commands import Command
from interlock.orchestration.decision import Decision

P = ParamSpec("P")
T = TypeVar("T")

Query = Callable[Concatenate[Connection, P], T]
"""A plain function that runs statements on the connection it is given, and neither commits nor rolls back."""


class Write(msgspec.Struct, frozen=True):
    """A change that needs no decision: a function that is run inside the batch's transaction, on a savepoint."""

    function: Callable[[Connection], Any]


BatchItem = Command | Write


class StoreUnavailableError(Exception):
    """The database can't be reached, is full, read-only or busy: nothing of the batch was written. Worth a retry."""


class NewerDatabaseError(Exception):
    """The database was made by a newer version of this program."""


class Store(Protocol):
    """A database that keeps the ledger."""

    async def start(self) -> None:
        """Open the database, bringing its schema up to date; raises NewerDatabaseError."""
        ...

    async def close(self) -> None:
        """Finish what is under way and close the database."""
        ...

    async def read(self, query: "Query[P, T]", *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query that changes nothing, beside the writes; raises StoreUnavailableError."""
        ...

    async def commit(self, items: Sequence[BatchItem]) -> Sequence[Decision | Any | Exception]:
        """Carry out a batch in one transaction and answer after its commit, one outcome an item in their order.

        An item that can't be carried out has its exception as its outcome and changes nothing. Raises
        StoreUnavailableError when the transaction as a whole fails: then nothing of it was written.
        """
        ...
