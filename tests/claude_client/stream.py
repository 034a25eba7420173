"""A step as the Messages API sends it: one message, whole or as server-sent events.

https://docs.anthropic.com/en/api/messages-streaming
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

from claude_client.script import Step


def message(message_id: str, model: str, step: Step, usage: dict[str, Any]) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if step.thinking:
        content.append({"type": "thinking", "thinking": step.thinking, "signature": "c2ln"})
    if step.text:
        content.append({"type": "text", "text": step.text})
    content += [
        {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:22]}", "name": call.tool, "input": call.input}
        for call in step.calls
    ]
    return {
        "id": message_id, "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": step.stop_reason, "stop_sequence": None, "usage": usage,
    }  # fmt: skip


def events(whole: dict[str, Any]) -> Iterator[bytes]:
    """The message in pieces: begun, each block's beginning, pieces and end, its reason to stop, ended."""
    usage = whole["usage"]
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield _event("message_start", message=begun)
    for index, block in enumerate(whole["content"]):
        empty, pieces = _pieces(block)
        yield _event("content_block_start", index=index, content_block=empty)
        for piece in pieces:
            yield _event("content_block_delta", index=index, delta=piece)
        yield _event("content_block_stop", index=index)
    reason = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=reason, usage={"output_tokens": usage["output_tokens"]})
    yield _event("message_stop")


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}, [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    written = json.dumps(block["input"])
    half = len(written) // 2
    return {**block, "input": {}}, [
        {"type": "input_json_delta", "partial_json": part} for part in (written[:half], written[half:])
    ]


def _event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()
