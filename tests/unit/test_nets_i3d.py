import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from vadlab import weights
from vadlab.errors import UsageError
from vadlab.nets.i3d import (
    I3D,
    MaxPoolSame,
    PackedConv,
    Unit3D,
    folded,
    pools_by_axis,
    same_padding,
    with_packed_stem,
)


def lively(network: I3D) -> I3D:
    """Normalisation with statistics and parameters unlike the initial ones, as after training."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            for tensor, low, high in (
                (module.running_mean, -0.1, 0.1),
                (module.running_var, 0.2, 0.6),
                (module.weight.data, 0.8, 1.2),
                (module.bias.data, -0.2, 0.3),
            ):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    return network.eval()


@pytest.fixture(scope="module")
def network() -> I3D:
    torch.manual_seed(0)
    return lively(I3D())


def clip(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize(
    ("in_channels", "n_classes", "n"),
    [(3, None, 12_287_264), (2, None, 12_265_312), (3, 400, 12_697_264), (2, 400, 12_675_312)],
)
def test_parameter_counts_are_the_published_ones(in_channels: int, n_classes: int | None, n: int) -> None:
    assert sum(p.numel() for p in I3D(in_channels, n_classes).parameters()) == n


def test_normalisation_is_tensorflows(network: I3D) -> None:
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    assert sum(norm.num_features for norm in norms) == 7280
    assert {norm.eps for norm in norms} == {1e-3}


def test_names_are_the_customary_ones(network: I3D) -> None:
    state = network.state_dict()
    shapes = {
        "Conv3d_1a_7x7.conv3d.weight": (64, 3, 7, 7, 7),
        "Mixed_3b.b1a.bn.running_mean": (96,),
        "Mixed_4e.b1b.conv3d.weight": (288, 144, 3, 3, 3),
        "Mixed_5c.b3b.conv3d.weight": (128, 832, 1, 1, 1),
        "logits.conv3d.weight": (400, 1024, 1, 1, 1),
        "logits.conv3d.bias": (400,),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes
    # Old state dicts do not count batches; they load strictly all the same.
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert len(old) == 57 * 5 + 2
    I3D().load_state_dict(old, strict=True)


@given(size=st.integers(1, 300), kernel=st.integers(1, 7), stride=st.integers(1, 3))
def test_same_padding_is_the_least_that_gives_ceil_of_size_over_stride(
    size: int, kernel: int, stride: int
) -> None:
    before, after = same_padding(size, kernel, stride)
    n_out = math.ceil(size / stride)
    assert before + after == max((n_out - 1) * stride + kernel - size, 0)
    assert after - before in (0, 1)


def test_same_padding_of_the_stem_is_asymmetric() -> None:
    assert same_padding(224, 7, 2) == same_padding(16, 7, 2) == (2, 3)
    assert same_padding(17, 7, 2) == (3, 3)


@pytest.mark.parametrize(
    ("kernel", "stride", "size"),
    [
        ((1, 3, 3), (1, 2, 2), (4, 8, 8)),  # cut off at the end
        ((3, 3, 3), (2, 2, 2), (4, 7, 8)),  # both: padded
        ((3, 3, 3), (2, 2, 2), (5, 7, 9)),  # symmetric
        ((3, 3, 3), (1, 1, 1), (3, 4, 5)),
        ((2, 2, 2), (2, 2, 2), (3, 7, 8)),
    ],
)
def test_max_pool_equals_a_loop_over_windows(
    kernel: tuple[int, int, int], stride: tuple[int, int, int], size: tuple[int, int, int]
) -> None:
    x = torch.rand((2, 3, *size), generator=torch.Generator().manual_seed(0))
    found = MaxPoolSame(kernel=kernel, stride=stride)(x)
    n_out = [math.ceil(n / s) for n, s in zip(size, stride, strict=True)]
    assert tuple(found.shape) == (2, 3, *n_out)
    lows = [max((o - 1) * s + k - n, 0) // 2 for o, s, k, n in zip(n_out, stride, kernel, size, strict=True)]
    for at in itertools.product(*map(range, n_out)):
        starts = [i * s - low for i, s, low in zip(at, stride, lows, strict=True)]
        window = tuple(slice(max(a, 0), a + k) for a, k in zip(starts, kernel, strict=True))
        expected = x[(slice(None), slice(None), *window)].amax(dim=(2, 3, 4))
        torch.testing.assert_close(found[(slice(None), slice(None), *at)], expected)


@pytest.mark.parametrize("size", [(9, 16, 16), (17, 33, 47)])
def test_any_length_from_nine_frames_and_any_size(network: I3D, size: tuple[int, int, int]) -> None:
    with torch.inference_mode():
        x = clip(2, 3, *size)
        assert network.features(x).shape == (2, 1024)
        assert network(x).shape == (2, 400)


def test_features_are_the_papers_valid_2x7x7_average_pool(network: I3D) -> None:
    last: list[Tensor] = []
    handle = network.get_submodule("Mixed_5c").register_forward_hook(lambda *args: last.append(args[2]))
    with torch.inference_mode():
        features = network.features(clip(1, 3, 16, 224, 224))
    handle.remove()
    assert last[0].shape == (1, 1024, 2, 7, 7)
    torch.testing.assert_close(features, F.avg_pool3d(last[0], (2, 7, 7), stride=1).flatten(1))


def test_logits_are_the_mean_over_time_steps(network: I3D) -> None:
    last: list[Tensor] = []
    handle = network.get_submodule("Mixed_5c").register_forward_hook(lambda *args: last.append(args[2]))
    with torch.inference_mode():
        logits = network(clip(1, 3, 32, 32, 32))
        handle.remove()
        assert last[0].shape[2] == 4
        steps = F.avg_pool3d(last[0], (2, 1, 1), stride=1)
        head = network.state_dict()["logits.conv3d.weight"], network.state_dict()["logits.conv3d.bias"]
        expected = F.conv3d(steps, *head).mean(dim=2).flatten(1)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 8, 32, 32), (1, 2, 16, 32, 32), (3, 16, 32, 32)])
def test_a_clip_of_another_form_is_refused(network: I3D, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="t >= 9"):
        network.features(torch.zeros(shape))


def test_a_network_without_head_gives_features_but_no_logits() -> None:
    headless = I3D(2, None).eval()
    with torch.inference_mode():
        assert headless.features(clip(1, 2, 9, 32, 32)).shape == (1, 1024)
        with pytest.raises(UsageError, match="without a head"):
            headless(clip(1, 2, 9, 32, 32))


def test_folding_changes_nothing_but_rounding(network: I3D) -> None:
    quick = folded(network)
    assert not any(isinstance(m, torch.nn.BatchNorm3d) for m in quick.modules())
    assert any(isinstance(m, torch.nn.BatchNorm3d) for m in network.modules())
    x = clip(2, 3, 16, 48, 48)
    with torch.inference_mode():
        expected = network.features(x)
        for found in (
            quick.features(x),
            quick.to(memory_format=torch.channels_last_3d).features(
                x.to(memory_format=torch.channels_last_3d)
            ),
        ):
            assert (found - expected).abs().max() / expected.abs().max() < 5e-5
    assert expected.std() > 0.01  # a network of zeros would pass as well


def test_training_reaches_every_parameter() -> None:
    torch.manual_seed(0)
    network = I3D(3, 5).train()
    network(clip(2, 3, 16, 32, 32)).square().sum().backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert all(g is not None and bool(torch.isfinite(g).all()) for g in gradients.values())
    silent = [name for name, g in gradients.items() if g is not None and not g.any()]
    assert not silent, silent


def test_features_follow_time_order(network: I3D) -> None:
    x = clip(1, 3, 16, 32, 32)
    with torch.inference_mode():
        forward, backward = network.features(x).numpy(), network.features(x.flip(2)).numpy()
    assert np.abs(forward - backward).max() > 1e-3


@pytest.mark.parametrize("size", [(16, 24, 22), (9, 15, 21), (10, 13, 16)])
@pytest.mark.parametrize("kernel", [(7, 7, 7), (3, 7, 5)])
def test_a_packed_convolution_is_the_same_function(
    size: tuple[int, int, int], kernel: tuple[int, int, int]
) -> None:
    torch.manual_seed(0)
    unit = Unit3D(3, 8, kernel=kernel, stride=(2, 2, 2), norm=False)
    x = clip(2, 3, *size)
    with torch.inference_mode():
        expected = F.relu(unit(x))
        found = PackedConv(unit)(x)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-6 * float(expected.max()))


def test_only_a_folded_convolution_of_stride_two_is_packed(network: I3D) -> None:
    stem = network.get_submodule("Conv3d_1a_7x7")
    plain = Unit3D(3, 8, kernel=(7, 7, 7), norm=False)
    for unit in (stem, plain):
        with pytest.raises(ValueError, match="folded convolution of stride 2"):
            PackedConv(unit)  # type: ignore[arg-type]
    packed = with_packed_stem(folded(network))
    with pytest.raises(ValueError, match="packed already"):
        with_packed_stem(packed)


@given(
    st.tuples(*[st.integers(1, 6)] * 5).flatmap(
        lambda shape: st.lists(st.integers(0, 9), min_size=math.prod(shape), max_size=math.prod(shape)).map(
            lambda values: torch.tensor(values, dtype=torch.float32).reshape(shape)
        )
    )
)
def test_pooling_axis_by_axis_gives_the_same_values(x: Tensor) -> None:
    whole, by_axis = (MaxPoolSame(kernel=(3, 3, 3), stride=(1, 1, 1), by_axis=b) for b in (False, True))
    before = x.clone()
    assert torch.equal(by_axis(x), whole(x)) and torch.equal(x, before)


@pytest.fixture(scope="module")
def trained() -> I3D:
    if not weights.locate("i3d-rgb-kinetics"):
        pytest.skip("the weights are not in the cache: vadlab weights fetch i3d-rgb-kinetics")
    network = I3D().eval()
    state = weights.load("i3d-rgb-kinetics")
    network.load_state_dict({k: torch.from_numpy(v) for k, v in state.items()}, strict=True)
    return network


def test_the_fast_form_has_the_trained_networks_features(trained: I3D) -> None:
    t, y, x = torch.meshgrid(*(torch.arange(n) for n in (16, 96, 96)), indexing="ij")
    waves = [torch.sin((x + 2 * t) / (4 + c)) * torch.cos((y - t) / (6 - c)) for c in range(3)]
    clip = torch.stack(waves)[None].to(memory_format=torch.channels_last_3d)
    fast = pools_by_axis(with_packed_stem(folded(trained))).to(memory_format=torch.channels_last_3d)
    with torch.inference_mode():
        expected = trained.features(clip)
        found = fast.features(clip)
        rounded = fast.bfloat16().features(clip.bfloat16()).float()
    assert (found - expected).abs().max() / expected.abs().max() < 5e-5
    cosine = F.cosine_similarity(rounded, expected)
    assert 0.999 < float(cosine) < 0.9999999  # equal rows would mean that nothing was in bf16
