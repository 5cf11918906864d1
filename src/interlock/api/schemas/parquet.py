"""Runs as Parquet, for which pyarrow is needed: nothing else imports this module before it is asked for.

What lives here: the columns' types, and a document that is written piece by piece. What does not: the other formats
(exports.py).
"""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Boolean, Float, Integer

from interlock.storage.queries.exports import RunRows
from interlock.storage.types import UtcTime

ROWS_TOGETHER = 20_000
"""How many rows are gathered for a row group: with few, each column's overhead outweighs its values."""

_TYPES = {Boolean: pa.bool_(), Integer: pa.int64(), Float: pa.float64(), UtcTime: pa.timestamp("us", tz="UTC")}


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
    """A row a run. Lists and objects are JSON texts."""

    def __init__(self, kind: RunRows) -> None:
        types = ((name, _TYPES.get(type(column.type), pa.string())) for name, column in kind.columns.items())
        self._schema = pa.schema(types)
        self._sink = _Sink()
        self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._gathered: list[pa.RecordBatch] = []

    def page(self, rows: Any) -> bytes:
        self._gathered.append(_batch(rows, self._schema))
        if sum(x.num_rows for x in self._gathered) >= ROWS_TOGETHER:
            self._write()
        return self._sink.taken()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return self._sink.taken()

    def _write(self) -> None:
        if self._gathered:
            self._writer.write_table(pa.Table.from_batches(self._gathered, self._schema))
            self._gathered.clear()


def _batch(rows: Any, schema: pa.Schema) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=False)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
