"""harness: what the system tests stand on; see tap, roots and machine."""
