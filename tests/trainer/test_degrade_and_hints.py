"""What the input suffers, and what it is told: shapes and ranges kept, the same for the same step, each what its name says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from batchcolor.generators import build
from batchcolor.generators.checkpoint import Checkpoint, save
from trainer import hints as hints_module
from trainer.degrade import DEGRADATIONS, NONE, Degradation
from trainer.hints import Patch, random_hints, random_patches
from trainer.losses import ab_bins, classification
from trainer.networks import initial_generator
from trainer.randomness import random_of
from trainer.settings import TrainSettings


def ramp(n: int = 4, height: int = 50, width: int = 61) -> torch.Tensor:
    """Lightness from left to right, `(n, 1, height, width)`."""
    return torch.linspace(5, 95, width).expand(n, 1, height, width).contiguous()


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_each_degradation_keeps_shape_and_range_and_changes_something(name: str) -> None:
    L = ramp()
    first, again = (DEGRADATIONS[name](L, random_of(0, 1, 0)) for _ in range(2))
    assert first.shape == L.shape
    assert float(first.min()) >= -1e-3
    assert float(first.max()) <= 100 + 1e-3
    assert float((first - L).abs().mean()) > 0.02
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, DEGRADATIONS[name](L, random_of(0, 2, 0)))


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_an_option_turns_each_on_and_off(name: str) -> None:
    L = ramp()
    assert torch.equal(NONE(L, random_of(0, 1, 0)), L)
    always = Degradation(**{**dict.fromkeys(DEGRADATIONS, 0.0), name: 1.0})
    changed = (always(L, random_of(0, 1, 0)) != L).flatten(1).any(1)
    assert bool(changed.all())


def test_only_the_chosen_pictures_of_a_batch_change() -> None:
    L = ramp(40)
    some = Degradation(**{**dict.fromkeys(DEGRADATIONS, 0.0), "fade": 0.3})
    changed = (some(L, random_of(0, 1, 0)) != L).flatten(1).any(1)
    assert 4 < int(changed.sum()) < 20


def test_vignettes_darken_corners_and_leave_the_middle() -> None:
    made = DEGRADATIONS["vignette"](torch.full((3, 1, 51, 51), 50.0), random_of(0, 0, 0))
    assert torch.allclose(made[..., 25, 25], torch.tensor(50.0))
    assert float(made[..., 0, 0].max()) <= 45.1
    assert bool((made[..., 0, 0] < made[..., 10, 10]).all())


def test_jpeg_makes_blocks_of_eight() -> None:
    rough = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 30 + 35
    made = DEGRADATIONS["jpeg"](rough, random_of(0, 0, 0))
    steps = (made[..., 1:] - made[..., :-1]).abs().mean((0, 1, 2))
    at_borders, inside = steps[7::8].mean(), steps[[n for n in range(63) if n % 8 != 7]].mean()
    assert float(at_borders) > 1.1 * float(inside)
    flat = torch.full((1, 1, 20, 20), 50.0)
    torch.testing.assert_close(DEGRADATIONS["jpeg"](flat, random_of(0, 0, 0)), flat, rtol=0, atol=1.5)


def test_scratches_run_from_top_to_bottom() -> None:
    made = DEGRADATIONS["scratches"](torch.full((8, 1, 60, 80), 50.0), random_of(0, 3, 0))
    touched = (made - 50).abs().amax(3) > 0.5  # (N, 1, rows)
    assert float(touched.float().mean()) > 0.8
    assert float(((made - 50).abs() > 0.5).float().mean()) < 0.15


def test_hints_are_true_colours_in_small_patches_for_a_part_of_the_samples() -> None:
    ab = torch.randn(200, 2, 32, 32, generator=torch.Generator().manual_seed(0)) * 40
    hints = random_hints(ab, 0.6, random_of(0, 0, 0))
    assert hints.ab.shape == ab.shape
    assert hints.mask.shape == (200, 1, 32, 32)
    assert set(hints.mask.unique().tolist()) == {0.0, 1.0}
    assert bool((hints.ab[(hints.mask == 0).expand_as(ab)] == 0).all())
    covered = hints.mask.mean((1, 2, 3))
    with_any = float((covered > 0).float().mean())
    assert 0.4 < with_any < 0.6  # six tenths, less those for which the geometric distribution said 0
    assert 0 < float(covered[covered > 0].median()) < 0.5
    assert bool((random_hints(ab, 0.0, random_of(0, 0, 0)).mask == 0).all())


def test_hints_have_the_papers_statistics() -> None:
    """Zhang et al. 2017, section 3.2: points geometric with p = 1/8, patches of 1 to 9 pixels, everything once in a hundred."""
    drawn = random_patches(4000, 64, 64, 1.0, random_of(0, 0, 0).host)
    counts = np.array([len(patches) for patches in drawn if patches is not None])
    squares = [square for patches in drawn if patches for square in patches]
    # margins of four standard errors
    assert counts.mean() == pytest.approx(7, abs=0.48)  # (1 - p) / p failures before the first success
    assert np.mean(counts >= 8) == pytest.approx((7 / 8) ** 8, abs=0.03)
    assert np.mean(counts == 0) == pytest.approx(1 / 8, abs=0.021)
    assert 1 - len(counts) / 4000 == pytest.approx(0.01, abs=0.0063)
    assert {square.side for square in squares} == set(range(1, 10))
    assert np.mean([square.side for square in squares]) == pytest.approx(5, abs=0.09)
    assert all(0 <= square.top <= 64 - square.side and 0 <= square.left <= 64 - square.side for square in squares)
    middles = np.array([(square.top + square.side / 2, square.left + square.side / 2) for square in squares])
    assert middles.mean(0) == pytest.approx([32, 32], abs=1)
    assert middles.std(0) == pytest.approx([14.5, 14.5], abs=1.5)  # a quarter of the room, its tails cut


def test_where_patches_overlap_the_later_one_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    squares = [Patch(0, 0, 4), Patch(2, 2, 2)]
    monkeypatch.setattr(hints_module, "random_patches", lambda *_: [[], squares, None])
    ab = torch.arange(3 * 2 * 64.0).view(3, 2, 8, 8)
    shown, mask = random_hints(ab, 1.0, random_of(0, 0, 0))
    assert float(mask[0].sum()) == 0
    assert float(mask[1].sum()) == 16
    torch.testing.assert_close(shown[1, :, 0, 0], ab[1, :, :4, :4].mean((1, 2)))
    torch.testing.assert_close(shown[1, :, 3, 3], ab[1, :, 2:4, 2:4].mean((1, 2)))
    torch.testing.assert_close(shown[2], ab[2])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_the_share_without_hints_is_as_told(share: float) -> None:
    mask = random_hints(torch.ones(2000, 2, 16, 16), share, random_of(0, 1, 0)).mask
    without = float((mask.amax((1, 2, 3)) == 0).float().mean())
    assert without == pytest.approx(1 - share + share * 0.99 / 8, abs=0.045)  # told, and those whose number of points is 0


def test_a_patch_shows_its_mean_colour() -> None:
    ab = torch.full((50, 2, 16, 16), 12.0)
    hints = random_hints(ab, 1.0, random_of(0, 0, 0))
    torch.testing.assert_close(hints.ab, hints.mask.expand_as(ab) * 12.0)


def test_bins_are_numbered_by_a_then_b() -> None:
    colours = torch.tensor([[-110.0, -110], [0, 0], [110, 110], [-100, 60], [300, -300]]).T[None, :, None]
    assert ab_bins(colours).tolist() == [[[0, 11 * 23 + 11, 528, 23 + 17, 22 * 23]]]


def test_classification_is_the_log_of_the_probability_of_the_true_bin() -> None:
    truth = torch.zeros(1, 2, 8, 8)
    logits = torch.zeros(1, 529, 2, 2)
    assert float(classification(logits, truth)) == pytest.approx(np.log(529), rel=1e-5)
    logits[:, 11 * 23 + 11] = 20
    assert float(classification(logits, truth)) < 1e-3


def test_a_lite_made_for_hints_heeds_them_and_begins_as_one_without() -> None:
    torch.manual_seed(0)
    plain = build("lite", {"widths": [16, 16, 16, 16]}).eval()
    hinted = build("lite", {"widths": [16, 16, 16, 16], "hints": True}).eval()
    hinted.load_state_dict(plain.state_dict(), strict=False)
    assert (plain.takes_hints, hinted.takes_hints) == (False, True)
    L, ab = torch.rand(1, 1, 50, 70) * 100, torch.full((1, 2, 50, 70), 40.0)
    hints = random_hints(ab, 1.0, random_of(0, 0, 0))
    with torch.inference_mode():
        assert torch.equal(hinted(L, hints), plain(L))
        assert torch.equal(hinted(L), plain(L))
    for weight in hinted.hinted.parameters():
        torch.nn.init.normal_(weight)
    with torch.inference_mode():
        assert not torch.equal(hinted(L, hints), hinted(L))
    with pytest.raises(ValueError, match="without hints"):
        plain(L, hints)


def test_a_run_with_hints_begins_from_weights_without_them(tmp_path: Path) -> None:
    plain = build("lite", {"widths": [16, 16, 16, 16]})
    save(Checkpoint("lite", plain.configuration(), dict(plain.state_dict())), tmp_path / "plain.safetensors")
    settings = TrainSettings(
        configuration={"widths": [16, 16, 16, 16], "hints": True}, init=str(tmp_path / "plain.safetensors")
    )
    generator = initial_generator(settings)
    assert generator.takes_hints
    torch.testing.assert_close(generator.state_dict()["head.1.weight"], plain.state_dict()["head.1.weight"])
