import math
import subprocess
import sys

import numpy as np

from vadlab.backbones.pooled_pixels import PooledPixels


def test_features_equal_a_loop_over_cells() -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (1, 16, 64, 64, 3), dtype=np.uint8)
    flow = rng.normal(0, 15, (1, 16, 64, 64, 2)).astype(np.float32)
    columns: dict[str, list[float]] = {s: [] for s in ("mean", "deviation", "change", "speed", "x", "y")}
    for top in range(0, 64, 16):
        for left in range(0, 64, 16):
            cell = slice(top, top + 16), slice(left, left + 16)
            grey = rgb[0][:, *cell].astype(np.float64).sum(axis=-1) / 3 / 255
            columns["mean"].append(grey.mean())
            columns["deviation"].append(math.sqrt(((grey - grey.mean()) ** 2).mean()))
            columns["change"].append(np.mean([abs(grey[i + 1] - grey[i]).mean() for i in range(15)]))
            x, y = (np.clip(flow[0][:, *cell, i].astype(np.float64), -20, 20) / 20 for i in (0, 1))
            columns["speed"].append(np.sqrt(x**2 + y**2).mean())
            columns["x"].append(x.mean())
            columns["y"].append(y.mean())
    expected = np.concatenate([np.array(values) for values in columns.values()])
    np.testing.assert_allclose(PooledPixels().embed(rgb, flow)[0], expected, atol=1e-5)


def test_a_moving_block_shows_in_its_cell_alone() -> None:
    flow = np.zeros((1, 16, 64, 64, 2), np.float32)
    flow[0, :, 16:32, 48:64, 0] = -10  # second row, last column, to the left
    found = PooledPixels(streams=("flow",)).embed(np.zeros((1, 16, 64, 64, 3), np.uint8), flow)[0]
    speed, x, y = found.reshape(3, 4, 4)
    assert speed[1, 3] == 0.5 and x[1, 3] == -0.5
    assert np.count_nonzero(speed) == np.count_nonzero(x) == 1 and not y.any()


def test_it_needs_no_torch() -> None:
    code = "import sys, vadlab.backbones.pooled_pixels; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
