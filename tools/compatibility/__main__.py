"""`python -m tools.compatibility`: write docs/compatibility.md, and say how far the API is."""

import argparse
from collections import Counter
from pathlib import Path

from interlock.api.app import documented_api
from tools.compatibility import peer
from tools.compatibility.notes import NOTES, Notes
from tools.compatibility.outline import Outlines, outlines
from tools.compatibility.page import page, rows

PAGE = NOTES.with_name("compatibility.md")
PEER_PYTHON = NOTES.parents[1] / ".peers" / "prefect-2.20" / "bin" / "python"


def ours() -> Outlines:
    """The outlines of this API."""
    return outlines(documented_api().openapi())


def main() -> None:
    """Parse the arguments and do what they ask for."""
    parser = argparse.ArgumentParser(prog="python -m tools.compatibility", description=__doc__)
    parser.add_argument(
        "--peer",
        type=Path,
        nargs="?",
        const=PEER_PYTHON,
        metavar="PYTHON",
        help="first take the peer's document afresh, with the interpreter beside which the peer is installed",
    )
    options = parser.parse_args()
    if options.peer is not None:
        peer.take(options.peer)
    mine, notes = ours(), Notes.read()
    PAGE.write_text(page(peer.kept(), mine, notes))
    counts = Counter(x.state for x in rows(peer.kept(), mine, notes))
    print(", ".join(f"{number} {state}" for state, number in counts.most_common()), "->", PAGE)


if __name__ == "__main__":
    main()
