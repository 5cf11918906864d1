"""The client's command line, kept warm: a line of JSON in, `{"argv": [...], "typed": "..."}`, and a line out.

Importing the client takes seconds. This runs the same Typer application as the `prefect` executable, command after
command, in one process.
"""

import json
import sys

from prefect.cli import app
from typer.testing import CliRunner


def main() -> None:
    """Answer each line with the exit code and the output."""
    runner = CliRunner()
    for line in sys.stdin:
        command = json.loads(line)
        ended = runner.invoke(app, command["argv"], input=command["typed"])
        unexpected = ended.exception if not isinstance(ended.exception, SystemExit | None) else None
        error = repr(unexpected) if unexpected else ""
        print(json.dumps({"exit_code": ended.exit_code, "stdout": ended.output, "stderr": error}), flush=True)


if __name__ == "__main__":
    main()
