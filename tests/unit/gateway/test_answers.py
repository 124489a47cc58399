"""Results as answers, where clients depend on the status."""

import json

import pytest

from auditseal_gateway.answers import otlp_answer
from auditseal_gateway.otlp_logs import PROTOBUF
from auditseal_gateway.results import Refused, Spooled

REFUSED, KEPT = Refused(403, "source.service", "it is not that of this credential"), Spooled("id", False)


@pytest.mark.parametrize("media_type", ["application/json", PROTOBUF])
def test_a_request_of_which_every_record_is_refused_is_an_error(media_type: str) -> None:
    answer = otlp_answer([REFUSED, REFUSED], media_type)
    assert answer.status_code == 400
    assert b"none of 2 records is recorded: record 0: " in answer.body
    assert b"it is not that of this credential" in answer.body


def test_a_record_that_is_refused_among_others_is_a_partial_success() -> None:
    answer = otlp_answer([KEPT, REFUSED], "application/json")
    assert answer.status_code == 200
    assert json.loads(answer.body)["partialSuccess"]["rejectedLogRecords"] == "1"
    assert otlp_answer([KEPT], "application/json").body == b"{}"
