#!/bin/sh
# Starts a command of activity-mcp where it is installed: on PATH, or where pipx and uv put it, which a desktop's PATH often lacks.
# Claude Code installs nothing for a plugin. A hook whose command is missing must not complain at every event: the first session
# shows one line with the command to run, where Claude Code gives the plugin a folder to remember that in; else it leaves in
# silence, successfully, and leaves what Claude Code has written to it unread. `serve.sh` says the same in /mcp and /plugin.
PATH="$PATH:$HOME/.local/bin"
command -v "$1" >/dev/null 2>&1 && exec "$@"

[ -d "$CLAUDE_PLUGIN_DATA" ] && [ ! -e "$CLAUDE_PLUGIN_DATA/reported-missing" ] || exit 0
case $(head -c 65536 | tr -d ' ') in
*'"hook_event_name":"SessionStart"'*) : >"$CLAUDE_PLUGIN_DATA/reported-missing" || exit 0 ;;
*) exit 0 ;;
esac
echo '{"systemMessage": "activity-mcp is not installed, so nothing is recorded. Run: uv tool install activity-mcp (or: pipx install activity-mcp), then start a new session."}'
exit 0
