import pytest
import torch

from vadlab.errors import UsageError
from vadlab.nets.spatial_pyramid import LEVEL_SIZES, pooled


def test_a_7x7_map_has_21_patches_which_cover_each_cell_once_a_level() -> None:
    cells = torch.eye(49).reshape(1, 49, 7, 7)  # a channel for each cell
    patches = pooled(cells)[0]
    assert LEVEL_SIZES == [1, 4, 16] and patches.shape == (21, 49)
    covered = (patches > 0).int()
    for level in covered.split(LEVEL_SIZES):
        assert (level.sum(dim=0) == 1).all()
    # Windows of 7, 4 and 2 cells, cut at the end: 4 + 3, and 2 + 2 + 2 + 1.
    assert covered.sum(dim=1).tolist()[:5] == [49, 16, 12, 12, 9]
    assert covered.sum(dim=1).tolist()[5:9] == [4, 4, 4, 2]
    assert covered.sum(dim=1).tolist()[17:] == [2, 2, 2, 1]


def test_patches_are_means_row_by_row() -> None:
    maps = torch.randn(2, 3, 7, 7)
    patches = pooled(maps)
    torch.testing.assert_close(patches[1, 0], maps[1].mean((1, 2)))
    torch.testing.assert_close(patches[1, 2], maps[1, :, :4, 4:].mean((1, 2)))
    torch.testing.assert_close(patches[0, 5 + 4 * 2 + 1], maps[0, :, 4:6, 2:4].mean((1, 2)))


@pytest.mark.parametrize("side", [1, 3, 5, 6, 9])
def test_maps_that_give_fewer_patches_are_refused(side: int) -> None:
    with pytest.raises(UsageError, match="too small"):
        pooled(torch.zeros(1, 1, side, side))


@pytest.mark.parametrize("side", [4, 7, 8, 10, 11, 12])
def test_larger_maps_have_as_many(side: int) -> None:
    assert pooled(torch.zeros(1, 1, side, side)).shape == (1, 21, 1)
