"""The outlines of the peers' APIs: taken from their installed packages, and kept as data: checks need no peer."""

import gzip
import json
import subprocess
from pathlib import Path

from tools.compatibility.outline import Outlines, outlines

PEERS = {"2.20.25": "prefect-2.20", "3.9.1": "prefect-3.9"}
"""The last server of each line of clients, and the environment under `.peers/` that has it."""

_HERE = Path(__file__).parent
_ENVIRONMENTS = _HERE.parents[1] / ".peers"
_PRINT_DOCUMENT = (
    "import json; from prefect.server.api.server import create_api_app as create; print(json.dumps(create().openapi()))"
)


def take() -> None:
    """Keep the outlines of the installed peers."""
    for version, environment in PEERS.items():
        python = _ENVIRONMENTS / environment / "bin" / "python"
        ended = subprocess.run([python, "-c", _PRINT_DOCUMENT], check=True, capture_output=True, text=True)
        text = json.dumps(outlines(json.loads(ended.stdout.splitlines()[-1])), separators=(",", ":"))
        _kept_at(version).write_bytes(gzip.compress(text.encode(), mtime=0))


def kept() -> dict[str, Outlines]:
    """The outlines kept, by the peer's version."""
    return {version: json.loads(gzip.decompress(_kept_at(version).read_bytes())) for version in PEERS}


def _kept_at(version: str) -> Path:
    return _HERE / f"peer_{version}.json.gz"
