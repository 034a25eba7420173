"""The MCP server: its tools, resources and prompts, and its transports: stdio, and HTTP with SSE beside it."""
