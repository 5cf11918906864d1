"""Run the published client: scripts and command line, each in the client's own interpreter and process.

Knows nothing of the server beyond its URL, and never imports the client.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
FLOWS = Path(__file__).parent / "flows"
INTERPRETER = ROOT / ".peers" / "prefect-2.20" / "bin" / "python"
INTERPRETER_3 = ROOT / ".peers" / "prefect-3.9" / "bin" / "python"
EXECUTABLE = INTERPRETER.with_name("prefect")
TAIL = 4000
TIMEOUT = 120.0

Found = TypeVar("Found")


@dataclass(frozen=True)
class Outcome:
    """A finished client process."""

    command: str
    exit_code: int
    stdout: str
    stderr: str

    def expect(self, exit_code: int = 0) -> "Outcome":
        """Return this outcome, or fail with both streams' ends if it ended otherwise."""
        assert self.exit_code == exit_code, self.explain(f"exited with {self.exit_code}, not {exit_code}")
        return self

    @property
    def result(self) -> Any:
        """The JSON value which a script printed as its last line."""
        lines = self.stdout.strip().splitlines()
        assert lines, self.explain("printed no result")
        try:
            return json.loads(lines[-1])
        except json.JSONDecodeError as error:
            raise AssertionError(self.explain(f"printed no JSON as its last line ({error})")) from None

    def explain(self, what: str) -> str:
        """An assertion message: what went wrong and what the client said."""
        streams = (f"--- {name}\n{text[-TAIL:]}" for name, text in (("stdout", self.stdout), ("stderr", self.stderr)))
        return "\n".join((f"{self.command}: {what}", *streams))


@dataclass
class Running:
    """A client process under way; its output goes to files, so that it never blocks on a full pipe."""

    command: str
    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def finish(self, timeout: float = TIMEOUT) -> Outcome:
        """Wait for the end, at most `timeout` seconds; past that the process is killed and the test fails."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(self._outcome().explain(f"still running after {timeout} s")) from None
        return self._outcome()

    def assert_running(self) -> None:
        """Fail with what the process said if it has ended."""
        if self.process.poll() is not None:
            raise AssertionError(self._outcome().explain(f"ended early, with {self.process.returncode}"))

    def kill(self) -> None:
        """End the process now; harmless if it has ended."""
        self.process.kill()
        self.process.wait()

    def _outcome(self) -> Outcome:
        return Outcome(self.command, self.process.returncode, self.stdout.read_text(), self.stderr.read_text())


@dataclass
class Client:
    """A user with one home folder, one client and one server."""

    api_url: str
    home: Path
    interpreter: Path = INTERPRETER
    processes: list[Running] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """The whole environment of a client process: nothing leaks in from this one."""
        return {
            "PATH": f"{self.interpreter.parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "PREFECT_HOME": str(self.home / ".prefect"),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "COLUMNS": "250",
        }

    def start(self, *command: str | Path, env: Mapping[str, str] | None = None) -> Running:
        """Start a process in the home folder; `env` is added to its environment."""
        name = f"process-{len(self.processes)}"
        stdout, stderr = self.home / f"{name}.out", self.home / f"{name}.err"
        with stdout.open("w") as out, stderr.open("w") as err:
            process = subprocess.Popen(
                command,
                env=self.environment() | dict(env or {}),
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        running = Running(" ".join(map(str, command)), process, stdout, stderr)
        self.processes.append(running)
        return running

    def start_script(self, name: str, *arguments: str) -> Running:
        """Start `flows/<name>.py`."""
        return self.start(self.interpreter, FLOWS / f"{name}.py", *arguments)

    def script(self, name: str, *arguments: str, timeout: float = TIMEOUT) -> Any:
        """Run `flows/<name>.py` to its end, which must be a success; return the JSON of its last line."""
        return self.start_script(name, *arguments).finish(timeout).expect().result

    def prefect(self, *arguments: str) -> Outcome:
        """Run the `prefect` executable to its end."""
        return self.start(self.interpreter.with_name("prefect"), *arguments).finish()

    def close(self) -> None:
        """End whatever still runs."""
        for running in self.processes:
            running.kill()


def wait_until(probe: Callable[[], Found | None], what: str, timeout: float = TIMEOUT) -> Found:
    """Poll `probe` until it returns something true; fail, naming `what`, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(0.05)
    raise AssertionError(f"gave up after {timeout} s: {what}")
