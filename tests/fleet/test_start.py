"""Servers that start at the same moment on an empty database migrate it once, and all serve."""

from collections import Counter
from pathlib import Path

from tests.fleet.fleet import Client, at_once, running_fleet
from tests.postgres import create_database, drop_database

SERVERS = 10


async def test_ten_servers_on_an_empty_database(postgres_url: str, tmp_path: Path) -> None:
    """None of them stumbles over another: they have nothing to complain of, and the schema is that of today."""
    url = create_database(postgres_url)
    async with running_fleet(url, tmp_path, SERVERS) as fleet:
        clients = [Client([x.port], fleet.random) for x in fleet.servers]
        answers = await at_once(x.ask("POST", "/flows/", {"name": "flow"}) for x in clients)
        assert Counter(x.status for x in answers) == {201: 1, 200: SERVERS - 1}
        await at_once(x.close() for x in clients)
    for log in tmp_path.glob("*.log"):
        assert log.read_text() == ""
    drop_database(postgres_url, url)
