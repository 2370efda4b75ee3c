"""Volumes are read from NumPy, TIFF and NIfTI files; files that cannot be fitted are refused in one line."""

import gzip
import logging
import struct
import threading

import numpy as np
import pytest
import tifffile

from inrbench.data import read_volume, reduced_volume_shape, volume_mean
from inrbench.data.tiff import open_tiff
from inrbench.errors import BadValue, DataMissing

VALUES = np.random.default_rng(0).normal(size=(6, 5, 4)).astype(np.float32)


def scaled(array):
    return (array - array.min()) / (array.max() - array.min())


@pytest.mark.parametrize("kind", ["uint8", ">i2", "uint16", "float32", "float64", "bool"])
def test_numpy_arrays_of_any_real_type_are_scaled_to_the_unit_range(tmp_path, kind):
    array = (100 * scaled(VALUES) > 50) if kind == "bool" else (100 * scaled(VALUES)).astype(kind)
    np.save(tmp_path / "a.npy", array)
    found = read_volume(tmp_path / "a.npy")
    assert (found.shape, found.dtype) == ((6, 5, 4, 1), np.float32)
    assert found[..., 0] == pytest.approx(scaled(array.astype(float)), abs=1e-6)


def test_a_fourth_dimension_is_that_of_the_channels(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([VALUES, -VALUES], axis=-1))
    assert read_volume(tmp_path / "a.npy").shape == (6, 5, 4, 2)


def test_a_tiff_file_has_one_page_per_slice(tmp_path):
    pages = (60000 * scaled(VALUES)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert read_volume(tmp_path / "a.tif")[..., 0] == pytest.approx(scaled(pages.astype(float)), abs=1e-6)


@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_files_of_both_byte_orders_are_read(tmp_path, order):
    nibabel = pytest.importorskip("nibabel")
    array = (1000 * VALUES).astype(np.int16)
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(np.int16)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4), header), tmp_path / "a.nii.gz")
    assert read_volume(tmp_path / "a.nii.gz")[..., 0] == pytest.approx(scaled(array.astype(float)), abs=1e-6)


def nifti(path, array):
    nibabel = pytest.importorskip("nibabel")
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)


def damaged_header(path, old, new):
    np.save(path, VALUES)
    path.write_bytes(path.read_bytes().replace(old, new))


def archive(path):
    with path.open("wb") as file:
        np.savez(file, first=VALUES, second=VALUES)


def unequal_pages(path):
    with tifffile.TiffWriter(path) as file:
        for side in (8, 9):
            file.write(np.ones((side, 8), np.uint8), photometric="minisblack", contiguous=False)


def broken_chain(path, after, target, **options):
    """Write a TIFF file whose page number ``after`` says that the next page is at ``target``."""
    tifffile.imwrite(path, np.ones((6, 8, 9), np.uint8), photometric="minisblack", **options)
    data = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", data, 4)
    for _ in range(after):
        (tags,) = struct.unpack_from("<H", data, place)
        link = place + 2 + 12 * tags
        (place,) = struct.unpack_from("<I", data, link)
    struct.pack_into("<I", data, link, target)
    path.write_bytes(data)


def cut_in_chain(path, pages):
    """Cut a TIFF file in the link from one page to the next."""
    broken_chain(path, pages, 0, metadata=None)
    data = path.read_bytes()
    (place,) = struct.unpack_from("<I", data, 4)
    for _ in range(pages):
        link = place + 2 + 12 * struct.unpack_from("<H", data, place)[0]
        (place,) = struct.unpack_from("<I", data, link)
    path.write_bytes(data[: link + 2])


def bomb(path, width):
    """Write a TIFF file of a few bytes that states a large width."""
    tifffile.imwrite(path, np.ones((6, 7), np.uint8), photometric="minisblack", metadata=None)
    data = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", data, 4)
    for tag in range(struct.unpack_from("<H", data, place)[0]):
        at = place + 2 + 12 * tag
        if struct.unpack_from("<H", data, at)[0] == 256:
            struct.pack_into("<HHII", data, at, 256, 4, 1, width)
    path.write_bytes(data)


