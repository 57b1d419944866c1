"""Chunks: every frame belongs to one of them; they end at cuts if possible; seams have overlap on both sides."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchcolor.films.chunks.plan import LEAD, TAIL, Chunk, ChunkLength, plan_chunks
from batchcolor.films.shots.first_pass import FrameInfo


def frames(shots: list[int], order: int | None = None) -> list[FrameInfo]:
    """Frames of shots of these lengths, 40 ticks apart."""
    numbers = [number for number, length in enumerate(shots) for _ in range(length)]
    return [FrameInfo(40 * n, 40, shot, n, order) for n, shot in enumerate(numbers)]


lengths = st.lists(st.one_of(st.integers(1, 40), st.integers(100, 900), st.integers(700, 2500)), min_size=1, max_size=12)


chunk_lengths = st.sampled_from([ChunkLength.of_film(frames) for frames in (None, 1, 700, 1500, 100_000)])


@given(shots=lengths, length=chunk_lengths)
@settings(max_examples=100, deadline=None)
def test_every_frame_belongs_to_exactly_one_chunk(shots: list[int], length: ChunkLength) -> None:
    chunks = list(plan_chunks(frames(shots), length))
    assert [pts for chunk in chunks for pts in chunk.core_times] == [40 * n for n in range(sum(shots))]
    assert [chunk.first for chunk in chunks] == list(itertools.accumulate([c.count for c in chunks], initial=0))[:-1]
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.name for chunk in chunks}) == len(chunks)


@given(shots=lengths, length=chunk_lengths)
@settings(max_examples=100, deadline=None)
def test_chunks_are_of_bounded_length_and_end_at_cuts_or_have_spare_frames(shots: list[int], length: ChunkLength) -> None:
    film = frames(shots)
    chunks = list(plan_chunks(film, length))
    for chunk, following in itertools.pairwise(chunks):
        assert length.shortest <= chunk.count <= length.longest + TAIL
        end = chunk.first + chunk.count
        if film[end - 1].shot == film[end].shot:
            assert chunk.tail == TAIL
            in_shot = sum(frame.shot == film[end].shot for frame in film[:end])
            assert following.lead == min(LEAD, in_shot)
            assert chunk.times[chunk.anchor or 0] == following.times[0]  # both take a key frame there
            before, behind = chunk.overlaps[-1], following.overlaps[0]
            assert (
                [chunk.times[n] for n in before]
                == [following.times[n] for n in behind]
                == list(following.times[: following.lead])
            )
        else:
            assert (chunk.tail, following.lead, chunk.anchor) == (0, 0, None)
            assert not any(0 in overlap for overlap in following.overlaps)
    assert chunks[-1].tail == 0


@given(shots=lengths)
@settings(max_examples=50, deadline=None)
def test_cuts_lie_where_shots_begin(shots: list[int]) -> None:
    starts = {40 * n for n in itertools.accumulate(shots[:-1])}
    for chunk in plan_chunks(frames(shots)):
        assert {chunk.times[n] for n in chunk.cuts} == starts & set(chunk.times[1:])
        assert chunk.fingerprint == chunk.times[0] // 40


@pytest.mark.parametrize(
    ("length", "chunks"), [(1, 1), (150, 1), (300, 2), (600, 4), (1500, 4), (3000, 4), (3001, 8), (30_000, 40)]
)
def test_a_film_of_one_shot_is_split_into_equal_chunks(length: int, chunks: int) -> None:
    counts = [chunk.count for chunk in plan_chunks(frames([length]), ChunkLength.of_film(length))]
    assert len(counts) == chunks
    assert max(counts) - min(counts) <= chunks


def test_a_film_of_unknown_length_has_the_usual_chunks() -> None:
    assert ChunkLength.of_film(None) == ChunkLength() == ChunkLength.of_film(6000)


def test_an_unseekable_film_is_one_chunk() -> None:
    (chunk,) = plan_chunks(frames([300, 2000, 40]), whole=True)
    assert chunk.count == 2340
    assert chunk.cuts == (300, 2300)


def test_no_frames_no_chunks() -> None:
    assert list(plan_chunks([])) == []


def test_a_chunk_is_yielded_as_soon_as_its_frames_are_known() -> None:
    taken = 0

    def counted() -> itertools.chain[FrameInfo]:
        def count(frame: FrameInfo) -> FrameInfo:
            nonlocal taken
            taken += 1
            return frame

        return itertools.chain(map(count, frames([400, 5000])))

    first = next(plan_chunks(counted()))
    assert first.count == 400
    assert taken == 401


@pytest.mark.parametrize(("order", "expected"), [(1, True), (-1, True), (0, False), (None, False)])
def test_a_chunk_is_interlaced_if_most_frames_looked_at_are(order: int | None, expected: bool) -> None:
    (chunk,) = plan_chunks(frames([30], order))
    assert chunk.interlaced is expected


def test_fields_in_now_this_order_and_now_that_are_stripes() -> None:
    mixed = [frame._replace(order=1 - 2 * (n % 2)) for n, frame in enumerate(frames([30]))]
    (chunk,) = plan_chunks(mixed)
    assert not chunk.interlaced


def test_another_plan_has_other_names() -> None:
    def names(chunks: list[Chunk]) -> set[str]:
        return {chunk.name for chunk in chunks}

    one, other = list(plan_chunks(frames([300, 300, 300]))), list(plan_chunks(frames([300, 300, 290, 10])))
    assert names(one[:2]) == names(other[:2])  # what an edited list of shots leaves as it is need not be done again
    assert not names(one[2:]) & names(other[2:])


def returning_film(middle: int = 80) -> list[FrameInfo]:
    """A-B-A, then a shot of its own."""
    lengths = ((100, None), (middle, None), (900, 0), (300, None))
    numbers = [(shot, returns) for shot, (length, returns) in enumerate(lengths) for _ in range(length)]
    return [FrameInfo(40 * n, 40, shot, n, None, returns=returns) for n, (shot, returns) in enumerate(numbers)]


def test_a_returning_shot_is_whole_and_refers_to_the_end_of_the_earlier_one() -> None:
    chunks = list(plan_chunks(returning_film(), returning=True))
    (chunk,) = [each for each in chunks if each.returns]
    ends = dict(zip((chunk.first, *(chunk.first + cut for cut in chunk.cuts)), chunk.returns, strict=True))
    end = ends.pop(180)
    assert end is not None
    assert end.times == tuple(range(40 * (100 - LEAD), 4000, 40))
    assert not any(ends.values())
    assert chunk.first + chunk.count >= 180 + 900


def test_without_returns_chunks_are_as_before() -> None:
    assert not any(chunk.returns for chunk in plan_chunks(returning_film()))
    film = frames([100, 80, 900, 300])
    assert list(plan_chunks(film, returning=True)) == list(plan_chunks(film)) == list(plan_chunks(returning_film()))


def test_a_change_of_the_earlier_shots_colours_changes_the_chunk_that_returns() -> None:
    def names(colours: str) -> dict[int, str]:
        film = [frame._replace(chosen=colours) if frame.shot == 0 else frame for frame in returning_film(300)]
        return {chunk.first: chunk.name for chunk in plan_chunks(film, returning=True)}

    before, after = names("colours-1.npz"), names("colours-2.npz")
    assert [first for first in before if before[first] != after[first]] == [0, 400]
    assert list(before) == list(after) == [0, 100, 400, 1300]


def test_chosen_colours_leave_the_chunks_behind_as_they_are() -> None:
    film = frames([400, 300, 300, 300])
    plain = [chunk.name for chunk in plan_chunks(film)]
    chosen = [chunk.name for chunk in plan_chunks([f._replace(chosen="colours-1.npz" if f.shot == 0 else "") for f in film])]
    assert plain[0] != chosen[0]
    assert plain[1:] == chosen[1:]
