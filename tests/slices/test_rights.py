"""The least rights of `deploy/rights`, on a real broker with SASL_SSL and ACLs and on a real MinIO.

Each identity does its own work with these rights: topics are made, an event is published, sealed, archived and
verified. Then each tries what it must not be able to do.
"""

import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic

from auditseal_local.kafka_tools import tool_command
from auditseal_local.minio import MinioNode
from auditseal_local.progress import silent
from auditseal_producer import AuditProducer, ProducerConfig
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer.key_file import store_key
from auditseal_vault.open import open_vault
from auditseal_vault.s3_client import Bucket, S3Client
from tests.factory.events import LEAST
from tests.factory.rights import BUCKET, acl_bindings, acl_lines, credentials_under
from tests.factory.secret_files import write_secret
from tests.factory.secured_kafka import SecuredKafka
from tests.faults.daemon import Daemon, await_true

pytestmark = [pytest.mark.kafka, pytest.mark.minio]

EVENTS, BLOCKS = "audit.events", "audit.blocks"
ORIGIN = Origin("rights.example.com", EVENTS, 0, 0)
PASSWORD = "secret"
OWN = "audit.auditseal"
RECORDERS = ("archiver", "watcher", "holder")
USERS = ("producer", "sealer", "archiver", "topics", "watcher", "holder")
SECONDS = 60


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A broker that has the users, and the ACLs of the file."""
    with SecuredKafka(tmp_path_factory.mktemp("rights")) as node:
        for user in USERS:
            node.add_user(user, PASSWORD)
        first, *others = acl_lines()
        by_tool = tool_command("kafka-acls", ["--add", *first.split()], node.bootstrap_servers, silent)
        subprocess.run(by_tool, check=True, capture_output=True, timeout=SECONDS)
        bindings = [binding for line in others for binding in acl_bindings(line)]
        for made in node.admin.create_acls(bindings).values():
            made.result(20)
        yield node


@pytest.fixture(scope="module")
def as_user(broker: SecuredKafka) -> Callable[[str], dict[str, str]]:
    """Return a user's settings of librdkafka."""
    return lambda user: broker.client_config(user, PASSWORD)


