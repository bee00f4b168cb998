from __future__ import annotations

import numpy as np

from skiagraph.report import draw_lines

RED = (255, 0, 0)


def test_a_line_lies_where_its_points_say() -> None:
    image = np.full((40, 60), 100, dtype=np.uint8)
    before = image.copy()
    drawn = draw_lines(image, [np.array([[10.0, 20.0], [50.0, 20.0]])], RED)
    assert drawn.shape == (40, 60, 3)
    assert drawn.dtype == np.uint8
    np.testing.assert_array_equal(image, before)
    touched = (drawn != 100).any(axis=2)
    rows, columns = np.nonzero(touched)
    assert set(rows) <= {19, 20, 21}
    assert (columns.min(), columns.max()) == (10, 50)
    np.testing.assert_array_equal(drawn[20, 12:49], np.broadcast_to(RED, (37, 3)))


def test_the_centre_of_a_slanted_line_is_kept_to_a_fraction_of_a_pixel() -> None:
    x = np.arange(5.0, 55)
    y = 10.3 + 0.31 * x
    cover = draw_lines(np.zeros((40, 60), dtype=np.uint8), [np.column_stack([x, y])], RED)[..., 0] / 255
    inner = cover[:, 8:52]
    centre = (np.arange(40)[:, None] * inner).sum(axis=0) / inner.sum(axis=0)
    assert np.abs(centre - (10.3 + 0.31 * np.arange(8, 52))).max() < 0.2
    assert ((inner > 0.05) & (inner < 0.95)).any()  # antialiased


def test_colours_of_an_rgb_image_stay_and_no_line_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(draw_lines(image, [np.empty((0, 2))]), image)
    drawn = draw_lines(image, [np.array([[-50.0, -5.0], [80.0, 3.0]]), np.array([[3.0, 3.0]])], RED)
    np.testing.assert_array_equal(drawn[6:], image[6:])
