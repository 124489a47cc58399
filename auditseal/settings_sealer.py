"""The sealer's own settings, and the configuration that they become."""

from base64 import b64decode
from binascii import Error as Base64Error
from datetime import date
from typing import Self

from pydantic import Field, field_validator, model_validator

from auditseal.settings import DaemonSettings
from auditseal.settings_sections import ReadableFile, Section
from auditseal.settings_signer import SignerSection, read_public_key
from auditseal_daemon.topic_rules import TopicRules
from auditseal_schemas.block_draft import BlockLimits
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_BLOCK_BYTES, MAX_KEYS, MAX_RECORDS
from auditseal_schemas.origin import Origin
from auditseal_sealer.batch import BatchPolicy
from auditseal_sealer.config import SealerConfig, Timeouts


class SealerSection(Section):
    """The sealer's section of the settings; the defaults are those of its configuration.

    Attributes:
        key_file: The log's signing key, as `auditseal keys new` makes it; not set with `signer`.
        passphrase_file: A file that holds only the key's passphrase.
        signer: The log's signing key in an HSM, in OpenBao or Vault, or in AWS KMS.
        key_expires: The day by which the key is to be changed: a metric, and a warning at the start. It signs on.
        second_key_file: A key that signs each block, too, such as an ML-DSA-44 key; none by default.
        second_passphrase_file: A file that holds only its passphrase.
        second_key_expires: The day by which the second key is to be changed.
        next_key_file: The key that `auditseal keys rotate` announces. The sealer signs with it from then on.
        next_passphrase_file: A file that holds only its passphrase.
        next_signer: The next key where it is not in a file.
        next_second_key_file: The second key that `auditseal keys rotate` announces, in logs with and without one.
        next_second_passphrase_file: A file that holds only its passphrase.
        retired_keys: The keys that signed before, as the last part of their verifier keys.
        run: The run in the origins; a run above 0 continues after a halt that gave up a log.
        predecessors: For a run above 0, `<origin> <size> <root> <key> …` of the last heads of the runs before, one a
            partition.
        group: The consumer group.
        instance: This sealer's name in the group for static membership; empty for none.
        block_records: A block closes at this number of records.
        block_bytes: A block closes at this number of bytes before compression.
        block_age: A block closes at this age, in seconds.
        heartbeat: Seconds after a block until a block without records says that nothing came; 0 for never.
        clock_lead: Seconds by which a block's time may lead the broker's clock.
        session_timeout: Seconds of silence after which the group gives a sealer's partitions to others.
        replication: Replicas that both topics must have; `min.insync.replicas` must be one less, and at least 1.
        least_retention: Least days for which both topics must keep records.
    """

    key_file: ReadableFile | None = None
    passphrase_file: ReadableFile | None = None
    signer: SignerSection | None = None
    key_expires: date | None = None
    second_key_file: ReadableFile | None = None
    second_passphrase_file: ReadableFile | None = None
    second_key_expires: date | None = None
    next_key_file: ReadableFile | None = None
    next_passphrase_file: ReadableFile | None = None
    next_signer: SignerSection | None = None
    next_second_key_file: ReadableFile | None = None
    next_second_passphrase_file: ReadableFile | None = None
    retired_keys: tuple[str, ...] = ()
    run: int = Field(default=0, ge=0, le=1000)
    predecessors: tuple[str, ...] = ()
    group: str = Field(default="auditseal.sealer", min_length=1)
    instance: str = ""
    block_records: int = Field(default=50_000, ge=1, le=MAX_RECORDS)
    block_bytes: int = Field(default=8 << 20, ge=1, le=MAX_BLOCK_BYTES)
    block_age: float = Field(default=5.0, ge=0, le=3600)
    heartbeat: float = Field(default=3600, ge=0, le=86_400)
    clock_lead: float = Field(default=10, gt=0)
    session_timeout: float = Field(default=10, ge=6, le=300)
    replication: int = Field(default=3, ge=1)
    least_retention: int = Field(default=1, ge=0)

    @field_validator("predecessors")
    @classmethod
    def _check_predecessors(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            _predecessor(line)
        return lines

    @field_validator("retired_keys")
    @classmethod
    def _check_retired(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            read_public_key(key)
        return keys

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        for file, passphrase, signer, prefix in (
            (self.key_file, self.passphrase_file, self.signer, ""),
            (self.second_key_file, self.second_passphrase_file, None, "second_"),
            (self.next_key_file, self.next_passphrase_file, self.next_signer, "next_"),
            (self.next_second_key_file, self.next_second_passphrase_file, None, "next_second_"),
        ):
            if (file is None) != (passphrase is None):
                raise ValueError(f"{prefix}key_file and {prefix}passphrase_file are set together, or not at all")
            if file and signer:
                raise ValueError(f"{prefix}key_file and {prefix}signer both name the key: set one of them")
        if self.key_file is None and self.signer is None:
            raise ValueError("no signing key is named: set key_file and passphrase_file, or the section signer")
        if self.second_key_expires and self.second_key_file is None:
            raise ValueError("second_key_expires is the day of second_key_file, which is not set: set it, too")
        return self

    @model_validator(mode="after")
    def _check_run(self) -> Self:
        if self.predecessors and not self.run:
            raise ValueError("run 0 has no predecessor")
        return self

    def retired_public_keys(self) -> tuple[bytes, ...]:
        """Return the retired keys, each as type ‖ public key."""
        return tuple(map(read_public_key, self.retired_keys))


class SealerSettings(DaemonSettings):
    """All settings of the sealer."""

    sealer: SealerSection

    def config(self, *, genesis_allowed: bool) -> SealerConfig:
        """Return the sealer's configuration.

        Raises:
            ConfigurationError: A predecessor is of another log, or a secret can't be read.
        """
        section = self.sealer
        return SealerConfig(
            client=self.kafka.client_config(),
            events_topic=self.events_topic,
            blocks_topic=self.blocks_topic,
            cluster=self.cluster,
            run=section.run,
            predecessors=tuple(map(_predecessor, section.predecessors)),
            genesis_allowed=genesis_allowed,
            group=section.group,
            instance=section.instance,
            limits=BlockLimits(section.block_records, section.block_bytes),
            batch=BatchPolicy(age=section.block_age, heartbeat=section.heartbeat),
            rules=TopicRules(replication=section.replication, least_retention=section.least_retention),
            timeouts=Timeouts(session=section.session_timeout),
            clock_lead=section.clock_lead,
        )


def _predecessor(line: str) -> Predecessor:
    """Read `<origin> <size> <root> <key> …`: a trust file's `start` line, and the words of its `log` lines.

    Raises:
        ValueError: It is anything else.
    """
    try:
        origin, size, root, *keys = line.split()
        vkeys = tuple(str(VerifierKey.parse(key)) for key in keys)
        predecessor = Predecessor(str(Origin.parse(origin)), int(size), b64decode(root, validate=True), vkeys)
    except (ValueError, AuditsealError, Base64Error) as error:
        raise ValueError(f"{line!r} is not <origin> <size> <base64 root> <verifier key> …: {error}") from error
    if predecessor.size < 0 or len(predecessor.root) != 32:
        raise ValueError(f"{line!r}: the size is negative, or the root is not of 32 bytes")
    _check_predecessor_keys(line, predecessor)
    return predecessor


def _check_predecessor_keys(line: str, head: Predecessor) -> None:
    if not 1 <= len(head.keys) <= MAX_KEYS or len(set(head.keys)) != len(head.keys):
        problem = f"it needs 1 to {MAX_KEYS} different verifier keys after the root: those that signed the log's head"
        raise ValueError(f"{line!r}: {problem}; the trust file's log line has the first one")
    if others := [key for key in head.keys if VerifierKey.parse(key).name != head.origin]:
        raise ValueError(f"{line!r}: the key {others[0]} is not one of {head.origin}")
