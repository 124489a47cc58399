"""What a refused read says: of one object, or of the store."""

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from tests.fuzz.vaults import scripted_store


def refused(status: int, code: str, version_id: str) -> BaseException:
    """Return what reading raises where the store answers so."""
    body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    with pytest.raises((UnavailableError, UnreadableObjectError)) as caught:
        scripted_store().answer(body, status).read("v1/key", version_id)
    assert "v1/key" in str(caught.value)
    assert code in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("status", "code"), [(404, "NoSuchVersion"), (404, "NoSuchKey"), (403, "InvalidObjectState")])
def test_a_version_that_is_listed_has_no_content(status: int, code: str) -> None:
    assert type(refused(status, code, "listed")) is UnreadableObjectError


def test_an_archived_object_has_no_content_whichever_version_is_asked_for() -> None:
    assert type(refused(403, "InvalidObjectState", "")) is UnreadableObjectError


@pytest.mark.parametrize("code", ["NoSuchVersion", "NoSuchKey"])
def test_a_key_that_nobody_listed_may_be_absent(code: str) -> None:
    assert type(refused(404, code, "")) is UnavailableError


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "AccessDenied"), (400, "InvalidRequest"), (400, "KMS.DisabledException"), (400, "KMS.NotFoundException")],
)
@pytest.mark.parametrize("version_id", ["", "listed"])
def test_one_object_may_be_refused(status: int, code: str, version_id: str) -> None:
    assert type(refused(status, code, version_id)) is RefusedObjectError


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidAccessKeyId"),
        (403, "InvalidTokenId"),
        (403, "AllAccessDisabled"),
        (403, "RequestTimeTooSkewed"),
        (400, "ExpiredToken"),
        (400, "InvalidToken"),
        (400, "RequestTimeout"),
        (404, "NoSuchBucket"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ],
)
def test_other_refusals_say_nothing_of_the_object(status: int, code: str) -> None:
    assert type(refused(status, code, "listed")) is UnavailableError
