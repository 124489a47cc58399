"""Vaults in memory, made of fixed keys and times: `make_log` seals a log, `put_log` stores it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from auditseal_schemas.block import Block
from auditseal_schemas.draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import Signer, SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_vault.bulk_reader import read_each
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import ReadOutcome, Retention, StoredVersion
