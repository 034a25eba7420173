"""Who is recording and where: resolved once, without a subprocess, and never a session."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from activity_mcp.errors import ForeignHome, NewerFormat
from activity_mcp.identity import MARKER, resolve_identity
from activity_mcp.project import branch_of, is_ignored, project_of


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


DAMAGED = ["\0\0\0", "{", "[]", '{"version": 1}', '{"version": 1, "customer": 7, "host_id": "x"}']


@pytest.mark.parametrize("content", ["", *DAMAGED])
def test_damaged_settings_are_made_again(tmp_path: Path, content: str) -> None:
    state, environ = tmp_path / "state", {"HOME": str(tmp_path), "USER": "ada"}
    resolve_identity(str(state), environ)
    (state / "settings.json").write_text(content)
    assert resolve_identity(str(state), environ).customer.startswith("ada@")
    assert json.loads((state / "settings.json").read_text())["version"] == 1
    assert not content.strip("\0") or (state / "settings.json.damaged").read_text() == content


FOREIGN = [
    *DAMAGED[1:],
    '{"permissions": {"allow": ["Bash(ls)"]}}',
    '{"customer": "somebody", "host_id": "elsewhere"}',
    "// a comment\n{}",
    "{}",
    "null",
    "\ufeff{}",
    "[" * 5000,
]


@pytest.mark.parametrize("content", FOREIGN)
def test_settings_of_another_program_are_never_written(tmp_path: Path, content: str) -> None:
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(ForeignHome, match=r"settings\.json is not activity-mcp's"):
        resolve_identity(str(tmp_path), {"HOME": str(tmp_path)}, "ada@example.com")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"settings.json": content}


def test_settings_that_cannot_be_read_are_never_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "settings.json")
    with pytest.raises(ForeignHome, match="not a regular file"):
        resolve_identity(str(tmp_path), {"HOME": str(tmp_path)})
    os.unlink(tmp_path / "settings.json")
    (tmp_path / "settings.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ForeignHome, match="leads nowhere"):
        resolve_identity(str(tmp_path), {"HOME": str(tmp_path)})
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o707, 0o777, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused_before_anything_is_written(tmp_path: Path, mode: int) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    with pytest.raises(ForeignHome, match="can be written by"):
        resolve_identity(str(state), {"HOME": str(tmp_path)})
    assert list(state.iterdir()) == []


def test_only_a_directory_that_was_new_or_empty_is_marked_as_ours(tmp_path: Path) -> None:
    new, empty, used = tmp_path / "new", tmp_path / "empty", tmp_path / "used"
    empty.mkdir()
    used.mkdir()
    (used / "notes.txt").write_text("mine")
    for home in (new, empty, used):
        resolve_identity(str(home), {"HOME": str(tmp_path)})
    assert [(home / MARKER).exists() for home in (new, empty, used)] == [True, True, False]


def make_tree(project: Path, kind: str) -> None:
    git = project / ".git"
    project.mkdir()
    if kind == "fifo":
        os.mkfifo(git)
    elif kind == "device":
        git.symlink_to("/dev/zero")
    elif kind == "loop":
        git.symlink_to(git)
    elif kind == "pointer to a fifo":
        os.mkfifo(project / "pipe")
        git.write_text("gitdir: pipe")
    else:
        git.mkdir()
        if kind == "head is a fifo":
            os.mkfifo(git / "HEAD")
        elif kind == "head is a terminal":
            (git / "HEAD").symlink_to("/dev/tty")
        elif kind == "head is a loop":
            (git / "HEAD").symlink_to("HEAD")
        else:
            (git / "HEAD").mkdir()


KINDS = [
    "fifo", "device", "loop", "pointer to a fifo", "head is a fifo", "head is a terminal", "head is a loop", "head is a directory",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_in_the_place_of_git_never_blocks(tmp_path: Path, kind: str) -> None:
    project = tmp_path / "project"
    make_tree(project, kind)
    os.mkfifo(project / ".activity-mcp-ignore")
    assert branch_of(str(project)) is None
    assert project_of(str(project)) == str(project)
    assert is_ignored(str(project))


def test_configurations_that_are_no_files_never_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitconfig")
    assert resolve_identity(str(tmp_path / "state"), {"HOME": str(tmp_path), "USER": "ada"}).customer.startswith("ada@")


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
