"""Encryption of what block documents hold, under a key that each database makes for itself.

What lives here: the key, and sealing and unsealing with it. What does not: which values are secret
(../blocks/secret_values.py): the data of a document is sealed as a whole.
"""

import json
from typing import Any, cast

from cryptography.fernet import Fernet
from sqlalchemy import Connection, insert, select

from interlock.storage.tables import configuration

KEY = "ENCRYPTION_KEY"


class Seal:
    """Seals and unseals with one key."""

    def __init__(self, key: str) -> None:
        self._fernet = Fernet(key)

    def seal(self, data: dict[str, Any]) -> str:
        """Data as text that tells nothing."""
        return self._fernet.encrypt(json.dumps(data).encode()).decode()

    def unseal(self, text: str) -> dict[str, Any]:
        """The data that was sealed; raises InvalidToken where it was sealed with another key."""
        return cast("dict[str, Any]", json.loads(self._fernet.decrypt(text)))


def seal_of(conn: Connection) -> Seal:
    """The seal of this database; raises NoResultFound where nothing has been sealed yet."""
    return Seal(conn.execute(_QUERY).scalar_one()["fernet_key"])


def seal_made(conn: Connection) -> Seal:
    """The seal of this database, made if there is none: for writes."""
    if conn.execute(_QUERY).first() is None:
        conn.execute(insert(configuration), {"key": KEY, "value": {"fernet_key": Fernet.generate_key().decode()}})
    return seal_of(conn)


_QUERY = select(configuration.c.value).where(configuration.c.key == KEY)
