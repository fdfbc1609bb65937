"""Figures: what is drawn where, on which axes, and that nothing is returned."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

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
    assert [first.get_linestyle(), second.get_linestyle()] == ["-", "--"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("step", "loss", "Losses")
    assert ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "test"]


def test_a_single_curve_needs_no_legend():
    [ax] = drawn(plot.curves, {"train": [3, 2]}, "step", "loss")
    assert ax.get_legend() is None and ax.get_yscale() == "linear"


def test_many_curves_differ_without_colours():
    series = {str(i): [i, i + 1] for i in range(7)}
    [ax] = drawn(plot.curves, series, "step", "loss")
    assert len({str(line._dash_pattern) for line in ax.get_lines()}) == 7
    plot.curves({"more": [1, 2]}, "step", "loss", ax=ax)  # goes on where the others ended
    assert ax.get_lines()[-1].get_linestyle() == "-" and ax.get_lines()[-1].get_color() == "#0072B2"


@pytest.mark.parametrize(
    ("x", "whole"), [([0, 1, 2], True), ([0.0, 1.0, 2.0], True), ([0.0, 0.5, 1.0], False)]
)
def test_whole_numbers_are_ticked_by_whole_numbers(x, whole):
    [ax] = drawn(plot.curves, {"a": (x, x), "b": ([0, 1], [0, 1])}, "epoch", "loss")
    ticks = ax.get_xticks()
    assert np.array_equal(ticks, np.rint(ticks)) == whole
    ax.set_xscale("log")  # a notebook may do so afterwards
    ax.figure.canvas.draw()
    assert isinstance(ax.xaxis.get_major_locator(), mpl.ticker.LogLocator)


def test_curves_take_names_and_logarithmic_axes_for_x():
    [ax] = drawn(plot.curves, {"a": (["x", "y"], [1, 2])}, "name", "value")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["x", "y"]
    ax.cla()
    ax.set_xscale("log")
    plot.curves({"a": ([1, 10, 100], [1, 2, 3])}, "step", "value", ax=ax)
    assert isinstance(ax.xaxis.get_major_locator(), mpl.ticker.LogLocator)


def shown(legend):
    """Where a legend stands on the screen."""
    return legend.get_window_extent()


def full(ax, label="full"):
    """A curve that leaves no room for a legend."""
    x = np.linspace(0, 1, 200)
    ax.plot(x, np.cos(300 * x), label=label)


def test_a_legend_that_covers_nothing_stays_inside():
    [ax] = drawn(plot.curves, {"a": [1, 0, 0, 0], "b": [1.2, 0, 0, 0]}, "step", "loss")
    assert ax.bbox.containsx(shown(ax.get_legend()).x0) and shown(ax.get_legend()).y0 > ax.bbox.y0


def draw_line(ax):
    full(ax, "drawn")


def draw_points(ax):
    x, y = np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 40))
    ax.scatter(x.ravel(), y.ravel(), s=4, label="drawn")


def draw_markers(ax):
    x, y = np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 40))
    ax.plot(x.ravel(), y.ravel(), ".", label="drawn")


def draw_bars(ax):
    ax.bar(range(5), [1] * 5, width=1, label="drawn")


def draw_image(ax):
    ax.imshow(np.eye(3), aspect="auto", label="drawn")
    ax.plot([0, 0], [0, 0.1], label="drawn")


def draw_mesh(ax):
    ax.pcolormesh(np.eye(3))
    ax.plot([0, 0], [0, 0.1], label="drawn")


def draw_contours(ax):
    ax.contourf(np.arange(9).reshape(3, 3))
    ax.plot([0, 0], [0, 0.1], label="drawn")


def draw_band(ax):
    ax.fill_between([0, 1], [0, 0], [1, 1], label="drawn")
    ax.margins(0)


def draw_hidden_by_another_axes(ax):
    full(ax.twinx(), "other")
    ax.get_figure().axes[-1].lines[0].set_label("_other")
    ax.plot([0, 1], [0, 0], label="drawn")


DRAWN = [draw_line, draw_points, draw_markers, draw_bars, draw_image, draw_mesh, draw_contours,
         draw_band, draw_hidden_by_another_axes]  # fmt: skip


@pytest.mark.parametrize("draw", DRAWN)
@pytest.mark.parametrize("options", [{}, {"loc": "upper right", "frameon": True}])
def test_a_legend_that_would_cover_something_stands_below(draw, options):
    figure, ax = plt.subplots()
    draw(ax)
    ax.set_xlabel("a label")
    ax.legend(fontsize=8, **options)
    figure.canvas.draw()
    box = shown(ax.get_legend())
    assert box.y1 <= ax.xaxis.get_tightbbox().y0 + 1  # below the label of the axis
    assert 0 <= box.y0 and 0 <= box.x0 and box.x1 <= figure.bbox.x1  # and on the picture
    [text] = ax.get_legend().get_texts()
    assert (text.get_text(), text.get_fontsize()) == ("drawn", 8)
    height = ax.bbox.height
    figure.canvas.draw()  # once more: nothing moves
    assert shown(ax.get_legend()).bounds == pytest.approx(box.bounds)
    assert ax.bbox.height == pytest.approx(height)


def test_a_legend_with_a_place_of_its_own_stays_there():
    figure, ax = plt.subplots()
    full(ax)
    ax.legend(loc="upper left", bbox_to_anchor=(0.2, 0.8))
    figure.canvas.draw()
    assert ax.bbox.y0 < shown(ax.get_legend()).y0 < ax.bbox.y1


def test_a_long_legend_has_as_many_columns_as_fit():
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    for i in range(5):
        full(axes[0], f"a long name {i}")
    axes[0].legend(title="names")
    full(axes[1])
    axes[1].legend()
    figure.canvas.draw()
    box, ax = shown(axes[0].get_legend()), axes[0].bbox
    assert box.width < 1.2 * ax.width and box.y1 < ax.y0 and box.y0 >= 0
    texts = axes[0].get_legend().get_texts()
    assert len({round(text.get_window_extent().x0) for text in texts}) > 1  # columns
    assert axes[0].get_legend().get_title().get_text() == "names"
    assert ax.height > 0.4 * figure.bbox.height


@pytest.mark.parametrize("removed", [False, True])
def test_panels_with_the_same_labels_share_one_legend(removed):
    figure, axes = plt.subplots(1, 3, figsize=(9, 3))
    for ax in axes:
        plot.surface(np.hypot, (-1, 1), (-1, 1), paths={"a": POINTS, "b": POINTS}, ax=ax, steps=9)
    if removed:  # as notebooks did that wanted only one
        axes[1].get_legend().remove()
        axes[2].get_legend().remove()
    figure.canvas.draw()
    assert all(ax.get_legend() is None for ax in axes)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    assert 0 <= shown(legend).y0 and shown(legend).y1 <= axes[0].xaxis.get_tightbbox().y0
    figure.canvas.draw()
    assert len(figure.legends) == 1


def test_a_legend_of_its_own_handles_keeps_them():
    figure, ax = plt.subplots()
    full(ax)
    handles = [mpl.lines.Line2D([], [], color="red"), mpl.patches.Patch(color="blue")]
    ax.legend(handles, ["red", "blue"])
    figure.canvas.draw()
    legend = ax.get_legend()
    assert shown(legend).y1 < ax.bbox.y0
    assert [text.get_text() for text in legend.get_texts()] == ["red", "blue"]
    red, blue = legend.legend_handles
    assert red.get_color() == "red" and mpl.colors.to_hex(blue.get_facecolor()) == "#0000ff"


@pytest.mark.filterwarnings("error")  # Matplotlib 3.10: "constrained_layout not applied"
def test_axes_in_space_have_room():
    figure = plt.figure(figsize=(10, 3.4))
    for i in range(3):
        ax = figure.add_subplot(1, 3, i + 1, projection="3d" if i else None)
        ax.set(title=f"after layer {i}", xticklabels=[], yticklabels=[])
        ax.plot(*[[0, 1]] * (3 if i else 2), label="diagonal")
        ax.legend()
    figure.canvas.draw()
    for ax in figure.axes:
        assert ax.get_position().width > 0.25 and ax.get_position().height > 0.7


def test_other_layouts_are_left_alone():
    figure = plt.figure(layout="none")
    full(figure.gca())
    figure.gca().legend()
    figure.canvas.draw()
    assert shown(figure.gca().get_legend()).overlaps(figure.gca().bbox)


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
    assert sgd.get_marker() == start.get_marker() != other.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["SGD", "momentum"]
    assert not shown(ax.get_legend()).overlaps(ax.bbox)  # it hides neither path nor minimum
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


def test_columns_are_ticked_by_whole_numbers():
    ax, _ = drawn(plot.heatmap, np.eye(2))
    for ticks in (ax.get_xticks(), ax.get_yticks()):
        assert np.array_equal(ticks, np.rint(ticks))


@pytest.mark.parametrize(
    ("xticks", "rotation"), [(["a", "b"], 0), (["long", "z"], 45), ([1, 2], 0), ([1, 200], 45)]
)
def test_long_column_names_are_turned(xticks, rotation):
    ax, _ = drawn(plot.heatmap, np.eye(2), xticks=xticks)
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {rotation}


def test_numbers_are_written_in_the_colour_that_can_be_read():
    ax, _ = drawn(plot.heatmap, np.array([[0.0, 1.0]]), values=True)
    assert [text.get_color() for text in ax.texts] == ["white", "black"]  # on violet, on yellow


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_arrays_of_a_framework_can_be_drawn(dtype):
    import torch

    tensor = torch.arange(6.0).reshape(2, 3).requires_grad_().to(getattr(torch, dtype))
    plot.curves({"a": tensor[0], "b": (tensor[0], tensor[1])}, "x", "y")
    plot.images(tensor.reshape(1, 2, 3))
    plot.heatmap(tensor)
    plot.regions(lambda p: torch.tensor(p)[:, 0] > 0, tensor.T[:, :2], torch.tensor([0, 1, 0]))
    plot.surface(np.hypot, (-1, 1), (-1, 1), paths={"a": tensor.T})


def test_the_look():
    assert len(set(plot.COLORS)) == 7
    assert len(set(plot.STYLES)) == len(set(plot.MARKERS)) == len(plot.COLORS)
    assert mpl.rcParams["figure.dpi"] == 110
    assert [style["color"] for style in mpl.rcParams["axes.prop_cycle"]] == plot.COLORS
