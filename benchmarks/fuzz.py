"""Give N damaged files to the readers of untrusted files: ``python benchmarks/fuzz.py N OUT.json [READER ...]``.

The N files are divided among the readers (all, or those that are named), and each reader runs in its own process. A reader must
return, or raise an InrbenchError with a message of one line; files of results are skipped with a reason. Anything else is a
fault: a different exception, a crash of the process, more memory than LIMIT_BYTES, a case that takes longer than a minute, or,
for images, volumes and checkpoints, a result of another size than the file states. Damage is random with a fixed seed: bits are
flipped, bytes are set, parts are removed, repeated or copied from another file, or the end is cut.
"""

import faulthandler
import gzip
import hashlib
import json
import multiprocessing
import random
import resource
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path, PurePosixPath

import numpy as np
import tifffile
import torch
from PIL import Image
from torch import nn

from inrbench.analyse import TABLE_COLUMNS, build_leaderboard, comparable_runs
from inrbench.cli.run import read_resources
from inrbench.data.audio import Clip, read_wav, write_wav
from inrbench.data.cameras import read_scene
from inrbench.data.dicom import read_dicom
from inrbench.data.image import image_shape, read_image, write_image
from inrbench.data.mesh import Mesh, read_mesh, write_ply
from inrbench.data.video import read_video, write_video
from inrbench.data.volume import read_volume
from inrbench.errors import InrbenchError
from inrbench.execute.slurm import submissions
from inrbench.fit import Checkpoints
from inrbench.nn import load_weights, save_weights
from inrbench.planning.recipes import read_recipes
from inrbench.registry import Registry, Source, parse_selection
from inrbench.registry.discover import read_declarations
from inrbench.report import formatting
from inrbench.report.artifacts import curve, picture
from inrbench.report.site.build import _listed
from inrbench.report.site.timings import read_timings
from inrbench.report.site.typeset import typeset
from inrbench.spec import Measurement, Metric, Protocol, RunResult, RunSpec
from inrbench.store import (
    Attempt,
    active_leases,
    append,
    environment,
    import_attempts,
    lease,
    read_runs,
    verified_attempts,
    verify,
)
from inrbench.store.mirror import path_error
from inrbench.submission.bundle import Bundle, read_bundle

