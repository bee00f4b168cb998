"""Local equalisation of contrast."""

from __future__ import annotations

import numpy as np
import torch
from monai.data import MetaTensor
from skimage.exposure import equalize_adapthist

from skiagraph.transforms import EqualizeLocallyd


def test_answer_is_scikit_images_with_the_meta_data_kept() -> None:
    grey = torch.rand(1, 96, 64, generator=torch.Generator().manual_seed(0))
    image = MetaTensor(grey, affine=torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])), meta={"name": "a"})
    out = EqualizeLocallyd("image", (32, 32), 0.03)({"image": image})["image"]
    np.testing.assert_allclose(out[0].numpy(), equalize_adapthist(grey[0].numpy(), (32, 32), 0.03), atol=1e-6)
    assert out.meta["name"] == "a"
    torch.testing.assert_close(out.affine, image.affine)
    torch.testing.assert_close(image.as_tensor(), grey)


def test_a_dark_and_a_bright_half_end_up_with_like_contrast() -> None:
    pattern = 0.5 + 0.5 * torch.sin(torch.arange(128) / 2)[:, None] * torch.ones(128)
    image = torch.where(torch.arange(128) < 64, 0.02 + 0.06 * pattern, 0.6 + 0.06 * pattern)[None]
    out = EqualizeLocallyd("image")({"image": MetaTensor(image)})["image"][0]
    dark, bright = out[:, :40].std(), out[:, -40:].std()
    assert 0.7 < dark / bright < 1.4
    assert dark > 2 * image[0, :, :40].std()


def test_an_image_of_one_grey_stays_as_it_is() -> None:
    out = EqualizeLocallyd("image")({"image": MetaTensor(torch.full((1, 64, 32), 0.25))})["image"]
    torch.testing.assert_close(out.as_tensor(), torch.full((1, 64, 32), 0.25))
