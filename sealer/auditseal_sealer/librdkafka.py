"""The functions of librdkafka that the sealer's consumers call, declared as in its `rdkafka.h`.

They are looked up in the library that `confluent_kafka` itself uses, whichever that is. Calls that may block let other
threads run meanwhile. The others, which a record needs several of, keep the interpreter: to release and take it back
costs more than they do.
"""

import sys
from ctypes import (
    CDLL,
    POINTER,
    PYFUNCTYPE,
    c_char,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_ssize_t,
    c_void_p,
)
from struct import Struct
from typing import Any

from confluent_kafka import cimpl

CONSUMER = 1
"""`RD_KAFKA_CONSUMER`."""


unpack_message = Struct("@iPiPNPNqP").unpack_from
"""Unpack an `rd_kafka_message_t`: error, topic, partition, value, its length, key, its length, offset, private.

Where the error is not 0, the value is the error's text, and the offset is its place.
"""

unpack_place = Struct("@PiqPnPi").unpack_from
"""Unpack an `rd_kafka_topic_partition_t`: topic, partition, offset, metadata, its length, opaque, error."""

memory = (c_char * sys.maxsize).from_address(0)
"""This process's memory, of which a slice copies bytes from an address: in half of the time of a call."""

memory_view = memoryview(memory).cast("B")
"""The same, of which a slice is a view: it copies nothing."""

_library = CDLL(cimpl.__file__)


def _blocking(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_library, name)
    function.restype, function.argtypes = result, arguments
    return function


def _quick(name: str, result: Any, *arguments: Any) -> Any:
    return PYFUNCTYPE(result, *arguments)((name, _library))


conf_new = _quick("rd_kafka_conf_new", c_void_p)
conf_set = _quick("rd_kafka_conf_set", c_int, c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)
conf_destroy = _quick("rd_kafka_conf_destroy", None, c_void_p)
new = _blocking("rd_kafka_new", c_void_p, c_int, c_void_p, c_char_p, c_size_t)
destroy = _blocking("rd_kafka_destroy", None, c_void_p)
err2str = _quick("rd_kafka_err2str", c_char_p, c_int)
last_error = _quick("rd_kafka_last_error", c_int)

poll_set_consumer = _blocking("rd_kafka_poll_set_consumer", c_int, c_void_p)
queue_get_consumer = _blocking("rd_kafka_queue_get_consumer", c_void_p, c_void_p)
queue_length = _quick("rd_kafka_queue_length", c_size_t, c_void_p)
queue_yield = _quick("rd_kafka_queue_yield", None, c_void_p)
queue_destroy = _blocking("rd_kafka_queue_destroy", None, c_void_p)
queue_get_partition = _blocking("rd_kafka_queue_get_partition", c_void_p, c_void_p, c_char_p, c_int32)
queue_forward = _blocking("rd_kafka_queue_forward", None, c_void_p, c_void_p)
consumer_close = _blocking("rd_kafka_consumer_close", c_int, c_void_p)

list_new = _quick("rd_kafka_topic_partition_list_new", c_void_p, c_int)
list_add = _quick("rd_kafka_topic_partition_list_add", c_void_p, c_void_p, c_char_p, c_int32)
list_set_offset = _quick("rd_kafka_topic_partition_list_set_offset", c_int, c_void_p, c_char_p, c_int32, c_int64)
list_find = _quick("rd_kafka_topic_partition_list_find", c_void_p, c_void_p, c_char_p, c_int32)
list_destroy = _quick("rd_kafka_topic_partition_list_destroy", None, c_void_p)
set_leader_epoch = _quick("rd_kafka_topic_partition_set_leader_epoch", None, c_void_p, c_int32)
assign = _blocking("rd_kafka_assign", c_int, c_void_p, c_void_p)
incremental_assign = _blocking("rd_kafka_incremental_assign", c_void_p, c_void_p, c_void_p)
incremental_unassign = _blocking("rd_kafka_incremental_unassign", c_void_p, c_void_p, c_void_p)
seek_partitions = _blocking("rd_kafka_seek_partitions", c_void_p, c_void_p, c_void_p, c_int)
error_code = _quick("rd_kafka_error_code", c_int, c_void_p)
error_destroy = _quick("rd_kafka_error_destroy", None, c_void_p)
get_watermark_offsets = _quick(
    "rd_kafka_get_watermark_offsets", c_int, c_void_p, c_char_p, c_int32, POINTER(c_int64), POINTER(c_int64)
)

consume_batch_queue = _blocking("rd_kafka_consume_batch_queue", c_ssize_t, c_void_p, c_int, c_void_p, c_size_t)
message_timestamp = _quick("rd_kafka_message_timestamp", c_int64, c_void_p, c_void_p)
message_leader_epoch = _quick("rd_kafka_message_leader_epoch", c_int32, c_void_p)
message_headers = _quick("rd_kafka_message_headers", c_int, c_void_p, c_void_p)
message_destroy = _quick("rd_kafka_message_destroy", None, c_void_p)
message_set_headers = _quick("rd_kafka_message_set_headers", None, c_void_p, c_void_p)
header_count = _quick("rd_kafka_header_cnt", c_size_t, c_void_p)
header_get_all = _quick("rd_kafka_header_get_all", c_int, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p)

text_length = PYFUNCTYPE(c_size_t, c_void_p, c_size_t)(("strnlen", CDLL(None)))
"""Return how many bytes a text has before its 0, at most as many as the second argument says."""
