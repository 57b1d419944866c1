"""What every generator promises (batchcolor/generators/base.py)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from batchcolor.generators import GENERATORS, Generator, build

SIZES = [(16, 16), (17, 16), (33, 65), (64, 96), (50, 131)]


@pytest.fixture(scope="module", params=GENERATORS, ids=str)
def generator(request: pytest.FixtureRequest) -> Generator:
    """Random weights that answer with visible colours."""
    torch.manual_seed(1)
    made = build(request.param)
    for name, parameter in made.named_parameters():
        if name.startswith(("head.1.", "model_out.")):
            torch.nn.init.normal_(parameter, std=0.05)
    return made.eval()


def lightness(count: int, height: int, width: int) -> Tensor:
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(7)) * 100


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_any_size_is_accepted_and_its_fraction_returned(generator: Generator, height: int, width: int) -> None:
    ab = generator(lightness(1, height, width))
    assert ab.shape == (1, 2, -(-height // generator.ab_fraction), -(-width // generator.ab_fraction))
    assert ab.dtype == torch.float32
    assert float(ab.abs().max()) <= 110
    assert float(ab.abs().max()) > 0.01


@torch.inference_mode()
def test_padding_has_no_effect_far_from_the_border(generator: Generator) -> None:
    L = lightness(1, 64, 64)
    multiple = generator.side_multiple
    assert 64 % multiple == 0
    assert torch.equal(generator(L), generator.predict(L, None).float())


@torch.inference_mode()
def test_a_batch_equals_its_pictures_one_by_one(generator: Generator) -> None:
    L = lightness(3, 48, 64)
    together = generator(L)
    alone = torch.cat([generator(L[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(together, alone, atol=2e-3, rtol=0)


@torch.inference_mode()
def test_the_same_picture_gives_the_same_colours(generator: Generator) -> None:
    L = lightness(1, 40, 56)
    assert torch.equal(generator(L), generator(L))


@torch.inference_mode()
def test_configuration_and_weights_make_it_again(generator: Generator) -> None:
    again = build(generator.architecture, generator.configuration())
    again.load_state_dict(generator.state_dict())
    L = lightness(1, 32, 32)
    torch.testing.assert_close(again.eval()(L), generator(L), atol=1e-4, rtol=0)