LIMIT_BYTES = 2**30
CASE_SECONDS = 60.0
ODD_NUMBERS = (b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f", b"9" * 12)
TEXT = b"['\"]{}=,.\n\0-9eE\\/#"


@dataclass(frozen=True)
class Target:
    """A reader: what it is given in whole, under which name, and what it must get through."""

    wholes: list[bytes]
    name: str
    read: Callable[[Path], object]
    text: bool = False


def targets(folder: Path) -> dict[str, Target]:
    """Return all readers, with whole files made below a folder."""
    rows = folder / "rows"
    path = append(rows, _attempt())
    network = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 1))
    save_weights(network, folder / "w.safetensors")
    write_image(folder / "i.png", np.random.default_rng(0).random((9, 7, 3)))
    Image.fromarray(np.full((9, 7, 3), 99, np.uint8)).save(folder / "i.jpg")
    write_video(folder / "v.mp4", np.random.default_rng(0).integers(0, 255, (4, 32, 48, 3), dtype=np.uint8))
    write_wav(folder / "s.wav", Clip(np.sin(np.arange(400) / 9), 8000))
    cube = _cube()
    write_ply(folder / "m.ply", cube)
    with lease(folder, "run", what="a run"):
        lease_file = (folder / "leases" / "run.json").read_bytes()
    return {
        "Parquet, read": Target([path.read_bytes()], f"store/v1/task=t/method=m/{path.name}", lambda p: read_runs(p.parents[4])),
        "Parquet, verified": Target([path.read_bytes()], f"store/v1/task=t/method=m/{path.name}", lambda p: verify(p.parents[4])),
        "Parquet, merged": Target([path.read_bytes()], f"store/v1/task=t/method=m/{path.name}", _merged),
        "Parquet, fetched": Target([path.read_bytes()], path.name, lambda p: path_error(p, FOLDER / path.name)),
        "Parquet, in a table": Target([path.read_bytes()], f"store/v1/task=t/method=m/{path.name}", _tabled),
        "pictures of runs": Target([(folder / "i.png").read_bytes()], "i.png", picture),
        "curves of runs": Target([_curve(folder)], "curve.npz", curve),
        "step timings": Target([TIMING], "profile/a.json", lambda p: read_timings(p.parents[1]), True),
        "manifests of sites": Target([b"index.html\ntables/a.html\nmedia/x.png\n"], ".inrbench-site", lambda p: _listed(p.parent), True),
        "safetensors": Target([(folder / "w.safetensors").read_bytes()], "w.safetensors", lambda p: load_weights(network, p)),
        "PNG": Target([(folder / "i.png").read_bytes()], "i.png", read_image),
        "JPEG": Target([(folder / "i.jpg").read_bytes()], "i.jpg", read_image),
        "MP4": Target([(folder / "v.mp4").read_bytes()], "v.mp4", lambda p: read_video(p, 3, 500)),
        "WAV": Target([(folder / "s.wav").read_bytes()], "s.wav", read_wav),
        "NumPy images": Target([_npy(folder, (9, 8, 5))], "i.npy", _image),
        "NumPy volumes": Target([_npy(folder, (6, 5, 4))], "v.npy", _numpy_volume),
        "TIFF volumes": Target(_tiffs(folder), "v.tif", _tiff_volume),
        "TIFF pages": Target(_tiffs(folder), "v.tif", lambda p: read_image(p, None, 2)),
        "PNG, its size": Target([(folder / "i.png").read_bytes()], "i.png", _image),
        "JPEG, its size": Target([(folder / "i.jpg").read_bytes()], "i.jpg", _image),
        "NIfTI": Target([_nifti()], "v.nii", _nifti_volume),
        "NIfTI, compressed": Target([_nifti()], "v.nii", _compressed_volume),
        "checkpoints": Target([_checkpoint(folder / "c.safetensors")], "c.safetensors", _load_checkpoint),
        "submissions of methods": Target([_manifest(folder / "bundle")], "submission.json", _read_bundle, text=True),
        "submitted methods": Target([json.dumps({"a" * 64: {"author": "x", "verified_attempts": ["b" * 24]}}).encode()], "submitted.json",
                                   lambda p: verified_attempts(p.parent), True),
        "formulas": Target([method.latex.encode() for method in map(Registry().method, ("msa", "gauss", "sl2a", "wire2d"))], "f.txt",
                           lambda p: typeset(p.read_text("utf-8", "replace")), True),
        "DICOM": Target([Path(str(files("pydicom") / "data/test_files/MR_small.dcm")).read_bytes()], "s.dcm", read_dicom),
        "cameras": Target([_cameras()], "scene/transforms.json", _scene, text=True),
        "PLY": Target([(folder / "m.ply").read_bytes()], "m.ply", read_mesh),
        "OBJ": Target([_obj(cube)], "m.obj", read_mesh, text=True),
        "TOML of resources": Target([b'partition = "gpu"\ngpus = 2\nsetup = ["a", "b"]\n'], "p.toml", lambda p: read_resources((), p), True),
        "TOML of recipes": Target([RECIPE], "tuned/quick.toml", lambda p: read_recipes(p.parents[1], "quick"), True),
        "leases": Target([lease_file], "leases/run.json", lambda p: active_leases(p.parents[1]), True),
        "submissions": Target([b'{"tasks": {"17_0": ["aa", "bb"], "17_1": ["cc"]}, "known": ["dd"]}'], "submissions/0.json", lambda p: submissions(p.parents[1]), True),
        "selections": Target([b"msa[s_max=3.0,4.0],siren[omega=(1,2),30],./a.py,all"], "s.txt",
                             lambda p: parse_selection(p.read_text("utf-8", "replace")), True),
        "plugin files, unopened": Target([PLUGIN], "act.py", lambda p: read_declarations(Source(p, None, "file:act.py")), True),
    }  # fmt: skip


