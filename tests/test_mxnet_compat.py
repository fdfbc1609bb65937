"""Every repair of MXNet, value and gradient, against PyTorch or NumPy, and how it is imported."""
import ctypes
import importlib
import os
import subprocess
import sys
import textwrap
import threading
import types
from pathlib import Path

import nbclient
import nbformat
import numpy as onp
import pytest

from shared import mxnet_compat
from tools import course

if missing := course.missing(["mxnet", "pytorch"]):
    pytest.skip(f"not installed here: {missing}", allow_module_level=True)

import torch  # noqa: E402, after what says that there is none

before = set(vars(onp)), sys.modules.get("distutils")
mx = mxnet_compat.load()
np, npx, autograd = mx.np, mx.npx, mx.autograd
after = set(vars(onp)), sys.modules.get("distutils")

ROOT = Path(mxnet_compat.__file__).parents[1]
INF, NAN = onp.inf, onp.nan


def normal(*shape, dtype="float32"):
    return onp.random.default_rng(list(shape)).normal(size=shape).astype(dtype)


def value_and_gradients(function, *arrays):
    """Value, and gradients of a weighted sum of it, in MXNet."""
    arrays = [np.array(array, dtype=array.dtype) for array in arrays]
    for array in arrays:
        array.attach_grad()
    with autograd.record():
        value = function(*arrays)
    value.backward(np.array(weights(value.shape), dtype=value.dtype))
    return value.asnumpy(), [array.grad.asnumpy() for array in arrays]


def torch_value_and_gradients(function, *arrays):
    arrays = [torch.tensor(array, requires_grad=True) for array in arrays]
    value = function(*arrays)
    value.backward(torch.tensor(weights(value.shape), dtype=value.dtype))
    return value.detach().numpy(), [array.grad.numpy() for array in arrays]


def weights(shape):
    return onp.cos(onp.arange(onp.prod(shape, dtype=int))).reshape(shape)


