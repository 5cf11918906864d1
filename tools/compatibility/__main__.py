"""`python -m tools.compatibility`: write docs/compatibility.md, and say how far the API is."""

import argparse
from collections import Counter

from interlock.api.app import documented_api
from tools.compatibility import peer
from tools.compatibility.notes import NOTES, Notes
from tools.compatibility.outline import Outlines, outlines
from tools.compatibility.page import page, rows

PAGE = NOTES.with_name("compatibility.md")


def ours() -> Outlines:
    """The outlines of this API."""
    return outlines(documented_api().openapi())


def main() -> None:
    """Parse the arguments and do what they ask for."""
    parser = argparse.ArgumentParser(prog="python -m tools.compatibility", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="first take the documents of the installed peers afresh")
    options = parser.parse_args()
    if options.peers:
        peer.take()
    peers, mine, notes = peer.kept(), ours(), Notes.read()
    PAGE.write_text(page(peers, mine, notes))
    for version in peers:
        counts = Counter(x.states[version] for x in rows(peers, mine, notes) if version in x.states)
        print(f"{version}:", ", ".join(f"{number} {state}" for state, number in counts.most_common()))


if __name__ == "__main__":
    main()
