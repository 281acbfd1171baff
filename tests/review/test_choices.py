"""Accept and reject lists: read, changed, and what others wrote there kept."""

import pytest

from review import choices
from tests.pair_builders import two_scenes
from tests.review.review_builders import page_data, review

KEYS = ["garden/1", "garden/2", "room/1"]


def test_choices_go_to_their_lists_in_the_order_of_the_pairs(tmp_path):
    changed = {"room/1": "accept", "garden/2": "reject", "garden/1": "accept"}
    choices.change_choices(tmp_path, KEYS, changed)
    comment, *lines = (tmp_path / "accept.txt").read_text().splitlines()
    assert comment.startswith("#") and lines == ["garden/1", "room/1"]
    assert (tmp_path / "reject.txt").read_text().splitlines()[1:] == ["garden/2"]
    assert choices.read_choices(tmp_path, set(KEYS)).by_key == changed


def test_a_choice_can_change_and_be_taken_back(tmp_path):
    choices.change_choices(tmp_path, KEYS, {"room/1": "accept", "garden/2": "reject"})
    choices.change_choices(tmp_path, KEYS, {"room/1": "reject", "garden/2": None})
    assert choices.read_choices(tmp_path, set(KEYS)).by_key == {"room/1": "reject"}


def test_comments_and_other_pairs_stay_in_a_list(tmp_path):
    (tmp_path / "accept.txt").write_text("# seen in June\nattic/7\n\nroom/1\r\n# end\n")
    choices.change_choices(tmp_path, KEYS, {"garden/1": "accept"})
    text = (tmp_path / "accept.txt").read_text()
    assert text == "# seen in June\nattic/7\n\n# end\ngarden/1\nroom/1\n"


def test_a_pair_in_both_lists_is_rejected_as_the_layout_scripts_do(tmp_path):
    for name in ("accept.txt", "reject.txt"):
        (tmp_path / name).write_text("room/1\n")
    assert choices.read_choices(tmp_path, set(KEYS)).by_key == {"room/1": "reject"}


@pytest.mark.parametrize(
    "wrong", [{"room/9": "accept"}, {"room/1": "maybe"}, {"room/1": ["accept"]}]
)
def test_a_choice_of_no_such_pair_or_kind_writes_nothing(tmp_path, wrong):
    with pytest.raises(ValueError, match="need a pair of the page"):
        choices.change_choices(tmp_path, KEYS, {"garden/1": "accept", **wrong})
    assert list(tmp_path.iterdir()) == []


def test_lists_that_are_there_reach_the_page(tmp_path):
    output = two_scenes(tmp_path)
    (output / "accept.txt").write_text("# mine\nroom/1\nattic/1\n")
    assert review(output, "--quiet") == 0
    data = page_data(output)
    assert data["choices"] == {"room/1": "accept"}
    assert data["foreign"]["accept"] == ["# mine", "attic/1"]
