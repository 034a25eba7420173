"""The image and the bundle, as far as they are read here: what is built from, whom it runs as, and that its command exists."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

import activity_mcp
import bundle
import reference
from activity_mcp.__main__ import run
from activity_mcp.cli.serve import DEFAULT_PORT
from activity_mcp.server.http.guard import HEALTH_PATH

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "Dockerfile"
pytestmark = pytest.mark.skipif(not DOCKERFILE.exists(), reason="it is not part of the wheel; run from a checkout")


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of this name, its lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    return re.findall(rf"^\s*{name}\s+(.*)$", text, re.M)


def test_the_image_takes_what_the_wheel_is_built_from_and_leaves_the_rest() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    read = {
        *wheel["packages"],
        *wheel["force-include"],
        *wheel["shared-data"],
        *(Path(path).parts[0] for path in wheel["shared-scripts"]),
    }
    assert kept == read | {"native", "LICENSE", "README.md", "constraints.txt", "hatch_build.py", "pyproject.toml"}
    assert [name for name in kept if not (ROOT / name).exists()] == []


def test_the_image_runs_as_a_user_who_owns_nothing_but_the_record() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert "--uid 10001" in " ".join(instructions("RUN"))
    assert instructions("VOLUME") == ["/record"]
    assert "ACTIVITY_HOME=/record" in " ".join(instructions("ENV"))
    assert not any(fnmatch(line, "*latest*") for line in instructions("FROM"))


def test_the_image_serves_where_it_says_and_refuses_to_without_a_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert instructions("EXPOSE") == [str(DEFAULT_PORT)]
    assert f"127.0.0.1:{DEFAULT_PORT}{HEALTH_PATH}'" in " ".join(instructions("HEALTHCHECK"))
    command = ast.literal_eval(instructions("CMD")[0])
    assert ast.literal_eval(instructions("ENTRYPOINT")[0]) == ["activity-mcp"]
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path))
    monkeypatch.delenv("ACTIVITY_HTTP_TOKEN", raising=False)
    assert run(command) == 2
    assert "set ACTIVITY_HTTP_TOKEN" in capfd.readouterr().err


# --- the bundle


def test_a_bundle_is_the_same_each_time_and_holds_the_version_and_the_tools(tmp_path: Path) -> None:
    for place in ("one", "other"):
        assert bundle.main(["--to", str(tmp_path / place)]) == 0
    one, other = (tmp_path / place / f"activity-mcp-{activity_mcp.__version__}.mcpb" for place in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        project = tomllib.loads(archive.read("pyproject.toml").decode())["project"]
        compile(archive.read(manifest["server"]["entry_point"]), "server.py", "exec")
    assert manifest["version"] == project["version"] == activity_mcp.__version__
    assert project["dependencies"] == [f"activity-mcp=={activity_mcp.__version__}"]
    assert [tool["name"] for tool in manifest["tools"]] == [spec.name for spec in reference.offered_tools()]
    assert manifest["server"]["entry_point"] in shlex.join(manifest["server"]["mcp_config"]["args"])
