#!/bin/sh
# Starts the server where activity-mcp is installed: on PATH, or where pipx and uv put it, which a desktop's PATH often lacks.
# Where it is not, the client gets an error that names the way out as its answer: /mcp and `claude mcp get` show that text, of a
# program that only exits no more than "Connection closed". (The client hides the words of its own command line, so that the
# command's name is here and not there.)
PATH="$PATH:$HOME/.local/bin"
command -v activity-mcp >/dev/null 2>&1 && exec activity-mcp serve

problem="activity-mcp is not installed, so nothing is recorded. Run: uv tool install activity-mcp (or: pipx install activity-mcp), then reconnect in /mcp"
echo "$problem" >&2
while IFS= read -r request; do
    id=$(printf '%s\n' "$request" | sed -n -e 's/.*"id" *: *\([0-9][0-9]*\).*/\1/p' -e 's/.*"id" *: *\("[^"\\]*"\).*/\1/p')
    [ -n "$id" ] && printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32001,"message":"%s"}}\n' "$id" "$problem"
done
exit 0
