"""What the service's `oauth_cb` returns is checked before the binding sees it: that would raise in the wrong place."""

import re
from typing import Any

import pytest

from auditseal_producer.client_log import ClientLog
from auditseal_producer.kafka_client import _TokenSource
from auditseal_schemas.kafka_trouble import TroubleKind

GOOD: list[tuple[Any, ...]] = [("t", 1.0), ("t", 1, "principal"), ("t", 1.5, "principal", {"name": "value"})]


@pytest.mark.parametrize("token", GOOD)
def test_a_token_is_handed_on(token: tuple[Any, ...]) -> None:
    source = _TokenSource(ClientLog(None), lambda config: token)
    assert source("config") is token
    assert source.error is None


@pytest.mark.parametrize(
    "token",
    [
        None,
        "t",
        (),
        ("t",),
        ("t", "soon"),
        (None, 1.0),
        ("a\0b", 1.0),
        ("t", 1, 7),
        ("t", 1, "p", []),
        ("t", 1, "p", {"name": 7}),
        ("t", 1, "p", {}, 1),
        ["t", 1],
    ],
)
def test_anything_else_is_a_trouble_that_says_what_is_expected(token: object) -> None:
    log = ClientLog(None)
    source = _TokenSource(log, lambda config: token)
    with pytest.raises(RuntimeError, match="no token"):
        source("config")
    assert isinstance(source.error, TypeError)
    assert log.trouble is not None
    assert log.trouble.kind is TroubleKind.TOKEN
    assert re.search(r"oauth_cb must return \(token, expiry", str(log.trouble))
