"""siggraph17 is the published network: its tensors, its arithmetic, its cost."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from batchcolor.generators import Hints, build, parameter_count, weight_tensors
from batchcolor.generators.siggraph17 import SIGGRAPHGenerator

State = dict[str, Tensor]


def plain_forward(state: State, L: Tensor, ab_hint: Tensor, mask: Tensor) -> Tensor:
    """The network as its paper and published state dict describe it, with nothing but functions: no module of ours is used."""

    def conv(name: str, x: Tensor, dilation: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=dilation * (weight.shape[-1] // 2), dilation=dilation)

    def up(name: str, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride=2, padding=1)

    def norm(name: str, x: Tensor) -> Tensor:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-5)
        return x * scale.view(1, -1, 1, 1) + (state[f"{name}.bias"] - mean * scale).view(1, -1, 1, 1)

    def block(name: str, x: Tensor, positions: tuple[int, ...], last: int, dilation: int = 1) -> Tensor:
        for n in positions:
            x = torch.relu(conv(f"{name}.{n}", x, dilation))
        return norm(f"{name}.{last}", x)

    x = torch.cat([(L - 50) / 100, ab_hint / 110, mask], 1)
    one = block("model1", x, (0, 2), 4)
    two = block("model2", one[:, :, ::2, ::2], (0, 2), 4)
    three = block("model3", two[:, :, ::2, ::2], (0, 2, 4), 6)
    four = block("model4", three[:, :, ::2, ::2], (0, 2, 4), 6)
    five = block("model5", four, (0, 2, 4), 6, dilation=2)
    six = block("model6", five, (0, 2, 4), 6, dilation=2)
    seven = block("model7", six, (0, 2, 4), 6)
    x = torch.relu(up("model8up.0", seven) + conv("model3short8.0", three))
    eight = norm("model8.5", torch.relu(conv("model8.3", torch.relu(conv("model8.1", x)))))
    x = torch.relu(up("model9up.0", eight) + conv("model2short9.0", two))
    nine = norm("model9.3", torch.relu(conv("model9.1", x)))
    x = torch.relu(up("model10up.0", nine) + conv("model1short10.0", one))
    ten = F.leaky_relu(conv("model10.1", x), 0.2)
    return torch.tanh(conv("model_out.0", ten)) * 110


@pytest.fixture(scope="module")
def generator() -> SIGGRAPHGenerator:
    """Random weights, with BatchNorms that really do something and colours that are neither gray nor saturated."""
    torch.manual_seed(3)
    made = build("siggraph17")
    assert isinstance(made, SIGGRAPHGenerator)
    for name, tensor in made.state_dict().items():
        if name.endswith("running_mean"):
            tensor.normal_(0.2, 0.3)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 2.0)
        elif tensor.ndim == 1 and tensor.is_floating_point():
            tensor.uniform_(0.3, 1.2)
    torch.nn.init.normal_(made.model_out[0].weight, std=0.02)
    return made.eval()


def test_it_has_the_published_networks_size(generator: SIGGRAPHGenerator) -> None:
    assert parameter_count(generator) == 34_187_027
    assert len(weight_tensors(generator)) == 98


def test_each_block_runs_once(generator: SIGGRAPHGenerator) -> None:
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        generator(torch.zeros(1, 1, 256, 256))
    assert counter.get_total_flops() / 1e9 == pytest.approx(150.4, abs=0.05)  # a multiplication and an addition count as two


@torch.inference_mode()
@pytest.mark.parametrize("hinted", [False, True])
def test_equals_a_plain_implementation(generator: SIGGRAPHGenerator, hinted: bool) -> None:
    rng = torch.Generator().manual_seed(5)
    L = torch.rand(2, 1, 64, 96, generator=rng) * 100
    mask = (torch.rand(2, 1, 64, 96, generator=rng) < 0.02).float() * hinted
    ab_hint = (torch.rand(2, 2, 64, 96, generator=rng) * 160 - 80) * mask
    expected = plain_forward(generator.state_dict(), L, ab_hint, mask)
    assert float(expected.std()) > 5  # something to compare
    assert float(expected.abs().max()) < 109.9  # and not all of it at the end of tanh
    ab = generator(L, Hints(ab_hint, mask)) if hinted else generator(L)
    assert float((ab - expected).abs().max()) <= 1e-3


@torch.inference_mode()
def test_hints_change_the_colours_and_empty_ones_do_not(generator: SIGGRAPHGenerator) -> None:
    L = torch.rand(1, 1, 41, 59, generator=torch.Generator().manual_seed(6)) * 100
    empty = Hints(torch.zeros(1, 2, 41, 59), torch.zeros(1, 1, 41, 59))
    torch.testing.assert_close(generator(L, empty), generator(L))
    red = Hints(empty.ab.clone(), empty.mask.clone())
    red.ab[:, 0, 20:25, 20:25], red.mask[:, :, 20:25, 20:25] = 70, 1
    assert float((generator(L, red) - generator(L)).abs().max()) > 1


def test_the_class_head_answers_for_every_bin(generator: SIGGRAPHGenerator) -> None:
    with torch.inference_mode():
        ab, classes = generator.predict_with_classes(torch.zeros(1, 1, 64, 64))
    assert ab.shape == (1, 2, 64, 64)
    assert classes.shape == (1, 529, 16, 16)
