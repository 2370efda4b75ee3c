"""Read one slice of a DICOM file as an image."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inrbench.errors import BadValue, DataMissing, first_line

DICOM = ".dcm"
"""Ending of DICOM files."""


def read_dicom(path: Path) -> NDArray[np.float32]:
    """Return a slice as ``(H, W, 1)`` float32: its smallest value is 0 and its largest 1.

    Raises:
        DataMissing: pydicom is not installed.
        BadValue: The file is not a DICOM file with one grayscale slice, or all its values are equal.
    """
    try:
        import pydicom
    except ImportError as error:
        raise DataMissing(f"{path.name}: DICOM files need pydicom, run: pip install 'inrbench[medical]'") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on the encoding, which do not change the picture
            file = pydicom.dcmread(path)
            values = np.asarray(file.pixel_array, dtype=np.float64)
        colours = str(file.PhotometricInterpretation)
    except FileNotFoundError as error:
        raise BadValue(f"no such file: {path}") from error
    except Exception as error:  # pydicom raises many kinds of error for damaged files, and for compressed ones
        raise BadValue(f"{path} cannot be read as DICOM: {first_line(error)}") from error
    if not colours.startswith("MONOCHROME"):
        raise BadValue(f"{path} has colours of type {colours}; inrbench reads grayscale slices (MONOCHROME1 or MONOCHROME2)")
    if values.ndim != 2:
        raise BadValue(f"{path} has an array of shape {values.shape}; inrbench reads one grayscale slice (H, W)")
    low, high = values.min(), values.max()
    if not low < high:
        raise BadValue(f"{path} contains no picture: all values are {low:g}")
    picture = ((values - low) / (high - low)).astype(np.float32)[..., None]
    return 1 - picture if colours == "MONOCHROME1" else picture
