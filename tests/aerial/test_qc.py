"""Quality pages: what they measure, what they find, and that they need nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from aerial_megadepth import qc
from aerial_megadepth.localization.localized_scene import REPORT, read_localized, read_sparse
from aerial_megadepth.localization.report import LocalizationReport, ModelScale, PhotoResidual
from aerial_megadepth.quality.measures import measure_scene
from aerial_megadepth.quality.page import findings, scene_page
from tests.aerial.aerial_builders import tear
from tests.aerial.chain_builders import a_localized_scene, row_of_shots
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap

A_REPORT = LocalizationReport(
    aerial=["0.jpg", "1.jpg"],
    aerial_given=2,
    photos=["2.jpg", "3.jpg", "4.jpg"],
    photos_given=4,
    photos_listed=5,
    drift_m=2e-7,
    is_aligned=False,
    reprojection_px=0.6,
    points=200,
    scales=[ModelScale(3, 2.7, 0.01), None],
)


RESIDUALS = [
    PhotoResidual("2.jpg", True, 0.4, 0.01, 0.001, 0.1),
    PhotoResidual("3.jpg", True, 0.5, None, None, None),
    PhotoResidual("7.jpg", False, None, 7.6, 0.5, 21.0),
]


def test_residuals_stand_on_the_page_photo_by_photo_and_false_poses_among_the_findings(tmp_path):
    quality = measured(a_localized_scene(tmp_path / "data"))
    report = replace(A_REPORT, residuals=RESIDUALS)
    found = findings(quality, report)
    assert found == [
        "3.jpg: too few photos of its MegaDepth model to check it by",
        "7.jpg: dropped, 7.60 m and 21.0 degrees off its MegaDepth model",
    ]
    page = scene_page("0001", quality, report, [])
    assert "<td>7.jpg</td><td>-</td><td>7.60 m</td><td>50.00%</td><td>21.00 deg</td>" in page
    assert "<td>dropped</td>" in page


def test_a_sparse_model_that_lacks_a_point_is_one_line(tmp_path):
    localized = a_localized_scene(tmp_path / "data")
    points = localized / "sparse-txt" / "points3D.txt"
    points.write_text("\n".join(points.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(InputError, match="lacks 1 points that"):
        read_sparse(localized)


def run(tmp_path, *flags) -> int:
    folders = ["--megadepth_aerial_dir", str(tmp_path / "data"), "--output_dir"]
    return qc.main([*folders, str(tmp_path / "qc"), *flags])


def measured(localized, spoil=lambda depth: depth):
    frames = read_localized(localized, []).frames
    views = []
    for n, frame in enumerate(frames):
        seen = frame.load_depth()
        depth = spoil(seen.depth) if n == 0 else seen.depth
        views.append((frame, DepthMap(depth, None, seen.camera)))
    return measure_scene(read_sparse(localized), views)


def test_true_depth_and_cameras_measure_as_such(tmp_path):
    quality = measured(a_localized_scene(tmp_path / "data"))
    assert len(quality.views) == 5 and len(quality.xyz_world) == 200
    for view in quality.views:
        assert view.points > 40 and view.known == 1.0
        assert view.reprojection_px == pytest.approx(0, abs=1e-6)
        assert view.sparse_error is not None and view.sparse_error < 0.005
        assert view.agreement is not None and view.agreement < 0.005
        assert view.agreeing is not None and view.agreeing > 0.95
    assert findings(quality, A_REPORT) == []


def test_depth_that_is_three_per_cent_off_is_found(tmp_path):
    quality = measured(a_localized_scene(tmp_path / "data"), lambda depth: 1.03 * depth)
    assert quality.views[0].sparse_error == pytest.approx(0.03, abs=0.005)
    assert quality.views[0].agreement == pytest.approx(0.03, abs=0.006)
    noted = findings(quality, A_REPORT)
    assert len(noted) == 1 and "0.jpg: depth is 3" in noted[0]


def test_few_photos_and_drift_are_found(tmp_path):
    quality = measured(a_localized_scene(tmp_path / "data"))
    noted = findings(quality, replace(A_REPORT, photos_given=9, drift_m=0.02))
    assert [line.split(" ")[0] for line in noted] == ["only", "aerial"]


class Names(HTMLParser):
    """Tags of a page and the addresses they load."""

    def __init__(self):
        super().__init__()
        self.tags, self.addresses = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def test_a_page_holds_everything_and_loads_nothing(tmp_path):
    localized = a_localized_scene(tmp_path / "data")
    A_REPORT.write(localized.parent / REPORT)
    assert run(tmp_path, "--quiet") == 0
    text = (tmp_path / "qc" / "0001" / "index.html").read_text(encoding="utf-8")
    names = Names()
    names.feed(text)
    assert names.tags.count("svg") == 1 and names.tags.count("img") == 5
    assert all(address.startswith("data:image/jpeg;base64,") for address in names.addresses)
    assert not re.search(r"https?://|<script|url\(", text)
    assert "3 of 4 (75%)" in text and "2.7000 m, 0.010 m apart" in text
    assert text.count("<td>aerial</td>") == 2 and text.count("<td>photo</td>") == 3
    assert text.count('fill="#c00"') == 2 and text.count('fill="#06c"') == 3


def test_names_cannot_break_out_of_the_page(tmp_path):
    shots = row_of_shots(count=2)
    shots[0] = shots[0]._replace(name="<img>&'.jpg")
    localized = a_localized_scene(tmp_path / "data", "0001", shots)
    quality = measured(localized)
    page = scene_page("<b>scene", quality, None, [])
    assert "<img" not in page and "<b>" not in page
    assert "&lt;img&gt;&amp;&#x27;.jpg" in page


def test_pictures_are_as_many_as_asked_for(tmp_path):
    a_localized_scene(tmp_path / "data")
    for asked, shown in (("0", 0), ("2", 2), ("24", 5)):
        assert run(tmp_path, "--quiet", "--force_output", "--pictures", asked) == 0
        page = (tmp_path / "qc" / "0001" / "index.html").read_text(encoding="utf-8")
        assert page.count("<img ") == shown


def test_a_picture_that_breaks_off_is_named_and_the_page_goes_without_it(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    tear(localized / "images" / "2.jpg")
    assert run(tmp_path, "--quiet") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "2.jpg: cannot be read as a photo" in line and line.endswith("picture left out")
    page = (tmp_path / "qc" / "0001" / "index.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 4 and page.count("<td>2.jpg</td>") == 1


def test_a_view_without_points_or_depth_is_shown_as_such(tmp_path):
    quality = measured(a_localized_scene(tmp_path / "data"), np.zeros_like)
    assert quality.views[0].known == 0 and quality.views[0].agreement is None
    assert "0.00%" in scene_page("0001", quality, None, [])


def test_broken_inputs_are_one_line_each(tmp_path, capsys):
    localized = a_localized_scene(tmp_path / "data")
    (localized.parent / REPORT).write_text("{}")
    assert run(tmp_path, "--quiet") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cannot be read as a report" in error
    (localized.parent / REPORT).unlink()
    (localized / "depths" / "3.h5").write_bytes(b"broken")
    assert run(tmp_path, "--quiet") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "3.h5: depth cannot be read" in error
    assert (tmp_path / "qc" / "0001" / "index.html").is_file()
    with pytest.raises(InputError, match="no readable COLMAP model"):
        read_sparse(tmp_path)
