"""A stub of both vendors: Anthropic Messages, OpenAI Responses and OpenAI Chat Completions, streamed over real HTTP.

    with Vendor() as vendor:              # in a thread; or `python -m tests.vendor PORT` in a process of its own
        vendor.url, vendor.openai_url     # for ANTHROPIC_BASE_URL and OPENAI_BASE_URL
        vendor.next(words=50, pace=0.02)  # what the next call gets; `vendor.base` is what all others get
        vendor.turns                      # the calls that asked for a reply: body, headers, at, sent, left_at, over
        vendor.connections                # how many were opened; vendor.reset() forgets all of this
    vendor.requests                   # all calls; GET /v1/models/<id>, the probe, answers `model_status`

A test that talks through a whole server can also write the knobs into the user's message, in double brackets:
`Hello [[words=50 pace=0.02 odd=crlf]]`; and a process of its own takes POST /_next `{"knobs": "status=529"}` and tells
GET /_requests.

Knobs (n counts text deltas, times are in s):
    words=n                 that many words; deltas=a|b|c gives the deltas themselves
    answer={…}              JSON for a request with a schema, which otherwise gets a short one that follows it, or the deltas
    pace=t wait=t           between deltas; between headers and first event; wait_headers=t before the headers
    stop=…                  complete sequence truncated context refused filtered tool pause
    status=n                an error status, with error=<type> code=<code> says=<sentence without spaces> retry_after=…;
                            3xx redirects to /v1/elsewhere
    fail=n                  an error event after n deltas (0: as the first event), with error= and code=
    cut=n drop=n end=n      after n deltas: reset; close in the middle of the body; a clean end without the final events
    stall=n                 after n deltas: silence
    hold=n,n                after each of these numbers of deltas: wait for a vendor.release(), of which each serves one hold
    newline=…               lf crlf cr
    odd=a,b,…               bom comments nospace multiline split joined gzip pings unknown twoblocks thinking null
                            nousage overcounted (10**30 tokens) nodone html malformed badutf8 nohead
                            noframing (the body ends with the connection)
                            (reset before the headers) ascii (escapes, not UTF-8) failed (response.failed, not error)
                            badchunks (broken framing after three deltas)
A request whose schema or its form a vendor would refuse gets 400 (tests.vendor.schemas).
Every text that must never be shown holds the word `secret`.
"""

from __future__ import annotations

from tests.vendor.answers import Call
from tests.vendor.scenarios import Scenario
from tests.vendor.server import Vendor

__all__ = ["Call", "Scenario", "Vendor"]
