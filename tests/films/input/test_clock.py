"""One continuous clock, whatever that of the file does."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import pytest

from batchcolor.films.input.clock import BestEffort, ClockChange, FilmClock, StreamClock

TICK = Fraction(1, 90_000)
FRAME = 3600


def moved(times: list[int], *, restarts: bool = True) -> tuple[list[int], FilmClock]:
    """Film times of packets that are decoded and shown at these times."""
    clock, made = FilmClock(TICK, -times[0], restarts=restarts), []
    for time in times:
        packet = av.Packet(b"x")
        packet.pts = packet.dts = time
        packet.duration = FRAME
        clock.move(packet)
        assert packet.pts == packet.dts
        made.append(packet.dts)
    return made, clock


def row(start: int, count: int) -> list[int]:
    return [start + FRAME * n for n in range(count)]


@pytest.mark.parametrize("second", [0, 126_000 - 9001, 2**33 - 5 * FRAME, 126_000 + 50 * FRAME + 11 * 90_000])
def test_a_new_clock_goes_on_where_the_old_one_ended(second: int) -> None:
    made, clock = moved(row(126_000, 50) + row(second, 50))
    assert made == row(0, 100)
    assert len(clock.changes) == 2
    assert clock.changes[1].at_s == 50 * FRAME * TICK


@pytest.mark.parametrize("gap", [-9000, 0, 5 * 90_000, 9 * 90_000])
def test_small_steps_and_pauses_are_the_films_own(gap: int) -> None:
    times = row(0, 50) + row(50 * FRAME + gap, 50)
    made, clock = moved(times)
    assert made == times
    assert len(clock.changes) == 1


def test_other_containers_mean_the_times_that_they_give() -> None:
    times = row(0, 10) + row(10**9, 10)
    assert moved(times, restarts=False)[0] == times


def test_sound_changes_to_the_new_clock_earlier_or_later_than_the_picture() -> None:
    changes = [
        ClockChange(Fraction(0), Fraction(-1)),
        ClockChange(Fraction(2), Fraction(1, 2)),
        ClockChange(Fraction(4), Fraction(0)),
    ]
    clock = StreamClock(changes)
    packet = Fraction(1, 50)
    # Each part lasts two seconds; its clock begins at 1, at 1.5 and at 4.
    heard = [Fraction(start) + packet * n for start in (Fraction(1), Fraction(3, 2), Fraction(4)) for n in range(100)]
    times = [clock.film_time(1, seconds, packet) for seconds in heard]
    assert times == [packet * n for n in range(300)]


def test_subtitles_follow_the_sound() -> None:
    clock = StreamClock([ClockChange(Fraction(0), Fraction(0)), ClockChange(Fraction(100), Fraction(100))])
    for second in range(100):
        clock.film_time(1, Fraction(second), Fraction(1))
    assert clock.film_time(2, Fraction(99), Fraction(3), sparse=True) == 99
    for second in range(50):
        clock.film_time(1, Fraction(second), Fraction(1))
    assert clock.film_time(2, Fraction(49), Fraction(3), sparse=True) == 149


def best(frames: list[tuple[int | None, int | None]], *, dts_only: bool = False) -> list[int | None]:
    effort = BestEffort(dts_only=dts_only)
    for frame in frames:
        effort.note(*frame)
    return [effort.time(*frame) for frame in frames]


def test_times_of_presentation_are_believed_while_they_go_ahead() -> None:
    assert best([(0, None), (2, 1), (4, 2)]) == [0, 2, 4]


def test_times_of_decoding_where_those_of_presentation_step_back() -> None:
    packed = [(4, 4), (5, 5), (7, 6), (6, 7), (8, 8), (10, 9), (9, 10), (11, 11)]
    assert best(packed) == [4, 5, 6, 7, 8, 9, 10, 11]
    assert best([(2, 0), (3, 1)], dts_only=True) == [0, 1]


def test_places_to_begin_from_know_the_clock_there() -> None:
    clock = FilmClock(TICK, 0, restarts=True, positions=True)
    for n, time in enumerate(itertools.chain(row(0, 30), row(0, 30))):
        packet = av.Packet(b"x")
        packet.pts = packet.dts = time
        packet.duration, packet.is_keyframe = FRAME, n % 10 == 0
        clock.move(packet)
    assert clock.sync_points == []  # packets that come from no file have no place in one
