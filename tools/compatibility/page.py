"""The page docs/compatibility.md: the peers' operations, each with how far it is there for each line of clients.

What lives here: the comparison of outlines and the page's text. What does not: outlines (outline.py) and notes
(notes.py).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import groupby

import msgspec

from tools.compatibility.notes import Note, Notes
from tools.compatibility.outline import Outline, Outlines, shape

DONE, PARTIAL, MISSING = "done", "partial", "missing"
NO_SUCH = "–"
"""Stands where a peer has no such operation."""

Peers = Mapping[str, Outlines]
"""The outlines of each peer, by its version."""

_HEAD = """# Compatibility

How far Interlock's API goes towards those of Prefect's servers {versions}, the last of either line,
operation by operation. One server serves the clients of both. This page is written by `./run compatibility` from the
OpenAPI documents and from the notes in `compatibility_notes.toml`; a test fails when it is out of date. An operation is
*partial* where a parameter, a field of the body or a field of the answer is missing, or where its note says that it
does less; a dash stands where that server has no such operation. That what is there also behaves alike is what the
comparison suite holds for 2.20.25: it replays recorded requests and compares whole answers. For 3.9.1 its own client's
models make the bodies and read the answers, and its client and command line run against the server.
"""


class Row(msgspec.Struct, frozen=True):
    """An operation of a peer's: its state and the fields that are missing, by the peers that have it, and the notes."""

    operation: str
    tag: str
    states: dict[str, str]
    missing: dict[str, tuple[str, ...]]
    notes: tuple[Note, ...]


def rows(peers: Peers, ours: Outlines, notes: Notes) -> list[Row]:
    """Every operation that a peer has, in the order of the documents, under the name that the newest has for it."""
    mine = {shape(operation): outline for operation, outline in ours.items()}
    named = {shape(operation): operation for outlines in peers.values() for operation in outlines}
    theirs = {version: {shape(x): y for x, y in outlines.items()} for version, outlines in peers.items()}
    return [
        _row(operation, {v: x[key] for v, x in theirs.items() if key in x}, mine.get(key), notes)
        for key, operation in named.items()
    ]


def _row(operation: str, peers: Mapping[str, Outline], ours: Outline | None, notes: Notes) -> Row:
    found = tuple(notes.about(operation))
    tag = list(peers.values())[-1]["tag"]
    if ours is None:
        return Row(operation, tag, dict.fromkeys(peers, MISSING), {}, found)
    meant = [pattern for note in found for pattern in note.ours]
    lacking = {version: tuple(x for x in _lacking(y, ours) if not _is_meant(x, meant)) for version, y in peers.items()}
    less = any(x.partial for x in found)
    states = {version: PARTIAL if less or missing else DONE for version, missing in lacking.items()}
    return Row(operation, tag, states, {version: x for version, x in lacking.items() if x}, found)


def _is_meant(field: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(field, x) for x in patterns)


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


def additions(peers: Peers, ours: Outlines) -> list[str]:
    """Our operations that no peer has."""
    known = {shape(x) for outlines in peers.values() for x in outlines}
    return sorted((x for x in ours if shape(x) not in known), key=lambda x: x.split(" ", 1)[::-1])


def added_fields(peers: Peers, ours: Outlines) -> Counter[str]:
    """Parameters and fields of ours that no peer's operation has, and in how many operations each is."""
    theirs = [{shape(operation): outline for operation, outline in x.items()} for x in peers.values()]
    added: Counter[str] = Counter()
    for operation, outline in ours.items():
        others = [x[shape(operation)] for x in theirs if shape(operation) in x]
        lacking = [set(_lacking(outline, x)) for x in others]
        added.update(set.intersection(*lacking) if lacking else ())
    return added


def page(peers: Peers, ours: Outlines, notes: Notes) -> str:
    """The whole page."""
    found, versions = rows(peers, ours, notes), list(peers)
    parts = [_HEAD.format(versions=" and ".join(versions)), _summary(found, versions), "## Operations\n"]
    for tag, members in groupby(sorted(found, key=lambda x: x.tag.lower()), key=lambda x: x.tag):
        parts.append(_table(tag, list(members), versions))
    parts += [_added(peers, ours), _differences(notes), _newer(notes, versions[-1]), _left_out(notes)]
    return "\n".join(parts)


def _summary(found: list[Row], versions: list[str]) -> str:
    counts = {version: Counter(x.states[version] for x in found if version in x.states) for version in versions}
    lines = [
        _line(f"| {state} |", [str(counts[version][state]) for version in versions])
        for state in (DONE, PARTIAL, MISSING)
    ]
    total = _line("| all |", [str(counts[version].total()) for version in versions])
    return "\n".join([_line("| state |", versions), "|---|" + "--:|" * len(versions), *lines, total, ""])


def _line(first: str, cells: list[str]) -> str:
    return first + "".join(f" {x} |" for x in cells)


def _table(tag: str, members: list[Row], versions: list[str]) -> str:
    lines = [f"### {tag}\n", _line("| operation |", [*versions, ""]), "|---" * (len(versions) + 2) + "|"]
    for x in members:
        states = [x.states.get(version, NO_SUCH) for version in versions]
        lines.append(_line(f"| `{x.operation}` |", [*states, _remarks(x)]))
    return "\n".join([*lines, ""])


def _remarks(row: Row) -> str:
    lacking = [f"Missing of {version}: {', '.join(f'`{y}`' for y in x)}." for version, x in row.missing.items()]
    return " ".join([*lacking, *(x.text for x in row.notes)])


def _added(peers: Peers, ours: Outlines) -> str:
    operations = [f"- `{x}`" for x in additions(peers, ours)] or ["No operation yet."]
    fields = [f"| `{field}` | {number} |" for field, number in sorted(added_fields(peers, ours).items())]
    return "\n".join(
        [
            "## What no peer has\n",
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
        "Where Interlock is meant to answer otherwise than the peer, and only there. The peer is that of 2.20.25 where "
        "no other is named. The comparison suite refers to these letters.\n",
    ]
    for x in notes.differences:
        lines.append(f"**{x.letter}. {x.title}** {x.reason}\n")
        lines += [f"- {example}" for example in x.examples] + [""] * bool(x.examples)
    return "\n".join(lines)


def _newer(notes: Notes, version: str) -> str:
    lines = [
        f"## Where {version} answers otherwise\n",
        "The comparison suite compares with 2.20.25 alone. Beyond it:\n",
    ]
    return "\n".join([*lines, *(f"- **{x.title}.** {x.text}" for x in notes.newer), ""])


def _left_out(notes: Notes) -> str:
    return "\n".join(["## Left out on purpose\n", *(f"- {x}" for x in notes.left_out), ""])
