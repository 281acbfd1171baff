"""The order in which people count."""

from warpset.core.natural_order import natural_key, sorted_naturally


def test_names_sort_as_people_count(tmp_path):
    names = ["10.jpg", "2.jpg", "1.jpg", "a10", "a9", "9a"]
    assert sorted(names, key=natural_key) == ["1.jpg", "2.jpg", "9a", "10.jpg", "a9", "a10"]
    paths = [tmp_path / "b2" / "1", tmp_path / "b10" / "1", tmp_path / "b2" / "10"]
    assert sorted_naturally(reversed(paths)) == [paths[0], paths[2], paths[1]]


def test_names_that_count_the_same_keep_one_order():
    assert sorted(["01.png", "1.png"], key=natural_key) == sorted(
        ["1.png", "01.png"], key=natural_key
    )