@pytest.fixture(scope="module")
def sealed(broker: SecuredKafka, minio: MinioNode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let each identity do its own work until an event is in the vault; return the trust file."""
    folder = tmp_path_factory.mktemp("sealed")
    minio.make_bucket(BUCKET)
    key = SigningKey.generate()
    write_secret(folder / "passphrase", "a passphrase")
    write_secret(folder / "password", PASSWORD)
    store_key(folder / "key.pem", key, "a passphrase")
    trust = folder / "trust.txt"
    vault = minio.vault_url(BUCKET)
    trust.write_text(f"vault {vault}\nlog {VerifierKey(str(ORIGIN), key.public)}\n")

    def settings(user: str, policy: str) -> dict[str, str]:
        return credentials_under(minio, policy) | {
            "AUDITSEAL_CLUSTER": ORIGIN.cluster,
            "AUDITSEAL_VAULT": vault,
            "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": broker.listener("sasl_tls"),
            "AUDITSEAL_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "AUDITSEAL_KAFKA__SSL_CA_FILE": str(broker.ca_file),
            "AUDITSEAL_KAFKA__SASL_USERNAME": user,
            "AUDITSEAL_KAFKA__SASL_PASSWORD_FILE": str(folder / "password"),
            "AUDITSEAL_SEALER__REPLICATION": "1",
        }

    def run(environment: Mapping[str, str], *arguments: str) -> None:
        command = [sys.executable, "-m", "auditseal", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)
        assert done.returncode == 0, done.stderr

    topics = settings("topics", "s3-auditor.json")
    run(topics, "topics", "create", "--partitions", "1")
    run(topics, "topics", "check")
    sealer = settings("sealer", "s3-auditor.json") | {
        "AUDITSEAL_SEALER__KEY_FILE": str(folder / "key.pem"),
        "AUDITSEAL_SEALER__PASSPHRASE_FILE": str(folder / "passphrase"),
        "AUDITSEAL_SEALER__BLOCK_AGE": "0.25",
    }
    archiver = settings("archiver", "s3-archiver.json") | {
        "AUDITSEAL_ARCHIVER__TRUST_FILE": str(trust),
        "AUDITSEAL_ARCHIVER__RETENTION_DAYS": "1",
    }
    with ExitStack() as stack:
        stack.enter_context(Daemon("sealer", "auditseal", sealer, folder / "sealer.log", "sealer", "--genesis"))
        daemon = stack.enter_context(Daemon("archiver", "auditseal", archiver, folder / "archiver.log", "archiver"))
        secure = broker.client_config("producer", PASSWORD)
        config = ProducerConfig(
            bootstrap_servers=secure["bootstrap.servers"],
            topic=EVENTS,
            service="rights",
            environment="test",
            kafka={name: value for name, value in secure.items() if name != "bootstrap.servers"},
        )
        with AuditProducer(config) as producer:
            producer.record(actor=LEAST.actor, action="seal", resources=LEAST.resources, outcome=LEAST.outcome).result(
                SECONDS
            )
        with pytest.MonkeyPatch.context() as patch:
            for name, value in credentials_under(minio, "s3-auditor.json").items():
                patch.setenv(name, value)
            reader = open_vault(vault)
            await_true(lambda: reader.holds(ORIGIN.block_key(0)), SECONDS, f"nothing is archived: {folder}")
        await_true(lambda: bool(daemon.told("the WORM drill passed")), SECONDS, "the drill did not pass")
    run(credentials_under(minio, "s3-auditor.json"), "verify", "--trust", str(trust))
    return trust


def code_of(call: Callable[[], object]) -> str:
    """Return the name of the error with which Kafka refuses a call."""
    with pytest.raises(KafkaException) as refused:
        call()
    name: str = refused.value.args[0].name()
    return name


def produce(settings: Mapping[str, str], topic: str) -> None:
    errors: list[Any] = []
    producer = Producer({**settings, "message.timeout.ms": 20_000})
    producer.produce(topic, b"forged", partition=0, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    if errors[0]:
        raise KafkaException(errors[0])


def read(settings: Mapping[str, str], topic: str) -> None:
    consumer = Consumer({**settings, "group.id": "auditseal.none", "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        message = consumer.poll(20)
        assert message is not None
        if error := message.error():
            raise KafkaException(error)
    finally:
        consumer.close()


def commit(settings: Mapping[str, str], group: str, topic: str) -> None:
    moved = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 0)])
    admin = AdminClient(dict(settings))
    (done,) = admin.alter_consumer_group_offsets([moved], request_timeout=20)[group].result(30).topic_partitions
    if done.error:
        raise KafkaException(done.error)


def begin(settings: Mapping[str, str], transactional_id: str) -> None:
    Producer({**settings, "transactional.id": transactional_id}).init_transactions(20)


def administer(settings: Mapping[str, str], topic: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each call that changes or destroys a topic."""
    admin = AdminClient(dict(settings))
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    yield "delete", lambda: admin.delete_topics([topic])[topic].result(20)
    yield "alter", lambda: next(iter(admin.incremental_alter_configs([resource]).values())).result(20)
    yield "delete records", lambda: next(iter(admin.delete_records([TopicPartition(topic, 0, 1)]).values())).result(20)
    yield "grow", lambda: admin.create_partitions([NewPartitions(topic, 9)])[topic].result(20)
    yield "create", lambda: admin.create_topics([NewTopic("audit.other", 1, 1)])["audit.other"].result(20)
    yield "rights", lambda: [made.result(20) for made in admin.create_acls(list(acl_bindings(acl_lines()[0]))).values()]


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("topic", [EVENTS, BLOCKS])
def test_no_identity_can_destroy_or_alter_a_topic(
    as_user: Callable[[str], dict[str, str]], user: str, topic: str
) -> None:
    for what, call in administer(as_user(user), topic):
        if (user, what) == ("topics", "grow"):
            continue  # its work
        denied = {"CLUSTER_AUTHORIZATION_FAILED" if what == "rights" else "TOPIC_AUTHORIZATION_FAILED"}
        if what == "delete records":
            denied.add("_NOENT")  # librdkafka, whose search for the leader finds a topic that the user may not see
        assert code_of(call) in denied, what


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(("user", "topic"), [(user, BLOCKS) for user in USERS if user != "sealer"])
def test_nobody_but_the_sealer_writes_blocks(as_user: Callable[[str], dict[str, str]], user: str, topic: str) -> None:
    assert code_of(lambda: produce(as_user(user), topic)) == "TOPIC_AUTHORIZATION_FAILED"


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("user", [user for user in USERS if user != "producer"])
def test_nobody_but_producers_writes_events(as_user: Callable[[str], dict[str, str]], user: str) -> None:
    assert code_of(lambda: produce(as_user(user), EVENTS)) == "TOPIC_AUTHORIZATION_FAILED"


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("producer", EVENTS),
        ("producer", BLOCKS),
        ("archiver", EVENTS),
        ("topics", EVENTS),
        *((user, topic) for user in ("watcher", "holder") for topic in (EVENTS, BLOCKS)),
    ],
)
def test_events_are_read_by_the_sealer_alone(as_user: Callable[[str], dict[str, str]], user: str, topic: str) -> None:
    assert code_of(lambda: read(as_user(user), topic)) in {"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED"}


