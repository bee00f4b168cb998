"""What the detection bundle promises beyond the base tests: how good its weights are, its overlays, what it writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, run, verify_net_in_out
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from skiagraph.data import find_images
from skiagraph.data.boxes_coco import read_coco, read_coco_results
from skiagraph.data.boxes_voc import read_voc
from skiagraph.engines import bfloat16_is_fast
from skiagraph.phantoms import write_limb_phantoms
from tests.bundles.collection import ROOT, run_module

BUNDLE = ROOT / "bundles" / "bone_xray_detection"
CONFIGS = BUNDLE / "configs"
DATA = os.environ.get("SKIAGRAPH_DATA")

needs_real_data = pytest.mark.skipif(DATA is None, reason="SKIAGRAPH_DATA names no folder: not run on real images")


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limbs")
    write_limb_phantoms(folder, patients=12, images=1, size_px=192)
    return folder


@needs_real_data
def test_implants_on_radiographs_never_trained_on_are_found(tmp_path: Path) -> None:
    """Where the published Faster R-CNN has AP50 0.69 to 0.74 and AP 0.48 to 0.55 in its own validation."""
    run_module("-c", "import subprocess, sys; subprocess.run(['bash', *sys.argv[1:]], check=True)", *lay_out(tmp_path))
    run(
        config_file=[str(CONFIGS / "train.json"), str(CONFIGS / "evaluate.json")],
        bundle_root=str(BUNDLE),
        dataset_dir=str(tmp_path / "mura"),
        data_list=str(ROOT / "data_lists" / "mura.json"),
        output_dir=str(tmp_path / "out"),
        workers=0,
        amp=bfloat16_is_fast("cpu"),
    )
    measured = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert measured["n"] == 82
    listed = json.loads((ROOT / "data_lists" / "mura.json").read_text())["test"]
    assert sum(item["record"].startswith("implants_multiple") for item in listed) >= 60
    assert measured["ap50_implant"] >= 0.85
    assert measured["ap_implant"] >= 0.50
    assert measured["ap50_fracture"] > 0
    expected = {"ap", "ap50", "ap75", "ap_fracture", "ar100", "fp_per_negative", "ap50_implant_low", "ece"}
    assert expected <= measured.keys()
    assert all((tmp_path / "out" / f"{name}.png").is_file() for name in ("precision_recall", "froc", "reliability"))


def lay_out(folder: Path) -> list[str]:
    return [str(Path(str(DATA)) / "mura" / "lay_out.sh"), str(folder / "mura")]


@pytest.mark.parametrize("overlay", ["retinanet", "faster_rcnn"])
def test_other_detectors_train_through_their_overlays(overlay: str, phantoms: Path, tmp_path: Path) -> None:
    """At a size that is quickly learnt from."""
    run(
        config_file=[str(CONFIGS / "train.json"), str(CONFIGS / f"{overlay}.json")],
        bundle_root=str(BUNDLE),
        dataset_dir=str(phantoms),
        output_dir=str(tmp_path),
        epochs=1,
        val_interval=1,
        batch_size=2,
        workers=0,
        image_size=128,
        amp=False,
    )
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    assert len(state) > 100
    assert all(torch.isfinite(tensor).all() for tensor in state.values() if tensor.is_floating_point())
    run(
        config_file=[str(CONFIGS / "inference.json"), str(CONFIGS / f"{overlay}.json")],
        bundle_root=str(BUNDLE),
        dataset_dir=str(phantoms),
        data_list=str(phantoms / "data_list.json"),
        output_dir=str(tmp_path / "found"),
        weights=str(tmp_path / "model.pt"),
        workers=0,
        image_size=128,
        amp=False,
    )
    assert (tmp_path / "found" / "coco.json").is_file()


def inference(**entries: Any) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "inference.json"))
    for name, value in {"bundle_root": str(BUNDLE), "device": "cpu", "amp": False, **entries}.items():
        parser[name] = value
    parser.get_parsed_content("initialize")
    return parser


def first_image(phantoms: Path, parser: ConfigParser) -> torch.Tensor:
    item = find_images(phantoms)[0]
    return parser.get_parsed_content("preprocessing")(item)["image"].as_tensor()[None]


def test_it_answers_as_an_annotation_server_calls_a_detector(phantoms: Path) -> None:
    parser = inference()
    detector = parser.get_parsed_content("detector")
    parser.get_parsed_content("detector_ops")
    assert not detector.training
    assert isinstance(detector.network, torch.nn.Module)
    with torch.inference_mode():
        (found,) = detector(first_image(phantoms, parser), use_inferer=True)
    assert found.keys() == {"boxes", "labels", "labels_scores"}
    assert found["boxes"].shape == (len(found["labels"]), 4)
    assert len(found["labels"]) > 0


def test_the_export_is_one_tensor_that_the_verifier_accepts(phantoms: Path, tmp_path: Path) -> None:
    metadata = [str(CONFIGS / "metadata.json"), str(CONFIGS / "padded_output.json")]
    config = {"config_file": str(CONFIGS / "inference.json"), "bundle_root": str(BUNDLE)}
    # Of three classes there are seven maps, and still six rows.
    verify_net_in_out(net_id="padded_detector", meta_file=metadata, classes=["implant", "fracture", "nail"], **config)
    ckpt_export(
        "padded_detector", filepath=str(tmp_path / "d.ts"), ckpt_file=str(BUNDLE / "models" / "model.pt"), **config
    )
    parser = inference()
    image = first_image(phantoms, parser)
    with torch.inference_mode():
        answer = torch.jit.load(tmp_path / "d.ts")(image)
        (found,) = parser.get_parsed_content("detector").eval()(image)
    count = len(found["labels"])
    assert answer.shape == (1, 6, 100)
    assert 0 < count < 100
    torch.testing.assert_close(answer[0, :4, :count].T, found["boxes"], rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(answer[0, 5, :count], found["labels_scores"], rtol=1e-3, atol=1e-3)
    assert not answer[0, :, count:].any()


def test_dicom_gives_the_same_boxes_and_millimetres(phantoms: Path, tmp_path: Path) -> None:
    """As a detector's file: 16 bit, white is 0."""
    source = find_images(phantoms)[0]["image"]
    pixels = 4 * (255 - np.asarray(Image.open(source).convert("L")).astype(np.uint16))
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    header.Modality, header.PhotometricInterpretation, header.SamplesPerPixel = "DX", "MONOCHROME1", 1
    header.Rows, header.Columns = pixels.shape
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 10, 9, 0
    header.WindowCenter, header.WindowWidth, header.PixelSpacing = 510.5, 1021, [0.5, 0.25]
    header.PixelData = pixels.tobytes()
    (tmp_path / "in").mkdir()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(tmp_path / "in" / "x.dcm", enforce_file_format=True)
    found = []
    for images in (tmp_path / "in", Path(source)):
        knobs = {"bundle_root": str(BUNDLE), "workers": 0, "threshold": 0.1, "output_dir": str(tmp_path / "out")}
        run(config_file=str(CONFIGS / "inference.json"), dataset_dir=str(images), **knobs)
        name = "x" if images.is_dir() else images.stem
        found.append(json.loads((tmp_path / "out" / f"{name}_boxes.json").read_text())["boxes"])
    of_dicom, of_png = found
    assert len(of_dicom) == len(of_png) > 0
    for one, other in zip(of_dicom, of_png, strict=True):
        assert one["box_px"] == pytest.approx(other["box_px"], abs=1)
        assert one["box_mm"] == pytest.approx(
            [x * s for x, s in zip(one["box_px"], [0.25, 0.5] * 2, strict=True)], abs=0.1
        )


