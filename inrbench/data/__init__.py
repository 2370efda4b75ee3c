"""Data sets: the catalogue, the files on this machine, and how to download them. Runs read files and never download."""

from inrbench.data.audio import Clip, read_wav, write_wav
from inrbench.data.cameras import SCENE_FILE, Camera, Scene, View, read_scene, scene_files
from inrbench.data.catalogue import Dataset, catalogue, dataset
from inrbench.data.dicom import DICOM, read_dicom
from inrbench.data.distance import is_inside, nearest_on_surface, signed_distance
from inrbench.data.image import image_shape, read_image, write_image
from inrbench.data.locate import (
    LocatedFile,
    cache_folder,
    content_sha256,
    file_sha256,
    find_file,
    locate,
    require_file,
    search_path,
)
from inrbench.data.mesh import Mesh, checked, read_mesh, read_surface, sample_surface, write_ply
from inrbench.data.reduce import area_mean, fitted_shape, reduced_volume_shape, reduction_factor, volume_mean
from inrbench.data.shape_truth import GroundTruthSpec, ShapeTruth, grid_shape, shape_truth, truth_is_there
from inrbench.data.video import Frames, read_video, video_shape, write_video
from inrbench.data.volume import VOLUME_FILES, read_volume, volume_shape

__all__ = [
    "DICOM",
    "SCENE_FILE",
    "VOLUME_FILES",
    "Camera",
    "Clip",
    "Dataset",
    "Frames",
    "GroundTruthSpec",
    "LocatedFile",
    "Mesh",
    "Scene",
    "ShapeTruth",
    "View",
    "area_mean",
    "cache_folder",
    "catalogue",
    "checked",
    "content_sha256",
    "dataset",
    "file_sha256",
    "find_file",
    "fitted_shape",
    "grid_shape",
    "image_shape",
    "is_inside",
    "locate",
    "nearest_on_surface",
    "read_dicom",
    "read_image",
    "read_mesh",
    "read_scene",
    "read_surface",
    "read_video",
    "read_volume",
    "read_wav",
    "reduced_volume_shape",
    "reduction_factor",
    "require_file",
    "sample_surface",
    "scene_files",
    "search_path",
    "shape_truth",
    "signed_distance",
    "truth_is_there",
    "video_shape",
    "volume_mean",
    "volume_shape",
    "write_image",
    "write_ply",
    "write_video",
    "write_wav",
]
