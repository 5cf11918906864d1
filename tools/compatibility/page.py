"""The page docs/compatibility.md: the peer's operations, each with how far it is there.

What lives here: the comparison of outlines and the page's text. What does not: outlines (outline.py) and notes
(notes.py).
"""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import groupby

import msgspec

from tools.compatibility.notes import Note, Notes
from tools.compatibility.outline import Outline, Outlines, shape
from tools.compatibility.peer import PEER_VERSION

DONE, PARTIAL, MISSING = "done", "partial", "missing"

_HEAD = f"""# Compatibility

How far Interlock's API goes towards that of Prefect's server {PEER_VERSION}, operation by operation. This page is
written by `./run compatibility` from the two OpenAPI documents and from the notes in `compatibility_notes.toml`; a test
fails when it is out of date. An operation is *partial* where a parameter, a field of the body or a field of the answer
is missing, or where its note says that it does less. That what is there also behaves alike is what the comparison suite
holds: it replays recorded requests and compares whole answers.
"""


class Row(msgspec.Struct, frozen=True):
    """An operation of the peer: its state, the fields that are missing, and the notes on it."""

    operation: str
    tag: str
    state: str
    missing: tuple[str, ...]
    notes: tuple[Note, ...]


def rows(peer: Outlines, ours: Outlines, notes: Notes) -> list[Row]:
    """Every operation of the peer, in the order of its document."""
    mine = {shape(operation): outline for operation, outline in ours.items()}
    return [_row(operation, outline, mine.get(shape(operation)), notes) for operation, outline in peer.items()]


def _row(operation: str, peer: Outline, ours: Outline | None, notes: Notes) -> Row:
    found = tuple(notes.about(operation))
    if ours is None:
        return Row(operation, peer["tag"], MISSING, (), found)
    meant = [pattern for note in found for pattern in note.ours]
    missing = tuple(x for x in _lacking(peer, ours) if not any(fnmatchcase(x, y) for y in meant))
    is_partial = missing or any(x.partial for x in found)
    return Row(operation, peer["tag"], PARTIAL if is_partial else DONE, missing, found)


def _lacking(peer: Outline, ours: Outline) -> Iterator[str]:
    kinds = (
        ("parameter", peer["parameters"], ours["parameters"]),
        ("body", peer["body"], ours["body"]),
        ("answer", peer["answer"], ours["answer"]),
    )
    for kind, wanted, given in kinds:
        absent = [x for x in wanted if x not in given]
        # Where a whole field is missing, those within it are not told one by one.
        yield from (f"{kind} {x}" for x in absent if not any(x.startswith(f"{y}.") for y in absent))


def additions(peer: Outlines, ours: Outlines) -> list[str]:
    """Our operations that the peer has not."""
    known = {shape(x) for x in peer}
    return sorted((x for x in ours if shape(x) not in known), key=lambda x: x.split(" ", 1)[::-1])


def added_fields(peer: Outlines, ours: Outlines) -> Counter[str]:
    """Parameters and fields of ours that the peer's operation has not, and in how many operations each is."""
    theirs = {shape(operation): outline for operation, outline in peer.items()}
    shared = [(outline, theirs[shape(x)]) for x, outline in ours.items() if shape(x) in theirs]
    return Counter(field for outline, other in shared for field in _lacking(outline, other))


def page(peer: Outlines, ours: Outlines, notes: Notes) -> str:
    """The whole page."""
    found = rows(peer, ours, notes)
    parts = [_HEAD, _summary(found), "## Operations\n"]
    for tag, members in groupby(sorted(found, key=lambda x: x.tag.lower()), key=lambda x: x.tag):
        parts.append(_table(tag, list(members)))
    parts += [_added(peer, ours), _differences(notes), _left_out(notes)]
    return "\n".join(parts)


def _summary(found: list[Row]) -> str:
    counts = Counter(x.state for x in found)
    lines = [f"| {state} | {counts[state]} |" for state in (DONE, PARTIAL, MISSING)]
    return "\n".join(["| state | operations |", "|---|--:|", *lines, f"| all | {len(found)} |", ""])


def _table(tag: str, members: list[Row]) -> str:
    lines = [f"### {tag}\n", "| operation | state | |", "|---|---|---|"]
    lines += [f"| `{x.operation}` | {x.state} | {_remarks(x)} |" for x in members]
    return "\n".join([*lines, ""])


def _remarks(row: Row) -> str:
    lacking = f"Missing: {', '.join(f'`{x}`' for x in row.missing)}." if row.missing else ""
    return " ".join([*([lacking] if lacking else []), *(x.text for x in row.notes)])


def _added(peer: Outlines, ours: Outlines) -> str:
    operations = [f"- `{x}`" for x in additions(peer, ours)] or ["No operation yet."]
    fields = [f"| `{field}` | {number} |" for field, number in sorted(added_fields(peer, ours).items())]
    return "\n".join(
        [
            "## What the peer has not\n",
            *operations,
            "\n| parameter or field | operations |",
            "|---|--:|",
            *fields,
            "",
        ]
    )


def _differences(notes: Notes) -> str:
    lines = [
        "## Deliberate differences\n",
        "Where Interlock is meant to answer otherwise than the peer, and only there. The comparison suite refers to "
        "these letters.\n",
    ]
    for x in notes.differences:
        lines.append(f"**{x.letter}. {x.title}** {x.reason}\n")
        lines += [f"- {example}" for example in x.examples] + [""] * bool(x.examples)
    return "\n".join(lines)


def _left_out(notes: Notes) -> str:
    return "\n".join(["## Left out on purpose\n", *(f"- {x}" for x in notes.left_out), ""])
