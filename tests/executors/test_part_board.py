"""What a process is at can be read while it writes, and after it was killed in the middle of writing."""

from __future__ import annotations

import multiprocessing
import threading
import time

import pytest

from batchcolor.executors.part_board import Part, PartBoard


@pytest.fixture
def board() -> PartBoard:
    return PartBoard(multiprocessing.get_context("spawn"))


def test_the_last_part_is_read_with_its_limit_and_time(board: PartBoard) -> None:
    assert board.read() == Part(None, None, 0.0)
    before = time.monotonic()
    for part in ((0, "decoder"), (0, "encoder"), (1, "decoder")):
        board.write(part, 30.0)
        assert board.read()[:2] == (part, 30.0)
    assert before <= board.read().begun <= time.monotonic()
    board.write(None, None)
    assert board.read()[:2] == (None, None)


def test_what_was_half_written_leaves_the_part_before(board: PartBoard) -> None:
    board.write("first", 1.0)
    memoryview(board._slots).cast("B")[:256] = b"\xff" * 256  # the next one's slot; the counter is raised last
    assert board.read()[:2] == ("first", 1.0)


def test_a_part_of_many_words_is_refused(board: PartBoard) -> None:
    with pytest.raises(ValueError, match="fewer words"):
        board.write("x" * 300, None)


def test_reading_beside_a_writer_is_always_a_whole_part(board: PartBoard) -> None:
    parts = [(n, "x" * (n % 150)) for n in range(3000)]
    writer = threading.Thread(target=lambda: [board.write(part, None) for part in parts])
    writer.start()
    read = [board.read().what for _ in range(3000)]
    writer.join()
    assert {part for part in read if part is not None} <= set(parts)
    assert board.read().what == parts[-1]
