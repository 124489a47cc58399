"""What `auditseal emit` and `import` do with each item: publish it, and account for it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from queue import Empty, SimpleQueue
from typing import NamedTuple

from auditseal.cli.event_lines import MAX_LINE_BYTES, LineStream, parse_line, read_lines
from auditseal.cli.rejects import Rejected, Rejects, StandardError
from auditseal_producer import AuditProducer, BufferFullError, PendingReceipt
from auditseal_producer.encoded_file import Searchable, read_encoded
from auditseal_schemas.errors import DecodeError, EventError
from auditseal_schemas.exit_codes import ExitCode

Publish = Callable[[AuditProducer], PendingReceipt]


class Item(NamedTuple):
    """One line, record or encoded event: how to publish it, and how to report it if that fails."""

    publish: Publish
    rejected: Rejected


class Emission:
    """What became of the items so far.

    Args:
        rejects: Takes what isn't published.
        command: The command whose items they are.

    Attributes:
        published: Events with a receipt.
        rejected: Items that aren't an event.
        failed: Events without acknowledgement.
        last: The latest item that was taken, None before the first.
        unwritable: Why the rejects can't be written any more; they go to standard error from then on.
    """

    def __init__(self, rejects: Rejects, command: str) -> None:
        self.published = self.rejected = self.failed = 0
        self.last: Rejected | None = None
        self.unwritable: OSError | None = None
        self._rejects = rejects
        self._command = command
        self._done: SimpleQueue[tuple[Rejected, PendingReceipt]] = SimpleQueue()

    def publish(self, producer: AuditProducer, item: Item, give_up: Callable[[], bool]) -> None:
        """Publish an item, or reject what isn't an event.

        In a full buffer the item waits until events got their acknowledgement or failed.

        Args:
            producer: Where to.
            item: What.
            give_up: Whether to stop waiting for room: the item isn't taken then.

        Raises:
            PublishError: The producer can't go on.
        """
        while not give_up():
            try:
                pending = item.publish(producer)
            except BufferFullError:
                self.collect()
                continue
            except (EventError, DecodeError) as error:
                self.rejected += 1
                self._report(item.rejected, str(error))
            else:
                pending.add_done_callback(partial(self._put, item.rejected, pending))
            self.last = item.rejected
            return

    def collect(self) -> None:
        """Count what came back from the brokers since the last time."""
        while True:
            try:
                rejected, pending = self._done.get_nowait()
            except Empty:
                return
            error = pending.exception()
            if error is None:
                self.published += 1
            else:
                self.failed += 1
                self._report(rejected, str(error))

    @property
    def exit_code(self) -> ExitCode:
        """The command's exit code, unless something else ended it."""
        if self.failed:
            return ExitCode.FAILED
        return ExitCode.REJECTED if self.rejected else ExitCode.OK

    def _report(self, rejected: Rejected, reason: str) -> None:
        try:
            self._rejects.add(rejected, reason)
        except OSError as error:
            self.unwritable = error
            self._rejects = StandardError(self._command)
            with suppress(OSError):
                self._rejects.add(rejected, reason)

    def _put(self, rejected: Rejected, pending: PendingReceipt, _: object) -> None:
        self._done.put((rejected, pending))


def items_of_lines(stream: LineStream) -> Iterator[Item]:
    """Yield the JSON lines of a stream."""
    for line in read_lines(stream):
        # Of a line that is too long only a part is in memory. It is rejected before the next line is read.
        content = [line.text] if len(line.text) <= MAX_LINE_BYTES else chain([line.text], line.rest)
        yield Item(partial(_publish_line, line.text), Rejected("line", line.number, "text", content))


def items_of_file(data: Searchable) -> Iterator[Item]:
    """Yield the events of a file of encoded events, and its damaged parts."""
    for piece in read_encoded(data):
        publish = partial(_refuse, piece.problem) if piece.problem else partial(_republish, piece.content)
        yield Item(publish, Rejected("position", piece.position, "encoded", [piece.content]))


def _publish_line(text: bytes, producer: AuditProducer) -> PendingReceipt:
    return producer.record(**parse_line(text))


def _republish(encoded: bytes, producer: AuditProducer) -> PendingReceipt:
    return producer.republish(encoded)


def _refuse(problem: str, _producer: AuditProducer) -> PendingReceipt:
    raise DecodeError(problem)