def same(function, torch_function, *arrays):
    """Value, dtype, shape and gradients agree with PyTorch."""
    value, gradients = value_and_gradients(function, *arrays)
    expected, expected_gradients = torch_value_and_gradients(torch_function, *arrays)
    tolerance = 1e-12 if value.dtype == onp.float64 else 2e-5
    for a, b in zip([value, *gradients], [expected, *expected_gradients], strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        onp.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def equals(actual, expected, dtype):
    assert actual.dtype == dtype
    onp.testing.assert_allclose(actual.asnumpy(), expected, rtol=1e-6)


# -- scalars and integer arrays

@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("expression", [
    "a * 0.5", "0.5 * a", "a + 0.5", "a - 0.5", "0.5 - a", "a ** 0.5", "2.5 ** a", "a % 0.75",
    "2.5 % (a + 1)", "np.maximum(a, 0.5)", "np.minimum(0.5, a)", "np.multiply(a, 0.5)",
    "np.add(a, 0.5)", "a * onp.float64(0.5)", "a * 2.0", "np.where(a > 0, a, 0.5)",
    "np.where(a > 0, 0.5, a)"])
def test_integer_array_with_float_is_float(expression, dtype):
    values = onp.array([0, 1, 1]) if dtype == "bool" else onp.array([0, 1, 7])
    expected = eval(expression, {"np": onp, "onp": onp}, {"a": values.astype("float32")})
    actual = eval(expression, {"np": np, "onp": onp}, {"a": np.array(values, dtype=dtype)})
    equals(actual, expected, "float32")


@pytest.mark.parametrize("expression", [
    "a * 2", "-a", "a + 1", "3 - a", "a ** 2", "a % 2", "np.maximum(a, 1)",
    "np.where(a > 1, a, 0)"])
def test_integer_array_with_integer_stays_integer(expression):
    values = onp.array([-3, 0, 7], dtype="int32")
    expected = eval(expression, {"np": onp}, {"a": values})
    equals(eval(expression, {"np": np}, {"a": np.array(values, dtype="int32")}), expected, "int32")


def test_negative_of_a_mask_and_of_a_float():
    equals(-np.array([True, False], dtype="bool"), [-1, 0], "int64")
    same(lambda a: -a, lambda a: -a, normal(3, dtype="float64"))


def test_two_scalars():
    assert np.add(1, 0.5) == np.add(0.5, 1) == 1.5


def test_in_place_on_integers():
    a = np.array([1, 2], dtype="int32")
    a *= 2.0
    equals(a, [2, 4], "int32")
    with pytest.raises(TypeError, match="int32 array cannot hold the result of 0.5: cast it"):
        a *= 0.5
    a = np.array([1., 2.])
    a *= 0.5
    equals(a, [0.5, 1], "float32")


# -- where

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scalar", [0., -2, INF, onp.float32(0.5)])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("mask_shape", [(3, 4), (4,), (2, 3, 4), ()])
def test_where_with_one_scalar(mask_shape, first, scalar, dtype):
    mask, x = normal(*mask_shape) > 0, normal(3, 4, dtype=dtype)
    torch_mask = torch.tensor(mask)
    torch_scalar = torch.tensor(scalar, dtype=getattr(torch, dtype))
    if first:
        same(lambda a: np.where(np.array(mask), scalar, a),
             lambda a: torch.where(torch_mask, torch_scalar, a), x)
    else:
        same(lambda a: np.where(np.array(mask), a, scalar),
             lambda a: torch.where(torch_mask, a, torch_scalar), x)


def test_where_with_two_arrays_two_scalars_and_none():
    mask = normal(3, 4) > 0
    same(lambda a, b: np.where(np.array(mask), a, b),
         lambda a, b: torch.where(torch.tensor(mask), a, b), normal(3, 4), normal(3, 1))
    equals(np.where(np.array(mask), 1, 0), mask, "float32")
    equals(np.where(np.array(mask), np.array(mask), 2), onp.where(mask, mask, 2), "float32")
    for a, b in zip(np.where(np.array(mask)), onp.where(mask), strict=True):
        equals(a, b, "int64")
    assert np.where(True, 1, 2) == 1


def test_where_in_an_eager_block():
    class Block(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return F.np.where(x > 0, x, 0.) + F.np.var(x)

    same(Block(), lambda a: torch.where(a > 0, a, 0.) + a.var(correction=0), normal(3, 4))


# -- variance and standard deviation

@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("as_method", [False, True])
def test_var_and_std(as_method, axis, ddof, keepdims, name):
    def function(a):
        options = {"axis": axis, "ddof": ddof, "keepdims": keepdims}
        return getattr(a, name)(**options) if as_method else getattr(np, name)(a, **options)

    def torch_function(a):
        return getattr(a, name)(dim=axis, correction=ddof, keepdim=keepdims)

    same(function, torch_function, normal(2, 3, 4, dtype="float64"))
    same(function, torch_function, normal(2, 3, 4))


def test_var_and_std_edge_cases():
    a = normal(3, 4)
    equals(np.var(np.array(a), dtype="float64"), onp.var(a, dtype="float64"), "float64")
    equals(np.var(np.array([1, 2, 4], dtype="int32")), onp.var([1, 2, 4]), "float32")
    equals(np.std(np.array([True, False], dtype="bool")), 0.5, "float32")
    equals(np.var(np.array([1.]), ddof=1), NAN, "float32")
    equals(np.var(np.array([1., 2.]), ddof=2), INF, "float32")
    equals(np.var(np.zeros((0,))), NAN, "float32")
    equals(np.std(np.array([1., NAN])), NAN, "float32")
    out = np.zeros(4)
    assert np.std(np.array(a), axis=0, out=out) is out
    equals(out, a.std(axis=0), "float32")
    equals(onp.var(np.array(a)), a.var(), "float32")  # NumPy's own function on an MXNet array


def test_std_of_equal_numbers_has_gradient_zero():
    same(lambda a: a.std(axis=1), lambda a: a.std(dim=1, correction=0),
         onp.array([[1, 1, 1], [1, 2, 4]], dtype="float64"))


# -- matmul

@pytest.mark.parametrize("shapes", [
    ((2, 1, 3, 4), (2, 6, 4, 5)), ((2, 6, 3, 4), (2, 1, 4, 5)), ((2, 1, 3, 4), (1, 6, 4, 5)),
    ((6, 3, 4), (2, 1, 4, 5)), ((1, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 5)), ((3, 4), (2, 2, 4, 5)),
    ((4,), (4,)), ((4,), (2, 4, 5)), ((2, 6, 3, 4), (4,)), ((3, 4), (4, 5))])
@pytest.mark.parametrize("matmul", [lambda a, b: np.matmul(a, b), lambda a, b: a @ b])
def test_matmul(matmul, shapes):
    same(matmul, torch.matmul, *(normal(*shape) for shape in shapes))


def test_matmul_of_shapes_that_do_not_fit():
    with pytest.raises((ValueError, mx.MXNetError)):
        np.matmul(np.ones((2, 3, 4)), np.ones((3, 4, 5)))


# -- pad, selu

@pytest.mark.parametrize("constant", [0, 3, -0.1, INF, -INF, NAN])
@pytest.mark.parametrize(("shape", "widths"), [
    ((3, 4), ((1, 2), (0, 3))), ((3,), ((1, 2),)), ((2, 1, 3), ((0, 0), (1, 1), (2, 0)))])
def test_pad(shape, widths, constant):
    flat = [width for pair in reversed(widths) for width in pair]
    same(lambda a: np.pad(a, widths, constant_values=constant),
         lambda a: torch.nn.functional.pad(a, flat, value=constant), normal(*shape))


@pytest.mark.parametrize("widths", [1, (2,), (1, 2), ((1, 2),), [(0, 1), (2, 0)],
                                    ((onp.int64(1), 0), (0, 0))])
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric", "maximum", "minimum"])
def test_pad_takes_widths_and_modes_as_numpy_does(mode, widths):
    a = normal(3, 4)
    equals(np.pad(np.array(a), widths, mode=mode), onp.pad(a, widths, mode=mode), "float32")


def test_pad_keeps_precision_and_dtype_and_refuses_the_rest():
    equals(np.pad(np.array([0.1]), ((1, 0),), constant_values=1e9), [1e9, 0.1], "float32")
    equals(np.pad(np.array([5], dtype="int32"), ((1, 1),), constant_values=2), [2, 5, 2], "int32")
    a = np.ones((2, 2))
    for error, options in [(mx.MXNetError, {"mode": "wrap"}),
                           (mx.MXNetError, {"constant_values": (1, 2)}),
                           (TypeError, {"mode": "reflect", "reflect_type": "odd"}),
                           (TypeError, {"stat_length": 1}), (TypeError, {"pad_width": 0.5})]:
        with pytest.raises(error):
            np.pad(a, **{"pad_width": 1} | options)


@pytest.mark.parametrize("selu", [
    lambda a: npx.leaky_relu(a, act_type="selu"), mx.gluon.nn.SELU()])
def test_selu(selu):
    same(selu, torch.selu, onp.array([-200, -1.5, -0.1, 0.1, 2, 200], dtype="float32"))


@pytest.mark.parametrize(("act_type", "expected"), [
    ("leaky", torch.nn.functional.leaky_relu), ("elu", torch.nn.functional.elu),
    ("gelu", torch.nn.functional.gelu)])
def test_other_activations_are_as_they_were(act_type, expected):
    slope = {"leaky": 0.01, "elu": 1.0, "gelu": 0.25}[act_type]
    same(lambda a: npx.leaky_relu(a, act_type=act_type, slope=slope), expected, normal(5, 6))


def test_rot90_refuses_to_be_recorded():
    a = np.arange(6).reshape(2, 3)
    equals(np.rot90(a), onp.rot90(a.asnumpy()), "float32")
    with autograd.record(), pytest.raises(NotImplementedError, match="no gradient for rot90"):
        np.rot90(a)


@pytest.mark.parametrize("name", ["eig", "eigh", "eigvals", "eigvalsh", "pinv", "quantile",
                                  "percentile"])
def test_what_has_no_gradient_refuses_to_be_recorded(name):
    quantile = name in ("quantile", "percentile")
    matrix, rest = onp.array([[2, 1], [1, 3]], dtype="float32"), [0.5] * quantile
    function = getattr(np if quantile else np.linalg, name)
    with autograd.record():
        kernel = "percentile" if quantile else name
        with pytest.raises(NotImplementedError, match=f"no gradient for {kernel}: call it outside"):
            function(np.array(matrix), *rest)
        with autograd.pause():
            paused = function(np.array(matrix), *rest)
    expected = getattr(onp if quantile else onp.linalg, name)(matrix, *rest)
    if name.startswith("eig"):
        paused, expected = (x[0] if isinstance(x, tuple) else x for x in (paused, expected))
        paused, expected = np.sort(paused), onp.sort(expected)
    onp.testing.assert_allclose(paused.asnumpy(), expected, rtol=1e-5)


# -- autograd.Function

class Product(autograd.Function):
    def forward(self, x, w):
        self.save_for_backward(x, w)
        return x * w

    def backward(self, grad):
        x, w = self.saved_tensors
        assert all(type(a) is np.ndarray for a in (x, w, grad))
        return grad * w + np.zeros(()), grad * x  # a 0-d array needs NumPy semantics


class Inherited(Product):
    pass


class Extended(Product):
    def backward(self, grad):
        return [2 * g for g in super().backward(grad)]


@pytest.mark.parametrize(("function", "factor"), [(Product, 1), (Inherited, 1), (Extended, 2)])
@pytest.mark.parametrize("requests", [("write", "write"), (None, "write"), ("write", None),
                                      ("add", "write"), ("write", "add"), ("add", "add")])
def test_custom_function(requests, function, factor):
    arrays = [np.array([1., 2.]), np.array([3., 5.])]
    for array, request in zip(arrays, requests, strict=True):
        if request:
            array.attach_grad(request)
    for _ in range(2):
        with autograd.record():
            value = function()(*arrays)
        equals(value, [3, 10], "float32")
        value.backward()
    for array, request, other in zip(arrays, requests, reversed(arrays), strict=True):
        if request:
            times = 2 if request == "add" else 1
            equals(array.grad, factor * times * other.asnumpy(), "float32")
        else:
            assert array.grad is None


def test_custom_function_inside_a_graph_and_of_one_input():
    class Square(autograd.Function):
        def forward(self, x):
            self.save_for_backward(x)
            return x * x

        def backward(self, grad):
            return 2 * self.saved_tensors[0] * grad

    same(lambda a: Square()(np.exp(a)) * a, lambda a: torch.exp(a) ** 2 * a, normal(3))


# -- shapes, arrays, names

@pytest.mark.parametrize("expression", [
    "a.reshape(n(3), n(2))", "a.reshape((n(3), 2))", "a.transpose(n(1), n(0))",
    "np.ones((n(2), 3))",
    "np.full((n(2),), onp.float64(1))", "a.sum(axis=(n(0),))", "np.tile(a, (n(2), 1))",
    "np.broadcast_to(a, (n(2), 2, 3))", "np.split(a, [n(1)], axis=1)[1]",
    "a.reshape(a.shape[0], onp.prod(a.shape[1:]))", "np.zeros(shape=onp.int32(2))"])
def test_shapes_may_hold_numpy_integers(expression):
    a = normal(2, 3)
    expected = eval(expression, {"np": onp, "onp": onp, "n": onp.int64}, {"a": a})
    actual = eval(expression, {"np": np, "onp": onp, "n": onp.int64}, {"a": np.array(a)})
    equals(actual, expected, "float32")


def test_shapes_of_operators_and_of_symbols():
    n = onp.int64
    x = npx.convolution(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), no_bias=True,
                        kernel=(n(2), n(2)), num_filter=n(1))
    equals(x, onp.full((1, 1, 2, 2), 4), "float32")
    symbol = mx.sym.var("a").as_np_ndarray().reshape((n(3), n(2)))
    _, shapes, _ = symbol.infer_shape(a=(2, 3))
    assert shapes == [(3, 2)]


def test_conversion_to_numpy():
    a = np.array([[1., 2.], [3., 4.]])
    array = onp.asarray(a)
    assert type(array) is onp.ndarray and array.dtype == onp.float32 and array.shape == (2, 2)
    array[0, 0] = 9  # a copy
    assert a[0, 0] == 1
    assert onp.asarray(a, dtype="float64").dtype == a.__array__("float64").dtype == onp.float64
    assert onp.array(a, copy=True).sum() == 10
    with pytest.raises(ValueError, match="without a copy"):
        onp.array(a, copy=False)
    assert onp.asarray(a.sum()).shape == () and float(a.sum()) == 10
    assert onp.array([a.sum(), a.max()]).tolist() == [10, 4]
    assert onp.asarray(np.array([1], dtype="int64")).dtype == onp.int64
    onp.testing.assert_allclose(a, [[1, 2], [3, 4]])


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 2, 5])
@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (2, 3, 3)])
def test_triu(shape, k):
    same(lambda a: np.triu(a, k), lambda a: torch.triu(a, k), normal(*shape))


