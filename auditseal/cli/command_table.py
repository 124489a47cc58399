"""The table of subcommands: the one place that names each with its module, its line in the help and its extra."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One subcommand of `auditseal`.

    Attributes:
        name: What a user types.
        module: The module of `auditseal.cli` whose `app` runs it.
        extra: The extra that installs the libraries which the module imports.
        help: Its line in `auditseal --help`.
    """

    name: str
    module: str
    extra: str
    help: str


COMMANDS = (
    CommandEntry("demo", "demo", "all", "Run the whole pipeline here, tamper with a copy, detect it."),
    CommandEntry("emit", "emit", "cli", "Publish events from JSON lines; blank lines are skipped."),
    CommandEntry("import", "import_records", "cli", "Publish audit records of other systems, each once."),
    CommandEntry("gateway", "gateway", "gateway", "Take events over HTTP and publish them, until SIGTERM."),
    CommandEntry("spool", "spool", "cli", "What a producer's spool holds, and ways out of it."),
    CommandEntry("local", "local", "local", "A real Kafka (and MinIO) on this machine, without containers."),
    CommandEntry("keys", "keys", "sealer", "The signing key of an events topic's logs, and its trust lines."),
    CommandEntry("sealer", "sealer", "sealer", "Seal the events of a topic into signed blocks, until SIGTERM."),
    CommandEntry("topics", "topics", "sealer", "Make the events and blocks topics, or check their settings."),
    CommandEntry("archiver", "archiver", "archiver", "Verify blocks and lock them into the vault, until SIGTERM."),
    CommandEntry("drill", "drill", "archiver", "Attack a canary in a vault: does Object Lock keep its promise?"),
    CommandEntry("retention", "retention", "archiver", "Extend how long a vault's blocks are locked."),
    CommandEntry("hold", "hold", "search", "Hold blocks for a case; two people release it."),
    CommandEntry("replicate", "replicate", "archiver", "Copy a vault into a second one, and compare both there."),
    CommandEntry("verify", "verify", "auditor", "Verify a vault from its storage and a trust file alone."),
    CommandEntry("watch", "watch", "watch", "Verify a vault continuously, until SIGTERM; serves /metrics."),
    CommandEntry("prove", "prove", "auditor", "Prove one event, or that one head is a prefix of a later one."),
    CommandEntry("check-proof", "check_proof", "auditor", "Check a proof with a trust file: no vault, no network."),
    CommandEntry("receipt", "receipt", "auditor", "Turn a producer's receipt into a proof, once it is sealed."),
    CommandEntry("registry", "registry", "registry", "Pin the schemas of a schema registry in a trust file."),
    CommandEntry("search", "search", "search", "Find events in sealed logs; answers say how complete they are."),
    CommandEntry("explore", "explore", "explorer", "Explore sealed events in a browser."),
    CommandEntry("tail", "tail", "search", "Show events as they are archived, each block verified first."),
    CommandEntry("export", "export", "search", "Write all events that match, for other tools."),
    CommandEntry("evidence", "evidence", "evidence", "Pack the events of a case with their proofs."),
    CommandEntry("index", "index", "search", "Build and check the index that makes search fast."),
    CommandEntry("streams", "streams", "search", "Show whether events are missing from the streams of a vault."),
    CommandEntry("show", "show", "auditor", "Show one block or one event, and verify what is shown."),
)
"""All subcommands, in the order of the help."""
