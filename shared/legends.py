"""The constrained layout of Matplotlib, in which no legend covers anything.

`layout`, a hook for new figures (`shared.plot` registers it), gives them this layout. It serves
legends that a notebook makes itself, too; one that is given a `bbox_to_anchor` stays there.
"""

import numpy as np
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.quiver import Quiver
from matplotlib.transforms import ScaledTranslation


class _Layout(ConstrainedLayoutEngine):
    def execute(self, fig):
        self._lay_out(fig)
        while _move_legends(fig):  # axes become smaller by it: another legend may now cover some
            self._lay_out(fig)

    def _lay_out(self, fig):
        # Matplotlib 3.10 has the ticks of axes in space far outside until they were drawn once, and
        # would leave no room for the axes.
        spaces = [ax for ax in fig.axes if ax.name == "3d"]
        ticked = [axis for ax in spaces for axis in (ax.xaxis, ax.yaxis, ax.zaxis)]
        lost = [axis for axis in ticked if axis.get_visible() and _is_wide(axis, fig)]
        for axis in lost:
            axis.set_visible(False)
        super().execute(fig)
        for axis in lost:
            axis.set_visible(True)


def _is_wide(axis, figure):
    box = axis.get_tightbbox()
    return box is not None and box.width > figure.bbox.width


def layout(figure):
    """Give the figure this layout, if the one it has is the constrained layout."""
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.set_layout_engine(_Layout())


def _move_legends(figure):
    """Move each legend that covers something to below its axes; says whether there was one.

    Where all panels have the same labels, one legend below the figure serves them all.
    """
    panels = [ax for ax in figure.axes if ax.get_legend_handles_labels()[1]]
    covering = [ax for ax in panels if _covers(ax, figure)]
    if not covering:
        return False
    if len(panels) > 1 and len({tuple(ax.get_legend_handles_labels()[1]) for ax in panels}) == 1:
        _below_figure(figure, covering[0])
        for ax in panels:
            if ax.get_legend():
                ax.get_legend().remove()
    else:
        for ax in covering:
            _below(ax)
    return True


def _covers(ax, figure):
    """Does the legend of these axes, placed inside them, hide a part of what is drawn there?"""
    legend = ax.get_legend()
    if not (legend and legend.get_visible()) or legend.get_bbox_to_anchor() is not ax.bbox:
        return False
    box = legend.get_window_extent()
    return any(
        _is_under(box, artist)
        for other in figure.axes
        if other.name != "3d" and other.bbox.overlaps(box)
        for artist in (*other.lines, *other.patches, *other.collections, *other.images)
        if artist.get_visible()
    )


def _is_under(box, artist):
    """Does a line, a patch, a set of points or an image reach into this box of the screen?"""
    if hasattr(artist, "get_path"):  # a line or a patch
        path = artist.get_transform().transform_path(artist.get_path())
        if getattr(artist, "get_linestyle", str)() in ("None", "", " "):  # markers only
            return any(box.contains(*point) for point in path.vertices)
        return path.intersects_bbox(box, filled=getattr(artist, "fill", False))
    if isinstance(artist, PathCollection):  # points
        points = artist.get_offset_transform().transform(np.ma.filled(artist.get_offsets(), np.nan))
        return any(box.contains(*point) for point in points)
    if isinstance(artist, (LineCollection, PolyCollection)) and not isinstance(artist, Quiver):
        filled, transform = isinstance(artist, PolyCollection), artist.get_transform()
        paths = [transform.transform_path(path) for path in artist.get_paths()]
        return any(path.intersects_bbox(box, filled=filled) for path in paths)
    return box.overlaps(artist.get_window_extent())  # what fills its place


def _below(ax):
    """The legend of these axes anew, below the ticks and the label of the x axis."""
    ticks = ax.xaxis.get_tightbbox()
    depth = (ax.bbox.y0 - ticks.y0 if ticks else 0) / ax.figure.dpi  # inches
    under = ax.transAxes + ScaledTranslation(0, -depth, ax.figure.dpi_scale_trans)
    options = _options(ax, ax.bbox.width)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=under, **options)


def _below_figure(figure, ax):
    figure.legend(loc="outside lower center", **_options(ax, figure.bbox.width))


def _options(ax, width):
    """What the legend of these axes shows and how, in as many columns as fit into a width."""
    legend = ax.get_legend()
    texts = legend.get_texts()
    handles, labels = ax.get_legend_handles_labels()
    if labels != [text.get_text() for text in texts]:  # a legend with handles of its own
        handles, labels = legend.legend_handles, [text.get_text() for text in texts]
    column = max(text.get_window_extent().width for text in texts) + 4 * _pixels(texts[0])
    columns = int(np.clip(width // column, 1, len(labels)))
    return {
        "handles": handles,
        "labels": labels,
        "ncols": columns,
        "fontsize": texts[0].get_fontsize(),
        "title": legend.get_title().get_text() or None,
        "markerscale": legend.markerscale,
        "borderaxespad": 0.2,
    }


def _pixels(text):
    return text.get_fontsize() * text.get_figure().dpi / 72
