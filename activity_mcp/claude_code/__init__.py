"""Claude Code as a source of events.

    hooks/        what a hook process does with the payload on its stdin
    transcripts/  the session files that Claude Code writes, read into the same events
    setup/        the entries in Claude Code's own files that register the server and the hooks

Beside them is what hooks and transcripts share: events, shell commands, SQL, prompts.
Nothing is imported here: a hook that needs one module must not pay for the others.
"""
