"""Runs of numbers among the records of streams, found by columns.

A run is numbers of one stream of which none between two of them is missing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

TEXTS = ("stream_id", "service", "environment")
"""The columns that are dictionaries: each text is there once, and a record has its index."""

_Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FoldedRecords:
    """What a number of records say of their streams.

    Attributes:
        sightings: `stream`, `number` and `event` of each record, in this order: a database packs them better.
        runs: A row for each run: `stream`, `first`, `last`, how many `records` it has, when the record of its first
            number was `written`, the `latest` time of its records, and `service` and `environment` of its first number.
            Of several records with the first number the least of each counts, texts by the bytes of UTF-8.
        clashes: `stream` and `number` of each number whose records have different events, once or several times.
    """

    sightings: pa.Table
    runs: pa.Table
    clashes: pa.Table


def fold_records(records: pa.Table) -> FoldedRecords:
    """Find the runs, and the numbers that different events have.

    Args:
        records: At least one record, with `stream_id`, `stream_sequence`, `event_id`, `service`, `environment` and
            `written` in ms; those of `TEXTS` are dictionaries.
    """
    streams = records["stream_id"].unify_dictionaries().combine_chunks()
    stream, number, written = (
        streams.indices.to_numpy(),
        records["stream_sequence"].to_numpy(),
        records["written"].to_numpy(),
    )
    order = np.lexsort((written, number, stream))
    stream, number, written = stream[order], number[order], written[order]
    texts, events = streams.dictionary.take(pa.array(stream)), records["event_id"].take(pa.array(order))
    is_same, step = stream[1:] == stream[:-1], np.diff(number)
    begins = np.flatnonzero(np.concatenate([[True], ~is_same | (step > 1)]))
    sizes = np.diff(np.append(begins, len(order)))
    is_first = number == np.repeat(number[begins], sizes)
    runs = {
        "stream": texts.take(pa.array(begins)),
        "first": pa.array(number[begins]),
        "last": pa.array(number[begins + sizes - 1]),
        "records": pa.array(sizes),
        "written": pa.array(written[begins]),
        "latest": pa.array(np.maximum.reduceat(written, begins)),
        **{name: _least(records[name], order, is_first, begins) for name in ("service", "environment")},
    }
    again = np.flatnonzero(is_same & (step == 0))
    differs = pc.not_equal(events.take(pa.array(again)), events.take(pa.array(again + 1)))
    clashing = again[differs.to_numpy()]
    return FoldedRecords(
        sightings=pa.table({"stream": texts, "number": number, "event": events}),
        runs=pa.table(runs),
        clashes=pa.table({"stream": texts.take(pa.array(clashing)), "number": number[clashing]}),
    )


def _least(texts: pa.ChunkedArray, order: _Places, counts: npt.NDArray[np.bool_], begins: _Places) -> pa.Array:
    """Return the least text of each run among those that count."""
    encoded = texts.unify_dictionaries().combine_chunks()
    ascending = pc.sort_indices(encoded.dictionary)
    ranks = np.empty(len(ascending), np.int64)
    ranks[ascending.to_numpy()] = np.arange(len(ascending))
    rank = np.where(counts, ranks[encoded.indices.to_numpy()[order]], len(ascending))
    return encoded.dictionary.take(ascending.take(pa.array(np.minimum.reduceat(rank, begins))))
