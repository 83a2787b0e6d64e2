"""Contents of artifacts on this machine's disk, each a file that is called by its SHA-256. Knows no database.

`folder.py` keeps them, `incoming.py` is what arrives, `tar.py` and `trees.py` read a folder out of a stream,
`source.py` is what runners read from.
"""
