"""What no document tells: written by hand in docs/compatibility_notes.toml."""

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

import msgspec

NOTES = Path(__file__).parents[2] / "docs" / "compatibility_notes.toml"


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """About the operations that match a shell pattern, `POST /work_pools/*`.

    `ours` are patterns of fields, `answer PREFECT_*`, that are meant to be missing. `partial` says that the operation
    does less than its fields tell.
    """

    operations: str
    text: str
    ours: tuple[str, ...] = ()
    partial: bool = False


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deliberate difference, with its reason. `examples` are cases of it."""

    letter: str
    title: str
    reason: str
    examples: tuple[str, ...] = ()


class Newer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the peer of the newer line answers otherwise, and why Interlock does not."""

    title: str
    text: str


class Notes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All notes."""

    notes: tuple[Note, ...]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]
    newer: tuple[Newer, ...] = ()

    @classmethod
    def read(cls) -> Self:
        """The notes as they are written down."""
        return cls.of(tomllib.loads(NOTES.read_text()))

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """The notes in a decoded file; raises where they are not as they should be."""
        return msgspec.convert(values, cls)

    def about(self, operation: str) -> list[Note]:
        """The notes on one operation."""
        return [x for x in self.notes if fnmatchcase(operation, x.operations)]
