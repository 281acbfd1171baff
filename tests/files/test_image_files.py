"""Picture files are opened by what we take of them, and run nothing."""

import ast
import subprocess
from pathlib import Path

import pytest
from PIL import Image, UnidentifiedImageError

from tests.builders import a_photo
from warpset.core.errors import InputError
from warpset.files.image_files import open_image
from warpset.files.photos import check_photo, read_photo

ROOT = Path(__file__).parents[2]
POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 48\n%%EndComments\n"
    b"newpath 0 0 moveto 64 48 lineto stroke\nshowpage\n%%EOF\n"
)


def python_files() -> list[Path]:
    """The project's own, tests left out."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    else:  # an archive of the project
        paths = [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    return [path for path in paths if (ROOT / "tests") not in path.parents]


def opens_without_formats(code: str) -> list[int]:
    """Lines that open a picture by whatever Pillow knows."""
    calls = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call))
    return [
        call.lineno
        for call in calls
        if ast.unparse(call.func).endswith("Image.open")
        and "formats" not in {keyword.arg for keyword in call.keywords}
    ]


def test_every_picture_is_opened_by_a_list_of_formats():
    assert opens_without_formats("PIL.Image.open(path)") == [1]
    files = python_files()
    assert len(files) > 100
    for path in files:
        assert not opens_without_formats(path.read_text(encoding="utf-8")), path


def test_postscript_named_as_a_photo_is_refused(tmp_path):
    photo = tmp_path / "02.jpg"
    photo.write_bytes(POSTSCRIPT)
    for read in (check_photo, read_photo):
        with pytest.raises(InputError, match="02.jpg: cannot be read as a photo .not an image"):
            read(photo)


@pytest.mark.parametrize("extension", ["jpg", "png", "bmp", "tif", "heic", "webp", "avif"])
def test_the_formats_that_we_take_are_opened_under_any_name(tmp_path, extension):
    path = tmp_path / f"a.{extension}"
    Image.fromarray(a_photo()).save(path)
    with open_image(path.rename(tmp_path / "a.jpg")) as image:
        assert image.size == (64, 48)


@pytest.mark.parametrize("extension", ["gif", "tga", "psd", "ico", "pcx"])
def test_other_formats_are_not(tmp_path, extension):
    path = tmp_path / "a.jpg"
    if extension == "psd":
        path.write_bytes(b"8BPS\0\1" + bytes(60))
    else:
        Image.fromarray(a_photo()).save(path, format=extension)
    with pytest.raises(UnidentifiedImageError):
        open_image(path)
