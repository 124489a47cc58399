"""Verification of a vault from storage and a trust file alone."""
