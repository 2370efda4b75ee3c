"""Measure SIREN and FINER without inrbench's training code: ``python benchmarks/independent.py FINER IMAGES OUT.json [TASKS]``.

The networks are those of the authors' file ``models.py`` in a checkout of github.com/liuzhen0212/FINER (FINER, and SIREN as they
compare with it). The rest is written here again, from the descriptions of the protocol ``standard`` and with other tools: Pillow
and NumPy for images, scikit-image's ``radon`` as a matrix for tomography, automatic differentiation twice for the equation, and
torch's Adam with its own schedules. The settings are those published for the track ``tuned``. Points and pixels that a protocol draws
at random are drawn here by other generators. Nothing of inrbench is imported until the numbers are compared with the published ones.

Args (of the command):
    FINER: Checkout of the authors' repository.
    IMAGES: Folder of the Kodak images.
    OUT.json: The output. Runs that are in it already are not repeated.
    TASKS: Comma-separated; all without it.
"""

import importlib.util
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

SEEDS = (0, 1, 2)
Array = NDArray[np.float64]
Make = Callable[..., nn.Module]
"""Function from in_features, width, hidden-to-hidden layers and out_features to a network of the authors."""


@dataclass(frozen=True)
class Settings:
    """Published settings of a method: learning rate at the start and at the end, and options of the authors' class."""

    lr: float
    lr_min: float
    options: dict[str, Any]


def siren(lr: float, lr_min: float, omega: float) -> Settings:
    """Return settings of SIREN with one frequency for all layers."""
    return Settings(lr, lr_min, {"first_omega_0": omega, "hidden_omega_0": omega})


def finer(lr: float, lr_min: float, omega: float, bias: float | None = None, first: float | None = None) -> Settings:
    """Return settings of FINER. inrbench trains it with the true gradient, which is the authors' option ``scale_req_grad``."""
    return Settings(
        lr,
        lr_min,
        {"first_omega_0": first or omega, "hidden_omega_0": omega, "first_bias_scale": bias, "scale_req_grad": True},
    )


def minimise(network: nn.Module, loss: Callable[[], Tensor], steps: int, settings: Settings, schedule: str) -> None:
    """Train with Adam and torch's cosine or exponential schedule.

    Args:
        network: The network, which is changed.
        loss: Function that returns the loss of the next step.
        steps: Number of steps.
        settings: Learning rates.
        schedule: ``cosine`` or ``exponential``.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.lr)
    rates: Any
    if schedule == "cosine":
        rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, settings.lr_min)
    else:
        rates = torch.optim.lr_scheduler.ExponentialLR(optimiser, (settings.lr_min / settings.lr) ** (1 / steps))
    for _ in range(steps):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
        rates.step()


def squared_error(network: nn.Module, x: Tensor, y: Tensor) -> Callable[[], Tensor]:
    """Return the loss of a fit to values ``y`` at the points ``x``."""

    def loss() -> Tensor:
        return ((network(x) - y) ** 2).mean()

    return loss


def psnr(found: Tensor | Array, truth: Tensor | Array) -> float:
    """Return the PSNR of values cut off at 0 and 1, in dB."""
    return -10 * math.log10(float(np.square(np.clip(np.asarray(found, float), 0, 1) - np.asarray(truth, float)).mean()))


def block_means(picture: Array, factor: int) -> Array:
    """Return the means of square blocks of a picture ``(H, W, C)``; incomplete blocks are dropped."""
    height, width = picture.shape[0] // factor, picture.shape[1] // factor
    cut = picture[: height * factor, : width * factor]
    return cut.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))


def photograph(signal: str, most: int) -> Array:
    """Return a photograph of scikit-image, ``(H, W, C)`` in [0, 1], reduced by a whole factor to at most ``most`` pixels."""
    import skimage

    found = np.asarray(Image.open(Path(skimage.__file__).parent / "data" / f"{signal}.png"), dtype=np.float64) / 255
    found = found[..., None] if found.ndim == 2 else found[..., :3]
    factor = next(k for k in range(1, 100) if (found.shape[0] // k) * (found.shape[1] // k) <= most)
    return block_means(found, factor)


def plane(height: int, width: int, low: float) -> Tensor:
    """Return the coordinates ``(H W, 2)`` of pixel centres, x before y, from ``low`` to 1 along each axis."""
    y, x = np.meshgrid(np.linspace(low, 1, height), np.linspace(low, 1, width), indexing="ij")
    return torch.from_numpy(np.stack((x.ravel(), y.ravel()), axis=1)).float()


def values(network: nn.Module, x: Tensor) -> Array:
    """Return the network's values without gradients, float64."""
    with torch.no_grad():
        return np.asarray(network(x), dtype=np.float64)


