"""Pictures a second at 256x256: the embedded default and siggraph17, engine by engine, as ratios.

The reference is siggraph17 as the authors' public demo runs it: eager float32, blocks 9 and 10 computed twice (202 GFLOP).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from batchcolor.engines import Engine, open_engine
from batchcolor.errors import BatchcolorError
from batchcolor.generators import build, parameter_count, weight_tensors
from batchcolor.generators.checkpoint import Checkpoint
from batchcolor.generators.siggraph17 import SIGGRAPHGenerator
from batchcolor.weights import open_checkpoint

from .figures import Figures
from .precisions import KINDS
from .timing import median_seconds

SIDE = 256


def demo_forward(generator: SIGGRAPHGenerator, L: Tensor) -> Tensor:
    """The public demo's arithmetic: the features once, blocks 9 and 10 twice."""
    features = generator._features(L, None)
    generator._ab_of(*features)
    return generator._ab_of(*features)


def engines_of(checkpoint: Checkpoint) -> dict[str, Engine]:
    found: dict[str, Engine] = {}
    for engine, precision in KINDS:
        try:
            found[f"{engine} {precision}"] = open_engine(checkpoint, engine=engine, device="cpu", precision=precision)
        except BatchcolorError as exc:
            print(f"  {engine} {precision}: left out, {exc}")
    return found


def main() -> Figures:
    """Sizes of both networks; pictures a second and their ratio to the reference, by network, engine and precision."""
    siggraph = build("siggraph17").eval()
    assert isinstance(siggraph, SIGGRAPHGenerator)
    one = torch.rand(1, 1, SIDE, SIDE) * 100
    with torch.inference_mode(), FlopCounterMode(display=False) as once:
        siggraph(one)
    with torch.inference_mode(), FlopCounterMode(display=False) as twice:
        demo_forward(siggraph, one)
    print(
        f"siggraph17: {parameter_count(siggraph):,} parameters, {len(weight_tensors(siggraph))} tensors, "
        f"{once.get_total_flops() / 1e9:.1f} GFLOP (the demo's way: {twice.get_total_flops() / 1e9:.1f})"
    )
    lite = open_checkpoint("lite")
    with torch.inference_mode(), FlopCounterMode(display=False) as flops:
        lite.generator()(one)
    print(f"lite: {parameter_count(lite.generator()):,} parameters, {flops.get_total_flops() / 1e9:.1f} GFLOP")

    def reference() -> None:
        with torch.inference_mode():
            demo_forward(siggraph, one)

    checkpoints = {"siggraph17": (Checkpoint("siggraph17", {}, siggraph.state_dict()), 1), "lite": (lite, 8)}
    runs = {"reference": reference}
    pictures = {"reference": 1}
    for model, (checkpoint, batch) in checkpoints.items():
        L = np.random.default_rng(0).uniform(0, 100, (batch, 1, SIDE, SIDE)).astype(np.float32)
        for name, engine in engines_of(checkpoint).items():
            runs[f"{model} {name}"] = lambda engine=engine, L=L: engine(L)  # type: ignore[misc]
            pictures[f"{model} {name}"] = batch
    seconds = median_seconds(runs)
    reference_rate = 1 / seconds["reference"]
    print(f"{'':32}{'pictures/s':>12}{'x reference':>13}")
    for name, median in seconds.items():
        rate = pictures[name] / median
        print(f"{name:32}{rate:12.1f}{rate / reference_rate:13.1f}")
    fastest = {m: max(pictures[n] / s for n, s in seconds.items() if n.startswith(m)) for m in checkpoints}
    print(f"lite over siggraph17, each at its fastest: {fastest['lite'] / fastest['siggraph17']:.1f}x")
    rates = {name: pictures[name] / median for name, median in seconds.items()}
    eager = {m: pictures[f"{m} torch float32"] / seconds[f"{m} torch float32"] for m in checkpoints}
    print(f"lite over siggraph17, eager float32: {eager['lite'] / eager['siggraph17']:.1f}x")
    return {
        "siggraph17": {
            "parameters": parameter_count(siggraph),
            "gflop": once.get_total_flops() / 1e9,
            "demo_gflop": twice.get_total_flops() / 1e9,
        },
        "lite": {"parameters": parameter_count(lite.generator()), "gflop": flops.get_total_flops() / 1e9},
        "rates": {name: {"pictures_per_s": rate, "ratio": rate / reference_rate} for name, rate in rates.items()},
    }


if __name__ == "__main__":
    main()
