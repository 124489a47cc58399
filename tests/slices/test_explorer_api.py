"""The explorer's JSON API against its own description: whatever that allows is asked, and answered as it says."""

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS

HOST = "explorer.test"


def explorer_api() -> schemathesis.BaseSchema:
    vault = MemoryVault()
    put_log(vault, BLOCKS[:2])
    app = Exploring(vault, TRUST).app
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"host": HOST})


api = explorer_api()


@api.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_answers_as_it_is_described(case: schemathesis.Case) -> None:
    # The description can't say which texts are filters: most that it allows are none, and get status 400.
    case.call_and_validate(headers={"host": HOST}, excluded_checks=[positive_data_acceptance])
