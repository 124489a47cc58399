"""Refused logins as audit events: so many a minute at most, because strangers must not fill a log that keeps all."""

import logging
from threading import Lock
from time import monotonic

from auditseal_explorer.errors import UnrecordedError
from auditseal_explorer.trail import Look, Trail
from auditseal_schemas.event_parts import Actor, Category, Outcome, Resource

MOST = 60
"""Refusals of a minute that are recorded; the next minute's first says how many were left out."""
_UNKNOWN = "unknown"
_log = logging.getLogger(__name__)


class Refusals:
    """Records refused logins.

    Args:
        trail: Takes them.
        vault: The vault's URL, which names what was asked for.
    """

    def __init__(self, trail: Trail, vault: str) -> None:
        self._trail, self._vault = trail, Resource("audit_vault", vault)
        self._lock = Lock()
        self._minute, self._number = 0, 0

    def record(self, login: str, name: str | None, address: str | None, problem: str) -> None:
        """Record one refusal. One that can't be recorded is logged: nothing is shown either way.

        Args:
            login: The login that refused.
            name: The name that it established, None for none.
            address: The sender's IP address.
            problem: Why it refused.
        """
        left_out = self._count()
        if left_out is None:
            return
        actor = Actor("auditor", name or _UNKNOWN, auth_method=login, ip=address)
        attributes = {"left_out": str(left_out)} if left_out else {}
        look = Look(actor, "auditseal.login", self._vault, attributes, Outcome.DENIED, problem, Category.AUTHENTICATION)
        try:
            self._trail.record(look)
        except UnrecordedError as error:
            _log.error("a refused login of %s was not recorded: %s", actor.id, error)

    def _count(self) -> int | None:
        """Count a refusal; return how many were left out before it, None to leave out this one, too."""
        minute = int(monotonic() // 60)
        with self._lock:
            before = 0
            if minute != self._minute:
                before, self._minute, self._number = max(0, self._number - MOST), minute, 0
            self._number += 1
            return before if self._number <= MOST else None
