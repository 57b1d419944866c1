"""Chosen colours on one picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from batchcolor.color.conversion import lab_to_rgb
from batchcolor.colours.grid_graph import GridGraph
from batchcolor.colours.model import Change, ChosenColours, ItemColours, Mask, Point, Reference, Rule
from batchcolor.colours.pictures import Layer, read_mask, read_reference
from batchcolor.colours.rules import apply_rules
from batchcolor.colours.spread import Disc, Spreader
from batchcolor.colours.still import Hint, PictureColours, Still, hints_of, picture_colours
from batchcolor.colours.values import Colour, Range, of_hex
from batchcolor.engines.base import Hints, Prediction
from batchcolor.errors import UsageError

SIDE = 128


def picture() -> np.ndarray:
    """L of a bright disc on a dark ground with some grain, float32 `(128, 128)`."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = np.hypot(y - 64, x - 50) < 34
    return np.where(disc, 70, 30).astype(np.float32) + np.random.default_rng(0).normal(0, 1, (SIDE, SIDE)).astype(np.float32)


def inside(size: int = SIDE // 4) -> np.ndarray:
    return cv2.resize((picture() > 50).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA) > 0.99


def still(L: np.ndarray | None = None) -> Still:
    """A network that answers nothing but gray, and sees nothing but lightness."""
    L = picture() if L is None else L
    quarter = cv2.resize(L, (L.shape[1] // 4, L.shape[0] // 4), interpolation=cv2.INTER_AREA)
    return Still(L, Prediction(np.zeros((2, *quarter.shape), np.float32), (quarter[None],)))


def point(x: float, y: float, ab: tuple[float, float], size: float = 0.02) -> Hint:
    return Hint(Disc(x, y, size), ab)


def chosen(item: ItemColours, *rules: Rule) -> ChosenColours:
    return ChosenColours(item, tuple(rules), "")


def test_the_equations_on_the_grid_are_solved() -> None:
    for shape in ((7, 5), (5, 7), (1, 6)):
        planes = np.random.default_rng(1).normal(0, 1, (3, *shape))
        count = shape[0] * shape[1]
        matrix = 0.1 * np.eye(count)
        for one in range(count):
            for two in range(count):
                step = np.subtract(divmod(one, shape[1]), divmod(two, shape[1]))
                if one != two and np.abs(step).max() == 1:
                    conduct = 0.01 + np.exp(-np.square(planes.reshape(3, -1)[:, one] - planes.reshape(3, -1)[:, two]).sum())
                    matrix[one, two] -= conduct
                    matrix[one, one] += conduct
        wanted = np.random.default_rng(2).normal(0, 1, (*shape, 4))
        solved = GridGraph(planes, 0.01, 0.1).solve(wanted)
        np.testing.assert_allclose(solved.reshape(count, 4), np.linalg.solve(matrix, wanted.reshape(count, 4)), atol=1e-9)


def test_a_point_colours_what_it_lies_on_and_nothing_else() -> None:
    ab = still().ab(PictureColours((point(50 / SIDE, 0.5, (60, 0)),)))
    assert ab[0][16, 12] == pytest.approx(60, abs=1)
    assert ab[0][inside()].mean() > 50
    assert ab[0][~cv2.dilate(inside().astype(np.uint8), np.ones((3, 3))).astype(bool)].mean() < 4


def test_every_one_of_many_points_is_hit() -> None:
    rng = np.random.default_rng(5)
    points = [
        point(float(x), float(y), (float(a), float(b)))
        for (x, y), (a, b) in zip(rng.uniform(0.05, 0.95, (12, 2)), rng.uniform(-60, 60, (12, 2)), strict=True)
    ]
    one = still()
    result = one.spreader.at(one.ab(PictureColours(tuple(points))), [each.disc for each in points])
    assert np.abs(result - [each.ab for each in points]).max() < 4


def test_between_points_nothing_exceeds_what_was_asked() -> None:
    points = (point(0.2, 0.5, (40, 0)), point(0.5, 0.5, (40, 0)), point(0.9, 0.9, (0, 0)))
    assert np.hypot(*still().ab(PictureColours(points))).max() <= 44


def test_no_points_change_nothing() -> None:
    one = still()
    np.testing.assert_array_equal(one.ab(PictureColours()), one.plain)


def test_the_order_of_points_does_not_matter() -> None:
    points = [point(0.2, 0.2, (40, 0)), point(0.4, 0.5, (0, 30)), point(0.9, 0.9, (-20, 10))]
    one = still()
    there, back = (one.ab(PictureColours(tuple(each))) for each in (points, points[::-1]))
    np.testing.assert_allclose(there, back, atol=1e-3)


def test_a_mask_keeps_its_part_gray_whatever_else_is_chosen(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), np.uint8(255) * (picture() > 50))
    masked = chosen(ItemColours(points=(Point((50 / SIDE, 0.5), of_hex("#c00000")),), masks=(Mask(tmp_path / "mask.png"),)))
    one = still()
    assert np.abs(one.ab(picture_colours(masked, one.L))[:, inside()]).max() < 1e-3


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_masks_of_any_size_and_depth_are_read(tmp_path: Path, depth: type) -> None:
    made = np.zeros((60, 90), depth)
    made[:, 45:] = np.iinfo(depth).max
    cv2.imwrite(str(tmp_path / "mask.png"), made)
    mask = read_mask(tmp_path / "mask.png", (32, 32))
    assert mask.shape == (32, 32)
    assert (mask[:, :14].max(), mask[:, 18:].min()) == pytest.approx((0, 1), abs=0.02)


def coloured(L: np.ndarray, side: int) -> np.ndarray:
    """L with a = 30, b = -10, uint8 BGR of another size."""
    ab = np.broadcast_to(np.array([30, -10], np.float32)[:, None, None], (2, *L.shape))
    rgb = (lab_to_rgb(L[None], ab) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
    return cv2.resize(rgb, (side, side), interpolation=cv2.INTER_CUBIC)[..., ::-1]


def test_a_reference_of_another_size_gives_its_colours(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "reference.png"), coloured(picture(), 300))
    one = still()
    ab = one.ab(picture_colours(chosen(ItemColours(references=(Reference(tmp_path / "reference.png"),))), one.L))
    np.testing.assert_allclose(ab.mean((1, 2)), [30, -10], atol=1.5)


def test_a_shifted_reference_is_aligned(tmp_path: Path) -> None:
    L = picture()
    bgr = coloured(L, SIDE)
    bgr[L < 50] = cv2.cvtColor(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)[L < 50]  # colour on the disc alone
    moved = cv2.warpAffine(bgr, np.float32([[1, 0, 5], [0, 1, -4]]), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    cv2.imwrite(str(tmp_path / "reference.png"), moved)
    layer = read_reference(tmp_path / "reference.png", L)
    chroma = np.hypot(*layer.ab)
    ring = cv2.dilate(np.uint8(L > 50), np.ones((5, 5))) - cv2.erode(np.uint8(L > 50), np.ones((5, 5)))
    right = (chroma > 15) == (L > 50)
    assert right[ring == 0].mean() > 0.99


def test_a_reference_counts_where_its_alpha_says_and_speaks_for_what_is_alike(tmp_path: Path) -> None:
    L = picture()
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[:, : SIDE // 2] = 255
    cv2.imwrite(str(tmp_path / "reference.png"), np.dstack([coloured(L, SIDE), alpha]))
    one = still()
    ab = one.ab(picture_colours(chosen(ItemColours(references=(Reference(tmp_path / "reference.png"),))), one.L))
    assert ab[0][:, :14].mean() == pytest.approx(30, abs=2)
    right_of_disc = inside().copy()
    right_of_disc[:, :18] = False
    assert ab[0][right_of_disc].mean() > 20  # the rest of the disc, which the reference does not cover


def test_another_picture_is_refused_as_a_reference(tmp_path: Path) -> None:
    cv2.imwrite(
        str(tmp_path / "other.png"), np.random.default_rng(3).integers(0, 255, (8, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    )
    with pytest.raises(UsageError, match=r"other.png: does not show the same picture"):
        read_reference(tmp_path / "other.png", picture())
    cv2.imwrite(str(tmp_path / "wide.png"), np.zeros((40, 160, 3), np.uint8))
    with pytest.raises(UsageError, match="another shape"):
        read_reference(tmp_path / "wide.png", picture())


def test_rules_change_the_colours_that_they_name() -> None:
    L = np.full((8, 8), 30, np.float32)
    ab = np.zeros((2, 8, 8), np.float32)
    ab[0, :4], ab[1, 4:] = 20, 20  # red above, yellow below
    maroon = Rule(Change(chroma=0.25), hue=Range(330, 30), chroma=Range(5, 45), lightness=Range(0, 35))
    assert apply_rules(L, ab, [maroon])[0, 0, 0] == pytest.approx(5)
    assert apply_rules(L, ab, [maroon])[1, 6, 0] == 20
    assert apply_rules(L + 40, ab, [maroon])[0, 0, 0] == 20
    turned = apply_rules(L, ab, [Rule(Change(hue=90.0), hue=Range(350, 10))])
    assert turned[:, 0, 0] == pytest.approx([0, 20], abs=1e-4)
    assert apply_rules(L, ab, [Rule(Change(colour=Colour(1, 2, "")))])[:, 6, 0] == pytest.approx([1, 2])


def test_chosen_colours_hold_whatever_the_saturation() -> None:
    item = chosen(ItemColours(points=(Point((50 / SIDE, 0.5), of_hex("#c04040")),)))
    one = still()
    for saturation in (0.5, 1.0, 2.0):
        ab = saturation * one.ab(picture_colours(item, one.L, saturation=saturation))
        assert ab[:, 16, 12] == pytest.approx(of_hex("#c04040").ab, abs=1.5)


def test_points_hold_on_their_own_page() -> None:
    item = chosen(ItemColours(points=(Point((0.5, 0.5), of_hex("#c04040"), page=2),)))
    assert picture_colours(item, picture(), page=1).points == ()
    assert len(picture_colours(item, picture(), page=2).points) == 1


def test_hints_cover_a_points_patch_even_at_the_border() -> None:
    hints = hints_of([point(0.999, 0.001, (60, -20), size=0.1)], (40, 80))
    assert hints.mask.sum() == 16
    assert hints.mask[0, 0, 79] == 1
    assert hints.ab[:, 0, 79] == pytest.approx([60, -20])


class _Hinted:
    """A colorizer whose network follows hints half-way."""

    takes_hints = True

    def predict(self, lightness: list[np.ndarray], hints: list[Hints] | None = None) -> list[Prediction]:
        given = np.zeros((2, *lightness[0].shape), np.float32) if hints is None else hints[0].ab / 2
        return [Prediction(given, (lightness[0][None],))]


def test_what_hints_leave_undone_is_corrected() -> None:
    one = Still.of(_Hinted(), picture())  # type: ignore[arg-type]
    ab = one.ab(PictureColours((point(50 / SIDE, 0.5, (60, 0)),)))
    assert ab.shape == (2, SIDE, SIDE)
    assert one.spreader.at(ab, [Disc(50 / SIDE, 0.5, 0.02)])[0, 0] == pytest.approx(60, abs=2)


def test_a_layer_of_half_weight_is_half_of_it() -> None:
    layer = Layer(np.full((2, SIDE, SIDE), 20, np.float32), np.full((SIDE, SIDE), 0.5, np.float32))
    assert still().ab(PictureColours(masks=(layer,)))[0].mean() == pytest.approx(10, abs=0.1)


def test_a_large_grid_is_kept_small() -> None:
    L = np.random.default_rng(0).uniform(0, 100, (1024, 2048)).astype(np.float32)
    spreader = Spreader(L, np.zeros((2, 256, 512), np.float32), ())
    assert spreader.shape[0] * spreader.shape[1] <= 96 * 97
    assert spreader.correction([Disc(0.5, 0.5, 0.02)], np.array([[10.0, 0.0]])).shape == (2, *spreader.shape)