def test_inference_leaves_boxes_to_go_on_labelling_with(phantoms: Path, tmp_path: Path) -> None:
    knobs = {"bundle_root": str(BUNDLE), "dataset_dir": str(phantoms), "workers": 0, "threshold": 0.0}
    run(config_file=str(CONFIGS / "inference.json"), output_dir=str(tmp_path / "all"), **knobs)
    truth = read_coco(tmp_path / "all" / "coco.json")
    results = read_coco_results(tmp_path / "all" / "coco_results.json", truth)
    assert (
        len(truth.images) == len(list(phantoms.rglob("*.png"))) == len(list((tmp_path / "all").rglob("*_boxes.json")))
    )
    name = next(iter(truth.images))
    content = json.loads((tmp_path / "all" / name).with_name(Path(name).stem + "_boxes.json").read_text())
    voc = read_voc((tmp_path / "all" / name).with_suffix(".xml"))
    classes = [box["class"] for box in content["boxes"]]
    assert list(truth.images[name].classes) == list(results[name].classes) == list(voc.classes) == classes
    assert all((phantoms / name).is_file() for name in truth.images)
    run(config_file=str(CONFIGS / "inference.json"), output_dir=str(tmp_path / "one"), wanted=["fracture"], **knobs)
    only = read_coco(tmp_path / "one" / "coco.json")
    assert {name for image in only.images.values() for name in image.classes} == {"fracture"}
    assert only.category_ids == {"fracture": 1}


def test_a_class_more_is_one_argument(tmp_path: Path) -> None:
    write_limb_phantoms(tmp_path / "limb", patients=16, images=1, size_px=128)
    for path in (tmp_path / "limb").rglob("*.xml"):
        path.write_text(path.read_text().replace("<name>implant<", "<name>nail<", 1))
    prepared = str(tmp_path / "list.json")
    classes = ["implant", "fracture", "nail"]
    run_module("-m", "scripts.prepare", "mura", str(tmp_path / "limb"), prepared, "--classes", ",".join(classes))
    run(
        config_file=str(CONFIGS / "train.json"),
        bundle_root=str(BUNDLE),
        dataset_dir=str(tmp_path / "limb"),
        data_list=prepared,
        output_dir=str(tmp_path / "out"),
        classes=classes,
        epochs=1,
        batch_size=2,
        workers=0,
        image_size=128,
    )
    run(
        config_file=str(CONFIGS / "inference.json"),
        bundle_root=str(BUNDLE),
        dataset_dir=str(tmp_path / "limb"),
        weights=str(tmp_path / "out" / "model.pt"),
        output_dir=str(tmp_path / "found"),
        classes=classes,
        threshold=0.0,
        workers=0,
        image_size=128,
    )
    found = read_coco(tmp_path / "found" / "coco.json")
    assert list(found.category_ids) == classes