def test_triu_of_infinities_integers_and_one_axis():
    mask = np.triu(np.full((3, 3), -INF), k=1)
    equals(mask, torch.triu(torch.full((3, 3), -INF), 1), "float32")
    equals(np.triu(np.ones((2, 2), dtype="int32")), [[1, 1], [0, 1]], "int32")
    equals(np.triu(np.array([1., 2.])), onp.triu([1., 2.]), "float32")
    equals(np.triu(np.ones((2, 2), dtype="bool"), 1), [[0, 1], [0, 0]], "bool")


@pytest.mark.parametrize("name", ["logical_and", "logical_or"])
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_logical(dtype, name):
    a, b = onp.array([0, 0, 2, 1]).astype(dtype), onp.array([[0], [4]]).astype(dtype)
    function, expected = getattr(np, name), getattr(onp, name)
    a_mx, b_mx = np.array(a, dtype=dtype), np.array(b, dtype=dtype)
    equals(function(a_mx, b_mx), expected(a, b), "bool")
    for scalar in (True, False, 3, 0):
        equals(function(a_mx, scalar), expected(a, scalar), "bool")
        equals(function(scalar, a_mx), expected(scalar, a), "bool")
    equals(function(np.array([NAN]), np.array([1.])), [True], "bool")


def test_ravel():
    same(lambda a: a.ravel(), torch.ravel, normal(2, 3))