def enlarge(path):
    """Change the dimensions in the header of a compressed NIfTI file."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<4h", data, 40, 3, 30000, 30000, 30000)
    path.write_bytes(gzip.compress(data))


def spare(path):
    """Add bytes that the header does not describe."""
    path.write_bytes(path.read_bytes() + b"12345678")


@pytest.mark.parametrize(("name", "make", "said"), [
    ("a.tif", lambda p: broken_chain(p, 4, 2**32 - 1), "its list of pages is damaged"),
    ("a.tif", lambda p: broken_chain(p, 5, 10**6, metadata=None), "its list of pages is damaged"),
    ("a.tif", lambda p: cut_in_chain(p, 5), "its list of pages is damaged"),
    ("a.tif", lambda p: broken_chain(p, 4, 0), "it says that it has 6 pages, and has 4"),
    ("a.tif", lambda p: broken_chain(p, 5, 0, imagej=True), "it says that it has 6 pages, and has 5"),
    ("a.tif", lambda p: bomb(p, width=2**31 - 1), r"it states .* bytes of values in a file of"),
    ("a.nii.gz", lambda p: nifti(p, VALUES.astype(np.float32)) or enlarge(p), r"it states .* bytes of values in a file of"),
    ("a.npy", lambda p: damaged_header(p, b"'<f4'", b"'8f4'") or spare(p), "more values than its header describes"),
    ("a.npy", lambda p: np.save(p, VALUES) or spare(p), "more values than its header describes"),
    ("a.nii", lambda p: nifti(p, VALUES) or spare(p), "more values than its header describes"),
    ("a.npy", lambda p: np.save(p, np.where(VALUES > 0, np.nan, VALUES)), "values that are not finite"),
    ("a.npy", lambda p: np.save(p, np.ones((1, 1, 1))), "4 voxels are needed along each axis"),
    ("a.npy", lambda p: np.save(p, VALUES[0]), r"has an array of shape \(5, 4\); a volume is"),
    ("a.npy", lambda p: np.save(p, VALUES + 1j), "values of type complex"),
    ("a.npy", lambda p: np.save(p, np.full((5, 5, 5), 3.0)), "nothing to fit: all values are 3"),
    ("a.npy", lambda p: np.save(p, np.array([{"a": 1}]), allow_pickle=True), "cannot be read as a NumPy array"),
    ("a.npy", lambda p: p.write_bytes(b"no array"), "cannot be read as a NumPy array"),
    ("a.npy", lambda p: damaged_header(p, b"{'descr'", b"(((((((("), "cannot be read as a NumPy array"),
    ("a.npy", lambda p: damaged_header(p, b"(6, 5, 4)", b"(6,5,9**9)"), "cannot be read as a NumPy array"),
    ("a.npy", archive, "an archive of arrays"),
    ("a.tif", unequal_pages, "pages of different sizes"),
    ("a.tif", lambda p: p.write_bytes(b"II*\0nothing"), "cannot be read as TIFF"),
    ("a.nii", lambda p: nifti(p, (VALUES + 1j).astype(np.complex64)), "contains complex numbers"),
    ("a.nii", lambda p: p.write_bytes(b"no header"), "cannot be read as NIfTI"),
    ("a.npy", lambda p: None, "no such volume"),
])  # fmt: skip
def test_other_files_are_refused_in_one_line(tmp_path, name, make, said):
    make(tmp_path / name)
    with pytest.raises(BadValue, match=said) as error:
        read_volume(tmp_path / name)
    assert "\n" not in str(error.value)


def test_without_nibabel_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.nii").write_bytes(b"x")
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(DataMissing, match=r"pip install 'inrbench\[medical\]'"):
        read_volume(tmp_path / "a.nii")


def test_a_volume_is_reduced_by_means_of_blocks():
    volume = np.arange(8 * 6 * 5, dtype=np.float32).reshape(8, 6, 5, 1)
    found = volume_mean(volume, 30)
    assert found.shape == (4, 3, 2, 1)
    assert found.shape[:3] == reduced_volume_shape((8, 6, 5), 30)
    assert found[1, 2, 0, 0] == volume[2:4, 4:6, 0:2].mean()
    assert np.array_equal(volume_mean(volume, None), volume)
    with pytest.raises(BadValue, match="too small to be reduced"):
        reduced_volume_shape((200, 200, 4), 100)


def test_messages_of_tifffile_are_hidden_only_in_the_thread_that_opens_a_file(tmp_path, caplog):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((6, 7), np.uint8), photometric="minisblack")
    log = logging.getLogger("tifffile")
    with open_tiff(tmp_path / "a.tif"):
        log.warning("of this thread")
        other = threading.Thread(target=log.warning, args=("of another thread",))
        other.start()
        other.join()
    log.warning("afterwards")
    assert caplog.messages == ["of another thread", "afterwards"]
