"""A vault compared with a copy of it, which is verified first. Its heads then are a memory that the vault must contain.

Both are verified against the trust file, each by itself. Two logs of one size with one root have the same blocks. So
the comparison is that of remembered heads: a vault that lost its end is TRUNCATED, one that was rewritten has a FORK.
The signed records of legal holds in the copy are a memory, too. The vault must have them, and hold what they hold.
"""

from collections.abc import Iterator
from dataclasses import replace

from auditseal_auditor.report import Report
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import merge_heads


def of_the_copy(request: Request) -> Request:
    """Return the request for the copy, which is compared with nothing: it may lack the newest blocks."""
    return replace(request, heads={}, memory="", oldest=None, notices=(), scrub_period=None)


def compared_with(request: Request, copy: Report) -> Request:
    """Return the request for the vault, whose memory has the heads of the copy's clean logs and its cases as well."""
    heads = copy.heads_after({})
    memory = ", ".join(filter(None, (request.memory, f"copy {copy.vault}" if heads else "")))
    return replace(request, heads=merge_heads(request.heads, heads), memory=memory, cases=copy.cases)


def copy_notices(report: Report, copy: Report) -> Iterator[str]:
    """Yield a remark for each log and case of which the copy has fewer blocks or statements than the vault."""
    in_copy = {log.origin: log.counts.size for log in copy.logs}
    for log in report.logs:
        lacking = log.counts.size - in_copy[log.origin]
        if lacking > 0:
            yield f"the copy lacks the last {lacking:,} of {log.counts.size:,} blocks of {log.origin}: replicate again"
    known = {case.name: len(case.signed) for case in copy.cases}
    for case in report.cases:
        lacking = len(case.signed) - known.get(case.name, 0)
        if lacking > 0:
            yield f"the copy lacks the last {lacking} of {len(case.signed)} statements of {case.name}: replicate again"
