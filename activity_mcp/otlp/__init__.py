"""What Claude Code's exporter (OpenTelemetry, OTLP over HTTP) says of its requests: each with its dollars, to the last digit.

    body        the bytes of a request: chunked or not, gzip or not, at most ``MAX_BODY_BYTES`` of either
    records     the log records of a body, as http/json or, with the extra ``[otel]``, http/protobuf
    mapping     a record as an event: ``api_request``, ``tool_result`` and ``api_error``; every other is counted, not stored
    places      of which project a session is, by its transcript: a record does not name it
    receiver    a request in, an answer out; what is answered 200 is durable
    listener    the port on loopback, and the thread behind it
    token       what the exporter must bear

It listens only where it was asked to: ``install --otel``, or ``ACTIVITY_OTLP_PORT``. One process does, the one that leads; the
others stand by. A batch that comes while nobody listens is tried again by the exporter, and what it drops stands in the
transcript.
"""

MAX_BODY_BYTES = 8 * 1024 * 1024
