"""preprocess_megadepth: a miniature in MegaDepth's layout becomes views, good and bad."""

import cv2
import numpy as np
import OpenEXR
import pycolmap
import pytest

from aerial_megadepth import preprocess_megadepth
from aerial_megadepth.megadepth.image_list import write_image_list
from aerial_megadepth.megadepth.published import undistorted_camera
from aerial_megadepth.scenes import door
from aerial_megadepth.scenes.view_files import read_view
from tests.aerial.aerial_builders import MegaPhoto, a_megadepth
from tests.builders import SHARED_DATA
from warpset.core.cameras import integer_center_K
from warpset.core.errors import InputError
from warpset.core.lens import Lens
from warpset.files.photos import read_photo

PUBLISHED = SHARED_DATA / "aerial" / "megadepth_image_list.npz"


def ordinal_depth(shape_hw):
    """Nothing but what is in front (-1) of what (-2)."""
    depth = np.zeros(shape_hw)
    depth[:10], depth[-10:] = -2, -1
    return depth


def a_ramp(shape_hw):
    return np.linspace(1, 20, shape_hw[0] * shape_hw[1]).reshape(shape_hw)


def make(root, *flags, quiet=True):
    """Run the step on a miniature."""
    arguments = ["--megadepth_dir", str(root), "--output_dir", str(root / "out"), *flags]
    return preprocess_megadepth.main([*arguments, "--quiet"] if quiet else arguments)


@pytest.fixture
def in_processes():
    """Asked for by the test that needs scenes in processes of their own."""


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch, request):
    """Scenes are isolated from crashes; one test sees to that, the others need no seconds of it."""
    if "in_processes" in request.fixturenames:
        return
    run_scenes = door.run_scenes

    def in_this_process(*arguments, isolated, **options):
        assert isolated
        return run_scenes(*arguments, **options)

    monkeypatch.setattr(door, "run_scenes", in_this_process)


def test_a_landscape_photo_is_written_as_the_issue_says(tmp_path):
    a_megadepth(tmp_path, [MegaPhoto("a_o.jpg")])
    assert make(tmp_path) == 0
    folder = tmp_path / "out/0001/0"
    with np.load(folder / "a_o.jpg.npz") as arrays:
        K, cam2world = arrays["intrinsics"], arrays["cam2world"]
    np.testing.assert_allclose(K[:2, 2], [449.0, 299.5], atol=1e-9)
    focal = 1.1 * 1600 * 600 / 1067
    np.testing.assert_allclose(np.diag(K), [focal, focal, 1], rtol=1e-9)
    expected = np.eye(4)
    expected[0, 3] = 1
    np.testing.assert_allclose(cam2world, expected, atol=1e-12)
    assert read_photo(folder / "a_o.jpg.jpg").shape == (600, 899, 3)
    with OpenEXR.File(str(folder / "a_o.jpg.exr"), separate_channels=True) as exr:
        np.testing.assert_array_equal(exr.channels()["Y"].pixels, np.full((600, 899), 5.0))


def test_a_portrait_photo_covers_600x800(tmp_path):
    a_megadepth(tmp_path, [MegaPhoto("p.jpg", (1067, 1600), (1067, 1600))])
    make(tmp_path)
    view = read_view(tmp_path / "out/0001/0", "p.jpg")
    assert view.camera.size_wh == (600, 899)
    np.testing.assert_allclose(integer_center_K(view.camera.K)[:2, 2], [299.5, 449.0])


def test_a_small_photo_is_not_enlarged(tmp_path):
    a_megadepth(tmp_path, [MegaPhoto("s.jpg", (640, 480), (640, 480), depth=a_ramp)])
    make(tmp_path)
    view = read_view(tmp_path / "out/0001/0", "s.jpg")
    assert view.camera.size_wh == (640, 480)
    np.testing.assert_array_equal(view.depth, a_ramp((480, 640)).astype(np.float32))