PRELOADED = ["torch", "tifffile", "inrbench.cli.run", "inrbench.execute.slurm", "inrbench.report.site.build"]
"""Modules that are imported once, in the process that is copied for each reader."""
FOLDER = PurePosixPath("store/v1/task=t/method=m")
TIMING = json.dumps({
    "caption": "image", "timings": {"siren": {"fast_to_reference": 0.5, "points": 64, "rounds": {"fast": [0.1, 0.2]}}},
}).encode()  # fmt: skip


def _merged(path: Path) -> object:
    with tempfile.TemporaryDirectory() as ours:
        return import_attempts(path.parents[4], Path(ours) / "results")


def _tabled(path: Path) -> object:
    return [formatting.cells(board, row) for group in comparable_runs(path.parents[4], TABLE_COLUMNS)
            for board in [build_leaderboard(group)] for row in board.rows]  # fmt: skip


def _npy(folder: Path, shape: tuple[int, ...]) -> bytes:
    np.save(folder / "a.npy", np.random.default_rng(0).random(shape).astype(np.float32))
    return (folder / "a.npy").read_bytes()


def _tiffs(folder: Path) -> list[bytes]:
    """Return a stack as tifffile, ImageJ and others write it."""
    found = []
    for options in ({}, {"imagej": True}, {"metadata": None}):
        stack = np.random.default_rng(0).integers(0, 255, (5, 6, 7), dtype=np.uint8)
        tifffile.imwrite(folder / "a.tif", stack, photometric="minisblack", **options)
        found.append((folder / "a.tif").read_bytes())
    return found


def _same(read: tuple[int, ...], stated: tuple[int, ...] | None) -> None:
    if stated is not None and read != stated:
        raise AssertionError(f"the file states the size {stated}, and {read} was read")


def _image(path: Path) -> None:
    _same(read_image(path, None).shape, image_shape(path))


def _numpy_volume(path: Path) -> None:
    shape = read_volume(path).shape
    data = path.read_bytes()
    start = 10 + int.from_bytes(data[8:10], "little") if data[6] == 1 else 12 + int.from_bytes(data[8:12], "little")
    kind = np.load(path).dtype
    _same((int(np.prod(shape)) * kind.itemsize,), (len(data) - start,))


def _tiff_volume(path: Path) -> None:
    """Count the pages by following the links from page to page."""
    shape, data, pages = read_volume(path).shape, path.read_bytes(), 0
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2)[0] != 42:
        return  # BigTIFF
    (place,) = struct.unpack_from(order + "I", data, 4)
    while place:
        pages += 1
        (tags,) = struct.unpack_from(order + "H", data, place)
        (place,) = struct.unpack_from(order + "I", data, place + 2 + 12 * tags)
    _same(shape[:1], (pages,))


def _nifti() -> bytes:
    return Path(str(files("nibabel") / "tests/data/anatomical.nii")).read_bytes()


def _nifti_volume(path: Path) -> None:
    """Compare with the dimensions at byte 40 of the header of NIfTI-1, which may be of either byte order."""
    shape, data = read_volume(path).shape, path.read_bytes()
    if data[:4] not in (struct.pack("<i", 348), struct.pack(">i", 348)):
        return
    dims = struct.unpack(("<" if data[0] else ">") + "8h", data[40:56])
    stated = dims[1 : dims[0] + 1]
    _same(shape, (*stated, 1) if len(stated) == 3 else stated)


