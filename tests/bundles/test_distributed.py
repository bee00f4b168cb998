"""Two processes on one data list, as `torchrun` starts them, with Gloo in place of NCCL."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import torch

from tests.bundles.collection import Bundle, run_module

# Runs a training as monai.bundle.run does, and leaves the weights of each rank.
_TRAIN = """
import os, sys
import torch
from monai.bundle import create_workflow

configs, bundle_root, dataset_dir, out = sys.argv[1].split(";"), *sys.argv[2:]
workflow = create_workflow(
    config_file=configs, workflow_type="train", bundle_root=bundle_root, dataset_dir=dataset_dir, output_dir=out,
    epochs=2, batch_size=2, workers=0,
)
workflow.initialize()
workflow.run()
networks = [workflow.parser.get_parsed_content(name) for name in ("network_on_device", "average")]
torch.save([network.state_dict() for network in networks], f"{out}/rank{os.environ['RANK']}.pt")
workflow.finalize()
"""


def torchrun(*command: str) -> None:
    run_module(
        "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *command, env={"OMP_NUM_THREADS": "1"}
    )


def test_training_in_two_processes_ends_with_the_same_weights(bundle: Bundle, dataset: Path, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(_TRAIN)
    configs = f"{bundle.config('train')};{bundle.config('multi_gpu_train')}"
    torchrun(str(script), configs, str(bundle.root), str(dataset), str(tmp_path))
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    (network, average), (other_network, other_average) = ranks
    statistics = ("running_mean", "running_var", "num_batches_tracked")
    learned = [name for name in network if not name.endswith(statistics)]
    assert learned
    assert all(torch.equal(network[name], other_network[name]) for name in learned)
    assert all(torch.equal(average[name], other_average[name]) for name in average)
    assert (tmp_path / "model.pt").is_file()


def test_evaluation_and_inference_in_two_processes_take_each_case_once(
    bundle: Bundle, dataset: Path, tmp_path: Path
) -> None:
    listed = json.loads((dataset / "data_list.json").read_text())["test"]
    shared = ("--bundle_root", str(bundle.root), "--dataset_dir", str(dataset), "--workers", "0")
    evaluate = f"['{bundle.config('train')}','{bundle.config('evaluate')}']"
    run_it = ("-m", "monai.bundle", "run", *shared)
    torchrun(*run_it, "--config_file", evaluate, "--output_dir", str(tmp_path / "evaluate"))
    assert json.loads((tmp_path / "evaluate" / "metrics.json").read_text())["n"] == len(listed)
    inference = (*run_it, "--config_file", str(bundle.config("inference")), "--output_dir", str(tmp_path / "infer"))
    torchrun(*inference, "--data_list", str(dataset / "data_list.json"))
    with (tmp_path / "infer" / "summary.csv").open(newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert len(names) == len(set(names)) == len(listed)
