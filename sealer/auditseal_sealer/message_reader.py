"""Reads librdkafka's messages, and says of each record whether its headers could be read (ADR 0017)."""

from collections.abc import Iterable, Sequence
from ctypes import addressof, c_int, c_size_t, c_void_p, string_at
from itertools import repeat

from confluent_kafka import KafkaError

from auditseal_schemas.limits import KIB
from auditseal_schemas.record import Contents, RecordHeaders
from auditseal_sealer import librdkafka
from auditseal_sealer.event_record import EventRecord, Fault, Reading

MAX_HEADERS = 1_000
"""Headers of a record that are read. Of a record with more the headers are None: they could not be read."""

MAX_NAME_BYTES = 32 * KIB
"""The longest name of a header that is read: each copy of a longer one would count, and a batch may be one name."""

VIEWED_BYTES = 64 * KIB
"""Longer contents are not copied: they are views of librdkafka's memory."""

_NO_HEADERS = KafkaError._NOENT  # noqa: SLF001  (its public name for a local error)
_END = KafkaError._PARTITION_EOF  # noqa: SLF001


class MessageReader:
    """Reads messages. The views that it hands out end with `release`, which comes before the messages are destroyed."""

    def __init__(self) -> None:
        self._kind, self._found = c_int(), c_void_p()
        self._kind_at, self._found_at = addressof(self._kind), addressof(self._found)
        self._views: list[memoryview] = []

    def read(self, addresses: Sequence[int]) -> Reading:
        """Return what messages hold, up to the first error.

        This runs for every record that is sealed: its data are in local names, and each call of librdkafka counts.
        """
        memory, unpack, make, longest = librdkafka.memory, librdkafka.unpack_message, tuple.__new__, VIEWED_BYTES
        timestamp_of, headers_of, kind = librdkafka.message_timestamp, librdkafka.message_headers, self._kind
        kind_at, found_at, end = self._kind_at, self._found_at, -1
        add = (records := list[EventRecord]()).append
        for address, epoch in zip(addresses, _leader_epochs(addresses), strict=True):
            error, _, _, value, length, key, key_length, offset, _ = unpack(memory, address)
            if error == _END:
                end = offset
                continue
            if error:
                return Reading(records, end, Fault(offset if offset >= 0 else None, _error(error, value, length)))
            timestamp, refused = timestamp_of(address, kind_at), headers_of(address, found_at)
            parts = (
                offset,
                kind.value,
                timestamp,
                memory[key : key + key_length] if key and key_length <= longest else self._long(key, key_length),
                () if refused == _NO_HEADERS else self._headers(address, refused),
                memory[value : value + length] if value and length <= longest else self._long(value, length),
                epoch,
            )
            add(make(EventRecord, parts))
        return Reading(records, end, None)

    def release(self) -> None:
        """End all views."""
        for view in self._views:
            view.release()
        self._views.clear()

    def _long(self, address: int, length: int) -> memoryview | None:
        """Return a view of long contents; None where there are none."""
        if not address:
            return None
        view = librdkafka.memory_view[address : address + length]
        self._views.append(view)
        return view

    def _headers(self, message: int, error: int) -> RecordHeaders | None:
        """Return the headers that were found; None where they were refused, are too many, or a name can't be read."""
        if error:
            return None
        found = self._found.value
        count = librdkafka.header_count(found)
        if count > MAX_HEADERS:
            librdkafka.message_set_headers(message, None)  # librdkafka made an object of each
            return None
        headers = list[tuple[str, Contents | None]]()
        name, value, length = c_void_p(), c_void_p(), c_size_t()
        places = addressof(name), addressof(value), addressof(length)
        for index in range(count):
            librdkafka.header_get_all(found, index, *places)
            text = _name(name.value or 0)
            if text is None:
                return None
            headers.append((text, self._contents(value.value or 0, length.value)))
        return headers

    def _contents(self, address: int, length: int) -> Contents | None:
        if not address or length > VIEWED_BYTES:
            return self._long(address, length)
        return string_at(address, length)


def _name(address: int) -> str | None:
    """Return a header's name; None where it is not UTF-8, or longer than MAX_NAME_BYTES."""
    length = librdkafka.text_length(address, MAX_NAME_BYTES + 1)
    if length > MAX_NAME_BYTES:
        return None
    try:
        return string_at(address, length).decode()
    except UnicodeDecodeError:
        return None


def _leader_epochs(addresses: Sequence[int]) -> Iterable[int | None]:
    """Return each message's leader epoch, None where it is unknown.

    Epochs never go back within a log. So where the first and the last record have the same, all between have it.
    """
    if not addresses:
        return ()
    first, last = addresses[0], addresses[-1]
    epoch = librdkafka.message_leader_epoch(first)
    if epoch == librdkafka.message_leader_epoch(last) and not (_has_error(first) or _has_error(last)):
        return repeat(epoch if epoch >= 0 else None, len(addresses))
    return (epoch if epoch >= 0 else None for epoch in map(librdkafka.message_leader_epoch, addresses))


def _has_error(address: int) -> bool:
    return bool(librdkafka.unpack_message(librdkafka.memory, address)[0])


def _error(code: int, text: int, length: int) -> KafkaError:
    reason = string_at(text, length) if text else librdkafka.err2str(code)
    return KafkaError(code, reason.decode(errors="replace"))
