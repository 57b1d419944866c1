"""Losses against values worked out by hand; the discriminator against its paper."""

from __future__ import annotations

import pytest
import torch

from batchcolor.errors import UsageError
from trainer.discriminator import NORMS, NLayerDiscriminator, discriminator_input
from trainer.losses import charbonnier, chroma_weight, l1, lsgan_discriminator, lsgan_generator, shifted, temporal_consistency

AB = torch.tensor([[[[3.0]], [[-4.0]]]])  # (1, 2, 1, 1): |d| = 5
ZERO = torch.zeros(1, 2, 1, 1)
ONE = torch.ones(1, 1, 1, 1)


def test_l1_is_the_sum_over_a_and_b() -> None:
    assert float(l1(AB, ZERO, ONE)) == pytest.approx(7.0)


def test_charbonnier_is_smooth_at_zero_and_straight_far_from_it() -> None:
    assert float(charbonnier(ZERO, ZERO, ONE, 3.0)) == 0
    far = float(charbonnier(AB * 1000, ZERO, ONE, 3.0))
    assert far == pytest.approx(5000, rel=1e-2)
    x = ZERO.clone().requires_grad_(True)
    charbonnier(x, ZERO, ONE, 3.0).backward()
    assert x.grad is not None
    assert float(x.grad.abs().max()) == 0


def test_charbonnier_is_quadratic_below_its_epsilon() -> None:
    assert float(charbonnier(AB, ZERO, ONE, 12.0)) == pytest.approx(13.0 - 12.0)  # sqrt(5^2 + 12^2) = 13
    assert float(charbonnier(AB, ZERO, ONE, 1000.0)) == pytest.approx(25 / 2000, rel=1e-2)


def test_a_picture_moves_with_its_border_repeated() -> None:
    planes = torch.arange(6.0).view(1, 1, 2, 3)  # 0 1 2 / 3 4 5
    assert shifted(planes, 0, 1)[0, 0].tolist() == [[0, 0, 1], [3, 3, 4]]
    assert shifted(planes, -1, -1)[0, 0].tolist() == [[4, 5, 5], [4, 5, 5]]
    assert shifted(planes, 0, 0)[0, 0].tolist() == planes[0, 0].tolist()


@pytest.mark.parametrize("shift", [(0, 0), (1, -2), (-2, 1), (3, 3)])
def test_colours_that_move_with_their_picture_are_steady(shift: tuple[int, int]) -> None:
    ab = torch.randn(2, 2, 8, 9)
    assert float(temporal_consistency(ab, shifted(ab, *shift), *shift)) == pytest.approx(0, abs=1e-6)
    assert float(temporal_consistency(ab, shifted(ab, *shift), shift[0], shift[1] + 1)) > 0.01


def test_temporal_consistency_is_the_mean_distance_where_both_pictures_show_the_same() -> None:
    ab = torch.zeros(1, 2, 1, 3)
    later = torch.tensor([[[[100.0, 4.0, 0.0]], [[100.0, 0.0, 4.0]]]])  # the first pixel came in from outside
    assert float(temporal_consistency(ab, later, 0, 1)) == pytest.approx(5.0 - 3.0)  # sqrt(4^2 + 3^2) - 3


def test_colourful_pixels_weigh_more_and_a_scale_of_zero_makes_all_alike() -> None:
    truth = torch.tensor([[[[30.0, 0.0]], [[40.0, 0.0]]]])  # chroma 50 and 0
    assert chroma_weight(truth, 25.0).flatten().tolist() == pytest.approx([3.0, 1.0])
    assert chroma_weight(truth, 0.0).flatten().tolist() == [1.0, 1.0]


def test_weights_are_those_of_a_mean() -> None:
    ab = torch.tensor([[[[10.0, 2.0]], [[0.0, 0.0]]]])
    weight = torch.tensor([[[[3.0, 1.0]]]])
    assert float(l1(ab, torch.zeros_like(ab), weight)) == pytest.approx((3 * 10 + 1 * 2) / 4)


def test_lsgan_is_least_squares() -> None:
    true, fake = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 0.5])
    assert float(lsgan_discriminator(true, fake)) == pytest.approx(((0 + 0.25) / 2 + (0 + 0.25) / 2) / 2)
    assert float(lsgan_generator(fake)) == pytest.approx((1 + 0.25) / 2)
    assert float(lsgan_discriminator(torch.ones(3), torch.zeros(3))) == 0


@pytest.mark.parametrize("norm", NORMS)
def test_each_verdict_sees_seventy_pixels(norm: str) -> None:
    torch.manual_seed(0)
    net = NLayerDiscriminator(8, norm).eval()
    x = torch.randn(1, 3, 128, 128, requires_grad=True)
    verdict = net(x)
    assert verdict.shape == (1, 1, 14, 14)
    verdict[0, 0, 7, 7].backward()
    assert x.grad is not None
    rows, columns = (x.grad.abs().sum((0, 1, axis)) > 0 for axis in (3, 2))
    assert int(rows.sum()) == int(columns.sum()) == 70


def test_it_has_the_papers_size() -> None:
    # 64-128-256-512-1 with 4x4 kernels on three planes; the inner norms' parameters aside
    convolutions = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 1
    batch_norms = 2 * (128 + 256 + 512)
    net = NLayerDiscriminator(64, "batch")
    assert sum(p.numel() for p in net.parameters()) == convolutions + batch_norms


def test_an_unknown_norm_is_named() -> None:
    with pytest.raises(UsageError, match="layer"):
        NLayerDiscriminator(8, "layer")


def test_small_chroma_is_judged_at_twice_its_size_beside_the_lightness() -> None:
    L, ab = torch.full((2, 1, 64, 96), 75.0), torch.full((2, 2, 16, 24), 25.0)
    x = discriminator_input(L, ab)
    assert x.shape == (2, 3, 32, 48)
    torch.testing.assert_close(x[:, 0], torch.full((2, 32, 48), 0.5))
    torch.testing.assert_close(x[:, 1:], torch.full((2, 2, 32, 48), 0.5))
    assert discriminator_input(L, torch.zeros(2, 2, 64, 96)).shape == (2, 3, 64, 96)
