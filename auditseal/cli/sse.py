"""The options of commands that ask a store for encryption at rest."""

from enum import StrEnum
from typing import Annotated, TypeAlias

import typer


class Sse(StrEnum):
    """An encryption at rest that a write can ask for."""

    SSE_S3 = "SSE-S3"
    SSE_KMS = "SSE-KMS"


SseOption: TypeAlias = Annotated[
    Sse | None, typer.Option("--encryption", help="The encryption at rest that each write asks for and checks.")
]
KmsKey = Annotated[str, typer.Option("--kms-key", help="The key's identifier or ARN, for SSE-KMS.")]