def test_seed():
    def draw(seed):
        np.random.seed(seed)
        return np.random.uniform(size=3).tolist()

    assert draw(3) == draw(3) != draw(4)


# -- importing

def test_load_leaves_no_trace_in_numpy():
    added = after[0] - before[0]
    assert all(isinstance(getattr(onp, name), types.ModuleType) for name in added), added
    assert not before[0] - after[0] and before[1] is after[1]
    assert all(not hasattr(onp, name) for name in ("PZERO", "NaN", "product", "msort", "round_"))
    assert str not in (mx._ctypes.ndarray.str, mx._ctypes.symbol.str)


def test_load_is_idempotent():
    function = np.where
    assert mxnet_compat.load() is mx is importlib.reload(mxnet_compat).load()
    assert np.where is function


def test_every_thread_that_loads_has_numpy_semantics():
    def work():
        mxnet_compat.load()
        with autograd.record():
            shapes.append((np.array(3.) + 1).shape)

    shapes = []
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(), (), ()]


GRADIENT = """
x = mx.np.array([1., 2., 4.])
x.attach_grad()
with mx.autograd.record():
    y = mx.np.var(x)
y.backward()
assert abs(float(x.grad[2]) - 10 / 9) < 1e-6
"""


def python(code, **environment):
    """Run a fresh Python on ``code``; return its standard output, or the last line of its error."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | environment
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(code)],
                            env=environment, capture_output=True, text=True, timeout=120)
    return result.stdout if result.returncode == 0 else result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("earlier", [False, True])
def test_what_mxnet_can_do_without_is_hidden_from_its_import_only(earlier):
    out = python(f"""
    import sys
    if {earlier}:
        import scipy.stats, sklearn.base
    from shared import mxnet_compat
    mxnet_compat.load()
    print([name in sys.modules for name in ("scipy.stats", "sklearn")])
    import scipy.stats, sklearn.base
    print(scipy.stats.norm.cdf(0), sklearn.base.BaseEstimator.__name__)
    """)
    assert out.splitlines() == [str([earlier] * 2), "0.5 BaseEstimator"]


def test_fresh_process_threads_spawned_child_and_no_warning(tmp_path):
    code = """
    import importlib, sys, threading, multiprocessing, types, warnings
    import numpy
    import numpy.core, numpy.testing, numpy.random
    from shared import mxnet_compat

    def child(queue):
        mx = mxnet_compat.load()
        GRADIENT
        queue.put(float(y))

    if __name__ == '__main__':
        import_module = importlib.import_module
        importlib.import_module = lambda name: warnings.warn(name) or import_module(name)
        before, distutils = set(vars(numpy)), types.ModuleType('distutils')
        sys.modules['distutils'] = distutils
        results = []
        threads = [threading.Thread(target=lambda: results.append(mxnet_compat.load()))
                   for _ in range(3)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert len(results) == 3 and len(set(map(id, results))) == 1
        added = [name for name in set(vars(numpy)) - before if 'numpy.' + name not in sys.modules]
        assert not added, added
        assert sys.modules['distutils'] is distutils
        assert 'distutils.version' not in sys.modules
        context = multiprocessing.get_context('spawn')
        queue = context.Queue()
        process = context.Process(target=child, args=(queue,))
        process.start()
        print(round(queue.get(timeout=60), 4))
        process.join()
        assert process.exitcode == 0
    """.replace("GRADIENT", textwrap.indent(GRADIENT, " " * 8).strip())
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(code))
    result = subprocess.run([sys.executable, "-W", "error", script], timeout=120, text=True,
                            env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True)
    assert (result.stdout, result.stderr) == ("1.5556\n", "")


def test_beside_the_other_frameworks():
    assert python("""
    import torch, tensorflow, jax
    from shared import mxnet_compat
    mx = mxnet_compat.load()
    """ + textwrap.indent(GRADIENT, " " * 4) + """
    assert torch.ones(2).sum() == 2 == tensorflow.reduce_sum(tensorflow.ones(2))
    assert jax.numpy.ones(2).sum() == 2
    print('together')
    """) == "together\n"


def test_in_a_jupyter_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cells = ["from shared import mxnet_compat\nmx = mxnet_compat.load()", GRADIENT + "print(y)"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3",
                                     resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert notebook.cells[0].outputs == []
    assert notebook.cells[1].outputs[0].text == "1.5555557\n"


# -- refusing

LOAD = "from shared import mxnet_compat; mxnet_compat.load()"


def distribution(folder, name, version):
    info = folder / f'{name.replace("-", "_")}-{version}.dist-info'
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.parametrize(("name", "version"), [
    ("mxnet", "2.0.0b1"), ("mxnet", "1.8.0"), ("mxnet-cu112", "1.7.0"), ("mxnet-cu117", "1.10.0")])
def test_other_versions_are_refused_before_they_are_imported(tmp_path, name, version):
    (tmp_path / "mxnet.py").write_text('raise SystemExit("imported")')
    distribution(tmp_path, name, version)
    assert python(LOAD, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}") == (
        f"ImportError: {name} {version} is installed, but only MXNet 1.9 is supported: "
        f"run `pip uninstall {name}`, then run `pip install --no-deps mxnet==1.9.1`.")


def test_mxnet_not_installed():
    assert python("""
    import importlib.metadata
    importlib.metadata.distributions = lambda **options: iter([])
    """ + LOAD) == ("ImportError: MXNet is not installed: "
                    "run `pip install --no-deps mxnet==1.9.1`.")


def test_requests_not_installed():
    assert python("""
    import importlib.util
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name: None if name == 'requests' else find(name)
    """ + LOAD) == "ImportError: MXNet needs the package requests: run `pip install requests`."


@pytest.mark.parametrize(("library", "remedy"), [
    ("libquadmath.so.0", "run `apt-get install libquadmath0`"),
    ("libcudart.so.11.0", "install it, or the CPU build of MXNet")])
def test_system_library_missing(library, remedy):
    assert python(f"""
    import ctypes, sys, numpy
    from shared import mxnet_compat

    class Missing(ctypes.CDLL):
        def __init__(self, name, *args, **kwargs):
            if 'libmxnet' in str(name):
                raise OSError('{library}: cannot open shared object file: No such file')
            super().__init__(name, *args, **kwargs)

    complete, ctypes.CDLL = ctypes.CDLL, Missing
    for attempt in range(2):
        try:
            mxnet_compat.load()
        except ImportError as error:
            print(error)
    assert not [name for name in sys.modules if name.startswith(('mxnet', 'distutils'))]
    assert not hasattr(numpy, 'PZERO')
    ctypes.CDLL = complete
    mxnet_compat.load()  # as after the library was installed
    """) == 2 * f"MXNet cannot load the system library {library}: {remedy}.\n"


def test_mxnet_imported_before():
    assert python("""
    try:
        import mxnet
    except Exception:
        pass
    """ + LOAD) == ("ImportError: mxnet was imported before mxnet_compat.load(): "
                    "restart the Python process (in Jupyter: the kernel) and call load() first.")


def test_cuda_libraries_are_loaded_from_the_wheels(tmp_path, monkeypatch):
    names = mxnet_compat._CUDA_LIBRARIES
    for number, name in enumerate(names):
        if name != "libnccl.so.2":  # a missing one is left to the linker
            folder = tmp_path / "nvidia" / f"part{number}" / "lib"
            folder.mkdir(parents=True)
            (folder / name).touch()
    calls = []
    monkeypatch.setattr(sys, "path", [str(tmp_path)])  # PyTorch may have brought such wheels
    monkeypatch.setattr(ctypes, "CDLL", lambda path, mode: calls.append((path, mode)))
    mxnet_compat._preload_cuda()
    assert [Path(path).name for path, _ in calls] == [n for n in names if n != "libnccl.so.2"]
    assert all(mode == ctypes.RTLD_GLOBAL and Path(path).is_file() for path, mode in calls)


def test_cuda_is_preloaded_for_the_distribution_that_needs_it_only(tmp_path):
    folder = tmp_path / "nvidia" / "cuda_runtime" / "lib"
    folder.mkdir(parents=True)
    (folder / "libcudart.so.11.0").write_text("not a library")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    assert python(LOAD, PYTHONPATH=path) == ""
    distribution(tmp_path, "mxnet-cu117", "1.9.1")
    assert "libcudart.so.11.0" in python(LOAD, PYTHONPATH=path)
