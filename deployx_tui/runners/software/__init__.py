"""Software tasks: compiled into one script of sh that runs as a durable command, and its answer read.

A file of sh an installer kind; `common.sh`, `asking.sh` and `steps.sh` are what they all use. `compile.py` writes the
script, `parse.py` reads what it said. Nothing here opens a connection: the durable runner runs the script, and what it
survives this survives.
"""
