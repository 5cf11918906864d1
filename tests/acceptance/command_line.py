"""A warm command line of the published client: many commands in one process, since importing it takes seconds."""

import json
import select
import subprocess

from .client import FLOWS, TIMEOUT, Client, Outcome


class CommandLine:
    """Runs `prefect` commands one after another, in `flows/<program>.py`."""

    def __init__(self, client: Client, program: str = "command_line") -> None:
        self.stderr = client.home / "command_line.err"
        with self.stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                [client.interpreter, FLOWS / f"{program}.py"],
                env=client.environment(),
                cwd=client.home,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def run(self, *argv: str, typed: str | None = None) -> Outcome:
        """Run one command; `typed` answers its prompts."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"argv": argv, "typed": typed}) + "\n")
        self.process.stdin.flush()
        return Outcome(command=f"prefect {' '.join(argv)}", **json.loads(self._reply()))

    def __call__(self, *argv: str, typed: str | None = None, exit_code: int = 0) -> str:
        """Run one command, which must end with `exit_code`; return what it printed."""
        return self.run(*argv, typed=typed).expect(exit_code).stdout

    def _reply(self) -> str:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            self.close()
            raise AssertionError(f"the command line did not answer:\n{self.stderr.read_text()}")
        return line

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def cells(output: str) -> list[list[str]]:
    """The rows of a printed table, each a list of its cells' texts; the heading is left out."""
    rows = [line.strip().strip("│").split("│") for line in output.splitlines() if line.strip().startswith("│")]
    return [[cell.strip() for cell in row] for row in rows]