def kodak(make: Make, settings: Settings, signal: str, seed: int, images: Path) -> float:
    """Return the PSNR of a Kodak image reduced by four, after 1,500 steps on all pixels, in dB."""
    picture = block_means(np.asarray(Image.open(images / f"{signal}.png").convert("RGB"), dtype=np.float64) / 255, 4)
    x, y = plane(*picture.shape[:2], 0.0), torch.from_numpy(picture.reshape(-1, 3)).float()
    network = make(2, 100, 3, 3)
    minimise(network, squared_error(network, x, y), 1500, settings, "cosine")
    return psnr(values(network, x), y)


def function1d(make: Make, settings: Settings, signal: str, seed: int, images: Path) -> float:
    """Return the mean squared error between the points of a function, after 10,000 steps on 1,024 random points."""

    def target(t: Array) -> Array:
        if signal == "chirp":
            return np.sin(20 * (t + 1.2) ** 3)
        return sum(0.5**k * np.cos(3**k * math.pi * t) for k in range(6))  # Weierstrass

    points = np.random.default_rng(seed).uniform(-1, 1, (1024, 1)).astype(np.float32)
    x, y = torch.from_numpy(points), torch.from_numpy(target(points.astype(np.float64))).float()
    network = make(1, 128, 3, 1)
    minimise(network, squared_error(network, x, y), 10_000, settings, "cosine")
    line = np.linspace(-1, 1, 20_001)[:, None]
    return float(np.square(values(network, torch.from_numpy(line).float()) - target(line)).mean())


def inpainting(make: Make, settings: Settings, signal: str, seed: int, images: Path) -> float:
    """Return the PSNR of the pixels that are not given, after 4,000 steps on a random fifth of the pixels, in dB."""
    picture = photograph(signal, 16_384)
    x, y = plane(*picture.shape[:2], -1.0), torch.from_numpy(picture.reshape(-1, picture.shape[2])).float()
    given = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)) < int(0.2 * len(x)))
    network = make(2, 56, 3, y.shape[1])
    minimise(network, squared_error(network, x[given], y[given]), 4000, settings, "exponential")
    return psnr(values(network, x[~given]), y[~given])


