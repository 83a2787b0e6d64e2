"""HOW: the ways to a target. base.py is the port; `kinds.open_transports` gives the engine one of each kind."""
