"""Audit events of Kubernetes (`audit.k8s.io/v1` Event, kubernetes.io "kube-apiserver Audit Configuration (v1)")."""

from collections.abc import Mapping

from auditseal_importers.excerpt import excerpt
from auditseal_importers.original import original_attributes
from auditseal_importers.record_fields import Record, check_record, list_at, needed_text, object_at, text_at, time_at
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Authorization, Category, Outcome, Reason, Resource
from auditseal_schemas.strict_json import parse_json

_READS = frozenset({"get", "list", "watch"})
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_RIGHTS = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings", "subjectaccessreviews"})
_DECISION, _REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"


def kubernetes_event(record: bytes, cluster: str) -> EventFields:
    """Return an audit event of a kube-apiserver as an event's fields; its id is of cluster, auditID and stage.

    Args:
        record: The JSON of one `Event`.
        cluster: The cluster's name: two clusters may have the same auditID.

    Raises:
        EventError: It isn't one, or auditID, stage, verb or both of its times are missing.
    """
    event = check_record(parse_json(record, "the record"))
    if text_at(event, "kind") not in {None, "Event"}:
        raise EventError("kind", "must be Event, of audit.k8s.io")
    audit_id, stage, verb = (needed_text(event, name) for name in ("auditID", "stage", "verb"))
    time = time_at(event, "stageTimestamp" if event.get("stageTimestamp") else "requestReceivedTimestamp")
    fields = EventFields(
        event_id=derive_event_id(time, "kubernetes", cluster, audit_id, stage),
        occurred_at=time,
        actor=_actor(event),
        action=verb,
        resources=[_resource(event)],
        outcome=_outcome(event, stage),
        category=_category(event, verb),
        event_type=f"kubernetes.audit.{stage}",
        status_code=text_at(event, "responseStatus", "code"),
        correlation_id=audit_id,
        attributes=original_attributes(record),
    )
    decision = object_at(event, "annotations").get(_DECISION)
    if decision is not None:
        fields["authorization"] = Authorization(decision == "allow", policy=text_at(event, "annotations", _REASON))
    code, text = text_at(event, "responseStatus", "reason"), text_at(event, "responseStatus", "message")
    if code or text:
        fields["reason"] = Reason(code, excerpt(text) if text else None)
    return fields


def _actor(event: Record) -> Actor:
    name = text_at(event, "user", "username") or "unknown"
    kind = "service_account" if name.startswith("system:serviceaccount:") else "user"
    addresses = [str(address) for address in list_at(event, "sourceIPs")]
    return Actor(
        kind,
        name,
        on_behalf_of=text_at(event, "impersonatedUser", "username"),
        ip=addresses[0] if addresses else None,
        user_agent=text_at(event, "userAgent"),
    )


def _resource(event: Record) -> Resource:
    """Name an object by namespace and name; a request without an object by its URI."""
    reference = object_at(event, "objectRef")
    if not reference:
        return Resource("nonresource", text_at(event, "requestURI") or "unknown")
    kind = _joined("/", reference, "apiGroup", "resource", "subresource") or "unknown"
    namespace = text_at(reference, "namespace")
    # A list, or an object that is created and named by the server, has no name.
    name = _joined("/", reference, "namespace", "name") or text_at(event, "requestURI") or "unknown"
    return Resource(kind, name, parent=namespace)


def _joined(separator: str, reference: Mapping[str, object], *names: str) -> str:
    return separator.join(filter(None, (text_at(reference, name) for name in names)))


def _outcome(event: Record, stage: str) -> Outcome:
    code = object_at(event, "responseStatus").get("code")
    if stage == "Panic":
        return Outcome.FAILURE
    if not isinstance(code, int):
        return Outcome.UNKNOWN
    if code in {401, 403}:
        return Outcome.DENIED
    return Outcome.SUCCESS if code < 400 else Outcome.FAILURE


def _category(event: Record, verb: str) -> Category:
    kind = text_at(event, "objectRef", "resource")
    if kind == "tokenreviews":
        return Category.AUTHENTICATION
    if kind in _RIGHTS:
        return Category.PERMISSION
    if verb in _READS:
        return Category.ACCESS
    return Category.CONFIGURATION if verb in _WRITES else Category.OTHER
