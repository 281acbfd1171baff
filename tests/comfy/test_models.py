"""The network as ComfyUI manages it: read once, shared by nodes, freed when the server says so."""

import gc

import numpy as np
import pytest
import torch

from tests.comfy.comfy_builders import a_room, an_image, infer, run

pytest_plugins = ["tests.comfy.comfy_fixtures"]


@pytest.fixture
def reads(pack, monkeypatch):
    """The weights that were read so far."""
    models, read = a_room(pack, "comfy_nodes.network.models"), []
    load = models.load

    def noted(files, device):
        read.append(files.path.name)
        return load(files, device)

    monkeypatch.setattr(models, "load", noted)
    return read


def a_model(pack, weights="auto"):
    return run(pack, "VGGT_Load_Model", weights=weights, device="cpu")[0]


def test_the_checkpoint_is_read_once_for_all_images_and_nodes(pack, reads):
    model = a_model(pack)
    first = infer(pack, image_1=an_image(), model=model)
    infer(pack, image_1=an_image(seed=3), model=model)
    run(pack, "VGGT_Warp_Pair", reference=an_image(), target=an_image(seed=1), device="cpu")
    assert reads == ["tiny.pt"]
    assert torch.equal(infer(pack, image_1=an_image())["depth"], first["depth"])


def test_the_server_knows_the_network_and_how_much_room_it_needs(pack, server):
    model = a_model(pack)
    infer(pack, image_1=an_image(), model=model)
    assert server.loaded == [model.patcher] and server.freed[-1] > 0


def test_unloading_frees_the_network_and_what_it_answered(pack, server, reads):
    infer(pack, image_1=an_image())
    server.unload_models()
    gc.collect()
    assert not list(a_room(pack, "comfy_nodes.network.models")._alive)
    infer(pack, image_1=an_image())
    assert reads == ["tiny.pt"] * 2


def test_a_network_that_a_cached_output_holds_is_used_again_without_its_answers(
    pack, server, reads
):
    model = a_model(pack)
    infer(pack, image_1=an_image())
    assert model.predictions
    server.unload_models()
    assert not model.predictions
    infer(pack, image_1=an_image())
    assert reads == ["tiny.pt"] and server.loaded == [model.patcher]


def test_other_weights_take_the_place_of_the_last(pack, server, reads, weights_file):
    infer(pack, image_1=an_image())
    (server.root / "models" / "vggt" / "second.pt").symlink_to(weights_file)
    infer(pack, image_1=an_image(), weights="second.pt")
    gc.collect()
    assert reads == ["tiny.pt", "second.pt"]
    assert len(a_room(pack, "comfy_nodes.network.models")._alive) == 1


def test_transparent_parts_make_no_points(pack):
    mask = torch.zeros(1, 42, 56)
    mask[:, :, 28:] = 1
    whole = infer(pack, image_1=an_image(), boundary_threshold=0)["points"]
    half = infer(pack, image_1=an_image(), masks=mask)["points"]
    assert 0.4 < len(half.xyz_world) / len(whole.xyz_world) < 0.52
    no_alpha = torch.zeros(1, 64, 64)  # what Load Image gives for a file without alpha
    same = infer(pack, image_1=an_image(), masks=no_alpha)["points"]
    np.testing.assert_array_equal(same.xyz_world, whole.xyz_world)


def test_masks_of_other_images_are_refused_in_the_nodes_words(pack):
    with pytest.raises(Exception, match="^masks: found 2, need one for each of 1 images"):
        infer(pack, image_1=an_image(), masks=torch.zeros(2, 42, 56))


def test_a_pairs_holes_are_filled_or_left_black(pack):
    given = {"reference": an_image(), "target": an_image(seed=1), "device": "cpu"}
    filled, *_, hole = run(pack, "VGGT_Warp_Pair", **given, sigma=500.0)
    black, *_ = run(pack, "VGGT_Warp_Pair", **given, sigma=500.0, fill=False)
    assert hole.any() and not black[hole > 0].any() and filled[hole > 0].any()
    assert torch.equal(filled[hole == 0], black[hole == 0])
