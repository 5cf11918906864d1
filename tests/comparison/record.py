"""The command: record the peer's answers afresh, compare a running server with them, or show them.

python -m tests.comparison.record                          start the peer, replay all cases, write answers/
python -m tests.comparison.record --only 'task_retries/*'  the same for some cases only
python -m tests.comparison.record --stale                  for those without an answer to their present form
python -m tests.comparison.record --against http://127.0.0.1:4200/api [--only ...]
python -m tests.comparison.record --show 'task_matrix/alone/RUNNING to PENDING/asked'
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.comparison.cases import all_cases, families, matching
from tests.comparison.differences import expected
from tests.comparison.model import Case
from tests.comparison.peer import NEW_LINE, OLD_LINE, running_peer
from tests.comparison.recordings import Recording, differing, load, save
from tests.comparison.replay import replay

# A peer answers no faster over several connections, but then finds its database locked: so several, one request each.
PEERS = 2
CONNECTIONS = 16


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    chosen = matching(all_cases(), options.only or options.show or "*")
    if options.stale:
        chosen = without_answers(chosen)
    if not chosen:
        print("no case matches", file=sys.stderr)
        return 2
    if options.show:
        return show(chosen)
    if options.against:
        return compare(options.against, chosen, options.connections)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the peers end too
    return max(_record_line(x, [case for case in chosen if (case.peer or OLD_LINE) == x]) for x in (OLD_LINE, NEW_LINE))


def _record_line(line: str, chosen: Sequence[Case]) -> int:
    if not chosen:
        return 0
    with ExitStack() as stack, ThreadPoolExecutor() as starter:
        urls = list(starter.map(lambda _: stack.enter_context(running_peer(line)), range(PEERS)))
        return record(urls, chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.comparison.record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", metavar="PATTERN", help="cases by a shell pattern, or the beginning, of family/name")
    parser.add_argument("--stale", action="store_true", help="only cases without an answer to their present form")
    parser.add_argument("--against", metavar="URL", help="compare the server at this base URL, which ends in /api")
    parser.add_argument("--show", metavar="PATTERN", help="print the requests and recorded answers of cases")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="how many cases to compare at once")
    return parser


def without_answers(chosen: Sequence[Case]) -> list[Case]:
    recordings = load(families(chosen))
    return [case for case in chosen if case.key not in recordings or not recordings[case.key].fits(case)]


def record(urls: Sequence[str], chosen: Sequence[Case]) -> int:
    """Replay the cases on the peers and write what they answer; recordings of other cases stay, those of no case go."""
    everything = all_cases()
    recordings = load(families(everything))
    problems: list[str] = []

    def share(index: int) -> None:
        for case, result in replay(urls[index], chosen[index :: len(urls)], 1):
            if isinstance(result, Exception):
                problems.append(f"{case.key}: {result!r}")
            else:
                recordings[case.key] = Recording(case.fingerprint(), result)

    with ThreadPoolExecutor() as threads:
        list(threads.map(share, range(len(urls))))
    save(everything, recordings)
    print("\n".join([*problems, f"{len(chosen) - len(problems)} cases recorded"]))
    return 1 if problems else 0


def compare(url: str, chosen: Sequence[Case], connections: int) -> int:
    """Replay the cases on a server and print each difference from what Interlock is to answer."""
    recordings = load(families(chosen))
    stale = {case.key for case in without_answers(chosen)}
    failures: Counter[str] = Counter()
    for case, result in replay(url, chosen, connections):
        if case.key in stale:
            lines = ["no answer recorded for its present form"]
        elif isinstance(result, Exception):
            lines = [repr(result)]
        else:
            lines = differing(expected(case, recordings), result)
        if lines:
            failures[case.family] += 1
            print("\n    ".join([case.key, *lines]))
    for family, count in Counter(case.family for case in chosen).items():
        print(f"{family}: {count - failures[family]} of {count} alike")
    return 1 if failures else 0


def show(chosen: Sequence[Case]) -> int:
    recordings = load(families(chosen))
    for case in chosen:
        answers = recordings[case.key].answers if case.key in recordings else {}
        print(f"# {case.key}")
        for step in case.steps:
            print(f"{step.name}: {step.method} {step.path} {json.dumps(step.body)} {dict(step.headers) or ''}")
            if step.name in answers:
                answer = answers[step.name]
                print(f"  -> {answer.status} {json.dumps(answer.body, indent=1, ensure_ascii=False)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
