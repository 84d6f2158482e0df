"""PSNR in closed form."""

import numpy as np
import pytest

from vadlab.psnr import psnr


@pytest.mark.parametrize(("error", "decibels"), [(1, 0), (0.1, 10), (0.01, 20), (0.25, 6.0206), (0, 100)])
def test_closed_form(error: float, decibels: float) -> None:
    found = psnr(np.array([error], np.float32))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, decibels, atol=1e-4)


def test_a_frame_that_is_off_by_one_grey_level() -> None:
    assert psnr(np.array([(1 / 255) ** 2]))[0] == pytest.approx(20 * np.log10(255))