def _compressed_volume(path: Path) -> None:
    """Compress the damaged file: damage to the packed bytes is always found by their checksum."""
    packed = path.with_name("v.nii.gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    read_volume(packed)


IDENTITY = {"run": "f" * 32}


def _checkpoint(path: Path) -> bytes:
    Checkpoints(path, IDENTITY, 60).save(_state())
    return path.read_bytes()


def _state() -> dict[str, object]:
    return {"step": 7, "weights": {"0": torch.arange(40.0), "1": torch.ones(3, 4)}, "loss": 0.5, "random": [1, 2, 3]}


def _load_checkpoint(path: Path) -> None:
    """A checkpoint is refused, or restores exactly what was saved."""
    loaded = Checkpoints(path, IDENTITY, 60).load()
    if loaded is not None and repr(loaded) != repr(_state()):
        raise AssertionError(f"it restored something else: {loaded!r:.200}")


def _manifest(folder: Path) -> bytes:
    """Write a submission and return its manifest."""
    folder.mkdir()
    (folder / "act.py").write_bytes(PLUGIN)
    bundle = Bundle(("act",), "act.py", "a" * 64, "someone", "0.1.0", {"act.py": hashlib.sha256(PLUGIN).hexdigest()})
    return json.dumps(asdict(bundle), indent=1).encode()


def _read_bundle(path: Path) -> object:
    (path.parent / "act.py").write_bytes(PLUGIN)
    return read_bundle(path.parent)


def _cameras() -> bytes:
    frames = [{"file_path": f"./r_{i}", "transform_matrix": np.diag([1.0, 1, 1, 1]).tolist()} for i in range(4)]
    for frame in frames:
        frame["transform_matrix"][2][3] = 4.0
    return json.dumps({"camera_angle_x": 0.7, "frames": frames}).encode()


def _scene(path: Path) -> object:
    """Read a scene whose pictures are whole."""
    for number in range(4):
        write_image(path.parent / f"r_{number}.png", np.full((8, 9, 3), 0.5))
    return read_scene(path, 64, 8)


def _curve(folder: Path) -> bytes:
    x = np.linspace(-1, 1, 40)
    np.savez_compressed(folder / "curve.npz", x=x, truth=x, prediction=x)
    return (folder / "curve.npz").read_bytes()


RECIPE = b"""task = "function1d"
method = "siren"
protocol = "quick"

budget = 8
validation = "mse@train"
tuned_on = ["function1d/sin200"]

[ranges]
lr = [1e-05, 0.02]
omega = [5.0, 120.0]

[params]
omega = 30.0

[training]
lr = "0.001"
"""
PLUGIN = b'''"""An act."""
from torch import nn
from inrbench import CoordinateMLP, register_method

@register_method("act")
def act(net, *, power: int = 2):
    """Doc."""
    return CoordinateMLP(net, lambda i: nn.Tanh())
'''


def damaged(whole: bytes, others: list[bytes], draw: random.Random, text: bool) -> bytes:
    """Return a file with one to six kinds of damage."""
    data = bytearray(whole)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(data) + 1)
        length = min(draw.choice((1, 2, 4, 16, 200)), len(data) - at)
        act = draw.randrange(7)
        if act == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif act == 1:
            data[at : at + 4] = draw.choice(ODD_NUMBERS)
        elif act == 2:
            del data[at : at + length]
        elif act == 3:
            data[at:at] = data[at : at + length] * draw.choice((1, 2, 50))
        elif act == 4:
            data[at:at] = bytes(draw.choice(TEXT) if text else draw.randrange(256) for _ in range(length))
        elif act == 5:
            other = draw.choice(others)
            start = draw.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + length]
        else:
            del data[at:]
    return bytes(data)


