"""The meaning of librdkafka's texts. That it still writes them is for tests/integration/test_kafka_trouble.py."""

import pytest

from auditseal_schemas.kafka_trouble import Trouble, TroubleKind, Troubles, explain

REFUSED = "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)"


def kind_of(name: str, text: str) -> TroubleKind | None:
    trouble = explain(name, text)
    return trouble and trouble.kind


@pytest.mark.parametrize(
    ("text", "broker"),
    [
        (REFUSED, "127.0.0.1:9"),
        (f"[thrd:127.0.0.1:9/bootstrap]: {REFUSED}", "127.0.0.1:9"),
        (REFUSED.replace("127.0.0.1:9/bootstrap", "[::1]:9/bootstrap"), "[::1]:9"),
        (REFUSED.replace("127.0.0.1:9/bootstrap", "sasl_ssl://kafka-1.example.com:9093/7"), "kafka-1.example.com:9093"),
        (REFUSED.replace("127.0.0.1:9/bootstrap", "GroupCoordinator: kafka:9092/7"), "kafka:9092"),
        (
            f"[thrd:TxnCoordinator]: {REFUSED.replace('127.0.0.1:9/bootstrap', 'TxnCoordinator: kafka:9092/-1')}",
            "kafka:9092",
        ),
        ("Connection refused", ""),
    ],
)
def test_the_broker_is_found_wherever_it_is_named(text: str, broker: str) -> None:
    trouble = explain("_TRANSPORT", text)
    assert trouble is not None
    assert (trouble.kind, trouble.broker) == (TroubleKind.REFUSED, broker)
    assert trouble.sentence.startswith(f"{broker or 'Kafka'} refuses connections: start the broker")


def test_an_address_that_a_broker_advertised_is_said_to_be_one() -> None:
    ours = explain("_TRANSPORT", REFUSED)
    theirs = explain("_TRANSPORT", REFUSED.replace("/bootstrap", "/1"))
    assert ours is not None
    assert theirs is not None
    assert "advertised.listeners" not in str(ours)
    assert str(theirs) == f"{ours} (a broker named this address: see its advertised.listeners)"


def test_what_the_wire_says_can_t_harm_a_terminal() -> None:
    for text in ("kafka:9092/1: SSL handshake failed: \x1b[31m\u202e", "\x1b[31m:9092/1: \u202e", "\u202e:9092/1: "):
        trouble = explain("_SSL" if "SSL" in text else "_FAIL", text)
        assert trouble is not None
        assert trouble.sentence.isprintable()


def test_the_mechanisms_that_a_broker_takes_are_named() -> None:
    text = "kafka:9093/1: SASL PLAIN mechanism handshake failed: Broker: Unsupported SASL mechanism"
    assert "it takes others:" in str(explain("_AUTHENTICATION", text))
    assert "it takes 'GSSAPI':" in str(explain("_AUTHENTICATION", f"{text}: broker's supported mechanisms: GSSAPI"))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("_TIMED_OUT", "Local: Timed out", TroubleKind.NO_ANSWER),
        ("FAIL", "k:1/1: Connection setup timed out in state CONNECT (after 30021ms in state CONNECT)", "NO_ANSWER"),
        ("REQTMOUT", "k:1/1: Timed out ApiVersionRequest in flight (after 10000ms, timeout #0)", "NO_ANSWER"),
        ("_TRANSPORT", "k:1/1: Connect failed: Network is unreachable (after 0ms in state CONNECT)", "NO_ROUTE"),
        ("_TRANSPORT", "k:1/1: Connect failed: No route to host (after 0ms in state CONNECT)", "NO_ROUTE"),
        ("_RESOLVE", "k:1/1: Failed to resolve 'k:1': Temporary failure in name resolution", "HOST_UNKNOWN"),
        ("_AUTHENTICATION", "Failed to acquire SASL OAUTHBEARER token: no", TroubleKind.TOKEN),
        ("SASL_AUTHENTICATION_FAILED", "OAuth token not set within 10 seconds timeout", TroubleKind.TOKEN),
        ("SASL_AUTHENTICATION_FAILED", "Broker: SASL Authentication failed", TroubleKind.AUTHENTICATION),
        ("CLUSTER_AUTHORIZATION_FAILED", "Broker: Cluster authorization failed", TroubleKind.NOT_AUTHORIZED),
        ("TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "Broker: no", TroubleKind.NOT_AUTHORIZED),
        ("_UNKNOWN_TOPIC", "Local: Unknown topic", TroubleKind.TOPIC_MISSING),
        ("UNKNOWN_TOPIC_OR_PART", "Broker: Unknown topic or partition", TroubleKind.TOPIC_MISSING),
        ("_SSL", "k:1/1: SSL handshake failed: no shared cipher (after 1ms in state SSL_HANDSHAKE)", "TLS_OTHER"),
        ("_FATAL", "something new", TroubleKind.OTHER),
    ],
)
def test_each_kind_has_its_texts(name: str, text: str, kind: TroubleKind | str) -> None:
    assert kind_of(name, text) is (TroubleKind[kind] if isinstance(kind, str) else kind)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_ALL_BROKERS_DOWN", "1/1 brokers are down"),
        ("_MSG_TIMED_OUT", "Local: Message timed out"),
        ("FAIL", "k:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after 60000ms in state UP)"),
        ("_TRANSPORT", "k:1/1: Disconnected (after 600001ms in state UP, 1 identical error(s) suppressed)"),
        ("CONFWARN", "Configuration property x is deprecated"),
    ],
)
def test_not_everything_is_a_trouble(name: str, text: str) -> None:
    assert explain(name, text) is None
    assert Troubles().note(name, text) is None


def test_a_connection_that_is_closed_at_once_is_a_trouble() -> None:
    text = "k:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN (after {}ms in state {})"
    assert kind_of("FAIL", text.format(2, "APIVERSION_QUERY")) is TroubleKind.TLS_EXPECTED
    assert kind_of("FAIL", text.format(2, "UP")) is TroubleKind.SASL_EXPECTED


def test_a_trouble_is_news_once_for_each_broker() -> None:
    troubles = Troubles()
    first = troubles.note("_TRANSPORT", REFUSED)
    assert first == troubles.current
    assert troubles.note("FAIL", f"[thrd:x]: {REFUSED}") is None
    assert troubles.note("_TRANSPORT", REFUSED.replace(":9/", ":8/")) is not None
    assert troubles.note("_TRANSPORT", REFUSED) is None
    troubles.clear()
    assert troubles.current is None
    assert troubles.note("_TRANSPORT", REFUSED) == first


def test_a_cause_that_is_known_is_not_replaced_by_one_that_is_not() -> None:
    troubles = Troubles()
    assert troubles.note("_FAIL", "something new") is not None
    troubles.note("_TRANSPORT", REFUSED)
    assert troubles.note("_FAIL", "something new again") is not None
    assert isinstance(troubles.current, Trouble)
    assert troubles.current.kind is TroubleKind.REFUSED


def test_ever_new_brokers_take_no_more_memory() -> None:
    troubles = Troubles()
    for number in range(2_500):
        troubles.note("_TRANSPORT", REFUSED.replace("127.0.0.1:9/", f"k{number}:9/"))
    assert len(troubles._known) <= 1_000


def test_each_kind_says_whether_it_lasts_and_has_a_label() -> None:
    assert len({kind.label for kind in TroubleKind}) == len(TroubleKind)
    assert TroubleKind.AUTHENTICATION.lasting
    assert not TroubleKind.REFUSED.lasting
