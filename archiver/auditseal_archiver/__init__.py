"""The vault, and the daemon that locks blocks into it."""
