"""The docs name everything that there is."""

import re
import tomllib
from pathlib import Path

import pytest

from interlock.cli import LazyGroup
from interlock.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name: str) -> None:
    """With its variable."""
    assert f"`{ENV_PREFIX}{name.upper()}`" in text_of("README.md")


@pytest.mark.parametrize("command", LazyGroup.COMMANDS)
def test_every_command_is_in_the_readme_or_the_changelog(command: str) -> None:
    """A user finds it without asking the program."""
    assert f"interlock {command}" in text_of("README.md") + text_of("CHANGELOG.md")


@pytest.mark.parametrize("requirement", PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"])
def test_every_dependency_has_its_reason(requirement: str) -> None:
    """One line each, in docs/dependencies.md."""
    name = re.split(r"[\[<>=;\s]", requirement)[0]
    listed = "types-*" if name.startswith("types-") else name
    assert re.search(rf"^\|.*\b{re.escape(listed.rstrip('*'))}", text_of("docs/dependencies.md"), re.MULTILINE)


def test_every_task_of_the_runner_is_in_its_help() -> None:
    """`./run help` lists what `./run` can do."""
    runner = text_of("run")
    tasks = set(re.findall(r"^task_(\w+)\(\)", runner, re.MULTILINE)) - {"help"}
    assert tasks == set(re.findall(r"^\./run (\w+)", runner, re.MULTILINE))


def test_links_between_the_docs_lead_somewhere() -> None:
    """Relative ones, in every page."""
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")):
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_table_of_contributing_names_files_that_are_there() -> None:
    """Where to edit, and where to test."""
    table = text_of("CONTRIBUTING.md")
    tests = re.findall(r"`(tests/[\w/]+\.py)`", table)
    sources = re.findall(r"`((?:orchestration|storage|engine|api|cli)/[\w/]+\.py)`", table)
    paths = [ROOT / x for x in tests] + [ROOT / "src" / "interlock" / x for x in sources]
    assert tests
    assert [x.name for x in paths if not x.exists() and "NNNN" not in x.name] == []
