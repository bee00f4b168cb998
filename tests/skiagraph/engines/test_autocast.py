from __future__ import annotations

import pytest
import torch
from torch import nn

from skiagraph.engines import AutocastInferer, bfloat16_is_fast


def test_the_network_runs_in_bfloat16_and_answers_in_float32() -> None:
    seen = []
    network = nn.Linear(64, 8)
    network.register_forward_hook(lambda _module, _inputs, answer: seen.append(answer.dtype))
    inputs = torch.randn(5, 64)
    exact = network(inputs)
    for enabled, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        answer = AutocastInferer(enabled)(inputs, network)
        assert seen[-1] == dtype
        assert answer.dtype == torch.float32
        assert torch.allclose(answer, exact, atol=0.05)
        assert torch.equal(answer, exact) == (not enabled)


def test_gradients_reach_the_weights_in_float32() -> None:
    network = nn.Linear(4, 1)
    AutocastInferer()(torch.ones(2, 4), network).sum().backward()
    assert network.weight.grad is not None
    assert network.weight.grad.dtype == torch.float32
    assert network.weight.grad.tolist() == [[2.0] * 4]


def test_further_arguments_are_handed_on() -> None:
    def network(inputs: torch.Tensor, factor: float, *, offset: float) -> torch.Tensor:
        return inputs * factor + offset

    assert AutocastInferer(enabled=False)(torch.ones(2), network, 3.0, offset=1.0).tolist() == [4, 4]


@pytest.mark.parametrize("has_amx", [True, False])
def test_a_processor_is_fast_with_amx_alone(monkeypatch: pytest.MonkeyPatch, has_amx: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": has_amx})
    assert bfloat16_is_fast("cpu") is has_amx
    assert bfloat16_is_fast(torch.device("cpu")) is has_amx


@pytest.mark.parametrize("native", [True, False])
def test_a_gpu_is_asked_without_emulation(monkeypatch: pytest.MonkeyPatch, native: bool) -> None:
    def is_supported(including_emulation: bool = True) -> bool:
        return including_emulation or native

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert bfloat16_is_fast("cuda:0") is native
