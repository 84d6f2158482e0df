"""The pinned ImageNet weights, where they are installed, on photographs that scikit-learn brings."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from vadlab import weights
from vadlab.pretrained.image_state import network_of
from vadlab.video.transform import resize

NAME = "efficientnet-lite0-imagenet"
DAISY = 985
BUILDINGS = {442, 449, 483, 663, 832}  # bell cote, boathouse, castle, monastery, stupa


def test_a_flower_and_a_chinese_palace_are_recognised() -> None:
    if weights.locate(NAME) is None:
        pytest.skip(f"needs vadlab weights fetch {NAME}")
    state = weights.load(NAME, network="image")
    network = network_of(state).eval()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    palace, flower = (np.ascontiguousarray(image) for image in load_sample_images().images)
    pixels = torch.from_numpy(np.stack([resize(image, (224, 224)) for image in (palace, flower)]))
    with torch.no_grad():
        best = network(pixels.permute(0, 3, 1, 2).float()).topk(5).indices
    assert int(best[1, 0]) == DAISY
    assert len(BUILDINGS & set(best[0].tolist())) >= 4
