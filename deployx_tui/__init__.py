"""deployx: commands, software and files on a fleet, on a schedule, with no agent."""

__version__ = "0.1.0"
