"""Small files that unpack to gigabytes are refused in one line, with less than 1 GiB of memory."""

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from PIL import Image

from inrbench.data import write_image
from inrbench.errors import BadValue
from inrbench.fit import Checkpoints
from inrbench.fit.checkpoint import FORMAT, digest
from inrbench.registry import Registry
from inrbench.report.artifacts import curve, picture_pair
from inrbench.report.site import build_site
from inrbench.report.site.media import Media
from inrbench.store import append, keep_artifacts
from inrbench.store.schema import SCHEMA

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
GUARD = """
import resource, sys
from pathlib import Path
{imports}
base = int(next(line for line in open("/proc/self/status") if line.startswith("VmData:")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (base + 2**30, base + 2**30))
path = Path(sys.argv[1])
{use}
"""
"""A process whose writable memory may grow by at most 1 GiB after its imports."""


def refused(path, imports, use, cores=1):
    """Read a file in a process with limited memory; return its output. ``cores``: as on a machine with so many."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(cores), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", GUARD.format(imports=imports, use=use), str(path)], capture_output=True, text=True,
        env=environment, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def png(width, height):
    """Return a small PNG file with one bit per pixel, all zero."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_picture_of_a_billion_pixels_is_refused(tmp_path):
    path = tmp_path / f"{'0' * 32}.png"
    path.write_bytes(png(40_000, 40_000))
    assert path.stat().st_size < 400_000
    use = "try:\n    picture(path)\nexcept BadValue as error:\n    print(error)"
    said = refused(path, "from inrbench.report.artifacts import picture\nfrom inrbench.errors import BadValue", use)
    assert len(said.splitlines()) == 1
    assert "pixels" in said


@pytest.mark.parametrize(
    "what",
    [pytest.param("zeros", marks=pytest.mark.slow), "objects", "other keys", "text", "half", "sizes", "locked"],
)
def test_invalid_curve_files_are_refused(tmp_path, what):
    path = tmp_path / "curve.npz"
    x = np.linspace(0, 1, 9)
    if what == "zeros":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("x", "truth", "prediction"):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                    head = io.BytesIO()
                    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (2**27,)})
                    stream.write(head.getvalue())
                    for _ in range(1024):
                        stream.write(bytes(2**20))
        assert path.stat().st_size < 4_000_000
    elif what == "objects":
        np.savez(path, x=np.array([print], dtype=object), truth=x, prediction=x)
    elif what == "other keys":
        np.savez(path, a=x)
    elif what == "text":
        path.write_text("no archive")
    elif what == "half":
        np.savez_compressed(path, x=x, truth=x, prediction=x)
        path.write_bytes(path.read_bytes()[:-40])
    elif what == "locked":
        np.savez(path, x=x, truth=x, prediction=x)
        content = bytearray(path.read_bytes())
        for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flag of an encrypted member
            at = content.find(mark)
            while at >= 0:
                content[at + place] |= 1
                at = content.find(mark, at + 1)
        path.write_bytes(content)
    else:
        np.savez(path, x=x, truth=x[:3], prediction=x)
    use = "try:\n    curve(path)\nexcept BadValue as error:\n    print(error)"
    said = refused(path, "from inrbench.report.artifacts import curve\nfrom inrbench.errors import BadValue", use)
    assert len(said.splitlines()) == 1
    assert "curve.npz" in said


