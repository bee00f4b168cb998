"""Work of several processes on one list, as `torchrun` starts them."""

from __future__ import annotations

import os

import ignite.distributed as idist
import torch


def join_processes() -> None:
    """Join the group of processes that `torchrun` started: NCCL on GPUs, Gloo without.

    It may be a group of one, for what asks for a group. Without `torchrun`, do nothing.
    """
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1 or torch.distributed.is_torchelastic_launched()
    if several and not torch.distributed.is_initialized():
        idist.initialize("nccl" if torch.cuda.is_available() else "gloo")


def leave_processes() -> None:
    """Leave the group that `join_processes` joined."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        idist.finalize()


def local_device() -> torch.device:
    """The GPU of this process, or the CPU where there is none."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