@pytest.fixture(scope="module")
def own_topic(broker: SecuredKafka) -> str:
    """The topic of auditseal's own events."""
    broker.admin.create_topics([NewTopic(OWN, 1, 1)])[OWN].result(20)
    return OWN


@pytest.mark.parametrize("user", USERS)
def test_those_who_record_events_of_auditseal_itself_write_them_and_nobody_else(
    as_user: Callable[[str], dict[str, str]], own_topic: str, user: str
) -> None:
    if user in RECORDERS:
        produce(as_user(user), own_topic)
        assert code_of(lambda: read(as_user(user), own_topic)) in {
            "TOPIC_AUTHORIZATION_FAILED",
            "GROUP_AUTHORIZATION_FAILED",
        }
    else:
        assert code_of(lambda: produce(as_user(user), own_topic)) == "TOPIC_AUTHORIZATION_FAILED"


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("user", "group"),
    [
        ("producer", "auditseal.sealer"),
        ("archiver", "auditseal.sealer"),
        ("topics", "auditseal.sealer"),
        ("producer", "auditseal.archiver"),
        ("sealer", "auditseal.archiver"),
        ("topics", "auditseal.archiver"),
        ("sealer", "another"),
        ("watcher", "auditseal.sealer"),
        ("holder", "auditseal.archiver"),
    ],
)
def test_a_foreign_group_can_not_be_moved(as_user: Callable[[str], dict[str, str]], user: str, group: str) -> None:
    topic = BLOCKS if user == "archiver" else EVENTS
    assert code_of(lambda: commit(as_user(user), group, topic)) == "GROUP_AUTHORIZATION_FAILED"


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize(
    ("user", "transactional_id"),
    [*((user, "auditseal.x") for user in USERS if user != "sealer"), ("sealer", "another")],
)
def test_a_foreign_transactional_id_can_not_be_fenced(
    as_user: Callable[[str], dict[str, str]], user: str, transactional_id: str
) -> None:
    assert code_of(lambda: begin(as_user(user), transactional_id)) == "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"