@pytest.mark.parametrize("head", [b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }", b"((("])
def test_curves_with_a_false_header_are_refused(tmp_path, head):
    member = b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head + b"\n"
    with zipfile.ZipFile(tmp_path / "curve.npz", "w") as archive:
        for name in ("x", "truth", "prediction"):
            archive.writestr(f"{name}.npy", member)
    with pytest.raises(BadValue, match="contains no curve"):
        curve(tmp_path / "curve.npz")


def repeated(row, name, times):
    """Return a table that repeats one row; each text is stored once."""
    table = pa.Table.from_pylist([row], schema=SCHEMA)
    columns = {}
    for field in SCHEMA:
        column = table[field.name].combine_chunks()
        taken = pa.array(np.zeros(times, dtype=np.int64))
        columns[field.name] = column.dictionary_encode().take(taken) if pa.types.is_string(field.type) else column.take(taken)
    return pa.table(columns)


@pytest.mark.parametrize(("what", "cores"), [("rows", 1), ("texts", 1), ("texts", 64), ("items", 1), ("texts of items", 64)])
def test_result_files_that_unpack_to_gigabytes_are_refused(attempt, tmp_path, what, cores):
    path = append(tmp_path, attempt())
    row = pq.read_table(path, partitioning=None).to_pylist()[0]
    if what == "rows":
        table = repeated({**row, "metrics": [], "curve": []}, "message", 1_200_000)
    elif what == "texts":
        table = repeated({**row, "message": "x" * 8000, "metrics": [], "curve": []}, "message", 200_000)
    else:
        n = 30_000_000 if what == "items" else 400_000
        ids = pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(n, np.int32)), pa.array(["x" * (4 if what == "items" else 8000)])
        )
        item = pa.StructArray.from_arrays([ids], names=["id"])
        table = pa.table({**{name: pa.array([row[name]], SCHEMA.field(name).type) for name in SCHEMA.names if name != "metrics"},
                          "metrics": pa.ListArray.from_arrays(pa.array([0, n], pa.int32()), item)})  # fmt: skip
    bomb = path.with_name("runs.0123456789abcdef.parquet")
    pq.write_table(table, bomb, compression="zstd")
    assert bomb.stat().st_size < 2_000_000
    use = "read = read_runs(path)\nprint(json.dumps([read.table.num_rows, list(read.unreadable.values())]))"
    imports = "import json\nfrom inrbench.store import read_runs"
    rows, reasons = json.loads(refused(tmp_path, imports, use, cores))
    assert rows == 1
    assert len(reasons) == 1
    assert "\n" not in reasons[0]


@pytest.mark.parametrize("cores", [1, 64])
def test_memory_of_a_refused_file_is_limited_by_the_reader_itself(attempt, tmp_path, cores):
    """Without any other limit on the process: 1.6 GB of texts in 101 kB take less than 1.2 GiB."""
    path = append(tmp_path, attempt())
    row = pq.read_table(path, partitioning=None).to_pylist()[0]
    table = repeated({**row, "message": "x" * 8000, "metrics": [], "curve": []}, "message", 200_000)
    pq.write_table(table, path.with_name("runs.0123456789abcdef.parquet"), compression="zstd")
    code = """
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from inrbench.store import read_runs
before = getrusage(RUSAGE_SELF).ru_maxrss
assert len(read_runs(Path(sys.argv[1])).unreadable) == 1
print((getrusage(RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": str(cores)},
    )  # fmt: skip
    assert int(done.stdout) < 1.2 * 2**30


@pytest.mark.parametrize("where", ["leases/r.json", "submissions/a.json", "tuned/a.toml", "profile/a.json"])
def test_oversized_json_and_toml_files_are_not_read(tmp_path, where):
    path = tmp_path / where
    path.parent.mkdir()
    with path.open("wb") as stream:
        stream.truncate(3 * 2**30)
    imports = ("from inrbench.store import active_leases\nfrom inrbench.execute.slurm import submissions\n"
               "from inrbench.planning.recipes import read_recipes\nfrom inrbench.report.site.timings import read_timings\n"
               "from inrbench.errors import InrbenchError")  # fmt: skip
    use = ("active_leases(path), submissions(path), read_timings(path)\ntry:\n    read_recipes(path, 'quick')\n"
           "except InrbenchError as error:\n    print(error)")  # fmt: skip
    said = refused(tmp_path, imports, use)
    assert ("not a tuned recipe" in said) == where.startswith("tuned")


@pytest.mark.parametrize("where", ["leases/r.json", "submissions/a.json", "profile/a.json"])
def test_deeply_nested_json_is_ignored(tmp_path, where):
    from inrbench.execute.slurm import submissions
    from inrbench.report.site.timings import read_timings
    from inrbench.store import active_leases

    path = tmp_path / where
    path.parent.mkdir()
    path.write_text("[" * 100_000 + "]" * 100_000)
    assert (active_leases(tmp_path), submissions(tmp_path), read_timings(tmp_path)) == ([], [], [])


def test_picture_within_the_limit_is_read(tmp_path):
    from inrbench.report.artifacts import picture

    Image.fromarray(np.full((3, 5, 3), 51, np.uint8)).save(tmp_path / "a.png")
    found = picture(tmp_path / "a.png")
    assert found.shape == (3, 5, 3)
    assert float(found.max()) == pytest.approx(0.2)


def test_memory_cap_is_set_only_in_the_main_thread():
    """A thread synchronises a bucket while workers start, and they must not inherit the limit."""
    import resource
    import threading

    from inrbench.store.read_guard import memory_cap

    before = resource.getrlimit(resource.RLIMIT_DATA)
    seen = []

    def read():
        with memory_cap(2**20):
            seen.append(resource.getrlimit(resource.RLIMIT_DATA))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert seen == [before]
    with memory_cap(2**30):
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize(("cores", "stack"), [(8, 8192), (16, 8192), (64, 8192), (16, 262_144), (16, "unlimited")])
def test_reading_ends_no_process_on_a_machine_with_many_cores(cores, stack):
    """The threads that pyarrow starts, one per core, once had no room below the limit: the library ended the process."""
    code = f"from pathlib import Path; from inrbench.store import read_runs; print(read_runs(Path({str(PUBLISHED)!r})).table.num_rows)"
    for _ in range(2):  # it was a matter of chance
        done = subprocess.run(
            ["sh", "-c", f'ulimit -s {stack} && exec "$0" -c "$1"', sys.executable, code],
            capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "OMP_NUM_THREADS": str(cores)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-500:]
        assert int(done.stdout) > 100


def test_packed_mesh_is_unpacked_up_to_a_limit(tmp_path):
    path = tmp_path / "a.ply.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(1024):
            file.write(bytes(2**20))
    use = "try:\n    read_mesh(path)\nexcept BadValue as error:\n    print(error)"
    said = refused(path, "from inrbench.data import read_mesh\nfrom inrbench.errors import BadValue", use)
    assert len(said.splitlines()) == 1
    assert "unpack it first: gunzip a.ply.gz" in said


def test_checkpoint_with_an_array_of_long_texts_is_refused(tmp_path):
    """16 kB would become 2 GB: a number would become a text of a million characters."""
    path = tmp_path / "c.safetensors"
    tensors = {"0": torch.zeros(2000, dtype=torch.uint8)}
    facts = {"format": FORMAT, "identity": {}, "resumptions": 0, "wall_seconds": 0.0, "extra": None,
             "state": {"dict": [["a", {"array": ["S1000000", {"tensor": "0"}]}]]}}  # fmt: skip
    tensors["facts"] = torch.frombuffer(bytearray(json.dumps(facts).encode()), dtype=torch.uint8)
    tensors["sha256"] = torch.frombuffer(bytearray(digest(tensors)), dtype=torch.uint8)
    path.write_bytes(safetensors.torch.save(tensors))
    checkpoints = Checkpoints(path, {}, 60)
    assert checkpoints.load() is None
    assert "it is damaged (ValueError)" in checkpoints.notes[0]


@pytest.mark.parametrize(("name", "size", "use"), [
    ("a.mp4", 2**30 + 1, lambda media, path: media.copy(path)),
    ("a.wav", 2**25 + 1, lambda media, path: media.difference(path, path)),
    ("a.ply", 2**29 + 1, lambda media, path: media.mesh(path)),
])  # fmt: skip
def test_media_that_are_too_large_are_not_copied(tmp_path, name, size, use):
    (tmp_path / "site").mkdir()
    with (tmp_path / name).open("wb") as file:
        file.write(b"\0\0\0\x20ftypisom")
        file.truncate(size)  # takes no space on the disk
    with pytest.raises(BadValue, match="bytes, more than the"):
        use(Media(tmp_path / "site"), tmp_path / name)


def test_pictures_of_a_page_are_limited_together(attempt, tmp_path, monkeypatch):
    monkeypatch.setattr("inrbench.report.site.signals.MAX_PAGE_PIXELS", 300)

    def files(folder):
        for name in ("truth.png", "reconstruction.png"):
            write_image(folder / name, np.full((10, 12, 3), 0.5))

    read = []
    monkeypatch.setattr("inrbench.report.site.signals.picture_pair", lambda *pair: read.append(pair) or picture_pair(*pair))
    kept = keep_artifacts(tmp_path / "r", files)
    for method in ("siren", "msa", "wire", "finer"):
        one = attempt(method=method)
        append(tmp_path / "r", replace(one, result=replace(one.result, artifacts=kept)))
    facts = build_site(tmp_path / "r", tmp_path / "site", Registry())
    assert facts.refused == ("a: more than 300 pixels; the page shows the first pictures only",)
    assert len(read) == 3  # the fourth is not read
    page = next((tmp_path / "site" / "signals").glob("*.html")).read_text()
    assert page.count("data-picture=") == 2
