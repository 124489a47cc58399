"""Secrets of requests are masked by their names and by the form of tokens; all else stays as it was sent."""

import pytest

from auditseal_glue.masking import mask_query, mask_tokens, mask_value

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PassWord2",
        "new_passwd",
        "client_secret",
        "access_token",
        "api-key",
        "X-Api-Key",
        "apikey",
        "Authorization",
        "Cookie",
        "Set-Cookie",
        "sessionid",
        "X-CSRF-Token",
        "X-Amz-Signature",
        "sig",
        "code",
        "otp",
        "id_jwt",
        "SAMLResponse",
    ],
)
def test_values_of_secret_names(name: str) -> None:
    assert mask_value(name, "hunter2") == "***"
    assert mask_query(f"a=1&{name}=hunter2&b=2") == f"a=1&{name}=***&b=2"


@pytest.mark.parametrize("name", ["page", "q", "decode", "monkey", "barcode", "design", "spin"])
def test_values_of_other_names(name: str) -> None:
    assert mask_value(name, "7") == "7"
    assert mask_query(f"{name}=7") == f"{name}=7"


def test_tokens_anywhere() -> None:
    assert mask_tokens(f"/verify/{TOKEN}/now") == "/verify/***/now"
    assert mask_query(f"next={TOKEN}&{TOKEN}") == "next=***&***"
    assert mask_tokens("/eyJ/short") == "/eyJ/short"


@pytest.mark.parametrize("query", ["", "&", "a", "a=", "=1", "a=b=c", "a=%zz", "a;b=1"])
def test_odd_queries_stay(query: str) -> None:
    assert mask_query(query) == query


def test_an_encoded_name_is_a_secret_too() -> None:
    assert mask_query("pass%77ord=1&acc%65ss+token=2") == "pass%77ord=***&acc%65ss+token=***"
