"""The outlines of the peer's API: taken from its installed package, and kept as data so that checks need no peer."""

import gzip
import json
import subprocess
from pathlib import Path

from tools.compatibility.outline import Outlines, outlines

PEER_VERSION = "2.20.25"
KEPT = Path(__file__).with_name(f"peer_{PEER_VERSION}.json.gz")
_PRINT_DOCUMENT = (
    "import json; from prefect.server.api.server import create_api_app as create; print(json.dumps(create().openapi()))"
)


def take(python: Path) -> None:
    """Keep the outlines of the peer that is installed beside this interpreter."""
    printed = subprocess.run([python, "-c", _PRINT_DOCUMENT], check=True, capture_output=True, text=True).stdout
    text = json.dumps(outlines(json.loads(printed)), separators=(",", ":"))
    KEPT.write_bytes(gzip.compress(text.encode(), mtime=0))


def kept() -> Outlines:
    """The outlines kept."""
    found: Outlines = json.loads(gzip.decompress(KEPT.read_bytes()))
    return found
