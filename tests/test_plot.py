"""Figures: what is drawn where, on which axes, and that nothing is returned."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from shared import plot

RNG = np.random.default_rng(0)
POINTS, CLASSES = RNG.normal(size=(30, 2)), np.arange(30) % 3


@pytest.fixture(autouse=True)
def closed():
    """No figure before a test, nor after; on a canvas that needs no screen."""
    plt.switch_backend("agg")
    plt.close("all")
    yield
    plt.close("all")


def drawn(function, *arguments, **options):
    """The axes of the figure that a function draws, which can also be rendered."""
    assert function(*arguments, **options) is None  # so that a cell may end with it
    [number] = plt.get_fignums()
    plt.figure(number).canvas.draw()
    return plt.figure(number).axes


CALLS = {
    "curves": lambda ax: plot.curves({"a": [1, 2]}, "x", "y", ax=ax),
    "regions": lambda ax: plot.regions(lambda p: p[:, 0] > 0, POINTS, CLASSES, ax=ax, steps=9),
    "surface": lambda ax: plot.surface(np.hypot, (-1, 1), (-2, 2), ax=ax, steps=9),
    "heatmap": lambda ax: plot.heatmap(np.eye(2), ax=ax),
}


@pytest.mark.parametrize("name", CALLS)
def test_everything_can_be_drawn_on_given_axes(name):
    _, (left, right) = plt.subplots(1, 2)
    CALLS[name](right)
    assert len(plt.get_fignums()) == 1
    assert right.has_data() and not left.has_data()


def test_curves():
    series = {"train": [3, 2, 1], "test": (np.array([0, 2]), np.array([4.0, 2.0]))}
    [ax] = drawn(plot.curves, series, "step", "loss", "Losses", log=True)
    first, second = ax.get_lines()
    np.testing.assert_array_equal(first.get_xydata(), [[0, 3], [1, 2], [2, 1]])
    np.testing.assert_array_equal(second.get_xydata(), [[0, 4], [2, 2]])
    assert [first.get_color(), second.get_color()] == plot.COLORS[:2]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("step", "loss", "Losses")
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "test"]


def test_a_single_curve_needs_no_legend():
    [ax] = drawn(plot.curves, {"train": [3, 2]}, "step", "loss")
    assert ax.get_legend() is None and ax.get_yscale() == "linear"


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4, 3, 1), (5, 4, 3, 3)])
def test_images(shape):
    pictures = np.linspace(0, 1, np.prod(shape)).reshape(shape)
    [ax] = drawn(plot.images, pictures, titles=range(5), columns=3, title="Five", limits=(-1, 2))
    assert ax.get_title() == "Five" and not ax.axison
    assert [text.get_text() for text in ax.texts] == ["0", "1", "2", "3", "4"]
    for picture, image, text in zip(pictures, ax.get_images(), ax.texts, strict=True):
        np.testing.assert_array_equal(image.get_array(), picture.squeeze())
        assert image.get_clim() == (-1, 2)
        left, right, bottom, top = image.get_extent()
        assert (bottom - top) / (right - left) == pytest.approx(shape[1] / shape[2])
        assert text.get_position()[0] == pytest.approx((left + right) / 2)
        assert text.get_position()[1] < top  # the y axis points down
    first, second, *_, last = (image.get_extent() for image in ax.get_images())
    assert first[1] < second[0] and first[2:] == second[2:]  # three in a row
    assert first[2] < last[3] and last[:2] == second[:2]  # and the fifth below the second


def test_few_images_leave_no_empty_places_and_have_ranges_of_their_own():
    [ax] = drawn(plot.images, [np.eye(2), 5 * np.eye(2)])
    assert ax.get_xlim() == (0, 2) and ax.get_ylim() == (1, 0)
    assert [image.get_clim() for image in ax.get_images()] == [(0, 1), (0, 5)]


def test_regions():
    seen = []

    def predict(points):
        seen.append(points)
        return (points[:, 0] > 0).astype(int)

    [ax] = drawn(plot.regions, predict, POINTS, CLASSES, "Halves", "a", "b", steps=50)
    [points] = seen
    assert points.shape == (2500, 2) and points.dtype == np.float32
    mesh, *dots = ax.collections
    corners = mesh.get_coordinates()
    assert (corners.min((0, 1)) < POINTS.min(0)).all()  # the points lie inside
    assert (corners.max((0, 1)) > POINTS.max(0)).all()
    np.testing.assert_array_equal(mesh.get_array().ravel(), points[:, 0] > 0)  # and not transposed
    for k, dot in enumerate(dots):
        np.testing.assert_array_equal(dot.get_offsets(), POINTS[CLASSES == k])
        assert mpl.colors.to_hex(dot.get_facecolor()[0]).upper() == plot.COLORS[k]
        assert mpl.colors.to_hex(mesh.cmap(mesh.norm(k))).upper() == plot.COLORS[k]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Halves", "a", "b")


@pytest.mark.parametrize("log", [True, False])
def test_surface(log):
    path = np.array([[2.0, 1.0], [1.0, 0.5], [0.1, 0.0]])
    [ax] = drawn(
        plot.surface, lambda x, y: x**2 + 10 * y**2, (-2, 3), (-1, 1), "Bowl", "w", "b",
        paths={"SGD": path, "momentum": path[:2]}, minimum=(0, 0), log=log,
    )  # fmt: skip
    sgd, start, other, _, star = ax.get_lines()
    np.testing.assert_array_equal(sgd.get_xydata(), path)
    np.testing.assert_array_equal(start.get_xydata(), path[:1])
    np.testing.assert_array_equal(star.get_xydata(), [[0, 0]])
    assert sgd.get_color() == start.get_color() != other.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["SGD", "momentum"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 3), (-1, 1))
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Bowl", "w", "b")
    heights = ax.collections[0].levels
    assert heights.min() < 0 if log else heights.max() >= 15


def test_heatmap():
    matrix = np.array([[1.0, -3.0], [0.12345, 2.0], [4.0, 5.0]])
    ax, bar = drawn(
        plot.heatmap, matrix, "column", "row", "Numbers", xticks=["a", "bcd"],
        yticks=["x", "y", "z"], values=True, center=1,
    )  # fmt: skip
    [image] = ax.get_images()
    np.testing.assert_array_equal(image.get_array(), matrix)
    assert image.get_clim() == (-3, 5)  # as far below the centre as above
    assert np.allclose(image.cmap(image.norm(1.0))[:3], 0.97, atol=0.02)  # nearly white
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts[(1, 0)] == "-3" and texts[(0, 1)] == "0.1235" and len(texts) == 6
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "bcd"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["x", "y", "z"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("column", "row", "Numbers")


@pytest.mark.parametrize(
    ("xticks", "rotation"), [(["a", "b"], 0), (["long", "z"], 45), ([1, 2], 0), ([1, 200], 45)]
)
def test_long_column_names_are_turned(xticks, rotation):
    ax, _ = drawn(plot.heatmap, np.eye(2), xticks=xticks)
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {rotation}


def test_numbers_are_written_in_the_colour_that_can_be_read():
    ax, _ = drawn(plot.heatmap, np.array([[0.0, 1.0]]), values=True)
    assert [text.get_color() for text in ax.texts] == ["white", "black"]  # on violet, on yellow


def test_arrays_of_a_framework_can_be_drawn():
    tensor = torch.arange(6.0).reshape(2, 3).requires_grad_()
    plot.curves({"a": tensor[0], "b": (tensor[0], tensor[1])}, "x", "y")
    plot.images(tensor.reshape(1, 2, 3))
    plot.heatmap(tensor)
    plot.regions(lambda p: torch.tensor(p)[:, 0] > 0, tensor.T[:, :2], torch.tensor([0, 1, 0]))
    plot.surface(np.hypot, (-1, 1), (-1, 1), paths={"a": tensor.T})


def test_the_look():
    assert len(set(plot.COLORS)) == 7
    assert mpl.rcParams["figure.dpi"] == 80
    assert [style["color"] for style in mpl.rcParams["axes.prop_cycle"]] == plot.COLORS
