"""Records of AWS CloudTrail ("CloudTrail record contents", event version 1.x)."""

from auditseal_importers.excerpt import excerpt
from auditseal_importers.original import original_attributes
from auditseal_importers.record_fields import Record, check_record, list_at, needed_text, object_at, text_at, time_at
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource
from auditseal_schemas.strict_json import parse_json

_DENIED = ("AccessDenied", "Unauthorized", "Forbidden")


def cloudtrail_event(record: bytes, _source: str) -> EventFields:
    """Return a record as an event's fields; its id is of `eventID`, which is unique everywhere.

    Raises:
        EventError: It isn't one, or eventID, eventTime, eventSource or eventName is missing.
    """
    event = check_record(parse_json(record, "the record"))
    event_id, service, name = (needed_text(event, part) for part in ("eventID", "eventSource", "eventName"))
    time = time_at(event, "eventTime")
    fields = EventFields(
        event_id=derive_event_id(time, "cloudtrail", event_id),
        occurred_at=time,
        actor=_actor(event),
        action=name,
        resources=_resources(event, service),
        outcome=_outcome(event),
        category=_category(event, service, name),
        event_type=f"{service}/{text_at(event, 'eventType') or 'unknown'}",
        tenant=text_at(event, "recipientAccountId"),
        status_code=text_at(event, "errorCode"),
        correlation_id=text_at(event, "requestID"),
        attributes=original_attributes(record),
    )
    code, text = text_at(event, "errorCode"), text_at(event, "errorMessage")
    if code or text:
        fields["reason"] = Reason(code, excerpt(text) if text else None)
    return fields


def _actor(event: Record) -> Actor:
    """Name who acted by ARN, or the next best that the record has; a role's issuer is on whose behalf it acts."""
    identity = object_at(event, "userIdentity")
    named = (text_at(identity, name) for name in ("arn", "principalId", "userName", "invokedBy", "accountId"))
    return Actor(
        text_at(identity, "type") or "unknown",
        next(filter(None, named), "unknown"),
        name=text_at(identity, "userName"),
        session_id=text_at(identity, "accessKeyId"),
        on_behalf_of=text_at(identity, "sessionContext", "sessionIssuer", "arn"),
        ip=text_at(event, "sourceIPAddress"),
        user_agent=text_at(event, "userAgent"),
    )


def _resources(event: Record, service: str) -> list[Resource]:
    """Name the record's resources; a record without any is about the service."""
    found = [check_record(resource) for resource in list_at(event, "resources")]
    if not found:
        return [Resource("service", service, parent=text_at(event, "awsRegion"))]
    return [
        Resource(
            text_at(each, "type") or "unknown", text_at(each, "ARN") or "unknown", parent=text_at(each, "accountId")
        )
        for each in found
    ]


def _outcome(event: Record) -> Outcome:
    code = text_at(event, "errorCode")
    if code is None:
        is_failed_login = object_at(event, "responseElements").get("ConsoleLogin") == "Failure"
        return Outcome.FAILURE if is_failed_login else Outcome.SUCCESS
    return Outcome.DENIED if any(word in code for word in _DENIED) else Outcome.FAILURE


def _category(event: Record, service: str, name: str) -> Category:
    if service.startswith("signin.") or name.startswith("AssumeRole"):
        return Category.AUTHENTICATION
    if text_at(event, "readOnly") == "true":
        return Category.ACCESS
    if service.startswith("iam."):
        return Category.PERMISSION
    return Category.DATA if text_at(event, "eventCategory") == "Data" else Category.CONFIGURATION
