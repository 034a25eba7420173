"""Sessions of OpenAI's Codex CLI: where its files are (``files``), and what they say as lines of a transcript (``rollout``)."""
