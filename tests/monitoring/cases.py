"""Series of daemons in normal running, at zero traffic, and in each fault that an alert is for.

Values are in promtool's notation: `a+bxn` is a and then n steps of b. A step is a minute. Time begins at 0. A rate
over a window that is longer than the series is the rate over the series, so that no case needs days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

SEALER = 'job="auditseal-sealer",instance="s:1"'
ARCHIVER = 'job="auditseal-archiver",instance="a:1"'
WATCH = 'job="auditseal-watch",instance="w:1"'
INDEX = 'job="auditseal-index",instance="i:1"'
GATEWAY = 'job="auditseal-gateway",instance="g:1"'
STREAMS = 'job="auditseal-streams",instance="n:1"'
EVENTS = f'{SEALER},topic="audit.events",partition="0"'
BLOCKS = f'{ARCHIVER},topic="audit.blocks",partition="0"'
SIGNING = f'{SEALER},key="AddamAGCsQq3"'
SIGNER = f'{SEALER},signer="openbao://transit/sealer"'
LOG = 'origin="a.example/audit.events/0/0"'
ARCHIVED = "auditseal_event_to_archived_seconds"
SEALED = "auditseal_event_to_sealed_seconds"

Series = dict[str, str]


def _constant(value: float, steps: int) -> str:
    return f"{value}x{steps}"


def _growing(by: float, steps: int, start: float = 0) -> str:
    return f"{start}+{by}x{steps}"


def _histogram(name: str, labels: str, bound: str, steps: int, *, blocks: float, slow: float = 0) -> Series:
    """A histogram whose observations a minute are `blocks`, of which `slow` are above the bound."""
    return {
        f'{name}_bucket{{{labels},le="{bound}"}}': _growing(blocks - slow, steps),
        f'{name}_bucket{{{labels},le="+Inf"}}': _growing(blocks, steps),
        f"{name}_count{{{labels}}}": _growing(blocks, steps),
    }


def running(steps: int, *, blocks: float, events: float) -> Series:
    """All series of daemons that work, with so many blocks and events a minute."""
    constant, growing = partial(_constant, steps=steps), partial(_growing, steps=steps)
    jobs = {
        "sealer": SEALER,
        "archiver": ARCHIVER,
        "watch": WATCH,
        "index": INDEX,
        "streams": STREAMS,
        "gateway": GATEWAY,
    }
    return {
        **{f"up{{{labels}}}": constant(1) for labels in jobs.values()},
        **{f"process_start_time_seconds{{{labels}}}": constant(0) for labels in jobs.values()},
        **{
            f'auditseal_build_info{{{labels},component="auditseal.{name}",version="1"}}': constant(1)
            for name, labels in jobs.items()
        },
        f"auditseal_events_consumed_total{{{EVENTS}}}": growing(events),
        f"auditseal_chain_gaps_total{{{EVENTS}}}": constant(0),
        f"auditseal_unreadable_offsets_total{{{EVENTS}}}": constant(0),
        f"auditseal_head_recoveries_total{{{EVENTS}}}": constant(1),
        f"auditseal_consumer_lag_records{{{EVENTS}}}": constant(events and 40),
        f"auditseal_oldest_unsealed_event_age_seconds{{{EVENTS}}}": constant(events and 4),
        f"auditseal_signer_available{{{SIGNER}}}": constant(1),
        f"auditseal_signing_key_expiry_timestamp_seconds{{{SIGNING}}}": constant(60 * 86400),
        f'auditseal_log_state{{{EVENTS},state="sealing"}}': constant(1),
        f'auditseal_log_state{{{EVENTS},state="halted"}}': constant(0),
        f'auditseal_log_state{{{EVENTS},state="no_blocks_partition"}}': constant(0),
        **_histogram(SEALED, EVENTS, "7.0", steps, blocks=blocks, slow=blocks / 1000),
        f'auditseal_log_state{{{BLOCKS},state="archiving"}}': constant(1),
        f'auditseal_log_state{{{BLOCKS},state="unpinned"}}': constant(0),
        f'auditseal_log_state{{{BLOCKS},state="halted"}}': constant(0),
        f'auditseal_archive_put_failures_total{{{BLOCKS},reason="store"}}': growing(0.1),
        f"auditseal_oldest_unarchived_block_age_seconds{{{BLOCKS}}}": constant(blocks and 0.3),
        f"auditseal_object_lock_retention_remaining_seconds{{{BLOCKS}}}": f"{400 * 86400}-60x{steps}",
        f"auditseal_store_available{{{ARCHIVER}}}": constant(1),
        f"auditseal_worm_drill_success{{{ARCHIVER}}}": constant(1),
        **_histogram(ARCHIVED, ARCHIVER, "60.0", steps, blocks=blocks, slow=blocks / 1000),
        f"auditseal_verify_exit_code{{{WATCH}}}": constant(0),
        f'auditseal_verify_findings{{{WATCH},{LOG},verdict="FORK"}}': constant(0),
        f'auditseal_verify_findings{{{WATCH},{LOG},verdict="TRUNCATED"}}': constant(0),
        f'auditseal_verify_runs_total{{{WATCH},result="clean"}}': growing(6),
        f'auditseal_verify_runs_total{{{WATCH},result="failed"}}': constant(0),
        f"auditseal_verify_last_success_timestamp_seconds{{{WATCH},{LOG}}}": growing(60),
        f"auditseal_verify_lag_seconds{{{WATCH},{LOG}}}": constant(10),
        f"auditseal_verify_last_scrub_timestamp_seconds{{{WATCH},{LOG}}}": growing(60),
        f"auditseal_verify_scrub_period_seconds{{{WATCH}}}": constant(3600),
        f"auditseal_index_last_success_timestamp_seconds{{{INDEX},{LOG}}}": growing(60),
        f'auditseal_streams{{{STREAMS},state="UNCLOSED"}}': growing(1),
        f'auditseal_streams{{{STREAMS},state="GAP"}}': constant(2),
        f'auditseal_streams_service_silent{{{STREAMS},service="billing"}}': constant(0),
        f"auditseal_streams_last_success_timestamp_seconds{{{STREAMS}}}": growing(60),
        f'auditseal_gateway_events_total{{{GATEWAY},route="events",result="recorded"}}': growing(events),
        f'auditseal_gateway_events_total{{{GATEWAY},route="events",result="refused"}}': constant(0),
        f'auditseal_gateway_events_total{{{GATEWAY},route="events",result="unavailable"}}': constant(0),
        f'auditseal_gateway_refused_logins_total{{{GATEWAY},method="token"}}': growing(0.1),
    }


@dataclass(frozen=True)
class Case:
    """Series, and the alerts that fire at a time.

    Attributes:
        name: What happens.
        minutes: When the alerts are looked at.
        changed: Series that differ from normal running; None for a series that is not there.
        firing: The alerts that fire, and no other does.
        blocks: Blocks a minute.
        events: Events a minute.
    """

    name: str
    minutes: int
    changed: Mapping[str, str | None] = field(default_factory=dict)
    firing: frozenset[str] = frozenset()
    blocks: float = 60
    events: float = 6000

    def series(self) -> Series:
        """Return all series that Prometheus has."""
        normal = running(self.minutes, blocks=self.blocks, events=self.events)
        return {name: values for name, values in {**normal, **self.changed}.items() if values is not None}


def _fault(alerts: str, minutes: int, changed: Mapping[str, str | None], **more: float) -> Case:
    first, *others = alerts.split()
    return Case(first, minutes, changed, frozenset({first, *others}), **more)


def _slow(name: str, labels: str, bound: str, minutes: int, share: float, blocks: float = 60) -> Series:
    return _histogram(name, labels, bound, minutes, blocks=blocks, slow=share * blocks)


QUIET = (
    Case("normal running", 180),
    Case("zero traffic", 180, blocks=0, events=0),
    Case("a single slow block at low traffic", 90, _slow(SEALED, EVENTS, "7.0", 90, 1, 0.05), blocks=0.05, events=1),
    Case("half a percent of slow blocks", 120, _slow(SEALED, EVENTS, "7.0", 120, 0.005)),
)
"""In these cases no alert fires."""

FAULTS = (
    _fault("AuditsealDown", 10, {f"up{{{SEALER}}}": "1x4 0x6"}),
    _fault(
        "AuditsealMissing",
        30,
        {f'auditseal_build_info{{{ARCHIVER},component="auditseal.archiver",version="1"}}': "1x5 stale"},
    ),
    _fault("AuditsealRestartsOften", 30, {f"process_start_time_seconds{{{ARCHIVER}}}": "0+300x30"}),
    _fault(
        "AuditsealFinding",
        10,
        {
            f'auditseal_verify_findings{{{WATCH},{LOG},verdict="FORK"}}': "0x5 1x5",
            f"auditseal_verify_exit_code{{{WATCH}}}": "0x5 21x5",
            f'auditseal_verify_runs_total{{{WATCH},result="failed"}}': "0x5 6+6x5",
        },
    ),
    _fault("AuditsealFindingGone", 60, {f'auditseal_verify_runs_total{{{WATCH},result="failed"}}': "0x5 6x55"}),
    _fault(
        "AuditsealVerificationStale AuditsealVerificationSlow",
        60,
        {
            f"auditseal_verify_last_success_timestamp_seconds{{{WATCH},{LOG}}}": _constant(-26 * 3600, 60),
            f"auditseal_verify_lag_seconds{{{WATCH},{LOG}}}": _growing(60, 60, 26 * 3600),
        },
    ),
    _fault(
        "AuditsealNeverVerified AuditsealVerificationSlow",
        130,
        {
            f"auditseal_verify_last_success_timestamp_seconds{{{WATCH},{LOG}}}": None,
            f"auditseal_verify_lag_seconds{{{WATCH},{LOG}}}": "0+60x130",
        },
    ),
    _fault("AuditsealVerificationSlow", 120, {f"auditseal_verify_lag_seconds{{{WATCH},{LOG}}}": "0+60x120"}),
    _fault("AuditsealVerificationIncomplete", 70, {f"auditseal_verify_exit_code{{{WATCH}}}": "1x70"}),
    _fault("AuditsealScrubLate", 180, {f"auditseal_verify_last_scrub_timestamp_seconds{{{WATCH},{LOG}}}": "0x180"}),
    _fault("AuditsealBlockRefused", 5, {f'auditseal_verify_failures_total{{{ARCHIVER},verdict="BAD_ROOT"}}': "1x5"}),
    _fault("AuditsealBlockFoundUnlocked", 10, {f"auditseal_blocks_found_unlocked_total{{{BLOCKS}}}": "0x5 1x5"}),
    _fault("AuditsealOffsetsWithoutRecord", 10, {f"auditseal_chain_gaps_total{{{EVENTS}}}": "0x5 1x5"}),
    _fault("AuditsealUnreadableRecords", 10, {f"auditseal_unreadable_offsets_total{{{EVENTS}}}": "0x5 1x5"}),
    _fault("AuditsealNotSealing", 15, {f"auditseal_oldest_unsealed_event_age_seconds{{{EVENTS}}}": "0+60x15"}),
    _fault("AuditsealNotSealing", 30, {f"auditseal_consumer_lag_records{{{EVENTS}}}": "2000000x30"}),
    _fault("AuditsealNoHead", 30, {f"auditseal_oldest_unsealed_event_age_seconds{{{EVENTS}}}": "0x5 stale"}),
    _fault("AuditsealLagGrows", 90, {f"auditseal_consumer_lag_records{{{EVENTS}}}": "0+6000x90"}),
    _fault("AuditsealRecoversOften", 60, {f"auditseal_head_recoveries_total{{{EVENTS}}}": "1+1x60"}),
    _fault("AuditsealLogHeld", 10, {f'auditseal_log_state{{{BLOCKS},state="unpinned"}}': "1x10"}),
    _fault("AuditsealLogHeld", 10, {f'auditseal_log_state{{{EVENTS},state="halted"}}': "1x10"}),
    _fault("AuditsealLogHeld", 10, {f'auditseal_log_state{{{EVENTS},state="no_blocks_partition"}}': "1x10"}),
    _fault(
        "AuditsealSealingSloBurnsFast AuditsealSealingSloBurnsSlowly",
        60,
        _slow(SEALED, EVENTS, "7.0", 60, 0.2),
    ),
    _fault("AuditsealSealingSloBurnsSlowly", 60, _slow(SEALED, EVENTS, "7.0", 60, 0.02)),
    _fault(
        "AuditsealArchivingSloBurnsFast AuditsealArchivingSloBurnsSlowly",
        60,
        _slow(ARCHIVED, ARCHIVER, "60.0", 60, 0.2),
    ),
    _fault("AuditsealArchivingSloBurnsSlowly", 60, _slow(ARCHIVED, ARCHIVER, "60.0", 60, 0.02)),
    _fault("AuditsealNotArchiving", 90, {f"auditseal_oldest_unarchived_block_age_seconds{{{BLOCKS}}}": "0+60x90"}),
    _fault("AuditsealSignerAway", 10, {f"auditseal_signer_available{{{SIGNER}}}": "1x3 0x7"}),
    _fault(
        "AuditsealKeyExpiresSoon",
        5,
        {f"auditseal_signing_key_expiry_timestamp_seconds{{{SIGNING}}}": f"{29 * 86400}x5"},
    ),
    _fault(
        "AuditsealKeyExpires AuditsealKeyExpiresSoon",
        5,
        {f"auditseal_signing_key_expiry_timestamp_seconds{{{SIGNING}}}": f"{2 * 86400}x5"},
    ),
    _fault("AuditsealStoreAway", 10, {f"auditseal_store_available{{{ARCHIVER}}}": "0x10"}),
    _fault(
        "AuditsealStoreRefuses",
        60,
        {f'auditseal_archive_put_failures_total{{{BLOCKS},reason="store"}}': "0+1x60"},
    ),
    _fault("AuditsealNoDrill", 20, {f"auditseal_worm_drill_success{{{ARCHIVER}}}": "0x20"}),
    _fault(
        "AuditsealLockEnds",
        5,
        {f"auditseal_object_lock_retention_remaining_seconds{{{BLOCKS}}}": f"{80 * 86400}x5"},
    ),
    _fault(
        "AuditsealGatewayUnavailable",
        20,
        {f'auditseal_gateway_events_total{{{GATEWAY},route="events",result="unavailable"}}': "0x5 1+1x15"},
    ),
    _fault(
        "AuditsealGatewayRefuses",
        20,
        {f'auditseal_gateway_events_total{{{GATEWAY},route="events",result="refused"}}': "0x5 1x15"},
    ),
    _fault(
        "AuditsealGatewayLoginsRefused",
        20,
        {f'auditseal_gateway_refused_logins_total{{{GATEWAY},method="token"}}': "0+1x20"},
    ),
    _fault("AuditsealOwnEventsLost", 20, {f'auditseal_own_events_total{{{WATCH},result="failed"}}': "0x5 1x15"}),
    _fault(
        "AuditsealServiceSilent", 6, {f'auditseal_streams_service_silent{{{STREAMS},service="billing"}}': "0x5 1x1"}
    ),
    _fault("AuditsealStreamFault", 7, {f'auditseal_streams{{{STREAMS},state="GAP"}}': "2x5 3x2"}),
    _fault("AuditsealStreamsStale", 15, {f"auditseal_streams_last_success_timestamp_seconds{{{STREAMS}}}": "0x15"}),
    _fault("AuditsealIndexStale", 30, {f"auditseal_index_last_success_timestamp_seconds{{{INDEX},{LOG}}}": "0x30"}),
)
"""In each case the alert of its name fires, with the others that the fault implies."""
