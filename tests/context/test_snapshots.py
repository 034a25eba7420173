"""Snapshot files: whole or missing, never older than what was there, and never a reason to raise."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import encode_line
from activity_mcp.context import ALL_PROJECTS, Snapshot, SnapshotStore, key_of
from activity_mcp.context.snapshot import MAX_REQUESTS
from context.samples import CHANNEL, HERE, ME, NOW, SECOND, offset, snapshot
from fakes import FakeClock
from lengths import examples

VERSION_1 = (
    b'{"version":1,"customer":"dev@example.org","project":"/home/dev/repo","as_of_us":1800000000000000,"row_version":7,'
    b'"watermark":{"c":"000000000001:000000000400:1c291ca3"},"blob":{"version":1,"recorded_at":null},"_crc":"%s"}\n'
)


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "context"), clock=FakeClock(NOW))


def file_of(store: SnapshotStore, project: str = HERE) -> Path:
    return Path(store.directory, f"{key_of(ME, project)}.json")


def members(found: Snapshot | None) -> dict[str, Any] | None:
    return found.record() if found else None


def test_what_is_published_is_read_back_whole(store: SnapshotStore) -> None:
    blob = {
        "version": 1,
        "recent_files": [{"file_path": "/répertoire/日本.py"}],
        "hours": [],
        "text": 'a"b\\c\u0007\n,"_crc":"',
    }
    given_one = Snapshot("ünïcode\u2028@example.org", ALL_PROJECTS, blob, {"a": offset(3), "b": offset(9)}, NOW, 12)
    assert store.publish(given_one)
    assert members(store.read("ünïcode\u2028@example.org", ALL_PROJECTS)) == given_one.record()
    assert (
        members(SnapshotStore(store.directory, loads=orjson.loads).read("ünïcode\u2028@example.org", "*")) == given_one.record()
    )


def test_nothing_is_there_before_the_first_publication(store: SnapshotStore) -> None:
    found = store.load(ME, HERE)
    assert (found.snapshot, found.problem, store.stat(ME, HERE), store.known(), store.requests()) == (None, None, None, [], [])
    assert not os.path.exists(store.directory)


def test_customers_and_projects_never_share_a_file() -> None:
    assert len({key_of("a", "b"), key_of("ab", ""), key_of("a", "*"), key_of("b", "a"), key_of("a", "b\0")}) == 5


def test_only_the_owner_can_read_what_was_recorded(store: SnapshotStore) -> None:
    previous = os.umask(0)
    try:
        store.publish(snapshot(1))
        store.request(ME, HERE)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(os.stat(store.directory).st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path(store.directory).iterdir()} == {0o600}
    store.publish(snapshot(2))
    assert stat.S_IMODE(file_of(store).stat().st_mode) == 0o600


def test_the_file_of_version_1_can_be_read_for_ever(store: SnapshotStore) -> None:
    os.makedirs(store.directory, 0o700)
    file_of(store).write_bytes(VERSION_1 % b"6b108904")
    found = store.load(ME, HERE)
    assert found.problem is None
    assert members(found.snapshot) == {
        "version": 1,
        "customer": ME,
        "project": HERE,
        "as_of_us": NOW,
        "row_version": 7,
        "watermark": {"c": "000000000001:000000000400:1c291ca3"},
        "blob": {"version": 1, "recorded_at": None},
    }


# --- damage


def test_a_truncation_at_every_byte_is_noticed_and_healed_by_the_next_publication(store: SnapshotStore) -> None:
    store.publish(snapshot(1))
    whole = file_of(store).read_bytes()
    for length in range(len(whole)):
        file_of(store).write_bytes(whole[:length])
        found = store.load(ME, HERE)
        assert (found.snapshot, found.problem) == (None, "the snapshot file is damaged"), length
    assert store.publish(snapshot(0))
    assert members(store.read(ME, HERE)) == snapshot(0).record()


def test_no_flipped_bit_is_taken_for_a_context(store: SnapshotStore) -> None:
    store.publish(snapshot(1))
    whole = file_of(store).read_bytes()
    for at in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[at // 8] ^= 1 << at % 8
        file_of(store).write_bytes(damaged)
        found = store.load(ME, HERE)
        assert (found.snapshot, found.problem, found.newer) == (None, "the snapshot file is damaged", False), at


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"[]\n",
        b"null",
        b'"text"',
        b"{}",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"version":1}',
        b'{"version":true}',
    ],
    ids=lambda content: repr(content[:12]),
)
def test_whatever_is_in_the_file_reading_never_raises(store: SnapshotStore, content: bytes) -> None:
    os.makedirs(store.directory, 0o700)
    file_of(store).write_bytes(content)
    assert store.load(ME, HERE).problem == "the snapshot file is damaged"
    assert store.known() == []
    assert store.publish(snapshot(1))


@pytest.mark.parametrize(
    ("member", "value"),
    [("blob", []), ("watermark", {"c": 5}), ("watermark", []), ("as_of_us", "1"), ("row_version", None), ("customer", 1)],
)
def test_a_whole_file_with_members_of_other_types_is_damaged(store: SnapshotStore, member: str, value: object) -> None:
    wrong = snapshot(1)
    setattr(wrong, member, value)
    os.makedirs(store.directory, 0o700)
    file_of(store).write_bytes(encode_line(wrong.record()))
    assert (store.read(ME, HERE), store.load(ME, HERE).problem) == (None, "the snapshot file is damaged")


def test_a_file_copied_to_another_key_is_not_that_context(store: SnapshotStore) -> None:
    store.publish(snapshot(1))
    file_of(store, "/elsewhere").write_bytes(file_of(store).read_bytes())
    found = store.load(ME, "/elsewhere")
    assert (found.snapshot, found.problem) == (None, "the snapshot file belongs to another context")


def test_a_directory_in_the_place_of_the_file_is_a_problem_not_a_crash(store: SnapshotStore) -> None:
    os.makedirs(file_of(store))
    found = store.load(ME, HERE)
    assert found.snapshot is None
    assert "cannot be read" in str(found.problem)


@pytest.mark.parametrize(
    "newer",
    [b'{"version":2,"customer":"dev@example.org","anything":"else"}', encode_line({"version": 2, "anything": "else"})],
    ids=["another form", "the same form"],
)
def test_a_newer_version_is_not_understood_and_left_alone(store: SnapshotStore, newer: bytes) -> None:
    os.makedirs(store.directory, 0o700)
    file_of(store).write_bytes(newer)
    found = store.load(ME, HERE)
    assert (found.snapshot, found.newer) == (None, True)
    assert "upgrade" in str(found.problem)
    assert not store.publish(snapshot(99))
    assert file_of(store).read_bytes() == newer


# --- order


def test_a_lower_offset_never_replaces_a_higher_one_however_new_it_is(store: SnapshotStore) -> None:
    store.publish(snapshot(5))
    assert not store.publish(snapshot(4, as_of=NOW + SECOND, version=99))
    assert members(store.read(ME, HERE)) == snapshot(5).record()


def test_of_several_channels_each_one_counts(store: SnapshotStore) -> None:
    def both(one: int, two: int) -> Snapshot:
        return Snapshot(ME, HERE, {"at": [one, two]}, {"one": offset(one), "two": offset(two)}, NOW, 1)

    assert store.publish(both(5, 5))
    assert not store.publish(both(9, 4))
    assert store.publish(both(5, 6))


def test_a_higher_offset_wins_even_if_it_was_verified_earlier(store: SnapshotStore) -> None:
    store.publish(snapshot(5, as_of=NOW))
    assert store.publish(snapshot(6, as_of=NOW - SECOND, version=0))


def test_at_the_same_offset_the_later_verification_wins_and_then_the_row_version(store: SnapshotStore) -> None:
    store.publish(snapshot(5, as_of=NOW, version=3))
    assert not store.publish(snapshot(5, as_of=NOW - 1, version=9))
    assert not store.publish(snapshot(5, as_of=NOW, version=2))
    assert store.publish(snapshot(5, as_of=NOW, version=3))
    assert store.publish(snapshot(5, as_of=NOW, version=4))
    assert store.publish(snapshot(5, as_of=NOW + 1, version=1))


def test_a_verification_in_the_future_does_not_keep_every_later_one_out(store: SnapshotStore) -> None:
    store.publish(snapshot(5, as_of=NOW + 3600 * SECOND))
    assert store.publish(snapshot(5, as_of=NOW))
    assert not store.publish(snapshot(4, as_of=NOW))


def test_a_rebuilt_warehouse_that_knows_the_key_no_more_is_believed(store: SnapshotStore) -> None:
    store.publish(snapshot(5, as_of=NOW - SECOND))
    assert store.publish(Snapshot(ME, HERE, {}, {}, NOW, 0))


marks = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 5).map(offset), max_size=3)


@examples(25, 120)
@given(st.lists(st.tuples(marks, st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_in_any_order_of_publications_no_channel_ever_goes_back(
    tmp_path: Path, published: list[tuple[dict[str, str], int, int]]
) -> None:
    store = SnapshotStore(str(tmp_path / "context"), clock=FakeClock(NOW + 10 * SECOND))
    store.clear()
    before: Snapshot | None = None
    for watermark, seconds, version in published:
        offered = Snapshot(ME, HERE, {"as": [seconds, version]}, watermark, NOW + seconds * SECOND, version)
        accepted = store.publish(offered)
        now = store.read(ME, HERE)
        assert now is not None
        assert now.record() == (offered.record() if accepted or before is None else before.record())
        if before is not None:
            common = before.watermark.keys() & now.watermark.keys()
            assert all(now.watermark[channel] >= before.watermark[channel] for channel in common)
            if all(now.watermark[channel] == before.watermark[channel] for channel in common):
                assert now.as_of_us >= before.as_of_us
        before = now


# --- many processes


def test_a_reader_beside_a_publisher_always_sees_a_whole_file(store: SnapshotStore) -> None:
    store.publish(snapshot(0))
    done = threading.Event()

    def publish() -> None:
        for number in range(1, 120):
            store.publish(snapshot(number, blob={"version": 1, "padding": "x" * (number * 37 % 5000)}))
        done.set()

    publisher = threading.Thread(target=publish)
    publisher.start()
    seen = []
    while not done.is_set():
        found = store.load(ME, HERE)
        assert found.problem is None
        assert found.snapshot is not None
        seen.append(found.snapshot.watermark[CHANNEL])
    publisher.join()
    assert seen == sorted(seen)


def test_every_publication_changes_the_signature_and_reading_tells_which_one_was_read(store: SnapshotStore) -> None:
    signatures = []
    for number in range(5):
        store.publish(snapshot(number))
        signatures.append(store.stat(ME, HERE))
        assert store.load(ME, HERE).signature == signatures[-1]
    assert len(set(signatures)) == 5


# --- requests and housekeeping


def test_a_request_is_found_by_its_names_until_it_is_taken_away(store: SnapshotStore) -> None:
    store.request(ME, HERE)
    store.request(ME, HERE)
    store.request("日本@example.org", ALL_PROJECTS)
    assert store.requests() == [(ME, HERE), ("日本@example.org", ALL_PROJECTS)]
    store.clear_request(ME, HERE)
    store.clear_request(ME, HERE)
    assert store.requests() == [("日本@example.org", ALL_PROJECTS)]


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"{}", b'{"customer":1,"project":"p"}', b"[]"])
def test_a_request_torn_by_a_power_cut_is_removed_and_can_be_left_again(store: SnapshotStore, content: bytes) -> None:
    store.request(ME, HERE)
    Path(store.directory, f"{key_of(ME, HERE)}.request").write_bytes(content)
    assert store.requests() == []
    assert os.listdir(store.directory) == []
    store.request(ME, HERE)
    assert store.requests() == [(ME, HERE)]


def test_known_names_the_readable_snapshots_and_nothing_else(store: SnapshotStore) -> None:
    for project in (HERE, "/other", ALL_PROJECTS):
        store.publish(snapshot(1, project=project))
    store.request(ME, "/requested")
    file_of(store, "/other").write_bytes(b"\0" * 100)
    Path(store.directory, "0123.json.77.tmp").write_bytes(b"left by a killed publisher")
    assert store.known() == [(ME, ALL_PROJECTS), (ME, HERE)]


def empty(project: str) -> Snapshot:
    return Snapshot(ME, project, {}, {CHANNEL: offset(1)}, NOW, 0)


def test_a_scope_of_which_nothing_is_known_is_answered_and_named_nowhere(store: SnapshotStore) -> None:
    store.publish(empty("/secret-project"))
    found = store.read(ME, "/secret-project")
    assert members(found) == members(empty("/secret-project"))
    assert store.known() == []
    assert b"secret" not in file_of(store, "/secret-project").read_bytes()
    assert ME.encode() not in file_of(store, "/secret-project").read_bytes()
    store.publish(snapshot(2, project="/secret-project"))
    assert store.known() == [(ME, "/secret-project")]


def test_few_empty_snapshots_and_not_without_end_of_others_are_kept_the_newest(store: SnapshotStore) -> None:
    for number in range(9):
        store.publish(snapshot(1, project=f"/full/{number}"))
        store.publish(empty(f"/empty/{number}"))
        for project in (f"/full/{number}", f"/empty/{number}"):
            os.utime(file_of(store, project), (number, number))
    assert store.prune(most=7, most_empty=3) == 11
    left = [project for kind in ("full", "empty") for project in (f"/{kind}/{n}" for n in range(9)) if store.read(ME, project)]
    assert left == ["/full/5", "/full/6", "/full/7", "/full/8", "/empty/6", "/empty/7", "/empty/8"]
    assert store.prune(most=7, most_empty=3) == 0


def test_requests_that_nobody_answers_do_not_grow_without_end(store: SnapshotStore) -> None:
    for number in range(MAX_REQUESTS + 20):
        store.request(ME, f"/p/{number}")
    assert len(store.requests()) == MAX_REQUESTS


def test_what_is_forgotten_is_gone_unreadable_files_included(store: SnapshotStore) -> None:
    store.publish(snapshot(1))
    Path(store.directory, "0123.json.77.1.1.tmp").write_bytes(b"left by a killed publisher")
    store.publish(snapshot(1, project="/other"))
    file_of(store, "/other").write_bytes(b"\0")
    store.request(ME, HERE)
    assert store.clear() == 2
    assert os.listdir(store.directory) == ["publish.lock"]  # like every lock file it is never unlinked
