"""What happens on a POSIX target, whatever carries the bytes there: the text for `sh`, the run, the kill."""
