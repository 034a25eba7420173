#!/bin/sh
# Starts a command of activity-mcp where it is installed: on PATH, or where pipx and uv put it, which a desktop's PATH often lacks.
# Claude Code installs nothing for a plugin. A hook whose command is missing must not complain at every event: so it leaves in
# silence, successfully, and leaves what Claude Code has written to it unread. `serve.sh` reports it, once, where a person looks.
PATH="$PATH:$HOME/.local/bin"
command -v "$1" >/dev/null 2>&1 || exit 0
exec "$@"
