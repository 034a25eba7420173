"""The rules of the log path, each with what it looks like when it is left out.

``find`` is a snippet that occurs exactly once in its file; a mutant whose snippet is gone is an error, never a silent pass.
``killers`` are the tests that must fail: chosen to be fast, and any of them will do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """``invariant`` is the number in docs/testing.md."""

    invariant: int
    left_out: str
    file: str
    find: str
    replace: str
    killers: tuple[str, ...]
    seen_by_loop: bool = False
    """The kill loop alone notices it as well: ``--loop`` shows that it is not blind."""


W, R, L, SEG, APP = "queue/writer.py", "queue/reader.py", "queue/live.py", "queue/segment.py", "queue/appended.py"
IN = "queue/segment_reader.py"
WRITER, READER, FLUSHER = "tests/queue/test_writer.py", "tests/queue/test_reader.py", "tests/pipeline/test_flusher.py"
KILLS, POWER, DAMAGE, FULL = (f"tests/crash/test_{name}.py" for name in ("kills", "power", "damage", "full_disk"))
BLOCK = "tests/queue/test_block.py"
MODEL, LEADER, FORMATS = "tests/crash/test_model.py", "tests/pipeline/test_leader.py", "tests/queue/test_formats.py"
RETRY, BAD, PRESSURE, LEADERS = (
    "tests/operations/test_redrive.py",
    "tests/test_bad_state.py",
    "tests/queue/test_pressure.py",
    "tests/crash/test_leadership.py",
)
CONTRACT, FOLDING = "tests/warehouse/test_contract.py", "tests/warehouse/test_folding.py"
FOLDED_ONCE = "test_what_is_appended_is_in_the_contexts_after_a_fold_and_once_however_often_it_is_folded"

MUTANTS = (
    # 1  acknowledged is never lost on kill -9
    Mutant(1, "a newline first where a torn line was left", W, "start = live.size if live.ends_whole() else live.size + 1", "start = live.size",
           (f"{WRITER}::test_a_torn_fragment_does_not_swallow_the_line_glued_behind_it", f"{KILLS}::test_a_writer_killed_at_any_step_loses_nothing_it_acknowledged_and_tears_nobody_elses_line"), True),
    Mutant(1, "a line that is still being written is waited for", IN, "if not span.whole and not sealed:", "if False:",
           (f"{READER}::test_an_incomplete_end_is_damage_only_once_its_segment_is_sealed",)),
    Mutant(1, "only what is committed is deleted", "queue/commit.py", "below = min(committed.segment, ", "below = max(committed.segment + 9, ",
           (f"{FLUSHER}::test_segments_are_deleted_once_they_are_behind_and_never_the_newest", MODEL, "tests/queue/test_commit.py")),
    # 2  exactly once
    Mutant(2, "compare-and-set of the offset (memory)", "warehouse/memory.py", "if found != batch.expected:", "if False:",
           (f"{FLUSHER}::test_two_flushers_in_turn_stay_exact", f"{CONTRACT}::test_a_batch_sent_twice_is_refused_and_changes_nothing[memory]"), True),
    Mutant(2, "compare-and-set of the offset (DuckDB)", "warehouse/duckdb/appending.py", "if found != batch.expected:", "if False:",
           (f"{CONTRACT}::test_a_batch_sent_twice_is_refused_and_changes_nothing[duckdb]",)),
    Mutant(2, "rows and offset in one transaction", "warehouse/duckdb/appending.py", '        connection.execute(statement, {"now": now})\n', '        connection.execute(statement, {"now": now})\n    connection.execute("COMMIT")\n    connection.execute("BEGIN TRANSACTION")\n',
           (f"{KILLS}::test_a_flush_into_duckdb_killed_at_any_statement_commits_rows_and_offset_together",)),
    Mutant(2, "a batch is handed over whole, part by part", "warehouse/duckdb/appending.py", "range(0, len(rows), ROWS_AT_ONCE)", "range(0, min(len(rows), ROWS_AT_ONCE), ROWS_AT_ONCE)",
           (f"{CONTRACT}::test_a_large_batch_is_stored_whole[duckdb]",)),
    Mutant(2, "rows and what is to be folded in one transaction", "warehouse/duckdb/appending.py", 'for table in ("CLAUDE_STREAM_V2", UNFOLDED)', 'for table in ("CLAUDE_STREAM_V2",)',
           (f"{CONTRACT}::{FOLDED_ONCE}[duckdb]",)),
    Mutant(2, "what was folded is not folded again", "warehouse/duckdb/folding.py", '            connection.execute(_REMOVE, [piece.last])\n            connection.execute("COMMIT")\n', '            connection.execute("COMMIT")\n            return None\n',
           (f"{CONTRACT}::{FOLDED_ONCE}[duckdb]",)),
    Mutant(2, "a fold and its removal in one transaction", "warehouse/duckdb/folding.py", "            refresh(connection)\n", '            refresh(connection)\n            connection.execute("COMMIT")\n            connection.execute("BEGIN TRANSACTION")\n',
           (f"{KILLS}::test_a_fold_killed_at_any_statement_takes_each_row_into_the_contexts_once",)),
    Mutant(2, "a fold waits for the index beside it", "warehouse/duckdb/folding.py", "            if other is not None:\n                other.wait()\n", "",
           ("tests/search/test_search.py::test_what_is_folded_leaves_only_when_the_index_beside_it_has_taken_it",)),
    Mutant(2, "a fold sees nothing that is behind its piece", "warehouse/duckdb/folding.py", "                _hide_what_is_behind(connection, piece)\n", "                pass\n",
           (f"{FOLDING}::test_pieces_of_any_size_give_what_folding_each_batch_gives[40]", f"{FOLDING}::test_pieces_of_any_size_give_what_folding_each_batch_gives[7]")),
    Mutant(2, "a context is above what is not folded", "warehouse/duckdb/warehouse.py", "if _is_folded(connection, channel_id) else None", "if channel_id else None",
           (f"{CONTRACT}::{FOLDED_ONCE}[duckdb]",)),
    Mutant(2, "a new leader folds what the one before appended", "pipeline/folding.py", "0, self._folds_on_request, None", "0, False, None",
           ("tests/pipeline/test_folding.py::test_what_a_killed_leader_had_appended_is_folded_by_the_next_one",)),
    Mutant(2, "who waits for a flush waits for its fold", "queue/requests.py", 'committed() and lease.folded() >= str(target or "")', "committed()",
           ("tests/pipeline/test_folding.py::test_a_caller_that_waits_for_a_flush_waits_for_its_fold",)),
    Mutant(2, "a row that cannot be folded stops nobody", "warehouse/duckdb/folding.py", "            return True\n        return error.smaller", "            return True\n        raise error\n        return error.smaller",
           (f"{FOLDING}::test_a_row_the_sequence_cannot_take_stays_in_the_stream_and_stops_nobody",)),
    # 3  order per writer
    Mutant(3, "a batch keeps its order on disk", APP, 'else b"".join(lines)', 'else b"".join(reversed(lines))',
           (f"{WRITER}::test_the_offsets_that_append_returns_are_those_that_the_reader_finds",)),
    Mutant(3, "rows keep the order of their lines", "pipeline/flusher.py", "return rows, quarantined\n", "return rows[::-1], quarantined\n",
           (f"{FLUSHER}::test_a_poison_line_is_set_aside_and_the_rest_flows",)),
    Mutant(3, "rows of plain lines keep their order", "pipeline/plain_rows.py", "RowsAlike(reading.shared, reading.own)", "RowsAlike(reading.shared, reading.own[::-1])",
           (f"{FLUSHER}::test_every_line_becomes_one_row_in_order_with_its_place",)),
    Mutant(3, "a line is like another only where both are written alike", "pipeline/plain_rows.py", "if _is_written_so(members, line, alike, features, amount):", "if True:",
           ("tests/pipeline/test_plain_rows.py",)),
    Mutant(3, "an id that is written in another form is read by itself", "pipeline/plain_rows.py", " or activity_id.translate(None, _ID_DIGITS):", ":",
           ("tests/pipeline/test_plain_rows.py",)),
    Mutant(3, "a hook's line is validated by the flusher", "pipeline/plain_rows.py", "if kind.is_unchecked:", "if False:",
           ("tests/pipeline/test_plain_rows.py",)),
    # 4  a truncation at every byte recovers
    Mutant(4, "the last byte is looked at when others have written", L, "return self._whole == self.size or", "return self._whole > 0 or",
           (f"{WRITER}::test_a_torn_fragment_does_not_swallow_the_line_glued_behind_it",)),
    Mutant(4, "a line in the place of a torn header is read", IN, '            yield missing(number, "the header is missing")\n        yield item', '            yield missing(number, "the header is missing")',
           (f"{READER}::test_a_header_that_is_gone_or_wrong_costs_no_line",)),
    Mutant(4, "a segment that somebody shortened is left alone", L, "if size < self.size or self.failure is not None:", "if self.failure is not None:",
           (f"{WRITER}::test_a_segment_that_somebody_shortened_is_left_alone",)),
    # 5  damage costs only the touched lines
    Mutant(5, "the checksum of a line", SEG, """return line[-_CRC_BYTES:] == b',"_crc":"%08x"}\\n' % zlib.crc32(body)""", "return bool(body) and has_checksum(line)",
           (f"{DAMAGE}::test_flipped_bits_and_runs_of_zeros_cost_only_the_lines_they_touch",)),
    Mutant(5, "a block ends before a line whose checksum disagrees", "queue/block.py", "    if tails[:count] != wanted[:count]:", "    if False:",
           (f"{BLOCK}::test_blocks_and_spans_read_the_same",)),
    Mutant(5, "a block begins behind a newline", "queue/block.py", 'if fs.pread(fd, 1, start - 1) != b"\\n":', "if start < 1:",
           (f"{BLOCK}::test_a_place_inside_of_a_line_is_left_to_the_spans",)),
    Mutant(5, "reading goes on behind a damaged range", IN, "                    yield self._judge(number, span, parse)\n", "                    yield (item := self._judge(number, span, parse))\n                    if isinstance(item, Damage):\n                        return\n",
           (f"{DAMAGE}::test_flipped_bits_and_runs_of_zeros_cost_only_the_lines_they_touch", f"{FLUSHER}::test_damage_costs_only_itself_and_takes_a_place_in_the_stream")),
    Mutant(5, "damaged bytes are kept before the offset passes them", "pipeline/flusher.py", "        bury(self.directory, damage, content, damage.reason, clock=self._clock, fs=self._fs)\n", "",
           (f"{DAMAGE}::test_flipped_bits_and_runs_of_zeros_cost_only_the_lines_they_touch",)),
    Mutant(5, "only a checksum makes a line of set-aside bytes", "queue/deadletter.py", "len(piece) <= MAX_LINE_BYTES and checksum_agrees(piece):", "len(piece) <= MAX_LINE_BYTES:",
           (f"{RETRY}::test_only_a_checksum_makes_a_line",)),
    Mutant(5, "a dead letter is removed only once it is appended again", "operations/redrive.py", "    writer.append([line for _, line in good], durable=True)\n", "",
           (f"{RETRY}::test_a_full_queue_takes_back_nothing_and_loses_nothing",)),
    Mutant(5, "a dead letter that was appended again is removed", "operations/redrive.py", "    fs.unlink(letter.path)\n", "",
           (f"{RETRY}::test_run_twice_is_run_once",)),
    # 6  a power cut
    Mutant(6, "the sync before the answer", W, "self._make_durable(live, start + len(payload))", "live.let_go()",
           (f"{POWER}::test_a_power_cut_takes_nothing_that_was_answered_as_durable", f"{POWER}::test_the_first_event_of_a_new_segment_survives_a_power_cut_right_behind_its_answer")),
    Mutant(6, "the sync of a new segment's directory entry", L, 'self._fs.sync_directory(f"{self._directory}/{SEGMENT_DIRECTORY}")', "pass",
           (f"{POWER}::test_the_first_event_of_a_new_segment_survives_a_power_cut_right_behind_its_answer",)),
    Mutant(6, "the sync of a published file before its rename", "fs/__init__.py", "                if durable:\n                    self.sync(fd)\n", "",
           (f"{POWER}::test_the_first_event_of_a_new_queue_survives_a_power_cut_right_behind_its_answer", f"{POWER}::test_what_was_set_aside_is_still_there_after_a_power_cut")),
    Mutant(6, "the interval's sync", "queue/interval.py", "            self._sync()\n", "",
           (f"{WRITER}::test_an_interval_syncs_behind_the_caller_and_close_syncs_the_rest",)),
    # 7  offsets are never reused
    Mutant(7, "the sync before the shipping", "pipeline/flusher.py", "        self._reader.sync_segments(batch.end)\n", "",
           (f"{POWER}::test_offsets_shipped_before_a_power_cut_are_not_given_to_other_lines_after_it",)),
    Mutant(7, "commit.json counts for the next segment's number", "queue/commit.py", "commit.offset.segment if commit else 0", "0",
           (f"{WRITER}::test_a_queue_whose_segments_vanished_goes_on_above_the_committed_one",)),
    Mutant(7, "a segment of an earlier boot is closed", L, "same_boot(live.header.boot, self._fs.boot_id())", "True",
           (f"{WRITER}::test_a_segment_of_an_earlier_boot_is_never_appended_to",)),
    Mutant(7, "the line at the committed place is verified", R, "if after is not None and after.segment in numbers and not self.verify(after):", "if False:",
           (f"{READER}::test_an_edited_segment_is_not_read_on_from_the_middle_of_something_else",)),
    Mutant(7, "a copy is shipped from where its commit.json had been", "pipeline/flusher.py", "min(lost.segment, Offset.parse(cached).segment)", "lost.segment",
           (f"{BAD}::test_a_copied_directory_that_goes_its_own_way_ships_everything_of_both",)),
    Mutant(7, "a segment that was taken away is reported", R, "            if number > follows and not are_passed_by(self.directory, follows, number - 1, self._fs):\n", "            if False:\n",
           (f"{BAD}::test_a_segment_deleted_before_it_was_shipped_is_reported_in_its_place_and_the_others_flow",)),
    # 8  commit.json
    Mutant(8, "a deleted commit.json is written again", "pipeline/flusher.py", "            self._restore_commit(position.at)\n", "",
           (f"{BAD}::test_a_caller_that_waits_for_a_flush_is_not_left_waiting_by_a_deleted_commit",)),
    Mutant(8, "the sink's token goes before the file's", "pipeline/flusher.py", "text = token or cached or", "text = cached or token or",
           (f"{FLUSHER}::test_the_sink_is_the_truth_whatever_commit_json_says", MODEL)),
    Mutant(8, "the file serves where the sink has no token", "pipeline/flusher.py", "text = token or cached or", "text = token or",
           (f"{FLUSHER}::test_with_a_sink_that_forgot_its_token_commit_json_keeps_rows_from_being_sent_twice",)),
    # 9  nothing is appended to a dead file
    Mutant(9, "the look at the live segment under the lock", L, "if live is None or numbers is not self._numbers or not live.refresh() or self._is_due(live, room):", "if live is None:",
           (f"{WRITER}::test_a_paused_writer_follows_a_rotation_made_meanwhile", f"{WRITER}::test_nothing_is_appended_to_a_segment_that_was_removed"), True),
    Mutant(9, "append.lock", W, "        if not lock.acquire(self._lock_timeout, self._crowd_timeout):\n            raise busy(lock.holder_pid())\n        try:\n            live", "        lock.acquire(0)\n        try:\n            live",
           (f"{WRITER}::test_nobody_gets_between_the_check_and_the_write",), True),
    Mutant(9, "the lock's own file is still in its place", L, "if not self._lock.in_place():", "if False:",
           (f"{WRITER}::test_a_lock_in_a_directory_that_was_moved_away_guards_nothing",)),
    # 10  a full disk
    Mutant(10, "what did not fit is taken back", W, "            self._fs.truncate(live.fd, live.size)\n", "            pass\n",
           (f"{FULL}::test_a_line_that_does_not_fit_is_taken_back_whatever_part_of_it_did",)),
    Mutant(10, "a short write is a refusal", W, "if written != len(data):", "if False:",
           (f"{FULL}::test_a_line_that_does_not_fit_is_taken_back_whatever_part_of_it_did",)),
    Mutant(10, "what may be taken back is not shipped", "pipeline/flusher.py", "if batch.is_empty or self._reader.is_settled(batch):", "if True:",
           (f"{FULL}::test_a_flusher_that_looks_between_a_short_write_and_its_taking_back_ships_nothing_that_was_refused",)),
    Mutant(10, "a context that finds no room stops no flush", "pipeline/refresher.py", "                self.disk_error = error\n                continue\n", "                raise\n",
           (f"{LEADER}::test_a_disk_that_takes_no_context_keeps_nobody_from_shipping_and_deleting",)),
    # 11  cap and backpressure
    Mutant(11, "every refused event is counted", W, "self._refusals.note(kind, len(lines))", "self._refusals.note(kind, 1)",
           (f"{FULL}::test_a_line_that_does_not_fit_is_taken_back_whatever_part_of_it_did", MODEL)),
    Mutant(11, "the cap", W, "if after > self._max_bytes:", "if False:",
           (f"{WRITER}::test_the_pressure_rises_at_eighty_percent_and_falls_with_the_commit", MODEL)),
    Mutant(11, "a commit counts for its own channel only", "queue/pressure.py", "commit.offset if commit and commit.channel_id == queue_id else None", "commit.offset if commit else None",
           (f"{WRITER}::test_a_commit_of_another_channel_frees_nothing",)),
    Mutant(11, "a stall is measured by the monotonic clock", "pipeline/backpressure.py", "        now = self._clock.monotonic()\n        moved", "        now = self._clock.time_us() / 1e6\n        moved",
           ("tests/pipeline/test_backpressure.py", MODEL)),
    Mutant(11, "news that the caller keeps are not counted as refused", W, "if kind is not None and counted:", "if kind is not None:",
           (f"{PRESSURE}::test_news_that_the_full_queue_had_no_room_for_come_later_with_the_time_of_the_fact",)),
    Mutant(11, "an idle hour is no stall", "pipeline/leader.py", "waiting if waiting and self._should_move() else 0", "waiting",
           (f"{PRESSURE}::test_the_servers_own_calls_that_rest_for_a_minute_are_no_stall",)),
    Mutant(11, "the next leader continues from what the last one reported", "pipeline/leader.py", 'before.get("backpressure") is True', "False",
           (f"{PRESSURE}::test_a_stall_that_outlives_its_leader_is_reported_once_and_its_end_by_the_next_one",)),
    Mutant(11, "what is answered as degraded was cut", "recording/recorder.py", "        appended.degraded = degraded\n", "",
           (f"{PRESSURE}::test_an_event_that_is_cut_so_that_the_queue_stays_below_the_mark_says_so_too",)),
    # 12  one live leader, and nothing stalls it
    Mutant(12, "a lock that somebody else holds is not ours", "queue/lock.py", "        except BlockingIOError:\n            return False\n", "        except BlockingIOError:\n            pass\n",
           ("tests/queue/test_lease.py", f"{LEADER}::test_one_of_two_servers_leads_and_the_other_takes_over_when_it_goes")),
    Mutant(12, "a poison line is set aside", "pipeline/flusher.py", "except (PoisonLine, InvalidActivity, TypeError, ValueError, RecursionError) as error:", "except ZeroDivisionError as error:",
           (f"{FLUSHER}::test_a_poison_line_is_set_aside_and_the_rest_flows",)),
    Mutant(12, "a line larger than a batch makes a batch of its own", R, "if batch.items and (len(batch.items) >= max_records", "if (len(batch.items) >= max_records",
           (f"{READER}::test_lines_come_in_order_across_segments_whatever_the_batches_are",)),
    Mutant(12, "a forked child gives up its parent's locks", "queue/lock.py", "        if lock is not None:\n            lock.close()\n", "        del lock\n",
           ("tests/queue/test_processes.py::test_a_forked_child_does_not_keep_the_append_lock_of_its_parent",)),
    Mutant(12, "a snapshot is looked at and replaced under a lock", "context/snapshot.py", "held = self._fs.hold(os.path.join(self.directory, _LOCK), _PATIENCE_S)", "held = self._fs.open_lock(os.path.join(self.directory, _LOCK))",
           (f"{LEADERS}::test_a_leader_stopped_in_the_middle_of_publishing_never_replaces_a_newer_snapshot",)),
    Mutant(12, "a leader's silence is measured by the monotonic clock", "health/status.py", "at <= (now := clock.monotonic()):", "at < (now := 0.0):",
           (f"{LEADERS}::test_a_leader_that_hangs_is_named_by_status_after_fifteen_seconds_without_progress",)),
    Mutant(12, "a batch without the memory for it is halved", "pipeline/flusher.py", "except (BatchRejected, BatchTooLarge) as error:", "except BatchRejected as error:",
           (f"{FLUSHER}::test_a_batch_without_the_memory_for_it_is_halved_until_it_passes_and_nothing_is_set_aside",)),
    Mutant(12, "the size that works is remembered", "warehouse/batch_size.py", "        self._limit = max(MIN_WEIGHT, min(self._limit, sum(weights)) // 2)\n", "",
           (f"{FLUSHER}::test_the_size_that_works_is_kept_for_ten_minutes_and_grows_again_afterwards",)),
    Mutant(12, "DuckDB's lack of memory is no unavailable warehouse", "warehouse/duckdb/error_mapping.py", 'if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)) or "out of memory" in lowered:', "if isinstance(error, MemoryError):",
           ("tests/warehouse/test_damage.py::test_too_little_memory_costs_no_file",)),
    Mutant(12, "a file cut short is damage", "warehouse/duckdb/warehouse.py", "if says_damaged(error) or (may_be_damage(error) and is_damaged(self.path)):", "if isinstance(error, UnicodeError):",
           ("tests/warehouse/test_damage.py::test_a_file_cut_where_a_structure_begins_or_ends_is_set_aside",)),
    Mutant(12, "a flush that waits goes before queries", "warehouse/duckdb/query.py", "if writer.waited_s() is None:", "if True:",
           ("tests/warehouse/test_file_turns.py::test_while_a_flush_waits_no_query_begins_and_afterwards_it_does",)),
    Mutant(7, "a number that no queue reaches is no segment", SEG, "return number if number <= MAX_NUMBER else None", "return number",
           (f"{WRITER}::test_a_file_that_is_no_segment_changes_nothing",)),
    Mutant(7, "a segment is a file and nothing else", SEG, "if is_regular and (number := _number_of(name)) is not None)",
           "if (number := _number_of(name)) is not None)", (f"{WRITER}::test_what_is_no_file_is_passed_by_wherever_a_segment_would_be",)),
    # 13  the backlog drains
    Mutant(13, "anything is shipped", "pipeline/flusher.py", "if batch.is_empty or batch.end is None:", "if True:",
           (f"{FLUSHER}::test_every_line_becomes_one_row_in_order_with_its_place",)),
    Mutant(13, "the sink is asked again after a failure", "pipeline/flusher.py", "        self._position = None  # until the sink has said yes\n", "",
           (f"{FLUSHER}::test_an_answer_that_was_lost_after_the_commit_doubles_nothing",)),
    Mutant(13, "the leader's thread outlives an error", "pipeline/leader.py", "                except Exception as error:  # the thread outlives", "                except ZeroDivisionError as error:  # the thread outlives",
           (f"{LEADER}::test_an_error_nobody_foresaw_ends_a_turn_and_not_the_thread",)),
    # the format: a newer version stops every reader
    Mutant(14, "a newer segment stops the reader", SEG, "        if type(version) is int and version > FORMAT_VERSION:\n            raise newer_format(f\"segment", "        if False:\n            raise newer_format(f\"segment",
           (FORMATS,)),
    Mutant(14, "a newer queue.json stops everyone", "queue/manifest.py", "if type(version) is int and version > FORMAT_VERSION:", "if False:",
           (FORMATS,)),
    Mutant(14, "a newer commit.json stops everyone", "queue/commit.py", "if type(version) is int and version > FORMAT_VERSION:", "if False:",
           (FORMATS,)),
)  # fmt: skip
