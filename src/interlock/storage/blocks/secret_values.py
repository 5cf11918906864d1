"""Secret values in the data of a block document: masked on the way out, kept where the mask comes back.

A path tells where a secret is: `password`, `login.password`, or `headers.*` for all that is under `headers`. A secret
that is an object is secret in all its values.

What lives here: masking and unmasking of plain data. What does not: encryption (queries/sealing.py).
"""

from collections.abc import Sequence
from typing import Any

MASK = "********"

Data = dict[str, Any]
Path = tuple[str, ...]


def masked(data: Data, paths: Sequence[str]) -> Data:
    """The data with the mask in place of every secret that has a value; all under a `*` is masked, values or not."""
    flat = _flattened(data)
    for path in map(_steps, paths):
        for place in _places(path, flat, flat):
            flat[place] = MASK
    return _nested(flat)


def unmasked(data: Data, current: Data, paths: Sequence[str]) -> Data:
    """New data with the current secrets where it holds but the mask: whoever sent it had not seen them."""
    flat, stored = _flattened(data), _flattened(current)
    for path in map(_steps, paths):
        for place in _places(path, stored, flat):
            if flat.get(place) == MASK and place in stored:
                flat[place] = stored[place]
    return _nested(flat)


def _places(path: Path, known: dict[Path, Any], flat: dict[Path, Any]) -> list[Path]:
    """The places that a path stands for: itself where it is known to have a value, else those under it or its `*`."""
    if known.get(path) is not None:
        return [path]
    return [place for place in flat if _is_under(place, path)]


def _is_under(place: Path, path: Path) -> bool:
    """Whether a place is under a path, or under the part of it in front of its `*`."""
    if "*" not in path:
        return len(place) > len(path) and place[: len(path)] == path
    above = path[: path.index("*")]
    return place[: len(above)] == above


def _steps(path: str) -> Path:
    return tuple(path.split("."))


def _flattened(data: Data, above: Path = ()) -> dict[Path, Any]:
    """Each value by its place. Lists and empty objects are values."""
    flat: dict[Path, Any] = {}
    for key, value in data.items():
        place = (*above, key)
        flat |= _flattened(value, place) if isinstance(value, dict) and value else {place: value}
    return flat


def _nested(flat: dict[Path, Any]) -> Data:
    data: Data = {}
    for place, value in flat.items():
        within = data
        for key in place[:-1]:
            within = within.setdefault(key, {})
        within[place[-1]] = value
    return data
