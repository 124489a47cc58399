"""200 events whose texts attack those who look at them: 20 texts, each in ten fields."""

from collections.abc import Callable
from dataclasses import replace

from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Actor, Change, Reason, Resource
from tests.factory.events import FULL

LONG = 250_000
"""Characters of the longest text."""
TEXTS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "</td></tr></table><svg onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<style>*{display:none}</style><base href=//evil.example>",
    "{{ 7 * 7 }}{% include 'base.html.j2' %}${7*7}",
    "\x1b[2J\x1b]0;owned\x07",
    "safe\u202egnp.exe\u2066\u2069",
    "\ufeff\u200bzero width\U000e0041",
    "two\nlines\r\nset-cookie: a=b",
    '=HYPERLINK("//evil.example";"x")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*-1",
    '"; DROP TABLE found; --',
    "%3Cscript%3E&lt;script&gt;&#60;script&#62;",
    "<b>" * (LONG // 3),
)
FIELDS: tuple[Callable[[str], AuditEvent], ...] = (
    lambda text: replace(FULL, actor=Actor("user", text)),
    lambda text: replace(FULL, actor=Actor(text[:1_000], "u-1", name=text)),
    lambda text: replace(FULL, action=text),
    lambda text: replace(FULL, resources=[Resource("invoice", text)]),
    lambda text: replace(FULL, resources=[Resource(text[:1_000], "1", name=text)]),
    lambda text: replace(FULL, changes=[Change("note", text, text[::-1])]),
    lambda text: replace(FULL, changes=[Change(text, None, "x")]),
    lambda text: replace(FULL, reason=Reason(text[:1_000], text)),
    lambda text: replace(FULL, attributes={text: text[:1_000]}),
    lambda text: replace(FULL, tenant=text, correlation_id=text[:1_000]),
)
VALUES = tuple(encode_event(field(text)) for text in TEXTS for field in FIELDS)
"""The events, encoded."""