def s3_under(minio: MinioNode, policy: str) -> Any:
    """Return the vault's own kind of client, with credentials under a policy."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in credentials_under(minio, policy).items():
            patch.setenv(name, value)
        client = S3Client(Bucket(BUCKET, endpoint=minio.endpoint), 1).boto3
        client.list_object_versions(Bucket=BUCKET, MaxKeys=1)  # the credentials are looked up now
        return client


def attacks(s3: Any, version: str) -> dict[str, Callable[[], object]]:
    """Return each call by which a block could be removed or hidden, or its lock weakened."""
    key = ORIGIN.block_key(0)
    block = {"Bucket": BUCKET, "Key": key}
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)}
    weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)}
    bypass = {"BypassGovernanceRetention": True}
    expire = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    open_to_all = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}'
    )
    return {
        "hide": lambda: s3.delete_object(**block),
        "delete": lambda: s3.delete_object(**block, VersionId=version),
        "delete with bypass": lambda: s3.delete_object(**block, VersionId=version, **bypass),
        "shorten": lambda: s3.put_object_retention(**block, VersionId=version, Retention=sooner),
        "shorten with bypass": lambda: s3.put_object_retention(**block, VersionId=version, Retention=sooner, **bypass),
        "downgrade": lambda: s3.put_object_retention(**block, VersionId=version, Retention=weaker, **bypass),
        "expire": lambda: s3.put_bucket_lifecycle_configuration(
            Bucket=BUCKET, LifecycleConfiguration={"Rules": [expire]}
        ),
        "suspend versions": lambda: s3.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
        ),
        "open": lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy=open_to_all),
        "remove": lambda: s3.delete_bucket(Bucket=BUCKET),
        "write without lock": lambda: s3.put_object(Bucket=BUCKET, Key=f"{key}.{uuid.uuid4()}", Body=b"x"),
        "write elsewhere": lambda: s3.put_object(Bucket=BUCKET, Key="elsewhere", Body=b"x", **_LOCK),
    }


_LOCK = {
    "ObjectLockMode": "COMPLIANCE",
    "ObjectLockRetainUntilDate": datetime(2100, 1, 1, tzinfo=UTC),
    "ChecksumAlgorithm": "SHA256",
}


@pytest.mark.usefixtures("sealed")
@pytest.mark.parametrize("policy", ["s3-archiver.json", "s3-auditor.json"])
def test_nobody_can_remove_hide_or_unlock_a_block(minio: MinioNode, policy: str) -> None:
    s3 = s3_under(minio, policy)
    (before,) = s3.list_object_versions(Bucket=BUCKET, Prefix=ORIGIN.block_key(0))["Versions"]
    lock = s3.get_object_retention(Bucket=BUCKET, Key=before["Key"], VersionId=before["VersionId"])["Retention"]
    for what, attack in attacks(s3, before["VersionId"]).items():
        with pytest.raises(ClientError) as refused:
            attack()
        assert re.search(r"AccessDenied|Object is WORM protected", str(refused.value)), (what, refused.value)
    answer = s3.list_object_versions(Bucket=BUCKET, Prefix=before["Key"])
    assert answer["Versions"] == [before]
    assert "DeleteMarkers" not in answer
    assert s3.get_object_retention(Bucket=BUCKET, Key=before["Key"], VersionId=before["VersionId"])["Retention"] == lock


@pytest.mark.usefixtures("sealed")
def test_the_archiver_can_extend_a_lock_and_the_auditor_can_not(minio: MinioNode) -> None:
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)}
    block = {"Bucket": BUCKET, "Key": ORIGIN.block_key(0)}
    auditor, archiver = s3_under(minio, "s3-auditor.json"), s3_under(minio, "s3-archiver.json")
    with pytest.raises(ClientError, match="AccessDenied"):
        auditor.put_object_retention(**block, Retention=longer)
    archiver.put_object_retention(**block, Retention=longer)
    (version,) = auditor.list_object_versions(Bucket=BUCKET, Prefix=block["Key"])["Versions"]
    assert auditor.get_object_retention(**block, VersionId=version["VersionId"])["Retention"] == longer


@pytest.mark.usefixtures("sealed")
def test_an_auditor_writes_nothing_at_all(minio: MinioNode) -> None:
    s3 = s3_under(minio, "s3-auditor.json")
    for key in ("v1/any", "v1-drill/any"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", **_LOCK)
