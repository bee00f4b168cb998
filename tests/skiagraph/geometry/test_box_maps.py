from __future__ import annotations

import torch

from skiagraph.geometry.box_maps import boxes_of_maps


def test_every_cell_measures_from_its_middle() -> None:
    stride, box = 8, torch.tensor([10.0, 3.0, 50.0, 31.0])
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(4), indexing="ij")
    inside = (rows * 8 + 4 > 10) & (rows * 8 + 4 < 50) & (columns * 8 + 4 > 3) & (columns * 8 + 4 < 31)
    middle = torch.stack([rows, columns]) * 8 + 4.0
    away = torch.cat([middle - box[:2, None, None], box[2:, None, None] - middle]) / stride
    found = boxes_of_maps(away.clamp_min(1e-3).log(), stride)
    assert inside.sum() == 5 * 4
    torch.testing.assert_close(found[:, inside], box[:, None].expand(4, 20), atol=1e-4, rtol=0)


def test_an_untrained_networks_answer_stays_a_number() -> None:
    assert torch.isfinite(boxes_of_maps(torch.full((2, 4, 3, 3), 1e4), 8)).all()
