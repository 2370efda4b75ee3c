"""Save and load a network's weights, in a file format that any framework can read."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from inrbench.errors import BadValue


def save_weights(network: nn.Module, path: Path) -> None:
    """Write parameters and buffers as safetensors; complex numbers become pairs of reals in an added last axis."""
    save_file({name: _real(tensor).contiguous().clone() for name, tensor in network.state_dict().items()}, path)


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the weights that ``save_weights`` wrote into a network. Raises BadValue if there are none or they do not fit."""
    state = network.state_dict()
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise BadValue(f"{path} contains no weights: {error}") from error
    if {name: _kind(_real(tensor)) for name, tensor in state.items()} != {
        name: _kind(tensor) for name, tensor in stored.items()
    }:
        raise BadValue(f"{path} contains the weights of a different network")
    network.load_state_dict(
        {name: torch.view_as_complex(stored[name]) if state[name].is_complex() else stored[name] for name in state}
    )


def _kind(tensor: torch.Tensor) -> tuple[torch.Size, torch.dtype]:
    return tensor.shape, tensor.dtype


def _real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor.detach().cpu().resolve_conj()) if tensor.is_complex() else tensor.detach().cpu()
