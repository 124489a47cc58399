"""The demo: the whole pipeline on one machine, then a tampering that gets caught."""
