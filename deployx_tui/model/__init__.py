"""The nouns: frozen, typed, without I/O. Every floor may import them; they import the standard library only.

Ids are `NewType`s over int, durations are `timedelta`, instants are aware `datetime`s in UTC, wall times are
`time` without a zone beside an IANA zone name.
"""
