"""A client's events are stamped with its own source. One that claims another is refused, never corrected."""

from dataclasses import asdict

from auditseal_gateway.errors import SourceClaimError
from auditseal_schemas.errors import quoted
from auditseal_schemas.event_parts import Source


def check_claim(source: Source, claim: object) -> None:
    """Check what an event says of its source: any part of it, as long as it is right.

    Raises:
        SourceClaimError: It says something else.
    """
    own = asdict(source)
    if not isinstance(claim, dict):
        raise SourceClaimError("source", "must be a JSON object: leave it out, the gateway stamps it")
    for name, value in claim.items():
        if name not in own or (value is not None and value != own[name]):
            text = quoted(str(value), 80)
            raise SourceClaimError(
                f"source.{name}", f"{text} is not that of this credential, {own.get(name)!r}: leave source out"
            )
