"""What the demo accepts as a store that withstood an attack."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from auditseal.demo.folder import DemoFolder
from auditseal.demo.store import MinioStore
from auditseal_local.errors import LocalStackError
from auditseal_local.minio import MinioNode
from auditseal_local.progress import silent
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import StoredVersion


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), "can't be reached"),
        (None, "deleted the locked v1/a"),
    ],
)
def test_only_a_refusal_passes_for_a_store_that_withstood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Exception | None, said: str
) -> None:
    def delete_object(**_: object) -> None:
        if answer:
            raise answer

    monkeypatch.setattr(MinioNode, "s3", lambda _: SimpleNamespace(delete_object=delete_object))
    stored = StoredVersion("v1/a", "1", is_latest=True, is_delete_marker=False, size=1)
    monkeypatch.setattr(MinioStore, "reader", lambda _: SimpleNamespace(versions=lambda _: iter([stored])))
    with pytest.raises(LocalStackError, match=said):
        MinioStore(DemoFolder(tmp_path), silent).attack(Origin("c", "t", 0, 0))
