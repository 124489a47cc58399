"""A consumer that answers from a script."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition


class Answer:
    """What `poll` returns where there is an error."""

    def __init__(self, error: KafkaError) -> None:
        self._error = error

    def error(self) -> KafkaError:
        return self._error

    def __len__(self) -> int:
        return 0  # as a message without a value has it


class ScriptedConsumer:
    """Its generation goes up before its next call of a callback, as it does within a real `poll`.

    Attributes:
        answers: What the next polls return, or call.
        silent: Whether its brokers don't answer.
        closing: What `close` does.
        credentials: What it logs in with, each time that it was told.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings, self.generation = settings, 0
        self.answers = list[Answer | Callable[[], None]]()
        self.silent = False
        self.unsubscribed = 0
        self.credentials = list[tuple[str, str]]()
        self._is_calling_back = False
        self.closing: Callable[[], object] = lambda: None

    def subscribe(self, topics: Sequence[str], **callbacks: Callable[..., None]) -> None:
        self.callbacks = callbacks

    def unsubscribe(self) -> None:
        self.unsubscribed += 1

    def consumer_group_metadata(self) -> int:
        return self.generation

    def poll(self, timeout: float) -> Answer | None:
        answer = self.answers.pop(0) if self.answers else None
        if answer is None or isinstance(answer, Answer):
            return answer
        self.generation += 1
        self._is_calling_back = True
        answer()
        self._is_calling_back = False
        return None

    def set_sasl_credentials(self, username: str, password: str) -> None:
        assert not self._is_calling_back, "the real client would end the process"
        self.credentials.append((username, password))

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        if self.silent:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None)})

    def close(self) -> None:
        self.closing()

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        pass
