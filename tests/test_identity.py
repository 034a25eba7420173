"""Who is recording and where: resolved once, without a subprocess, and never a session."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from activity_mcp.errors import NewerFormat
from activity_mcp.identity import is_ignored, project_of, resolve_identity


def test_the_customer_is_the_email_of_gits_global_configuration(tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text(
        '[core]\n\teditor = vi\n[User] ; me\n\tname = Ada\n\tEmail = "ada@example.com" # work\n'
    )
    identity = resolve_identity(str(tmp_path / "state"), {"HOME": str(tmp_path)})
    assert identity.customer == "ada@example.com"
    assert identity.anonymous_customer_id.startswith("host_")


def test_without_git_it_is_the_os_user_at_the_host(tmp_path: Path) -> None:
    identity = resolve_identity(str(tmp_path / "state"), {"HOME": str(tmp_path), "USER": "ada"})
    assert identity.customer.startswith("ada@")


def test_a_later_change_of_git_does_not_split_a_person_in_two(tmp_path: Path) -> None:
    config = tmp_path / ".gitconfig"
    config.write_text("[user]\n email = ada@example.com\n")
    first = resolve_identity(str(tmp_path / "state"), {"HOME": str(tmp_path)})
    config.write_text("[user]\n email = ada@elsewhere.example\n")
    second = resolve_identity(str(tmp_path / "state"), {"HOME": str(tmp_path)})
    assert (second.customer, second.anonymous_customer_id) == (first.customer, first.anonymous_customer_id)


def test_the_configured_customer_wins_and_is_not_stored(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "USER": "ada"}
    assert resolve_identity(str(tmp_path / "state"), environ, "team@example.com").customer == "team@example.com"
    assert resolve_identity(str(tmp_path / "state"), environ).customer.startswith("ada@")


@pytest.mark.parametrize(
    "content", ["", "\0\0\0", "{", "[]", '{"version": 1}', '{"version": 1, "customer": 7, "host_id": "x"}']
)
def test_damaged_settings_are_made_again(tmp_path: Path, content: str) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "settings.json").write_text(content)
    environ = {"HOME": str(tmp_path), "USER": "ada"}
    assert resolve_identity(str(state), environ).customer.startswith("ada@")
    assert json.loads((state / "settings.json").read_text())["version"] == 1


def test_settings_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "settings.json").write_text('{"version": 2}')
    with pytest.raises(NewerFormat, match="newer version"):
        resolve_identity(str(state), {"HOME": str(tmp_path)})
    assert (state / "settings.json").read_text() == '{"version": 2}'


def test_a_directory_belongs_to_the_repository_around_it_and_a_worktree_to_its_main_one(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"

    def git(*arguments: str, cwd: Path) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)

    (main / "src" / "deep").mkdir(parents=True)
    git("init", cwd=main)
    git("commit", "--allow-empty", "-m", "first", cwd=main)
    git("worktree", "add", str(tree), cwd=main)
    (tree / "src").mkdir()
    assert project_of(str(main / "src" / "deep")) == str(main)
    assert project_of(str(tree / "src")) == str(main)


def test_a_directory_outside_any_repository_is_its_own_project(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    assert project_of(str(plain)) == str(plain)
    assert project_of(str(tmp_path / "gone" / "long ago")) == str(tmp_path / "gone" / "long ago")


def test_a_submodule_is_a_project_of_its_own(tmp_path: Path) -> None:
    sub = tmp_path / "sub"
    sub.mkdir()
    (sub / ".git").write_text("gitdir: ../.git/modules/sub\n")
    assert project_of(str(sub)) == str(sub)


def test_a_project_can_ask_not_to_be_recorded(tmp_path: Path) -> None:
    assert not is_ignored(str(tmp_path))
    (tmp_path / ".activity-mcp-ignore").touch()
    assert is_ignored(str(tmp_path))
    assert not is_ignored(None)