def fuzz(name: str, cases: int, seed: int, report: Path) -> None:
    """Let one reader read damaged files; write what was found into ``report``, along the way too."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.disable()  # a crash is counted, its traceback is not printed
    draw, summary, faults = random.Random(f"{name}{seed}"), 0, list[dict[str, str]]()
    with tempfile.TemporaryDirectory() as scratch:
        target = targets(Path(scratch))[name]
        path = Path(scratch) / "damaged" / target.name
        path.parent.mkdir(parents=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for number in range(cases):
            content = damaged(draw.choice(target.wholes), target.wholes, draw, target.text)
            path.write_bytes(content)
            report.write_text(json.dumps({"at": number, "refused": summary, "faults": faults, "content": content.hex()}))
            start = time.perf_counter()
            try:
                target.read(path)
            except InrbenchError as error:
                summary += 1
                if "\n" in str(error):
                    faults.append({"case": str(number), "what": f"more than a line: {error}", "content": content.hex()})
            except Exception as error:
                faults.append({"case": str(number), "what": f"{type(error).__name__}: {error}", "content": content.hex()})
            if time.perf_counter() - start > CASE_SECONDS:
                faults.append({"case": str(number), "what": "slow", "content": content.hex()})
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
            if grown > LIMIT_BYTES:
                faults.append({"case": str(number), "what": f"{grown} bytes of memory", "content": content.hex()})
                break
    report.write_text(json.dumps({"at": cases, "refused": summary, "faults": faults, "peak_bytes": grown}))


def fuzz_all(cases: int, seed: int = 0, readers: Sequence[str] = ()) -> dict[str, dict[str, object]]:
    """Return what each reader made of its share of the cases.

    Args:
        cases: Number of cases of all readers together.
        seed: Seed of the damage.
        readers: Names of the readers; all if empty.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    found: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        known = list(targets(Path(scratch) / "whole"))
        if unknown := set(readers) - set(known):
            raise SystemExit(f"unknown reader {sorted(unknown)[0]!r}; there are: {'; '.join(known)}")
        names = list(readers) or known
        for name in names:
            report = Path(scratch) / "report.json"
            report.write_text("{}")
            process = context.Process(target=fuzz, args=(name, -(-cases // len(names)), seed, report))
            process.start()
            process.join()
            summary = json.loads(report.read_text())
            if process.exitcode:
                summary["faults"] = [
                    *summary.get("faults", ()),
                    {"what": f"exit code {process.exitcode}", "content": summary.get("content", "")},
                ]
            found[name] = {"cases": summary.get("at", 0), "refused in a line": summary.get("refused", 0),
                           "memory grown by MiB": summary.get("peak_bytes", 0) >> 20, "faults": summary["faults"]}  # fmt: skip
    return found


def _attempt() -> Attempt:
    metric = Metric(id="psnr@test", unit="dB", higher_is_better=True)
    spec = RunSpec(
        task="t", task_version="1", signal="a", signal_sha256="0" * 64, method="m", method_sha256="1" * 64, params={"omega": 30.0},
        variant="", protocol="test", protocol_fingerprint="f" * 12, seed=0, device_class="cpu",
    )  # fmt: skip
    protocol = Protocol(name="test", width=8, n_layers=2, epochs=3, lr=1e-3, lr_min=1e-4, metrics=("psnr@test",))
    result = RunResult(spec=spec, status="ok", metrics=(Measurement(metric=metric, value=1.5),))
    return Attempt(result=result, protocol=protocol, plugin_origin="builtin", environment=environment("cpu", 1, 1, (None, None)),
                   started_at=datetime.now(UTC))  # fmt: skip


def _cube() -> Mesh:
    import trimesh

    box = trimesh.creation.box()
    return Mesh(np.asarray(box.vertices, np.float64), np.asarray(box.faces, np.int64))


def _obj(mesh: Mesh) -> bytes:
    corners = "".join(f"v {x} {y} {z}\n" for x, y, z in mesh.vertices)
    return (corners + "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in mesh.faces)).encode()


def main() -> None:
    """Fuzz, write the counts, and end with 1 if there is a fault."""
    found = fuzz_all(int(sys.argv[1]), readers=sys.argv[3:])
    total = sum(int(str(each["cases"])) for each in found.values())
    Path(sys.argv[2]).write_text(json.dumps({"cases": total, "readers": found}, indent=1) + "\n", encoding="utf-8")
    for name, each in found.items():
        print(f"{name}: {each['cases']} cases, {each['refused in a line']} refused, faults: {each['faults'] or 'none'}"[:2000])
    sys.exit(any(each["faults"] for each in found.values()))


if __name__ == "__main__":
    main()
