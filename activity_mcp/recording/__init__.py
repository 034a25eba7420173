"""From a payload to lines in the queue: redact, build, validate, append; and the server's own calls and system events."""
