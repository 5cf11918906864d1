"""What the files to deploy with, and the docs about it, name is there."""

import re
from pathlib import Path

import click
import pytest

from interlock.cli import main
from interlock.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parent.parent
FILES = [*sorted((ROOT / "deploy").iterdir()), ROOT / "docs" / "production.md", ROOT / "docs" / "scaling.md"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    """By its variable. INTERLOCK_NAME stands for any of them."""
    named = set(re.findall(rf"\b{ENV_PREFIX}[A-Z_]+\b", file.read_text())) - {f"{ENV_PREFIX}NAME"}
    assert named <= {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_command_that_is_named_exists(file: Path) -> None:
    """With its options."""
    for line in re.findall(r"(?:^|[`/ ])interlock ((?:server|database) [^`\n]*)", file.read_text(), re.MULTILINE):
        group, name, *rest = line.split()
        commands = main.get_command(click.Context(main), group)
        assert isinstance(commands, click.Group)
        options = {x for parameter in commands.commands[name].params for x in parameter.opts}
        assert {x for x in rest if x.startswith("--")} <= options


def test_the_image_is_given_what_it_is_built_from() -> None:
    """What is copied is not kept out of the build's sight."""
    copied = re.findall(r"^COPY ((?!--)[^\n]*) \S+$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    seen = re.findall(r"^!(\S+)$", (ROOT / "deploy/Dockerfile.dockerignore").read_text(), re.MULTILINE)
    wanted = {name for line in copied for name in line.split()}
    assert wanted == set(seen)
    assert all((ROOT / name).exists() for name in wanted)
