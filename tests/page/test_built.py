"""The built page in the repository and in the wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from interlock.api.page import MEDIA_TYPES
from tools import page

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not page.is_possible(), reason="the page could not be built afresh: there is no Node.js here")
def test_the_built_files_are_those_of_the_sources(tmp_path: Path) -> None:
    """Built afresh, checked by the type checker on the way: `./run page` was not forgotten."""
    try:
        page.install()
    except subprocess.CalledProcessError:
        pytest.skip("the page could not be built afresh: its packages could not be installed")
    page.build(tmp_path)
    for built in page.BUILT.iterdir():
        assert (tmp_path / built.name).read_bytes() == built.read_bytes(), f"{built.name} is not fresh: ./run page"
    assert {x.name for x in tmp_path.iterdir()} == {x.name for x in page.BUILT.iterdir()} == set(MEDIA_TYPES)


def test_the_wheel_has_the_page(tmp_path: Path) -> None:
    """So that who installs a release needs no Node.js."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in MEDIA_TYPES:
            assert archive.read(f"interlock/page/{name}") == (page.BUILT / name).read_bytes()
