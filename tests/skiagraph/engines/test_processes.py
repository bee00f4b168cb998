from __future__ import annotations

import os
import socket
import subprocess
import sys

import ignite.distributed as idist
import pytest
import torch

from skiagraph.engines import join_processes, leave_processes, local_device

_SHARE_OF_THE_WORK = """
import torch
from skiagraph.engines import join_processes, leave_processes
join_processes()
join_processes()
number = torch.tensor([10.0 ** torch.distributed.get_rank()])
torch.distributed.all_reduce(number)
print(torch.distributed.get_backend(), int(number))
leave_processes()
assert not torch.distributed.is_initialized()
leave_processes()
"""


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The backends that were asked for; nothing is joined."""
    backends: list[str] = []
    monkeypatch.setattr(idist, "initialize", backends.append)
    return backends


@pytest.mark.parametrize("world_size", [None, "1"])
def test_one_process_alone_joins_nothing(
    monkeypatch: pytest.MonkeyPatch, joined: list[str], world_size: str | None
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if world_size:
        monkeypatch.setenv("WORLD_SIZE", world_size)
    join_processes()
    assert joined == []
    leave_processes()


@pytest.mark.parametrize(("has_gpu", "backend"), [(True, "nccl"), (False, "gloo")])
def test_the_backend_goes_with_the_machine(
    monkeypatch: pytest.MonkeyPatch, joined: list[str], has_gpu: bool, backend: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    join_processes()
    assert joined == [backend]
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    join_processes()
    assert joined == [backend]


def test_two_processes_add_up_their_numbers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "CUDA_VISIBLE_DEVICES": ""}
    path = os.pathsep.join(sys.path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _SHARE_OF_THE_WORK],
            env={**os.environ, **group, "RANK": rank, "LOCAL_RANK": rank, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    try:
        answers = [process.communicate(timeout=500)[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0]
    assert answers == [["gloo", "11"]] * 2


def test_the_device_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert local_device() == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert local_device() == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert local_device() == torch.device("cuda:3")


def test_a_group_of_one_is_joined_under_torchrun(monkeypatch: pytest.MonkeyPatch, joined: list[str]) -> None:
    """The sampler of the multi-GPU overlay asks for a group on a machine with one GPU as well."""
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    join_processes()
    assert len(joined) == 1
