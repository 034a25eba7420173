"""Resources, prompts and completions through the SDK's own client in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, PromptReference, ResourceTemplateReference

from activity_mcp import package_files
from activity_mcp.activity import EVENT_NAMES
from activity_mcp.errors import InvalidInput
from activity_mcp.server.app import build_server
from server.double import FakeService, as_service

pytestmark = pytest.mark.anyio


class Publishing(FakeService):
    """With names to complete, and one artifact."""

    def __init__(self) -> None:
        super().__init__()
        self.artifacts = self

    def known_names(self, kind: str) -> list[str]:
        many = [f"/work/p{number}" for number in range(150)]
        return ["ada@example.com", "bob@example.com"] if kind == "customer" else ["*", "/Work/shop", *many]

    def ids(self) -> list[str]:
        return ["art-2", "art-1"]

    def read(self, artifact_id: str) -> dict[str, Any] | None:
        return {"artifact_id": artifact_id, "rows": [[1]]} if artifact_id == "art-1" else None


@pytest.fixture
def service() -> Publishing:
    return Publishing()


@pytest.fixture
async def client(service: Publishing) -> AsyncIterator[Client]:
    async with Client(build_server(as_service(service))) as client:
        yield client


async def read(client: Client, uri: str) -> Any:
    result = await client.read_resource(uri)
    (content,) = result.contents
    assert content.mime_type == "application/json"
    return json.loads(content.text)  # type: ignore[union-attr]


async def test_every_template_and_every_schema_is_listed_with_its_description(client: Client) -> None:
    templates = (await client.list_resource_templates()).resource_templates
    assert {template.uri_template: bool(template.title and template.description) for template in templates} == {
        "activity://context/{customer}": True,
        "activity://session/{session_id}": True,
        "activity://artifact/{artifact_id}": True,
        "activity://schemas/{event_name}": True,
    }
    listed = (await client.list_resources()).resources
    assert [str(resource.uri) for resource in listed] == [f"activity://schemas/{name}" for name in EVENT_NAMES]


async def test_a_context_is_read_for_all_projects_of_the_customer_in_the_address(client: Client, service: Publishing) -> None:
    for written in ("ada@example.com", "ada%40example.com"):
        answer = await read(client, f"activity://context/{written}")
        assert (answer["customer"], answer["context"]) == ("ada@example.com", service.context_sections)
    assert service.asked == [
        {"customer": "ada@example.com", "context_type": "default", "project": "*", "max_bytes": 16_384}
    ] * 2  # fmt: skip
    service.fail = InvalidInput("customer must not be empty", hint="leave it out")
    with pytest.raises(Exception, match="customer must not be empty"):
        await client.read_resource("activity://context/x")


async def test_an_artifact_and_a_schema_are_read_by_name_and_an_unknown_one_is_not_found(client: Client) -> None:
    assert await read(client, "activity://artifact/art-1") == {"artifact_id": "art-1", "rows": [[1]]}
    defined = json.loads(package_files.read_bytes("schemas", "event_schemas.json"))["$defs"]
    schema = await read(client, "activity://schemas/llm_event")
    assert {name: schema[name] for name in defined["llm_event"]} == defined["llm_event"]
    for uri in (
        "activity://artifact/art-9",
        "activity://schemas/no_event",
        "activity://artifact/..%2F..%2Fetc",
        "file:///etc/passwd",
    ):
        with pytest.raises(Exception, match=r"there is no|not found|Unknown resource|Error reading|failed security|art-9"):
            await client.read_resource(uri)


async def test_a_prompt_says_what_to_do_with_the_words_it_was_given(client: Client) -> None:
    prompts = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
    assert {
        name: [(a.name, bool(a.required), bool(a.description)) for a in prompt.arguments or []]
        for name, prompt in prompts.items()
    } == {
        "catch_up": [("project", False, True)],
        "answer_with_provenance": [("question", True, True)],
    }
    assert all(prompt.title and prompt.description for prompt in prompts.values())

    async def text(name: str, **arguments: str) -> str:
        (message,) = (await client.get_prompt(name, arguments)).messages
        return message.content.text  # type: ignore[union-attr]

    assert 'get_context with project "/work/shop" and context_type "engineer"' in await text("catch_up", project="/work/shop")
    assert 'get_context and context_type "engineer"' in await text("catch_up")
    assert (await text("answer_with_provenance", question="What fails most? {x}")).startswith(
        "Question: What fails most? {x}\n"
    )


COMPLETED = [
    ("activity://context/{customer}", "customer", "", ["ada@example.com", "bob@example.com"]),
    ("activity://context/{customer}", "customer", "B", ["bob@example.com"]),
    ("activity://schemas/{event_name}", "event_name", "s", ["sql_event", "session_event", "system_event"]),
    ("activity://artifact/{artifact_id}", "artifact_id", "art", ["art-2", "art-1"]),
    ("activity://context/{customer}", "context_type", "e", ["executive", "engineer"]),
    ("activity://context/{customer}", "colour", "", []),
]


@pytest.mark.parametrize(("template", "name", "begun", "values"), COMPLETED)
async def test_an_argument_is_completed_from_what_is_known(
    client: Client, template: str, name: str, begun: str, values: list[str]
) -> None:
    ref = ResourceTemplateReference(type="ref/resource", uri=template)
    completion = (await client.complete(ref, {"name": name, "value": begun})).completion
    assert (completion.values, completion.total, completion.has_more) == (values, len(values), False)


async def test_at_most_a_hundred_completions_are_sent(client: Client) -> None:
    ref = PromptReference(type="ref/prompt", name="catch_up")
    completion = (await client.complete(ref, {"name": "project", "value": "/work/"})).completion
    assert (len(completion.values), completion.total, completion.has_more) == (100, 151, True)
    assert completion.values[0] == "/Work/shop"


@pytest.mark.parametrize("list_page", ["list_tools", "list_prompts", "list_resources", "list_resource_templates"])
async def test_a_cursor_that_was_never_given_is_refused(client: Client, list_page: str) -> None:
    with pytest.raises(MCPError) as refused:
        await getattr(client, list_page)(cursor="made up")
    assert refused.value.code == INVALID_PARAMS


@pytest.mark.parametrize(
    ("name", "arguments"), [("nope", {}), ("", {}), ("answer_with_provenance", {}), ("answer_with_provenance", {"other": "x"})]
)
async def test_a_prompt_that_does_not_exist_or_lacks_an_argument_is_refused(
    client: Client, name: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(MCPError) as refused:
        await client.get_prompt(name, arguments)
    assert refused.value.code == INVALID_PARAMS


@pytest.mark.parametrize(
    "reference",
    [
        PromptReference(type="ref/prompt", name="nope"),
        ResourceTemplateReference(type="ref/resource", uri="activity://nope/{x}"),
    ],
)
async def test_nothing_is_completed_for_what_does_not_exist(
    client: Client, reference: PromptReference | ResourceTemplateReference
) -> None:
    with pytest.raises(MCPError) as refused:
        await client.complete(reference, {"name": "customer", "value": ""})
    assert refused.value.code == INVALID_PARAMS
