"""The contract of auditseal: every byte that a sealer, an archiver and an auditor must agree on, and no I/O."""

__version__ = "0.1.0"
