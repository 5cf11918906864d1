"""Why a command could not be decided at all: the run it names is unknown, or it clashes with what is stored."""


class Refusal(Exception):
    """A command that is refused before anything is written."""


class NotFoundError(Refusal):
    """The command names a run that does not exist."""


class ConflictError(Refusal):
    """The command clashes with a stored record, or refers to one that does not exist."""


class UnstorableError(Refusal):
    """The command holds a value that the database can't keep."""
