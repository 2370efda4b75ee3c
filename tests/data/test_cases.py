"""Files that were once read wrongly, one for each kind of fault. Expected values come from independent decoders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inrbench.data import image_shape, is_inside, read_image, read_mesh, read_video, read_wav, video_shape
from inrbench.errors import BadValue
from inrbench.problems.image import contrast_note

CASES = Path(__file__).parent / "cases"


def truth(name: str, full: float) -> np.ndarray:
    array = np.load(CASES / name).astype(np.float64) / full
    return array[..., None] if array.ndim == 2 else array


def test_orientation_is_applied_in_jpeg_and_tiff():
    phone, tiff = (read_image(CASES / name) for name in ("phone_exif6.jpg", "tif_orient6.tif"))
    assert phone.shape == tiff.shape == image_shape(CASES / "phone_exif6.jpg") == (64, 48, 3)
    assert np.abs(phone - tiff).max() < 0.03, "they differ by JPEG compression only"


@pytest.mark.parametrize("turn", range(1, 9))
def test_each_orientation_is_read_alike_from_png_and_tiff(tmp_path, turn):
    array = np.random.default_rng(0).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    image = Image.fromarray(array)
    exif = image.getexif()
    exif[0x0112] = turn
    image.save(tmp_path / "a.png", exif=exif)
    image.save(tmp_path / "a.tif", exif=exif)
    png, tiff = (read_image(tmp_path / f"a.{kind}") for kind in ("png", "tif"))
    assert np.array_equal(png, tiff)
    assert png.shape == image_shape(tmp_path / "a.png")


@pytest.mark.parametrize(("name", "known", "full"), [
    ("rgb16.png", "rgb16.npy", 65535), ("ppm_16bit.ppm", "rgb16.npy", 65535), ("rgb16_low.png", "rgb16_low.npy", 65535),
    ("tif_12bit.tif", "tif_12bit.npy", 4095),
])  # fmt: skip
def test_more_than_eight_bits_per_channel_are_kept(name, known, full):
    assert np.abs(read_image(CASES / name) - truth(known, full)).max() < 1e-7


@pytest.mark.parametrize("name", ["tif_gray16_be.tif", "pgm_16bit.pgm", "tif_float32.tif"])
def test_16_bit_and_float_gray_images_agree_with_the_8_bit_image(name):
    image, eight_bits = read_image(CASES / name), read_image(CASES / "gray.png")
    assert image.shape == (48, 64, 1)
    assert np.abs(image - eight_bits).max() < 1 / 255


def test_min_is_white_tiff_agrees_in_8_and_16_bits():
    eight, sixteen = (read_image(CASES / f"tif_minwhite{bits}.tif") for bits in (8, 16))
    assert np.abs(eight - sixteen).max() < 1 / 255
    assert (
        np.abs(eight - (1 - read_image(CASES / "gray.png"))).max() < 1 / 255
        or np.abs(eight - read_image(CASES / "gray.png")).max() < 1 / 255
    )


def test_transparent_images_are_refused_and_an_opaque_alpha_is_accepted(tmp_path):
    with pytest.raises(BadValue, match="transparent in 1% of its pixels; say what lies behind it"):
        read_image(CASES / "gray_trns.png")
    assert read_image(CASES / "rgba_opaque.png").shape == (48, 64, 3)
    rgba = np.asarray(Image.open(CASES / "rgba_opaque.png")).copy()
    rgba[0, 0, 3] = 254
    for name in ("a.png", "a.tif"):
        Image.fromarray(rgba).save(tmp_path / name)
        with pytest.raises(BadValue, match="transparent"):
            read_image(tmp_path / name)


def test_the_advice_for_unsupported_image_modes_works(tmp_path):
    path = tmp_path / "print.jpg"
    Image.new("CMYK", (20, 20), (10, 20, 30, 40)).save(path)
    with pytest.raises(BadValue, match=r"of mode CMYK.*convert\('RGB'\)"):
        read_image(path)
    with Image.open(path) as image:
        image.convert("RGB").save(tmp_path / "rgb.png")
    assert read_image(tmp_path / "rgb.png").std() < 0.5
    low = np.linspace(-3, 5, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(low).save(tmp_path / "f.tif")
    with pytest.raises(BadValue, match="floats from -3 to 5; .*: subtract -3, divide by 8"):
        read_image(tmp_path / "f.tif")
    Image.fromarray((low + 3) / 8).save(tmp_path / "f.tif")
    assert read_image(tmp_path / "f.tif").max() == 1


def test_a_file_with_several_pages_requires_a_page_number(tmp_path):
    pages = [Image.fromarray(np.full((9, 9), 10 * i, np.uint8)) for i in range(4)]
    for name in ("stack.tif", "moving.gif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
        with pytest.raises(BadValue, match=r"has 4 pages; name one: --set page=0, the last is 3"):
            read_image(tmp_path / name)
        assert read_image(tmp_path / name, page=2).mean() == pytest.approx(20 / 255, abs=2e-3)
        with pytest.raises(BadValue, match="there is no page 4"):
            read_image(tmp_path / name, page=4)


def test_an_image_of_one_pixel_is_refused(registry, tmp_path):
    task = registry.task("photo")
    signal = task.register_file(CASES / "one.png")
    with pytest.raises(BadValue, match="1x1 pixels is too small"):
        task.problem(signal, task.protocol("quick"), 0)


def test_low_contrast_is_noted_with_the_psnr_of_a_constant():
    image = (0.1 + 0.05 * np.random.default_rng(0).random((32, 32, 1))).astype(np.float32)
    (note,) = contrast_note(image)
    assert "of [0, 1], and PSNR takes 1 for the peak: a constant has 36.8 dB" in note or "a constant has 36.9 dB" in note
    assert "every PSNR is 26.0 dB lower" in note or "every PSNR is 26.1 dB lower" in note
    assert contrast_note(read_image(CASES / "gray.png")) == ()


def test_the_rotation_of_a_video_is_applied():
    assert video_shape(CASES / "v_rot90.mp4") == (96, 64)
    assert read_video(CASES / "v_rot90.mp4", 3, None).shape == (3, 96, 64, 3)


def test_a_ten_bit_video_agrees_with_ffmpeg():
    """The expected mean and pixel of the first frame come from the ffmpeg command with -pix_fmt rgb24."""
    frame = read_video(CASES / "v_10bit.mp4", 3, None)[0]
    assert frame.mean() == pytest.approx(80.474, abs=0.05)
    assert frame[5, 7].tolist() == [45, 0, 27]


def test_unusable_videos_are_refused_with_a_reason_and_advice():
    with pytest.raises(BadValue, match="v_resize.mp4 changes its size at frame 8, to 64x96; cut it before that"):
        read_video(CASES / "v_resize.mp4", 20, None)
    assert read_video(CASES / "v_resize.mp4", 8, None).shape[0] == 8
    with pytest.raises(BadValue, match=r"has 2 frame\(s\), but a video needs at least 3"):
        read_video(CASES / "v_2frames.mp4", 31, None)


def test_a_wav_file_without_a_length_is_read_to_the_end():
    clip = read_wav(CASES / "w_stream_0.wav")
    assert (len(clip.samples), clip.rate, clip.notes) == (16000, 16000, ())


def test_a_wav_header_with_too_short_a_length_is_noted():
    clip = read_wav(CASES / "w_size_short.wav")
    assert len(clip.samples) == 4000
    assert clip.notes == ("its header states 8000 bytes of samples; the 24000 bytes after them are not a chunk",)


def test_cancelling_channels_are_refused_unless_one_is_selected():
    with pytest.raises(BadValue, match="its 2 channels cancel each other.*--set channel=0"):
        read_wav(CASES / "w_antiphase.wav")
    assert np.abs(read_wav(CASES / "w_antiphase.wav", channel=0).samples).max() > 0.5
    with pytest.raises(BadValue, match="there is no channel 2"):
        read_wav(CASES / "w_antiphase.wav", channel=2)


def test_each_body_of_a_mesh_is_oriented_outwards_separately():
    mesh = read_mesh(CASES / "m_two_one_inverted.off")
    assert mesh.notes == ("1 of its 2 bodies were turned inside out",)
    middles = np.array([part.mean(axis=0) for part in (mesh.vertices[:8], mesh.vertices[8:])])
    assert is_inside(mesh, middles).all()


def test_a_body_nested_inside_another_is_left_out():
    mesh = read_mesh(CASES / "m_nested_same.off")
    assert (len(mesh.faces), mesh.notes) == (
        12,
        ("1 of its 2 bodies lie inside another and were left out: the solid is the same",),
    )


def test_a_hollow_solid_keeps_its_inner_surface(tmp_path):
    import trimesh

    outer, inner = trimesh.creation.box((2, 2, 2)), trimesh.creation.box((1, 1, 1))
    inner.invert()
    trimesh.util.concatenate([outer, inner]).export(tmp_path / "hollow.off")
    mesh = read_mesh(tmp_path / "hollow.off")
    assert (len(mesh.faces), mesh.notes) == (24, ())
    assert is_inside(mesh, np.array([[0.0, 0, 0], [0.75, 0, 0]])).tolist() == [False, True]


@pytest.mark.parametrize(("name", "note"), [
    ("m_dup_1.off", "1 faces that are there twice were kept once"),
    ("m_noise1e-7.stl", "corners within 1e-06 of its longest side were taken for one"),
])  # fmt: skip
def test_small_mesh_faults_are_repaired_and_noted(name, note):
    mesh = read_mesh(CASES / name)
    assert (len(mesh.faces), mesh.notes) == (1280, (note,))


@pytest.mark.parametrize(("name", "why"), [
    ("m_tristrips.ply", "it contains strips of triangles"), ("m_bin_mixed.ply", "its binary faces are not all triangles"),
])  # fmt: skip
def test_unsupported_ply_contents_are_refused_by_name(name, why):
    with pytest.raises(BadValue, match=why):
        read_mesh(CASES / name)


def test_an_upper_case_file_extension_is_accepted():
    assert len(read_mesh(CASES / "m_up.PLY.GZ").faces) == 1280


def test_notes_on_a_file_are_passed_to_the_problem(registry, tmp_path):
    audio, shapes = registry.task("audio"), registry.task("occupancy")
    clip = audio.register_file(CASES / "w_size_short.wav")
    assert audio.problem(clip, audio.protocol("quick"), 0).notes[0].startswith("its header states")
    solid = shapes.register_file(CASES / "m_dup_1.off")
    assert shapes.problem(solid, shapes.protocol("quick", {"resolution": "12"}), 0).notes == (
        "1 faces that are there twice were kept once",
    )
