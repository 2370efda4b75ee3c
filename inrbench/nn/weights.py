"""A network's weights as a file that any framework reads."""

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from inrbench.errors import BadValue


def save_weights(network: nn.Module, path: Path) -> None:
    """Write parameters and buffers as safetensors; complex ones as pairs of reals in a last axis."""
    save_file({name: _real(tensor).contiguous().clone() for name, tensor in network.state_dict().items()}, path)


def load_weights(network: nn.Module, path: Path) -> None:
    """Give a network the weights that ``save_weights`` wrote. Raises BadValue where they do not fit it."""
    state = network.state_dict()
    held = load_file(path)
    if {name: _real(tensor).shape for name, tensor in state.items()} != {name: tensor.shape for name, tensor in held.items()}:
        raise BadValue(f"{path} holds the weights of another network")
    network.load_state_dict(
        {name: torch.view_as_complex(held[name]) if state[name].is_complex() else held[name] for name in state}
    )


def _real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor.detach().cpu().resolve_conj()) if tensor.is_complex() else tensor.detach().cpu()
