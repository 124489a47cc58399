"""All rules that are weakened."""

from tests.weaken.rules_of_bytes import RULES_OF_BYTES
from tests.weaken.rules_of_verification import RULES_OF_VERIFICATION

RULES = (*RULES_OF_BYTES, *RULES_OF_VERIFICATION)
