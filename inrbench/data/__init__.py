"""Data sets: what there is, where it lies on this machine, and how to get it. A run reads files and never downloads."""

from inrbench.data.catalogue import Dataset, catalogue, dataset
from inrbench.data.image import image_shape, read_image
from inrbench.data.locate import Found, cache_folder, file_sha256, locate, require, search_path
from inrbench.data.reduce import area_mean, fitted_shape, reduction_factor

__all__ = [
    "Dataset",
    "Found",
    "area_mean",
    "cache_folder",
    "catalogue",
    "dataset",
    "file_sha256",
    "fitted_shape",
    "image_shape",
    "locate",
    "read_image",
    "reduction_factor",
    "require",
    "search_path",
]
