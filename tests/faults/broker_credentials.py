"""F28: the broker's credentials end under running daemons: a password that was changed, and tokens of some seconds."""

import time
from pathlib import Path

from auditseal_local.kafka import KafkaSettings
from tests.factory.oauth_kafka import OauthKafka
from tests.factory.secret_files import write_secret
from tests.factory.secured_kafka import ADMINISTRATOR, MECHANISM, SESSION_MS, SecuredKafka
from tests.factory.token_provider import TokenProvider
from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial
from tests.faults.observed import readiness
from tests.faults.rig import Pipeline, Rig

_DRAIN = 90.0  # s
_NOTICED = 60.0  # s
_TOKEN_SECONDS = 8
_TOKENS = 3  # that end while the daemons run


def renewed_passwords(trial: Trial) -> Outcome:
    """Change the daemons' password at the broker, and after both say that it is refused, in their file."""
    with Rig(trial.rig.folder / "f28-password", trial.rig.seed, make_kafka=SecuredKafka) as rig:
        assert isinstance(rig.kafka, SecuredKafka)
        rig.kafka.add_user(ADMINISTRATOR, "password-0")
        line = rig.pipeline("f28-password")
        file = write_secret(line.folder / "password", "password-0\n")
        servers = rig.kafka.listener("sasl")
        settings = {"SASL_MECHANISM": MECHANISM, "SASL_USERNAME": ADMINISTRATOR, "SASL_PASSWORD_FILE": str(file)}
        daemons = log_in(line, servers, settings)
        sealer, archiver = daemons
        with sealer, archiver:
            with line.load():
                line.await_flow()
                for number in range(1, trial.rounds + 1):
                    rig.kafka.add_user(ADMINISTRATOR, f"password-{number}")
                    trial.inject()
                    for daemon, condition in ((sealer, "sealing"), (archiver, "partitions")):
                        await_refused(daemon, condition)
                    file.write_text(f"password-{number}\n")
                    line.await_flow(_DRAIN)
            line.await_archived(_DRAIN)
        check_one_life(archiver)
        # A session that the broker ends is a connection that is cut: the sealer's call may hang on it (ADR 0007).
        assert len(sealer.ends) == sealer.stuck, f"the sealer ended: {sealer.ends}"
        return trial.judge(line, f"the watchdog ended {sealer.stuck} calls that hung on an ended session")


def ended_tokens(trial: Trial) -> Outcome:
    """Let the daemons run for longer than several tokens of OAUTHBEARER."""
    with TokenProvider({"auditseal": "secret"}) as provider:
        provider.seconds = _TOKEN_SECONDS

        def make_kafka(folder: Path, settings: KafkaSettings) -> OauthKafka:
            return OauthKafka(folder, provider.keys(), settings)

        with Rig(trial.rig.folder / "f28-tokens", trial.rig.seed, make_kafka=make_kafka) as rig:
            assert isinstance(rig.kafka, OauthKafka)
            line = rig.pipeline("f28-tokens")
            daemons = log_in(line, rig.kafka.token_listener, token_settings(provider, line.folder))
            sealer, archiver = daemons
            with sealer, archiver:
                with line.load():
                    line.await_flow()
                    asked, began = provider.asked, time.monotonic()
                    while time.monotonic() < began + _TOKENS * _TOKEN_SECONDS:
                        line.await_flow()
                    assert provider.asked >= asked + _TOKENS * len(daemons), "tokens ended, and were not asked for"
                line.await_archived(_DRAIN)
            check_one_life(*daemons)
            return trial.judge(line, injected=_TOKENS)


def token_settings(provider: TokenProvider, folder: Path) -> dict[str, str]:
    return {
        "SASL_MECHANISM": "OAUTHBEARER",
        "OAUTHBEARER__TOKEN_ENDPOINT_URL": provider.url,
        "OAUTHBEARER__CLIENT_ID": "auditseal",
        "OAUTHBEARER__CLIENT_SECRET_FILE": str(write_secret(folder / "client-secret", "secret\n")),
        "OAUTHBEARER__SCOPE": "kafka",
    }


def log_in(line: Pipeline, servers: str, settings: dict[str, str]) -> tuple[Daemon, Daemon]:
    """Return a sealer and an archiver that reach a listener with SASL."""
    daemons = line.sealer(static=True), line.archiver(static=True)
    connection = {"BOOTSTRAP_SERVERS": servers, "SECURITY_PROTOCOL": "SASL_PLAINTEXT", **settings}
    for daemon in daemons:
        daemon.environment.update({f"AUDITSEAL_KAFKA__{name}": value for name, value in connection.items()})
    return daemons


def await_refused(daemon: Daemon, condition: str) -> None:
    """Wait until a daemon's readiness says that the broker refuses its password: each session ends within seconds."""
    await_true(
        lambda: "authentication" in readiness(daemon).get(condition, "").lower(),
        _NOTICED,
        f"{daemon.name} didn't show that the broker refuses its password, though sessions last {SESSION_MS} ms:"
        f" {readiness(daemon)}",
    )


def check_one_life(*daemons: Daemon) -> None:
    """Check that daemons went on by themselves."""
    lives = {daemon.name: daemon.lives for daemon in daemons}
    assert set(lives.values()) == {1}, f"{lives} lives: they should go on by themselves"
