"""A sealer's file descriptors: the bound that certainly can't work is refused with the number that is needed."""

import resource
import subprocess
import sys

import pytest

from auditseal_schemas.errors import ConfigurationError
from auditseal_sealer.descriptors import check_limit, least_descriptors


def test_a_limit_that_certainly_cannot_work_is_refused() -> None:
    needed = least_descriptors(256)
    check_limit(256, needed)
    check_limit(256, resource.RLIM_INFINITY)
    with pytest.raises(ConfigurationError, match=f"256 partitions need at least {needed} .* is {needed - 1}: raise it"):
        check_limit(256, needed - 1)


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    program = (
        "import resource; from auditseal_sealer.descriptors import raise_limit;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 256));"
        "print(raise_limit(), raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.split() == ["256"] * 4