def super_resolution(make: Make, settings: Settings, signal: str, seed: int, images: Path) -> float:
    """Return the PSNR of an image, after 2,000 steps in which its means over blocks of 4x4 pixels are fitted, in dB."""
    picture = photograph(signal, 9_216)
    height, width = (side // 4 * 4 for side in picture.shape[:2])
    picture = picture[:height, :width]
    x, coarse = plane(height, width, -1.0), torch.from_numpy(block_means(picture, 4)).float()
    network = make(2, 96, 2, picture.shape[2])

    def loss() -> Tensor:
        fine = network(x).reshape(height // 4, 4, width // 4, 4, -1)
        return ((fine.mean(dim=(1, 3)) - coarse) ** 2).mean()

    minimise(network, loss, 2000, settings, "exponential")
    return psnr(values(network, x), picture.reshape(height * width, -1))


@cache
def projection(n: int, directions: int) -> tuple[NDArray[np.bool_], Tensor]:
    """Return the pixels ``(n, n)`` of the inner circle, and the matrix from their values to the projections.

    Its columns are scikit-image's projections of single pixels.
    """
    from skimage.transform import radon

    away = np.arange(n) - n // 2
    inside = away[:, None] ** 2 + away**2 <= (n // 2) ** 2
    columns = []
    for row, column in np.argwhere(inside):
        single = np.zeros((n, n))
        single[row, column] = 1
        columns.append(radon(single, np.arange(directions) * 180 / directions, circle=True).ravel())
    return inside, torch.from_numpy(np.array(columns).T).float()


def ct(make: Make, settings: Settings, signal: str, seed: int, images: Path) -> float:
    """Return the PSNR of a phantom of 57x57 pixels, after 5,000 steps on its projections along 25 directions, in dB.

    Pixels outside of the circle that all directions cover are 0.
    """
    import skimage

    path = Path(skimage.__file__).parent / "data" / "phantom.png"
    picture = block_means(np.asarray(Image.open(path).convert("L"), dtype=np.float64)[..., None] / 255, 7)[..., 0]
    n = len(picture)
    inside, matrix = projection(n, 25)
    x = plane(n, n, -1.0)[torch.from_numpy(inside.ravel())]
    truth = torch.from_numpy(picture[inside]).float()[:, None]
    network, projections = make(2, 75, 2, 1), matrix @ truth

    def loss() -> Tensor:
        return ((matrix @ network(x) - projections) ** 2).mean()

    minimise(network, loss, 5000, settings, "exponential")
    found = np.zeros((n, n))
    found[inside] = values(network, x)[:, 0]
    return psnr(found, picture * inside)


def poisson2d(make: Make, settings: Settings, signal: str, seed: int, images: Path) -> float:
    """Return the relative l2 error of u = sin(pi x) sin(5 pi y) on the unit square, after 10,000 steps of 512 points.

    The loss is the mean squared residual over the mean square of the source, plus 10 times the mean squared error at 64 points on
    each side. The network's coordinates are in [-1, 1].
    """
    waves = int(signal.removeprefix("sin1sin"))
    network, draw = make(2, 64, 3, 1), torch.Generator().manual_seed(seed)

    def solution(at: Tensor) -> Tensor:
        return torch.sin(math.pi * at[:, :1]) * torch.sin(waves * math.pi * at[:, 1:])

    size = (1 + waves**2) * math.pi**2 / 2  # root mean square of the source

    def loss() -> Tensor:
        at = torch.rand(512, 2, generator=draw).requires_grad_()
        (slope,) = torch.autograd.grad(network(2 * at - 1).sum(), at, create_graph=True)
        bent = sum(torch.autograd.grad(slope[:, k].sum(), at, create_graph=True)[0][:, k : k + 1] for k in (0, 1))
        residual = bent + (1 + waves**2) * math.pi**2 * solution(at.detach())
        side = torch.rand(4, 64, 2, generator=draw)
        for k in range(4):
            side[k, :, k // 2] = k % 2
        side = side.reshape(-1, 2)
        return ((residual / size) ** 2).mean() + 10 * ((network(2 * side - 1) - solution(side)) ** 2).mean()

    minimise(network, loss, 10_000, settings, "cosine")
    line = torch.linspace(0, 1, 300, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(line, line, indexing="ij"), dim=-1).reshape(-1, 2)
    truth = np.asarray(solution(grid))
    return float(np.linalg.norm(values(network, (2 * grid - 1).float()) - truth) / np.linalg.norm(truth))


@dataclass(frozen=True)
class Check:
    """A task of the check.

    Args:
        run: Function that trains and returns the metric.
        metric: Id of the published metric.
        signals: Test signals.
        settings: Published settings of each method.
    """

    run: Callable[[Make, Settings, str, int, Path], float]
    metric: str
    signals: tuple[str, ...]
    settings: dict[str, Settings]


CHECKS = {
    "kodak": Check(kodak, "psnr@clip-float", ("kodim01", "kodim02"), {
        "siren": siren(3.75e-4, 1.88e-4, 77.6), "finer": finer(1e-3, 5e-4, 30.0)}),
    "function1d": Check(function1d, "mse@dense-20001", ("chirp", "weierstrass"), {
        "siren": siren(5.77e-4, 5.77e-7, 11.8), "finer": finer(1.56e-4, 1.56e-7, 27.5, bias=0.788, first=8.52)}),
    "inpainting": Check(inpainting, "psnr-unobserved@clip-float", ("astronaut", "camera"), {
        "siren": siren(7.14e-4, 1.79e-4, 9.92), "finer": finer(4.58e-4, 1.15e-4, 5.76, bias=0.691)}),
    "super-resolution": Check(super_resolution, "psnr@clip-float", ("astronaut", "camera"), {
        "siren": siren(7.14e-4, 1.43e-4, 9.92), "finer": finer(4.58e-4, 9.16e-5, 5.76, bias=0.691)}),
    "ct": Check(ct, "psnr@clip-float", ("shepp-logan",), {
        "siren": siren(5.88e-4, 5.88e-5, 34.8), "finer": finer(2.72e-4, 2.72e-5, 9.03)}),
    "poisson2d": Check(poisson2d, "relative-l2@test-grid", ("sin1sin5",), {
        "siren": siren(7.14e-4, 0.0, 9.92), "finer": finer(1e-3, 0.0, 15.0)}),
}  # fmt: skip


def authors_module(checkout: Path) -> Any:
    """Import the authors' ``models.py``."""
    spec = importlib.util.spec_from_file_location("models", checkout / "models.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"no models.py in {checkout}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published() -> dict[tuple[str, str, str], list[float]]:
    """Return the published metric of each (task, signal, method) on the track ``tuned-4``, one value per seed."""
    from inrbench.store import load_results

    runs = load_results(Path(__file__).parent.parent / "results" / "published", "metrics")
    runs = runs[(runs["track"] == "tuned-4") & (runs["protocol"] == "standard")].sort_values("seed")
    found = {}
    for task, check in CHECKS.items():
        wanted = runs[(runs["task"] == task) & (runs["id"] == check.metric)]
        wanted = wanted[wanted["method"].isin(check.settings) & wanted["signal"].isin(check.signals)]
        found |= {
            (task, signal, method): part["value"].tolist() for (signal, method), part in wanted.groupby(["signal", "method"])
        }
    return found


def compare(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Print and return both roads side by side: dB, or for errors decades. Of both, the mean over seeds is compared."""
    compared = []
    for (task, signal, method), ours in published().items():
        theirs = [run["value"] for run in runs if (run["task"], run["signal"], run["method"]) == (task, signal, method)]
        if not theirs:
            continue
        unit = "dB" if "psnr" in CHECKS[task].metric else "decades"
        here, there = ((v if unit == "dB" else [math.log10(x) for x in v]) for v in (ours, theirs))
        row = {"task": task, "signal": signal, "method": method, "published": ours, "independent": theirs, "unit": unit,
               "difference": statistics.mean(here) - statistics.mean(there), "spread": statistics.stdev(there)}  # fmt: skip
        compared.append(row)
        print(
            f"{task} {signal} {method}: {ours} and {theirs}; {row['difference']:+.3f} {unit}, seeds differ by {row['spread']:.3f}"
        )
    return compared


def main() -> None:
    """Train, write every number as it is measured, and print both roads side by side."""
    checkout, images, out = (Path(argument) for argument in sys.argv[1:4])
    tasks = sys.argv[4].split(",") if len(sys.argv) > 4 else list(CHECKS)
    models, runs = authors_module(checkout), json.loads(out.read_text())["runs"] if out.exists() else []
    for task in tasks:
        check = CHECKS[task]
        for signal, seed, method in ((s, n, m) for s in check.signals for n in SEEDS for m in check.settings):
            if any((run["task"], run["signal"], run["method"], run["seed"]) == (task, signal, method, seed) for run in runs):
                continue
            torch.manual_seed(seed)
            settings, kind, begin = check.settings[method], getattr(models, method.capitalize()), time.perf_counter()

            def make(*shape: int, kind: Any = kind, settings: Settings = settings) -> nn.Module:
                return kind(*shape, **settings.options)

            value = check.run(make, settings, signal, seed, images)
            runs.append(
                {"task": task, "signal": signal, "method": method, "seed": seed, "value": value,
                 "seconds": time.perf_counter() - begin, "torch": torch.__version__}
            )  # fmt: skip
            print(runs[-1], flush=True)
            out.write_text(json.dumps({"runs": runs}, indent=1) + "\n")
    out.write_text(json.dumps({"runs": runs, "compared": compare(runs)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
