"""Measure two methods on Kodak images without inrbench's training code: ``python benchmarks/independent_kodak.py FINER IMAGES OUT.json``.

The networks are those of the authors' file ``models.py`` in a checkout of github.com/liuzhen0212/FINER (FINER, and SIREN as they
compare with it). The rest is a plain loop: Pillow reads the image, NumPy takes the mean of blocks of 4x4 pixels, torch's Adam and
CosineAnnealingLR train on all pixels for 1,500 steps. The settings are those published for the protocol ``standard`` of ``kodak`` on
the track ``tuned``. Nothing of inrbench is imported until the numbers are compared with the published ones.

Args (of the command):
    FINER: Checkout of the authors' repository.
    IMAGES: Folder of the Kodak images.
    OUT.json: The output. Runs that are in it already are not repeated.
"""

import importlib.util
import json
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

SIGNALS, SEEDS, STEPS = ("kodim01", "kodim02"), (0, 1, 2), 1500
SETTINGS = {
    "siren": {"lr": 3.75e-4, "lr_min": 1.88e-4, "options": {"first_omega_0": 77.6, "hidden_omega_0": 77.6}},
    "finer": {"lr": 1e-3, "lr_min": 5e-4, "options": {"first_omega_0": 30.0, "hidden_omega_0": 30.0, "scale_req_grad": True}},
}
"""Learning rates and options of the authors' classes. inrbench trains FINER with the true gradient, which is their option
``scale_req_grad``."""


def authors_module(checkout: Path) -> Any:
    """Import the authors' ``models.py``."""
    spec = importlib.util.spec_from_file_location("models", checkout / "models.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"no models.py in {checkout}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pixels(path: Path) -> tuple[Tensor, Tensor]:
    """Return the coordinates ``(N, 2)``, from 0 to 1, and the values ``(N, 3)`` of an image reduced by four."""
    full = np.asarray(Image.open(path).convert("RGB"), dtype=np.float64) / 255
    height, width = full.shape[0] // 4, full.shape[1] // 4
    small = full.reshape(height, 4, width, 4, 3).mean(axis=(1, 3))
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1), torch.from_numpy(small.reshape(-1, 3)).float()


def psnr(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the PSNR of values cut off at 0 and 1, in dB."""
    with torch.no_grad():
        return -10 * math.log10(float(((network(x).clamp(0, 1) - y).double() ** 2).mean()))


def train(models: Any, method: str, image: Path, seed: int) -> float:
    """Return the PSNR of a method on an image after all steps, in dB."""
    torch.manual_seed(seed)
    settings, (x, y) = SETTINGS[method], pixels(image)
    network = getattr(models, method.capitalize())(2, 100, 3, 3, **settings["options"])
    optimiser = torch.optim.Adam(network.parameters(), lr=settings["lr"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS, settings["lr_min"])
    for _ in range(STEPS):
        optimiser.zero_grad()
        ((network(x) - y) ** 2).mean().backward()
        optimiser.step()
        schedule.step()
    return psnr(network, x, y)


def published() -> dict[tuple[str, str], list[float]]:
    """Return the published PSNR of each (signal, method) on the track ``tuned-4``, one per seed, in dB."""
    from inrbench.store import load_results

    runs = load_results(Path(__file__).parent.parent / "results" / "published", "metrics")
    wanted = runs[(runs["task"] == "kodak") & (runs["track"] == "tuned-4") & (runs["protocol"] == "standard")]
    wanted = wanted[(wanted["id"] == "psnr@clip-float") & wanted["method"].isin(SETTINGS) & wanted["signal"].isin(SIGNALS)]
    return {key: part["value"].tolist() for key, part in wanted.groupby(["signal", "method"])}


def main() -> None:
    """Train, write every number as it is measured, and print both roads side by side."""
    checkout, images, out = (Path(argument) for argument in sys.argv[1:4])
    models, runs = authors_module(checkout), json.loads(out.read_text())["runs"] if out.exists() else []
    for signal in SIGNALS:
        for seed in SEEDS:
            for method in SETTINGS:
                if any((run["signal"], run["method"], run["seed"]) == (signal, method, seed) for run in runs):
                    continue
                begin = time.perf_counter()
                value = train(models, method, images / f"{signal}.png", seed)
                runs.append(
                    {"signal": signal, "method": method, "seed": seed, "psnr": value, "seconds": time.perf_counter() - begin}
                )
                print(runs[-1], flush=True)
                out.write_text(json.dumps({"torch": torch.__version__, "steps": STEPS, "runs": runs}, indent=1) + "\n")
    compared = []
    for (signal, method), ours in published().items():
        theirs = [run["psnr"] for run in runs if (run["signal"], run["method"]) == (signal, method)]
        difference = statistics.mean(ours) - statistics.mean(theirs)
        compared.append(
            {"signal": signal, "method": method, "published": ours, "independent": theirs, "difference": difference}
        )
        print(f"{signal} {method}: published {ours}, independent {theirs}, difference {difference:+.2f} dB")
    found = {"torch": torch.__version__, "steps": STEPS, "runs": runs, "compared": compared}
    out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
