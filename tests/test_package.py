"""The wheel, and the house's rules."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_works_from_elsewhere_and_claims_no_generic_name(tmp_path):
    copy = tmp_path / "source"
    files = subprocess.check_output(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"], text=True).split("\n")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, copy]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 3_000_000
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert {name.split("/")[0].split("-")[0] for name in names} == {"inrbench"}
    for part in ("methods/msa.py", "tasks/kodak.py", "results/papers/han2026msa.toml", "data/catalogue.toml", "py.typed"):
        assert f"inrbench/{part}" in names
    # -I: neither the current folder nor this checkout can be imported
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import inrbench; from inrbench.registry import Registry\n"
        "r = Registry(); r.method('msa'); r.task('kodak')\n"
        "from inrbench.analyse.papers import bibtex; assert bibtex('han2026msa')\n"
        "print(inrbench.__file__, sys.modules['inrbench.methods.msa'].__file__)"
    )
    printed = subprocess.check_output([sys.executable, "-I", "-c", code], text=True, cwd=tmp_path).split()
    assert all(path.startswith(str(tmp_path / "site")) for path in printed)


def test_files_are_of_readable_length():
    long = {
        path.relative_to(ROOT).as_posix(): n
        for folder in ("inrbench", "methods", "tasks")
        for path in (ROOT / folder).rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long
