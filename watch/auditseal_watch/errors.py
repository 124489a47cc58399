"""The errors of continuous verification.

AuditsealError
├── ConfigurationError  (auditseal_schemas) the state file is gone or broken, or a setting can't be used: exit code 2
├── StateFileError      (auditseal_auditor) the state file can't be read
├── CheckProcessError   (auditseal_auditor) a process that checks blocks died
└── TextfileError       the metrics for node_exporter can't be written
"""

from auditseal_schemas.errors import AuditsealError


class TextfileError(AuditsealError):
    """The textfile of metrics can't be written, or the file that is there is not one."""
