"""The wire: nouns as JSON and back, exactly as the REST contract says; errors as problem details and back.

Shared by the API (encodes answers, decodes requests) and the remote client (the other way round). Lossless for every
noun of the door: what the contract's own keys do not carry stands in additive keys, so decode(encode(x)) == x.
Words that the contract computes (a task's `status`, an execution's `status`) are computed here and nowhere else.
Knows JSON only, no HTTP.
"""

from __future__ import annotations

#: grows when an older client or engine could not read the other side any more
WIRE_VERSION = 1
