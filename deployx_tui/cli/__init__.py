"""The command line: a file a noun. Everything heavy is imported inside the command that needs it."""
