"""F28: credentials that end under running daemons: keys of the store, and passwords and tokens of the broker."""

from tests.faults.broker_credentials import ended_tokens, renewed_passwords
from tests.faults.fault import Outcome, Trial, fault, run_ways
from tests.faults.store_credentials import renewed_keys


@fault("F28", "keys of the store, and the broker's password and tokens end and are renewed in place", 2)
def renewed_credentials(trial: Trial) -> Outcome:
    return run_ways(
        trial,
        (renewed_keys, renewed_passwords, ended_tokens),
        "nothing was archived meanwhile, /readyz said why, and the daemons went on by themselves",
    )
