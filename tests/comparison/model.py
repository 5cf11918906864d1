"""What a comparison case is: a named sequence of HTTP steps, written without a server, a clock or an id.

Here live only the two records and the notation of a request. The families of cases are in the other modules, how a
case is sent is in `replay`, and what its answers become is in `normalise`.

Notation of a request, in its path, headers and body:

- `{name}` in a string: the `id` answered by the step `name`; `{flow}` and `{deployment}` are made once a replay;
- `{name_checksum}` and `{name_lease}`: the `checksum` and the `lease_id` answered by that step;
- `{unique}`: a text no other case and no other replay uses, for names, keys and tags;
- `{uuid_x}` for any x: an id made up by the client, new in every replay;
- `{"$now": s}`: the moment s seconds after the start of the case, in UTC; `{"$now": s, "offset": "+02:00"}` the
  same moment written with another offset;
- `{"$second": s}`: the moment s seconds after the last full second before the case began.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

JSON = Any


@dataclass(frozen=True)
class Step:
    """One request of a case. It is not sent where its path names the id of a step that was refused.

    `record` says whether the answer is compared; a step that isn't must succeed. `unordered` says that the answer is a
    list whose order the peer leaves to chance. `content` is sent as it is, for a body.
    """

    name: str
    method: str
    path: str
    body: JSON = None
    headers: Mapping[str, str] = field(default_factory=dict)
    record: bool = True
    unordered: bool = False
    content: str | None = None


@dataclass(frozen=True)
class Case:
    """Steps sent one after another. `jitter` bounds, in seconds, a delay that the server draws at random.

    `peer` names the line of the peer that answers it, where that is not 2.20.
    """

    family: str
    name: str
    steps: tuple[Step, ...]
    jitter: tuple[float, float] | None = None
    peer: str | None = None

    @property
    def key(self) -> str:
        return f"{self.family}/{self.name}"

    def fingerprint(self) -> str:
        """A short digest of all that is sent, to notice answers recorded for an older form of the case."""
        given = asdict(
            self, dict_factory=lambda pairs: {key: value for key, value in pairs if value not in (None, False)}
        )
        text = json.dumps(given, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
