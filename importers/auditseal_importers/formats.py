"""The formats that can be imported, and the function for each."""

from collections.abc import Callable
from enum import StrEnum

from auditseal_importers.cloudtrail import cloudtrail_event
from auditseal_importers.journald import journald_event
from auditseal_importers.kubernetes import kubernetes_event
from auditseal_importers.pgaudit import pgaudit_event
from auditseal_importers.pgaudit_csv import pgaudit_csv_event
from auditseal_importers.syslog import syslog_event
from auditseal_schemas.event import EventFields

Importer = Callable[[bytes, str], EventFields | None]
"""Takes a record's bytes and the source's name; returns its event, None for a record that isn't an audit record."""


class RecordFormat(StrEnum):
    """A format."""

    CLOUDTRAIL = "cloudtrail"
    KUBERNETES = "kubernetes"
    PGAUDIT = "pgaudit"
    PGAUDIT_CSV = "pgaudit-csv"
    JOURNALD = "journald"
    SYSLOG = "syslog"


IMPORTERS: dict[RecordFormat, Importer] = {
    RecordFormat.CLOUDTRAIL: cloudtrail_event,
    RecordFormat.KUBERNETES: kubernetes_event,
    RecordFormat.PGAUDIT: pgaudit_event,
    RecordFormat.PGAUDIT_CSV: pgaudit_csv_event,
    RecordFormat.JOURNALD: journald_event,
    RecordFormat.SYSLOG: syslog_event,
}
"""The function for each format."""
