"""Builds the page from web/ into src/interlock/page: `./run page`, or `python -m tools.page FOLDER`.

What lives here: the order of the steps, and what they need. What does not: the bundling (web/build.mjs).
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from interlock.api.app import documented_api

ROOT = Path(__file__).parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "interlock" / "page"
OPTIONS = ("--output", "src/api-types.ts", "--default-non-nullable", "false")
"""What has a default may be left out."""

STAMP = WEB / "node_modules" / ".package-lock.json"
"""Written by npm: what is installed."""


def build(folder: Path = BUILT) -> None:
    """Check the sources and bundle them into a folder; raises CalledProcessError where a step fails."""
    install()
    _write_types()
    _run("node_modules/.bin/tsc")
    _run("node", "build.mjs", str(folder.resolve()))


def is_possible() -> bool:
    """Whether this machine has what building takes."""
    return shutil.which("npm") is not None


def install() -> None:
    """Install the locked packages, unless they are there."""
    lock = WEB / "package-lock.json"
    if not STAMP.exists() or STAMP.stat().st_mtime < lock.stat().st_mtime:
        _run("npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error")


def _write_types() -> None:
    """The types of all that the API takes and answers, from its own document."""
    document = WEB / "openapi.json"
    document.write_text(json.dumps(documented_api().openapi()))
    _run("node_modules/.bin/openapi-typescript", document.name, *OPTIONS, quiet=True)


def _run(*command: str, quiet: bool = False) -> None:
    subprocess.run(command, cwd=WEB, check=True, stdout=subprocess.DEVNULL if quiet else None)


def main() -> None:
    if not is_possible():
        sys.exit(
            "Building the page takes Node.js 20 or newer with npm. A checkout runs without: the built page is in it."
        )
    build(*map(Path, sys.argv[1:2]))


if __name__ == "__main__":
    main()
