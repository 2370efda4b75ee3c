"""One grayscale slice of a DICOM file becomes an image; everything else is refused in one line."""

import numpy as np
import pytest

from inrbench.data import read_dicom
from inrbench.errors import BadValue, DataMissing

pydicom = pytest.importorskip("pydicom")


def write(path, pixels, **tags):
    """Write a DICOM file with the given pixels."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.Rows, file.Columns = pixels.shape[-2:]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit, file.PixelRepresentation = 15, 0
    if pixels.ndim == 3:
        file.NumberOfFrames = len(pixels)
    file.PixelData = pixels.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(file, name, value)
    file.save_as(path)
    return path


PIXELS = np.arange(100, 100 + 12 * 10).reshape(12, 10)


def test_the_darkest_value_is_0_and_the_brightest_1(tmp_path):
    picture = read_dicom(write(tmp_path / "a.dcm", PIXELS))
    assert picture.shape == (12, 10, 1)
    assert picture[..., 0] == pytest.approx((PIXELS - 100) / 119)


def test_monochrome1_is_white_where_its_values_are_small(tmp_path):
    picture = read_dicom(write(tmp_path / "a.dcm", PIXELS, PhotometricInterpretation="MONOCHROME1"))
    assert picture[..., 0] == pytest.approx(1 - (PIXELS - 100) / 119)


@pytest.mark.parametrize(("make", "said"), [
    (lambda path: write(path, np.stack([PIXELS, PIXELS])), r"has an array of shape \(2, 12, 10\)"),
    (lambda path: write(path, np.full((9, 9), 7)), "contains no picture: all values are 7"),
    (lambda path: path.write_bytes(b"not DICOM at all"), "cannot be read as DICOM"),
    (lambda path: path.write_bytes(write(path, PIXELS).read_bytes()[:-50]), "cannot be read as DICOM"),
    (lambda path: write(path, PIXELS, Rows=0), "cannot be read as DICOM"),
    (lambda path: write(path, PIXELS, PhotometricInterpretation="PALETTE COLOR"), "has colours of type PALETTE COLOR"),
    (lambda path: None, "no such file"),
])  # fmt: skip
def test_other_files_are_refused_in_one_line(tmp_path, make, said):
    path = tmp_path / "a.dcm"
    make(path)
    with pytest.raises(BadValue, match=said) as error:
        read_dicom(path)
    assert "\n" not in str(error.value)


def test_without_pydicom_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(DataMissing, match=r"pip install 'inrbench\[medical\]'"):
        read_dicom(tmp_path / "a.dcm")


def test_compressed_slices_that_need_another_package_are_refused_in_one_line(tmp_path):
    """pydicom raises a RuntimeError with one line for each missing package."""
    from importlib import resources

    folder = resources.files("pydicom") / "data" / "test_files"
    names = [each.name for each in folder.iterdir() if each.name.endswith(".dcm")]
    said = []
    for name in names:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
        try:
            read_dicom(tmp_path / name)
        except BadValue as error:
            said.append(str(error))
    assert 10 < len(said) < len(names)
    assert not [text for text in said if "\n" in text]
