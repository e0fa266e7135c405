"""Rooms as drawn: inside the limits asked, positions inside the room, sight lines as a second method sees them."""

import numpy as np
import pytest

from percepkit.synth.room_bank import RoomBank
from percepkit.synth.room_geometry import draw_geometry, in_sight, wall_clearance

L_SHAPE = np.array([[0.0, 0.0], [6, 0], [6, 2], [3, 2], [3, 5], [0, 5]])


def bank(**changes):
    return RoomBank.model_validate({"rooms": 3, "sample_rate": 16000, "seed": 5, "rt60_seconds": 0.3} | changes)


def polygons(**changes):
    return bank(method="hybrid", shape="polygon", **changes)


def inside_area(points, corners, depth):
    """Winding number, and the distance to densely sampled walls: neither is how the module does it."""
    angles = np.unwrap(np.arctan2(*(np.append(corners, corners[:1], axis=0) - points[:, None]).T[::-1]), axis=0)
    inside = np.abs(angles[-1] - angles[0]) > 3
    t = np.linspace(0, 1, 400)[:, None]
    sides = zip(corners, np.roll(corners, -1, axis=0), strict=True)
    walls = np.concatenate([a + t * (b - a) for a, b in sides]) if depth else corners
    far = np.linalg.norm(points[:, None] - walls, axis=2).min(axis=1) >= depth - 1e-9
    return inside & far


def test_rooms_keep_to_what_was_asked():
    asked = bank(rooms=200, sources_per_room=3, wall_distance_m=0.7, rt60_seconds={"uniform": [0.15, 0.3]})
    for room in range(100):
        drawn = draw_geometry(asked, room)
        assert np.all(drawn.size_m >= [3, 3, 2.4])
        assert np.all(drawn.size_m <= [8, 6, 3.5])
        assert drawn.volume_m3 == pytest.approx(drawn.size_m.prod())
        assert drawn.sees.all()
        for position in (drawn.microphone_m, *drawn.sources_m):
            assert np.all(position >= 0.7)
            assert np.all(position <= drawn.size_m - 0.7)
        distances = np.linalg.norm(drawn.sources_m - drawn.microphone_m, axis=1)
        assert np.all((distances >= 0.5) & (distances <= 3))
        assert 0.15 <= drawn.rt60_seconds <= 0.3
        assert len({tuple(source) for source in drawn.sources_m}) == 3


def test_polygons_keep_to_what_was_asked():
    asked, shapes = polygons(length_m={"uniform": [4, 9]}, sources_per_room=4), []
    for room in range(60):
        drawn = draw_geometry(asked, room)
        shapes.append((drawn.shape, len(drawn.corners_m)))
        positions = np.array([drawn.microphone_m, *drawn.sources_m])
        assert inside_area(positions[:, :2], drawn.corners_m, 0.5).all()
        assert np.all((positions[:, 2] >= 0.5) & (positions[:, 2] <= drawn.size_m[2] - 0.5))
        assert np.ptp(drawn.corners_m, axis=0) == pytest.approx(drawn.size_m[:2])
        assert 0 < drawn.volume_m3 < drawn.size_m.prod()
        assert drawn.sees[0]
    assert {corners for shape, corners in shapes if shape == "l_shaped"} == {6}
    assert {corners for shape, corners in shapes if shape == "convex"} == {5, 6, 7, 8}
    assert 15 < sum(shape == "convex" for shape, _ in shapes) < 45


def test_surfaces_of_a_shoebox():
    drawn = draw_geometry(bank(length_m=5, width_m=4, height_m=3), 0)
    np.testing.assert_allclose(drawn.surfaces_m2, [15, 12, 15, 12, 20, 20])


def test_clearance_and_sight_of_an_l_shaped_room():
    points = np.array([[1.0, 1], [5, 1], [5, 3], [2, 4.5], [3.5, 1.5], [7, 1]])
    np.testing.assert_allclose(wall_clearance(points, L_SHAPE), [1, 1, -1, 0.5, 0.5, -1])
    standing = np.column_stack([points, np.ones(6)])
    seen = in_sight(np.array([1.0, 4, 1]), standing[[0, 1, 3, 4]], L_SHAPE)
    assert seen.tolist() == [True, False, True, True]


def test_sight_agrees_with_walking_along_the_line():
    hidden, asked = 0, polygons(sources_per_room=16, length_m=8, width_m=6, distance_m={"uniform": [2, 6]})
    for room in range(12):
        drawn = draw_geometry(asked, room)
        hidden += np.count_nonzero(~drawn.sees)
        for source, sees in zip(drawn.sources_m, drawn.sees, strict=True):
            line = drawn.microphone_m + np.linspace(0, 1, 300)[:, None] * (source - drawn.microphone_m)
            assert sees == inside_area(line[:, :2], drawn.corners_m, 0).all()
    assert hidden > 3


def test_a_room_depends_on_seed_and_number_only():
    same = draw_geometry(bank(rooms=900), 2), draw_geometry(bank(rooms=3), 2)
    np.testing.assert_array_equal(same[0].sources_m, same[1].sources_m)
    other_seed, other_room = draw_geometry(bank(seed=6), 2), draw_geometry(bank(), 1)
    assert len({tuple(drawn.size_m) for drawn in (same[0], other_seed, other_room)}) == 3
    assert len({drawn.key for drawn in (same[0], other_seed, other_room)}) == 3


def test_materials_are_drawn_for_every_surface():
    walls, floors = ("brickwork", "plasterboard"), ("carpet_thin", "marble_floor")
    asked = polygons(materials={"walls": walls, "floor": floors, "ceiling": ["gypsum_board"]}, rt60_seconds=None)
    drawn = [draw_geometry(asked, room) for room in range(20)]
    for room in drawn:
        assert len(room.materials) == len(room.corners_m) + 2
        assert np.isnan(room.rt60_seconds)
    assert {room.materials[-1] for room in drawn} == {"gypsum_board"}
    assert {room.materials[-2] for room in drawn} == set(floors)
    assert {name for room in drawn for name in room.materials[:-2]} == set(walls)


def test_a_source_that_fits_nowhere_names_the_room():
    narrow = bank(length_m=1.3, width_m=1.3, height_m=30, distance_m={"uniform": [14.2, 14.3]})
    with pytest.raises(ValueError, match=r"room 0 \(1.3 x 1.3 x 30.0 m\) has no place for a source"):
        draw_geometry(narrow, 0)
