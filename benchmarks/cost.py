"""What a run of each network costs: multiply-adds in billions ("GFLOPs") and parameters (see tests/support/cost.py).

Run it with `python -m benchmarks.cost` for every network whose graph is here or can be built, or with a side and the
paths of ONNX files: `python -m benchmarks.cost 512 model.onnx`. `COSTS` in rembg_skin/catalog.py holds the figures of
the first; tests/measure/test_cost.py holds the two together.
"""

import sys

import onnx

from tests.support.cost import NORMALIZATION, PUBLISHED, Sized, as_fvcore_counts, multiply_adds, networks, parameters
from tests.support.graphs import build


def main() -> None:
    """Print a line for each network."""
    if len(sys.argv) > 2:
        named = [(path, onnx.load(path), int(sys.argv[1])) for path in sys.argv[2:]]
    else:
        named = [*networks(), ("u2netp_skin", build("u2netp_skin", size=1024), 1024)]
    print(f"{'network':14}{'side':>6}{'GFLOPs':>10}{'parameters':>13}")
    for name, model, side in named:
        sized = Sized(model, side)
        line = f"{name:14}{side:6}{multiply_adds(sized) / 1e9:10.3f}{parameters(sized):13,}"
        if published := PUBLISHED.get((name, side)):
            fvcore = as_fvcore_counts(sized, NORMALIZATION[name]) / 1e9
            line += f"  as fvcore counts {fvcore:.3f} (published {published[0]:.3f}; parameters {published[1]:,})"
        print(line, flush=True)


if __name__ == "__main__":
    main()
