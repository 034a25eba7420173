"""What is handed out agrees with itself: one version everywhere, workflows that are pinned and may do little, a registry's entry."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import activity_mcp
import install_size
import run_workflow
import test_all
import version
from activity_mcp.operations.checks.installation import EXTRAS

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="the workflows are not part of the wheel; run from a checkout")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that hold the version, elsewhere."""
    for name in (version.SOURCE, "CHANGELOG.md", *version.COPIES):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(version, "REPO", tmp_path)
    return tmp_path


def test_every_file_that_repeats_the_version_says_the_same() -> None:
    assert version.version() == activity_mcp.__version__
    assert version.differences() == []


@pytest.mark.parametrize("name", ["CHANGELOG.md", *version.COPIES])
def test_a_file_that_lags_behind_is_named(copied: Path, name: str) -> None:
    path = copied / name
    path.write_text(path.read_text().replace(f"{activity_mcp.__version__}", "9.9.9"))
    assert any(line.startswith(name) and "9.9.9" in line for line in version.differences())


def test_a_tag_is_held_back_until_version_and_day_are_there(copied: Path) -> None:
    number = activity_mcp.__version__
    changelog = copied / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace(f"## {number} (unreleased)", f"## {number} (2026-12-01)"))
    assert version.what_keeps_back(f"v{number}") == []
    assert version.what_keeps_back("v9.9.9") == [f"the tag is v9.9.9, and the version {number}"]
    changelog.write_text(changelog.read_text().replace("(2026-12-01)", "(unreleased)"))
    assert version.what_keeps_back(f"v{number}") == [f"CHANGELOG.md: {number} has no day but 'unreleased'"]


# --- the workflows


def document_of(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def steps_of(path: Path) -> list[dict[str, Any]]:
    return [step for job in document_of(path)["jobs"].values() for step in job["steps"]]


@each_workflow
def test_every_action_is_pinned_by_its_hash_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@each_workflow
def test_a_workflow_may_read_and_only_publishing_may_ask_for_a_token(path: Path) -> None:
    document = document_of(path)
    assert document["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in document["jobs"].items() if "permissions" in job}
    assert more == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})
    assert "secrets." not in path.read_text(encoding="utf-8")
    for step in steps_of(path):
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


@each_workflow
def test_every_job_has_an_end_and_every_step_runs_on_a_developers_machine(path: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert all(job["timeout-minutes"] <= 90 for job in document_of(path)["jobs"].values())
    for step in steps_of(path):
        if "run" in step:
            program, what, *_ = shlex.split(step["run"])
            is_ours = what in targets if program == "make" else what == "-m" or (ROOT / what).is_file()
            assert program in ("make", "python"), step["run"]
            assert is_ours, step["run"]


def test_the_suite_runs_on_every_python_that_is_claimed_and_on_the_next() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    claimed = [line.rsplit(" ", 1)[1] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)]
    tested = document_of(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert tuple(tested) == test_all.VERSIONS
    assert claimed == tested[: len(claimed)]
    assert project["requires-python"] == f">={claimed[0]}"


@each_workflow
def test_every_job_of_a_workflow_can_be_run_here(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_workflow.main([str(path), "--list"]) == 0
    said = capsys.readouterr().out
    for name, job in document_of(path)["jobs"].items():
        assert f"=== {path.name}: {name}" in said
        assert all((step.get("run") or step["uses"]) in said for step in job["steps"])


def test_a_workflow_that_fails_here_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    steps = (
        {"run": "test -f README.md && echo $SAID", "env": {"SAID": "from the step"}},
        {"run": "exit 3"},
        {"run": "echo later"},
    )
    workflow = tmp_path / "made.yml"
    workflow.write_text(yaml.safe_dump({"jobs": {"one": {"steps": list(steps)}}}))
    assert run_workflow.main([str(workflow)]) == 1
    said = capfd.readouterr().out
    assert "from the step" in said
    assert "exit 3" in said
    assert "echo later" not in said


def test_the_table_of_sizes_names_every_extra_that_a_user_installs() -> None:
    page = install_size.PAGE.read_text(encoding="utf-8")
    assert set(install_size.EXTRAS) == {"", *EXTRAS}
    sizes = {extra: install_size.Measured(100.0, 40.0, {"a": 60.4, extra: 30.0}) for extra in install_size.EXTRAS}
    table = install_size.table_of(sizes)
    heads = [line.split("|")[1] for line in table.splitlines()]
    assert heads == [
        line.split("|")[1] for line in page.partition(install_size.BEGIN)[2].partition(install_size.END)[0].splitlines()
    ]
    assert table in install_size.with_table(page, table)
    with pytest.raises(ValueError, match="no place"):
        install_size.with_table("# another page", table)


# --- the registry


def test_the_registrys_entry_names_what_is_there() -> None:
    """Rules of the registry beyond its schema: a reverse name of the owner, a short description, and the README's line."""
    entry = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (package,) = entry["packages"]
    owner = re.fullmatch(r"https://github\.com/([\w-]+)/[\w-]+", entry["repository"]["url"])
    assert owner is not None
    assert entry["name"] == f"io.github.{owner[1]}/{project['name']}"
    assert package["identifier"] == project["name"]
    assert len(entry["description"]) <= 100
    assert f"mcp-name: {entry['name']}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert [argument["value"] for argument in package["packageArguments"]] == ["serve"]
    documented = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [each["name"] for each in package["environmentVariables"] if f"`{each['name']}`" not in documented] == []


# --- what PyPI shows


def test_every_link_of_what_pypi_shows_is_an_address_of_a_file_that_is_there() -> None:
    shown = str(metadata.metadata("activity-mcp").json["description"])
    assert "# activity_mcp" in shown
    linked = re.findall(r"\]\(([^)\s]+)\)", shown) + re.findall(r'src(?:set)?="([^"]+)"', shown)
    assert [target for target in linked if not target.startswith("https://")] == []
    ours = r"https://(?:github\.com|raw\.githubusercontent\.com)/activity-mcp/activity-mcp/(?:blob/)?v([\d.]+)/([^#]+)"
    found = [re.match(ours, target) for target in linked]
    files = [(match[1], match[2]) for match in found if match]
    assert len(files) > 10
    assert {number for number, _ in files} == {activity_mcp.__version__}
    assert [name for _, name in files if not (ROOT / name).exists()] == []


# --- what programs read


def test_llms_txt_names_every_page_and_nothing_else() -> None:
    """Its form is that of llmstxt.org: a title, a quoted summary, then sections of links."""
    text = (ROOT / "llms.txt").read_text(encoding="utf-8")
    assert re.match(r"# .+\n\n> ", text)
    linked = re.findall(r"^- \[.+\]\(https://raw\.githubusercontent\.com/activity-mcp/activity-mcp/main/(.+?)\): .", text, re.M)
    assert len(linked) == text.count("\n- ")
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")} - {"docs/index.md"}
    assert set(linked) == pages | {"README.md", "CONTRIBUTING.md", "RELEASE.md"}
