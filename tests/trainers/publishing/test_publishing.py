"""The data set as one thing: its card, Croissant, shards of a size, and the push to the Hub."""

import dataclasses
import json

import numpy as np
import pytest

from export_dataset import main
from tests.pair_builders import a_frame_picture, pixels, rewrite_records, two_scenes
from warpset.trainers.publishing.card import size_category

LICENSED = {"source": "vggt", "revision": "abc|1", "plan": "", "licence": "for research only"}


def export(tmp_path, layout, *flags) -> int:
    paths = ["--output-dir", str(tmp_path / "output"), "--dataset-dir", str(tmp_path / "set")]
    return main(["--format", layout, *paths, "--prompt", "fix it", "--quiet", *flags])


def front_matter(tmp_path) -> dict:
    yaml = pytest.importorskip("yaml")
    _, text, _ = (tmp_path / "set" / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(text)


@pytest.fixture
def output(tmp_path):
    return two_scenes(tmp_path)


def test_the_card_says_licence_size_task_and_provenance(tmp_path, output):
    assert export(tmp_path, "hf", "--photo-licence", "cc-by-4.0") == 0
    told = front_matter(tmp_path)
    assert told["license"] == "cc-by-4.0" and told["size_categories"] == ["n<1K"]
    assert told["task_categories"] == ["image-to-image"]
    assert told["configs"][0]["data_files"] == [{"split": "train", "path": "train/**"}]
    assert "## Provenance" in (tmp_path / "set" / "README.md").read_text()


def test_a_network_with_terms_of_its_own_makes_the_licence_another(tmp_path, output):
    rewrite_records(output / "room", lambda r: dataclasses.replace(r, geometry=LICENSED))
    assert export(tmp_path, "hf", "--photo-licence", "cc0-1.0") == 0
    assert front_matter(tmp_path)["license"] == "other"
    card = (tmp_path / "set" / "README.md").read_text()
    assert "| vggt | abc\\|1 | 8 |" in card and "Photos: cc0-1.0." in card
    assert "- for research only\n" in card


@pytest.mark.parametrize(
    ("count", "word"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M")]
)
def test_sizes_have_the_hubs_words(count, word):
    assert size_category(count) == word


def test_croissant_describes_the_rows_that_lie_there(tmp_path, output):
    assert export(tmp_path, "hf") == 0
    told = json.loads((tmp_path / "set" / "croissant.json").read_text())
    row = json.loads((tmp_path / "set" / "train" / "metadata.jsonl").read_text().split("\n")[0])
    assert [field["name"] for field in told["recordSet"][0]["field"]] == [*row]
    assert "license" not in told


def test_croissants_own_reader_reads_the_rows(tmp_path, output, monkeypatch):
    mlcroissant = pytest.importorskip("mlcroissant", reason="is in no group")
    assert export(tmp_path, "hf", "--photo-licence", "cc-by-4.0") == 0
    data = mlcroissant.Dataset(str(tmp_path / "set" / "croissant.json"))
    assert not data.metadata.issues.errors
    rows = [*data.records("train")]
    assert len(rows) == 16 and rows[0]["train/prompt"] == b"fix it"


def test_datasets_reads_parquet_shards_of_the_size_asked_for(tmp_path, output):
    datasets = pytest.importorskip("datasets", reason="the group trainers is not installed")
    assert export(tmp_path, "hf", "--shard-mb", "0.003") == 0
    shards = sorted((tmp_path / "set" / "data").glob("train-*.parquet"))
    assert len(shards) > 2
    assert export(tmp_path, "hf", "--shard-mb", "0.003", "--validate") == 0
    told = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    rows = told["train"]
    assert len(rows) == 16 and rows[0]["pair"] == "garden/0" and rows[0]["prompt"] == "fix it"
    assert np.array_equal(np.asarray(rows[0]["target"]), a_frame_picture("garden", 0))
    assert rows[0]["coverage"] == 0.9


def test_a_large_shard_holds_all_and_is_the_same_again(tmp_path, output):
    pytest.importorskip("pyarrow")
    assert export(tmp_path, "hf", "--shard-mb", "10") == 0
    assert [path.name for path in (tmp_path / "set" / "data").iterdir()] == ["train-00000.parquet"]
    first = (tmp_path / "set" / "data" / "train-00000.parquet").read_bytes()
    assert export(tmp_path, "hf", "--shard-mb", "10") == 0
    assert (tmp_path / "set" / "data" / "train-00000.parquet").read_bytes() == first


def test_webdataset_shards_have_the_size_asked_for_and_a_card(tmp_path, output):
    pytest.importorskip("webdataset", reason="the group webdataset is not installed")
    assert export(tmp_path, "webdataset", "--shard-mb", "0.003") == 0
    shards = sorted((tmp_path / "set").glob("train-*.tar"))
    assert len(shards) > 2
    files = front_matter(tmp_path)["configs"][0]["data_files"]
    assert files == [{"split": "train", "path": "train-*.tar"}]


class FakeHub:
    """Stands in for huggingface_hub's `HfApi` at the calls that reach the network."""

    calls: list = []
    refusal: Exception | None = None

    def create_repo(self, repository, **options):
        self.calls.append(("create", repository, options))

    def upload_folder(self, **options):
        if self.refusal:
            raise self.refusal
        self.calls.append(("upload", options["repo_id"], options))


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    monkeypatch.setattr(FakeHub, "calls", [])
    return FakeHub


def test_a_push_makes_the_repository_and_sends_what_belongs_to_it(tmp_path, output, hub):
    assert export(tmp_path, "hf", "--push", "me/pairs", "--private") == 0
    (_, made, how), (_, sent, what) = hub.calls
    assert made == sent == "me/pairs"
    assert how == dict(repo_type="dataset", private=True, exist_ok=True)
    assert what["folder_path"] == str(tmp_path / "set")
    assert ".warpset-export.json" in what["ignore_patterns"]


def test_a_push_that_is_refused_is_one_line_without_the_token(
    tmp_path, output, hub, monkeypatch, capsys
):
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    monkeypatch.setattr(hub, "refusal", OSError("401 for hf_secretsecret"))
    assert export(tmp_path, "hf", "--push", "me/pairs") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "me/pairs: could not be pushed (401 for ...)" in line and "secret" not in line


@pytest.mark.parametrize(
    "flags",
    [
        ["musubi", "--shard-mb", "5"],
        ["musubi", "--push", "a/b"],
        ["hf", "--push", "nobody"],
        ["hf", "--private"],
        ["hf", "--photo-licence", "My Licence"],
        ["hf", "--push", "a/b", "--dry-run"],
    ],
)
def test_flags_without_effect_are_one_line_and_code_2(flags, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        export(tmp_path, *flags)
    assert stop.value.code == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_pictures_of_shards_are_those_of_the_pairs(tmp_path, output):
    pytest.importorskip("pyarrow")
    from warpset.trainers.layouts.hf_parquet import in_shards
    from warpset.trainers.validation import read_rows

    assert export(tmp_path, "hf", "--shard-mb", "0.003") == 0
    rows = read_rows(in_shards(3e3), tmp_path / "set").rows
    seen = {row.name: pixels(row.members["target"].read_bytes()) for row in rows}
    assert np.array_equal(seen["garden/3"], a_frame_picture("garden", 3))