def test_ordinal_depth_is_left_out_and_counted(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg"), MegaPhoto("o.jpg", depth=ordinal_depth)])
    assert make(tmp_path, quiet=False) == 0
    assert "1 views, 1 photos with ordinal depth left out" in capsys.readouterr().err
    assert not (tmp_path / "out/0001/0/o.jpg.jpg").exists()


def test_holes_in_the_depth_stay_unknown(tmp_path):
    def holes(shape_hw):
        depth = np.full(shape_hw, 3.0)
        depth[: shape_hw[0] // 2], depth[-1] = 0, np.nan
        return depth

    a_megadepth(tmp_path, [MegaPhoto("h.jpg", (640, 480), (640, 480), depth=holes)])
    make(tmp_path)
    depth = read_view(tmp_path / "out/0001/0", "h.jpg").depth
    assert not depth[:240].any() and (depth[240:-1] == 3).all() and not depth[-1].any()


@pytest.mark.parametrize("k", [-0.08, 0.05, 1e-7, 1e-9, 0.0])
def test_intrinsics_of_an_undistorted_photo_are_those_of_colmaps_undistortion(k):
    taken = pycolmap.Camera(
        model="SIMPLE_RADIAL", width=1632, height=1088, params=[1500.0, 816.0, 544.0, k]
    )
    undistorted = pycolmap.undistort_camera(pycolmap.UndistortCameraOptions(), taken)
    half_wh = (undistorted.width // 2, undistorted.height // 2)
    lens = Lens("SIMPLE_RADIAL", (1500.0, 816.0, 544.0, k), (1632, 1088))
    camera = undistorted_camera(lens, np.eye(4), half_wh)
    np.testing.assert_allclose(camera.K[0, 0], 1500 * half_wh[0] / undistorted.width)
    np.testing.assert_allclose(camera.K[:2, 2], [half_wh[0] / 2, half_wh[1] / 2])
    centers = np.array([[1500.0, 0, 815.5], [0, 1500, 543.5], [0, 0, 1]])
    by_opencv = cv2.getOptimalNewCameraMatrix(
        centers, np.array([k, 0, 0, 0]), (1632, 1088), 0, half_wh, centerPrincipalPoint=True
    )[0]
    np.testing.assert_allclose(integer_center_K(camera.K), by_opencv, rtol=2e-3)


def test_a_distorted_photo_shows_its_points_where_its_new_camera_says(tmp_path):
    k, (width, height) = -0.12, (900, 600)
    lens = Lens("SIMPLE_RADIAL", (990.0, 450.0, 300.0, k), (width, height))
    taken = pycolmap.Camera(model="SIMPLE_RADIAL", width=width, height=height, params=lens.params)
    ray = np.array([0.3, 0.2, 1.0])
    seen = taken.img_from_cam(ray[None])[0]
    photo = np.zeros((height, width, 3), np.uint8)
    cv2.circle(photo, np.rint(seen * 16 - 8).astype(int).tolist(), 6 * 16, (255,) * 3, -1, shift=4)
    bitmap, flat = pycolmap.undistort_image(
        pycolmap.UndistortCameraOptions(), pycolmap.Bitmap.from_array(photo), taken
    )
    camera = undistorted_camera(lens, np.eye(4), (flat.width, flat.height))
    gray = bitmap.to_array()[..., 0].astype(float)
    x, y = (np.average(grid, weights=gray) + 0.5 for grid in np.indices(gray.shape)[::-1])
    np.testing.assert_allclose((camera.K @ ray)[:2], [x, y], atol=0.3)


def test_a_photo_of_another_shape_is_named(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg"), MegaPhoto("b.jpg", size_wh=(800, 800))])
    assert make(tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "b.jpg: found 800x800 pixels, but its camera without distortion has 1600x1067" in line


def test_depth_of_another_size_but_the_same_shape_is_taken(tmp_path):
    photo = MegaPhoto("a.jpg", (1600, 1200), (1600, 1200), lambda hw: np.full((600, 800), 4.0))
    a_megadepth(tmp_path, [photo])
    assert make(tmp_path) == 0
    np.testing.assert_array_equal(read_view(tmp_path / "out/0001/0", "a.jpg").depth, 4.0)


@pytest.mark.parametrize(
    ("photo", "said"),
    [
        (MegaPhoto("b.jpg", depth="no HDF5 at all"), "depth cannot be read"),
        (MegaPhoto("b.jpg", depth=None), "depth file is missing"),
        (MegaPhoto("b.jpg", depth=lambda hw: np.ones((10, 20, 30))), "found float32 of"),
        (MegaPhoto("b.jpg", depth=lambda hw: np.ones((100, 100))), "but depth of 100x100"),
    ],
)
def test_bad_depth_is_one_line_and_costs_one_photo(tmp_path, capsys, photo, said):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg"), photo])
    for _ in range(2):
        assert make(tmp_path) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("0001/0: ") and said in line
    names = {path.name for path in (tmp_path / "out/0001/0").iterdir()}
    assert names == {"a.jpg.jpg", "a.jpg.exr", "a.jpg.npz", ".step.json"}


def test_a_mended_file_is_taken_with_the_next_run(tmp_path):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", depth="broken")])
    dense = tmp_path / "phoenix/S6/zl548/MegaDepth_v1/0001/dense0"
    assert make(tmp_path) == 1
    MegaPhoto("a.jpg").write(dense, seed=1)
    assert make(tmp_path) == 0


def test_a_broken_photo_is_one_line(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg"), MegaPhoto("b.jpg")])
    photo = tmp_path / "phoenix/S6/zl548/MegaDepth_v1/0001/dense0/imgs/b.jpg"
    photo.write_bytes(photo.read_bytes()[:500])
    assert make(tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "b.jpg: cannot be read as a photo" in line


def test_the_image_list_chooses_photos_and_scenes(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg"), MegaPhoto("b.jpg")])
    a_megadepth(tmp_path, [MegaPhoto("c.jpg")], scene="0002")
    a_megadepth(tmp_path, [MegaPhoto("d.jpg")], scene="0002", k="1")
    write_image_list(tmp_path / "list.json", {("0001", "0"): ["b.jpg"], ("0002", "1"): ["d.jpg"]})
    assert make(tmp_path, "--megadepth_image_list", str(tmp_path / "list.json")) == 0
    made = {
        path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.glob("out/*/*/*.jpg")
    }
    assert made == {"0001/0/b.jpg.jpg", "0002/1/d.jpg.jpg"}
    assert make(tmp_path) == 0
    assert len(list(tmp_path.glob("out/*/*/*.jpg"))) == 4


def test_a_listed_photo_that_the_model_lacks_is_named(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg")])
    write_image_list(tmp_path / "list.json", {("0001", "0"): ["a.jpg", "x.jpg"]})
    assert make(tmp_path, "--megadepth_image_list", str(tmp_path / "list.json")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "x.jpg: is not in" in line


def test_a_scene_that_is_not_listed_is_one_line(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg")])
    write_image_list(tmp_path / "list.json", {("0001", "0"): ["a.jpg"]})
    (tmp_path / "scenes.txt").write_text("0001\n0099\n")
    flags = ["--megadepth_image_list", str(tmp_path / "list.json")]
    assert make(tmp_path, *flags, "--scene_list", str(tmp_path / "scenes.txt")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "scenes.txt: 2 scenes listed, 1 of them in" in line and line.endswith("not there: 0099")
    assert (tmp_path / "out/0001/0/a.jpg.npz").exists()


def test_a_scene_with_ordinal_depth_only_is_one_line(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("o.jpg", depth=ordinal_depth)])
    assert make(tmp_path) == 1
    assert "found no photo with depth among 1, 1 of them with ordinal" in capsys.readouterr().err


def test_a_camera_larger_than_any_photo_is_one_line(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", (64, 48), (64, 48))])
    cameras = tmp_path / "MegaDepth_v1_SfM/0001/sparse/manhattan/0/cameras.txt"
    cameras.write_text(cameras.read_text().replace(" 65 ", f" {2**31} "))
    assert make(tmp_path) == 1
    assert f"a.jpg: its camera has {2**31}x" in capsys.readouterr().err


def test_a_photo_with_depth_that_the_model_does_not_know_is_named(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg"), MegaPhoto("b.jpg")])
    images = tmp_path / "MegaDepth_v1_SfM/0001/sparse/manhattan/0/images.txt"
    images.write_text(images.read_text().replace("2 1 0 0 0", "# 2 1 0 0 0"))
    assert make(tmp_path) == 1
    assert "b.jpg: is not in" in capsys.readouterr().err
    assert (tmp_path / "out/0001/0/a.jpg.npz").exists()


@pytest.mark.parametrize("content", ["nonsense\n", "1 SIMPLE_RADIAL 10\n", ""])
@pytest.mark.parametrize("name", ["cameras.txt", "images.txt"])
def test_a_broken_model_is_one_line(tmp_path, capfd, content, name):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", (64, 48), (64, 48))])
    (tmp_path / "MegaDepth_v1_SfM/0001/sparse/manhattan/0" / name).write_text(content)
    assert make(tmp_path) == 1
    assert len(capfd.readouterr().err.splitlines()) == 1


def test_the_folder_of_models_stands_for_both(tmp_path):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", (64, 48), (64, 48))])
    out = ["--output_dir", str(tmp_path / "out"), "--quiet"]
    flags = ["--megadepth_dir", str(tmp_path / "MegaDepth_v1_SfM"), *out]
    assert preprocess_megadepth.main(flags) == 0
    assert (tmp_path / "out/0001/0/a.jpg.npz").exists()


def test_a_folder_that_is_no_megadepth_is_one_line(tmp_path, capsys):
    assert make(tmp_path) == 1
    assert "found no MegaDepth_v1_SfM" in capsys.readouterr().err


def test_the_same_photos_give_the_same_bytes(tmp_path):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", depth=a_ramp)])
    make(tmp_path)
    folder = tmp_path / "out/0001/0"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make(tmp_path, "--force_output")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_each_scene_has_its_own_process(tmp_path, monkeypatch, in_processes):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", (64, 48), (64, 48))])

    def here(*_):
        raise AssertionError("made in this process")

    monkeypatch.setattr(preprocess_megadepth.PreprocessMegaDepth, "make", here)
    assert make(tmp_path) == 0


def test_a_photo_name_of_the_model_that_leaves_its_folder_is_refused(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", (64, 48), (64, 48))])
    images = tmp_path / "MegaDepth_v1_SfM/0001/sparse/manhattan/0/images.txt"
    images.write_text(images.read_text() + "2 1 0 0 0 0 0 0 1 ../../a.jpg\n\n")
    assert make(tmp_path) == 1
    assert "refused the photo name '../../a.jpg'" in capsys.readouterr().err


def test_wrong_aspect_is_told_apart_from_rounding():
    lens = Lens("SIMPLE_RADIAL", (1000.0, 500.0, 333.5, 0.0), (1000, 667))
    undistorted_camera(lens, np.eye(4), (333, 222))
    with pytest.raises(InputError):
        undistorted_camera(lens, np.eye(4), (667, 1000))


def test_names_of_the_published_list_can_all_be_written(tmp_path):
    if not PUBLISHED.exists():
        pytest.skip("the published image list is not here")
    a_megadepth(tmp_path, [MegaPhoto("211699069_41382fa64a_o.jpg", (64, 48), (64, 48))])
    (tmp_path / "scenes.txt").write_text("0001\n")
    flags = ["--megadepth_image_list", str(PUBLISHED)]
    assert make(tmp_path, *flags, "--scene_list", str(tmp_path / "scenes.txt")) == 1
    assert (tmp_path / "out/0001/0/211699069_41382fa64a_o.jpg.jpg").exists()


def test_colour_is_antialiased(tmp_path):
    stripes = np.zeros((1200, 1600, 3), np.uint8)
    stripes[:, ::2] = 255
    photo = MegaPhoto("a.png", (1600, 1200), (1600, 1200))
    a_megadepth(tmp_path, [photo])
    dense = tmp_path / "phoenix/S6/zl548/MegaDepth_v1/0001/dense0/imgs/a.png"
    cv2.imwrite(str(dense), stripes)
    make(tmp_path)
    inner = read_view(tmp_path / "out/0001/0", "a.png").rgb[10:-10, 10:-10]
    assert np.abs(inner.astype(int) - 127).max() < 12


def test_a_photo_name_that_is_no_text_is_one_line(tmp_path, capsys):
    a_megadepth(tmp_path, [MegaPhoto("a.jpg", (320, 213), (320, 213))])
    (images,) = tmp_path.rglob("images.txt")
    images.write_bytes(images.read_bytes().replace(b"a.jpg", b"\xe2.jpg"))
    places = ["--megadepth_dir", str(tmp_path), "--output_dir", str(tmp_path / "out"), "--quiet"]
    assert preprocess_megadepth.main(places) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no readable COLMAP model" in line and "failed" not in line
