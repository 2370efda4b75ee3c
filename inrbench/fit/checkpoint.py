"""Checkpoints of a run: everything that training needs to continue later with the same bits.

A checkpoint is one safetensors file, without pickled objects. Its tensors are the weights, the state of the optimisers, the
losses and the states of the random generators. The rest is JSON, stored as one more tensor.
"""

import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from inrbench.errors import StoreError
from inrbench.limits import MAX_CHECKPOINT_BYTES
from inrbench.store.files import read_regular, remove, write_atomically

FORMAT = 4
"""Version of the file's layout, and of the arithmetic and the learning curve of the run that it continues."""
FACTS = "facts"
"""Name of the tensor that contains the JSON text."""
DIGEST = "sha256"
"""Name of the tensor that contains the hash of all others: one changed bit must not change a result."""

State = dict[str, Any]
"""Nested dictionaries and lists of tensors, numbers and texts."""


class Interrupted(Exception):
    """The run was asked to stop before its last step.

    Args:
        step: Number of steps taken.
        steps: Number of steps of the run.
        saved: Whether a checkpoint was written, so that the same command continues from this step.
    """

    def __init__(self, step: int, steps: int, saved: bool) -> None:
        where = "the same command continues from there" if saved else "the same command starts it again"
        super().__init__(f"stopped at step {step:,} of {steps:,}; {where}")


class Checkpoints:
    """The checkpoint file of a run, and the decision when to write it.

    Args:
        path: The file.
        identity: What a checkpoint must agree on, such as the run id and the version of torch.
        every: Seconds between two checkpoints.
        stop: Function that returns whether the run should stop.
        collect: Function that returns what the caller wants to get back on resumption, as JSON.
        restore: Function that receives it.
        about: Facts that may differ, such as the number of threads; a difference is noted.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, str],
        every: float,
        stop: Callable[[], bool] = lambda: False,
        collect: Callable[[], Any] = lambda: None,
        restore: Callable[[Any], None] = lambda extra: None,
        about: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.path, self.identity, self.every, self.stop = path, dict(identity), every, stop
        self.about = dict(about)
        self._collect, self._restore = collect, restore
        self._started = self._last = time.monotonic()
        self.resumptions = 0
        """Number of times that this run was continued from a checkpoint."""
        self.earlier_seconds = 0.0
        """Wall time of the earlier parts of the run."""
        self.notes: list[str] = []
        """Why a checkpoint was refused or could not be written."""

    def due(self) -> bool:
        """Return whether a checkpoint should be written now."""
        return self.stop() or time.monotonic() - self._last >= self.every

    def postpone(self) -> None:
        """Do not write a checkpoint now: the method has none."""
        self._last = time.monotonic()

    def save(self, state: State) -> bool:
        """Write a checkpoint. Return False, with a note, if it cannot be written; the run continues without it."""
        facts = {
            "format": FORMAT,
            "identity": self.identity,
            "about": self.about,
            "resumptions": self.resumptions,
            "wall_seconds": self.earlier_seconds + time.monotonic() - self._started,
            "extra": self._collect(),
        }
        tensors: dict[str, Tensor] = {}
        facts["state"] = pack(state, tensors)
        text = json.dumps(facts, allow_nan=False).encode()
        tensors[FACTS] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        tensors[DIGEST] = torch.frombuffer(bytearray(digest(tensors)), dtype=torch.uint8)
        self._last = time.monotonic()
        try:
            write_atomically(safetensors.torch.save(tensors), self.path)
        except StoreError as error:
            self._note(f"no checkpoint was written: {error}")
            return False
        return True

    def load(self) -> State | None:
        """Return the state of the checkpoint; None without a checkpoint, or with a note if it cannot be used."""
        try:
            content = read_regular(self.path, MAX_CHECKPOINT_BYTES)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._refuse(str(error))
            return None
        try:
            tensors = safetensors.torch.load(content)
            stated = tensors.pop(DIGEST, torch.zeros(0, dtype=torch.uint8))
            found = digest(tensors)
            facts = json.loads(bytes(tensors.pop(FACTS).numpy()))
            if facts["format"] != FORMAT:
                self._refuse(f"its format is {facts['format']}, not {FORMAT}")
                return None
            if bytes(stated.numpy()) != found:
                self._refuse("it is damaged (its hash differs)")
                return None
            for name, here in self.identity.items():
                if facts["identity"].get(name) != here:
                    self._refuse(f"its {name} is {str(facts['identity'].get(name))[:80]}, here it is {here}")
                    return None
            state = unpack(facts["state"], tensors)
            resumptions, seconds = int(facts["resumptions"]) + 1, float(facts["wall_seconds"])
            for name, here in self.about.items():
                if (there := str(facts.get("about", {}).get(name, here))[:80]) != here:
                    self._note(f"continued with another {name}: {there}, then {here}")
            self._restore(facts["extra"])
        except Exception as error:  # a damaged file can fail anywhere
            self._refuse(f"it is damaged ({type(error).__name__})")
            return None
        self.resumptions, self.earlier_seconds = resumptions, seconds
        assert isinstance(state, dict)
        return state

    def discard(self) -> None:
        """Remove the file."""
        remove(self.path)

    def reject(self, reason: str) -> None:
        """Note that the loaded checkpoint does not fit the run, which starts again."""
        self.resumptions, self.earlier_seconds = 0, 0.0
        self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        self._note(f"the checkpoint {self.path.name} is not used, and the run starts again: {reason}")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def digest(tensors: Mapping[str, Tensor]) -> bytes:
    """Return the SHA-256 of tensors on the CPU: of their names, types, shapes and bytes."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        found.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return found.digest()


def pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return a value as JSON, with its tensors moved to ``tensors``. Raises TypeError for other objects.

    >>> pack({"a": (1, float("inf"))}, {})
    {'dict': [['a', {'tuple': [1, {'float': 'inf'}]}]]}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray):
        wide = value.astype(np.int64) if value.dtype.kind == "u" and value.dtype.itemsize > 1 else value.copy()
        return {"array": [value.dtype.str, pack(torch.from_numpy(wide), tensors)]}
    if isinstance(value, Tensor):
        name = str(len(tensors))
        complex_ = value.is_complex()
        kept = (torch.view_as_real(value.detach()) if complex_ else value.detach()).cpu()
        tensors[name] = kept.clone(memory_format=torch.contiguous_format)
        return {"complex": name} if complex_ else {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": [[pack(key, tensors), pack(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        packed = [pack(each, tensors) for each in value]
        return packed if isinstance(value, list) else {"tuple": packed}
    raise TypeError(f"a checkpoint cannot contain {type(value).__name__}")


def unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the value that ``pack`` was given.

    >>> unpack({"dict": [["a", {"tuple": [1, {"float": "inf"}]}]]}, {})
    {'a': (1, inf)}
    """
    if isinstance(value, list):
        return [unpack(each, tensors) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "float":
        return float(content)
    if kind == "tensor":
        return tensors[content]
    if kind == "complex":
        return torch.view_as_complex(tensors[content])
    if kind == "array":
        if (kind_of := np.dtype(content[0])).kind not in "biuf":
            raise ValueError(f"an array of {kind_of}")
        return unpack(content[1], tensors).numpy().astype(kind_of)
    if kind == "tuple":
        return tuple(unpack(content, tensors))
    return {unpack(key, tensors): unpack(each, tensors) for key, each in content}


def network_state(network: nn.Module) -> dict[str, Tensor]:
    """Return all parameters and buffers of a network by name, including buffers that its weights file leaves out."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


@torch.no_grad()
def restore_network(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy saved parameters and buffers into a network. Raises ValueError if names, shapes or types differ."""
    here = network_state(network)
    if {name: (t.shape, t.dtype) for name, t in here.items()} != {name: (t.shape, t.dtype) for name, t in state.items()}:
        raise ValueError("its weights have other names, shapes or types than the network")
    for name, tensor in here.items():
        tensor.copy_(state[name])


def random_state(device: torch.device) -> State:
    """Return the states of the global random generators, which methods may use while training."""
    state: State = {"torch": torch.get_rng_state(), "numpy": np.random.get_state(), "python": random.getstate()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: State, device: torch.device) -> None:
    """Set the states of the global random generators."""
    torch.set_rng_state(state["torch"])
    np.random.set_state(state["numpy"])
    random.setstate(state["python"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
