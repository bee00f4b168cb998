"""Interactive refinement of vertebra corners, outside MONAI's engines: an image and clicks in, all points out."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from torch import nn

from ..data import find_images
from ..engines.look_twice import LookTwiceInferer
from ..folder_work import write_image, write_json
from ..transforms.corners import corners_to_grid, fill_maps, read_clicks
from ..transforms.decode_corners import Corners, DecodeCornersd
from ..transforms.load import spacing_mm
from ..transforms.save_corners import corners_content, draw_corners
from ..transforms.save_results import as_bytes, beside
from .configs import evaluated, read_configs

Clicks = Mapping[str, Sequence[float]]
Predict = Callable[[torch.Tensor], torch.Tensor]


class OpenedSpine:
    """A radiograph whose corners are known, and can be put right as often as one likes.

    Every question stands alone: what is to be remembered between two is the clicks, and these the caller has.

    Attributes:
        frame: the image as it was loaded, (1, rows, columns), 0 to 255.
        network_input: (1, C, rows, columns), without clicks.
    """

    def __init__(
        self, network: Predict, inferer: LookTwiceInferer, decode: DecodeCornersd, case: Mapping[str, Any]
    ) -> None:
        self.frame: MetaTensor = case["frame_as_loaded"]
        self.network_input = case["image"].as_tensor()[None]
        self._network = network
        self._inferer = inferer
        self._decode = decode
        self._image: MetaTensor = case["image"]

    def corners(self, clicks: Clicks | None = None) -> Corners:
        """All 68 corners.

        Args:
            clicks: points that a person has put right, {name: (x, y)} in pixels of the file; they stay where they are.

        Raises:
            ValueError: no point has such a name, or a click lies outside the image.
        """
        rows, columns = (int(size) for size in self._image.meta["spatial_shape"])
        clicked = read_clicks(clicks or {}, (columns, rows))
        hints = torch.from_numpy(corners_to_grid(clicked, self._image)).float()[None]
        logits = self._ask_network(fill_maps(self.network_input, hints, None))
        case: dict[Hashable, Any] = {"pred": logits[0], "image": self._image, "clicked": clicked}
        answer: Corners = self._decode(case)["pred_corners"]
        return answer

    def _ask_network(self, image: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return self._inferer(image, self._network)


class KeypointAnnotator:
    """The network of a keypoint bundle, ready for one image after the other.

    Args:
        bundle_root: folder of the bundle; everything else is in its `inference.json`.
        overlays: configs to lay over that one, such as ``unet_ikem.json``.
        entries: what takes the place of single entries, such as ``weights`` or ``spacing``.

    Attributes:
        module: the network, with its weights.
        network: what is asked; by default the module, but another runtime may take its place.
        interval_scale: see `corners_content`.

    Raises:
        FileNotFoundError: there is no such bundle, or there are no weights.
    """

    def __init__(
        self, bundle_root: str | Path, overlays: Sequence[str] = (), entries: Mapping[str, Any] | None = None
    ) -> None:
        parser = read_configs(Path(bundle_root), ["inference.json", *overlays], entries or {})
        evaluated(parser, "initialize")
        self.interval_scale = float(evaluated(parser, "interval_scale"))
        self.module: nn.Module = evaluated(parser, "network").eval()
        self.network: Predict = self.module
        self._inferer: LookTwiceInferer = evaluated(parser, "inferer")
        self._preprocessing = evaluated(parser, "preprocessing")
        self._decode: DecodeCornersd = evaluated(parser, "decode")

    def open(self, image: str | Path, frame: int = 0) -> OpenedSpine:
        """Load an image.

        Args:
            image: its file.
            frame: which frame of a DICOM or TIFF file that has several.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no image that can be read, or has no such frame.
        """
        if Path(image).is_dir():
            raise ValueError(f"{image}: is a folder; give one image, or run inference.json on the folder")
        frames = find_images(image)
        if not 0 <= frame < len(frames):
            raise ValueError(f"{image}: there is no frame {frame}; its frames are 0 to {len(frames) - 1}")
        case = self._preprocessing(frames[frame])
        if error := case["image"].meta["error"]:
            raise ValueError(error)
        return OpenedSpine(self.network, self._inferer, self._decode, case)


def annotate_keypoints(
    annotator: KeypointAnnotator, image: str | Path, clicks: str, out: str | Path, frame: int = 0
) -> list[Path]:
    """Write the overlay before the clicks, that after them, and the corners after them.

    Args:
        annotator: of the bundle.
        image: file of the radiograph.
        frame: see `KeypointAnnotator.open`.
        clicks: JSON, {"T5_tl": [x, y], ...} in pixels of the image.
        out: folder to write to.

    Returns:
        the files: `<name>_before_overlay.jpg`, `<name>_after_overlay.jpg`, `<name>_keypoints.json`.

    Raises:
        FileNotFoundError: there is no such image.
        ValueError: it cannot be read, or the clicks are not JSON of that form, name no point, or lie outside the image.
    """
    placed = _parse_clicks(clicks)
    spine = annotator.open(image, frame)
    corners, spacing = spine.corners(placed), spacing_mm(spine.frame)
    grey = as_bytes(spine.frame.as_tensor()[0].round())
    name = spine.frame.meta["name"]
    base = Path(out) / name
    endings = ("_before_overlay.jpg", "_after_overlay.jpg", "_keypoints.json")
    before, after, content = (beside(base, ending) for ending in endings)
    write_image(before, draw_corners(grey, spine.corners(), spacing))
    write_image(after, draw_corners(grey, corners, spacing))
    write_json(content, {"image": name, **corners_content(corners, spacing, annotator.interval_scale)})
    return [before, after, content]


def _parse_clicks(text: str) -> dict[str, Any]:
    try:
        clicks = json.loads(text, object_pairs_hook=_without_repetition)
    except json.JSONDecodeError as error:
        raise ValueError(f"--clicks is not JSON ({error}); write it as '{{\"T5_tl\": [310, 402]}}'") from error
    if not isinstance(clicks, dict):
        raise ValueError("--clicks wants points by their name, such as '{\"T5_tl\": [310, 402]}'")
    return clicks


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"--clicks names {next(name for name in names if names.count(name) > 1)} more than once")
    return found
