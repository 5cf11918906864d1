"""Task runs as Parquet, for which pyarrow is needed: nothing else imports this module before it is asked for.

What lives here: the columns' types, and a document that is written piece by piece. What does not: the other formats
(exports.py).
"""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Float, Integer

from interlock.storage.queries.exports import COLUMNS
from interlock.storage.types import UtcTime

ROWS_TOGETHER = 20_000
"""How many rows are gathered for a row group: with few, each column's overhead outweighs its values."""

_TYPES = {Integer: pa.int64(), Float: pa.float64(), UtcTime: pa.timestamp("us", tz="UTC")}
SCHEMA = pa.schema([(name, _TYPES.get(type(column.type), pa.string())) for name, column in COLUMNS.items()])


class _Sink:
    """A file that hands out what was written to it."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """What was written since it was last asked for."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class Parquet:
    """A row a task run. Lists and objects are JSON texts."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, SCHEMA, compression="zstd")
        self._gathered: list[pa.RecordBatch] = []

    def page(self, rows: Any) -> bytes:
        self._gathered.append(_batch(rows))
        if sum(x.num_rows for x in self._gathered) >= ROWS_TOGETHER:
            self._write()
        return self._sink.taken()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return self._sink.taken()

    def _write(self) -> None:
        if self._gathered:
            self._writer.write_table(pa.Table.from_batches(self._gathered, SCHEMA))
            self._gathered.clear()


def _batch(rows: Any) -> pa.RecordBatch:
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=False)) or dict.fromkeys(COLUMNS, ())
    return pa.RecordBatch.from_arrays([pa.array(columns[x.name], x.type) for x in SCHEMA], schema=SCHEMA)
