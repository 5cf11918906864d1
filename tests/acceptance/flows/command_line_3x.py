"""The command line of the 3.x client, kept warm: as command_line.py, for an application of another make."""

import contextlib
import io
import json
import sys
from typing import Any

from prefect.cli import app


def run(argv: list[str], typed: str | None) -> dict[str, Any]:
    """Run a command as the `prefect` executable does; its exit code and its output."""
    said, error, code = io.StringIO(), "", 0
    sys.argv, sys.stdin = ["prefect", *argv], io.StringIO(typed or "")
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            app()
        except SystemExit as ended:
            code = int(ended.code or 0)
        except Exception as unexpected:
            code, error = 1, repr(unexpected)
    return {"exit_code": code, "stdout": said.getvalue(), "stderr": error}


def main() -> None:
    """Answer each line."""
    commands, answers = sys.stdin, sys.stdout
    for line in commands:
        command = json.loads(line)
        print(json.dumps(run(command["argv"], command["typed"])), file=answers, flush=True)


if __name__ == "__main__":
    main()
