"""MXNet 1.9.1 on NumPy 2 and Python 3.11 to 3.13: ``mx = mxnet_compat.load()``.

MXNet's last release expects a NumPy and a Python of its time, and some of its operators have a
wrong gradient without saying so. `load` imports it all the same and repairs these operators, as
functions and as methods, in eager code; a hybridized Gluon block does not see the repairs.
"""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import sys
import threading
import types
import warnings
from pathlib import Path

import numpy as onp

_INSTALL = "run `pip install --no-deps mxnet==1.9.1`"
_CUDA_LIBRARIES = (  # in the order in which they need each other
    "libcudart.so.11.0",
    "libnvToolsExt.so.1",
    "libnvrtc.so.11.2",
    "libcublasLt.so.11",
    "libcublas.so.11",
    "libcufft.so.10",
    "libcurand.so.10",
    "libcusparse.so.11",
    "libcusolver.so.11",
    "libnccl.so.2",
    "libcudnn.so.8",
)
_lock = threading.RLock()


def load():
    """Import MXNet, repair it, switch NumPy semantics on, and return the module ``mxnet``.

    Calling it again returns the same module. NumPy semantics belong to a thread: call it once in
    every thread that uses MXNet. Raises ImportError, in one sentence that says what to do, when
    MXNet or something it needs is missing, is not 1.9, or was imported before without repairs.
    """
    with _lock:
        mx = sys.modules.get("mxnet")
        if not hasattr(mx, "_mxnet_compat"):
            if _check_installation() == "mxnet-cu117":
                _preload_cuda()
            mx = _import_mxnet()
            for repair in _REPAIRS:
                repair(mx)
            mx._mxnet_compat = True
    mx.util.set_np()
    return mx


def _check_installation():
    """Raise ImportError for what cannot work; return the name of the distribution installed."""
    if any(name.partition(".")[0] == "mxnet" for name in sys.modules):
        raise ImportError(
            "mxnet was imported before mxnet_compat.load(): restart the Python "
            "process (in Jupyter: the kernel) and call load() first."
        )
    found = [
        dist
        for name in ("mxnet", "mxnet-cu112", "mxnet-cu117")
        for dist in importlib.metadata.distributions(name=name)
    ]
    if not found:
        raise ImportError(f"MXNet is not installed: {_INSTALL}.")
    for dist in found:
        if not dist.version.startswith("1.9."):
            raise ImportError(
                f"{dist.name} {dist.version} is installed, but only MXNet 1.9 is "
                f"supported: run `pip uninstall {dist.name}`, then {_INSTALL}."
            )
    if importlib.util.find_spec("requests") is None:
        raise ImportError("MXNet needs the package requests: run `pip install requests`.")
    return found[-1].name


def _import_mxnet():
    """Import mxnet; the names it misses in NumPy and in Python exist only meanwhile."""
    names = dict.fromkeys(("mirr", "msort", "npv", "pmt", "ppmt", "pv", "rate", "trapz"))
    names |= dict(
        PZERO=0.0,
        NZERO=-0.0,
        PINF=onp.inf,
        NINF=-onp.inf,
        Inf=onp.inf,
        NaN=onp.nan,
        NAN=onp.nan,
        alltrue=onp.all,
        sometrue=onp.any,
        product=onp.prod,
        round_=onp.round,
        bool=onp.bool_,
        in1d=onp.isin,
    )
    names = {name: value for name, value in names.items() if name not in vars(onp)}
    fakes = dict.fromkeys(("sklearn", "scipy.stats"))  # MXNet can do without; they take a second
    fakes |= {name: types.ModuleType(name) for name in ("distutils", "distutils.version")}
    for name in ("LooseVersion", "StrictVersion"):
        setattr(fakes["distutils.version"], name, lambda text: tuple(map(int, text.split(".")[:2])))
    kept = {name: sys.modules[name] for name in fakes if name in sys.modules}
    vars(onp).update(names)
    sys.modules.update(fakes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module("mxnet")
    except BaseException as error:
        for name in [name for name in sys.modules if name.partition(".")[0] == "mxnet"]:
            del sys.modules[name]  # so that load() can be tried again
        if not isinstance(error, OSError):
            raise
        library = str(error).partition(":")[0]
        remedy = (
            "run `apt-get install libquadmath0`"
            if "quadmath" in library
            else "install it, or the CPU build of MXNet"
        )
        raise ImportError(f"MXNet cannot load the system library {library}: {remedy}.") from error
    finally:
        for name in names:
            delattr(onp, name)
        for name in fakes:
            del sys.modules[name]
        sys.modules.update(kept)


def _preload_cuda():
    """Load CUDA 11.7 from the nvidia-*-cu11 wheels; what they lack is left to the linker."""
    for name in _CUDA_LIBRARIES:
        found = (path for folder in sys.path for path in Path(folder).glob(f"nvidia/*/lib/{name}"))
        for path in list(found)[:1]:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)


def _replace(*places, **functions):
    for place in places:
        for name, function in functions.items():
            setattr(place, name, function)


def _promoted(array, scalar):
    """``array``, as float32 if it holds integers or booleans and ``scalar`` is a float."""
    if isinstance(scalar, (float, onp.floating)) and array.dtype.kind in "biu":
        return array.astype("float32")
    return array


def _repair_scalar_arithmetic(mx):
    """``int_array * 0.5`` and ``mask * 0.5`` cut the scalar to an integer; now float32, as in
    ``int_array / 2``. In place the result has no room for the fraction: TypeError, as in NumPy."""

    def repaired(function):
        def wrapper(x1, x2, out=None, **kwargs):
            if out is None and isinstance(x1, mx.np.ndarray):
                x1 = _promoted(x1, x2)
            elif out is None and isinstance(x2, mx.np.ndarray):
                x2 = _promoted(x2, x1)
            elif out is not None and _promoted(out, x2) is not out and x2 % 1:
                raise TypeError(f"an {out.dtype} array cannot hold the result of {x2}: cast it")
            return function(x1, x2, out=out, **kwargs)

        return wrapper

    functions = mx.ndarray.numpy
    for name in ("add", "subtract", "multiply", "mod", "remainder", "power", "maximum", "minimum"):
        _replace(functions, functions._op, **{name: repaired(getattr(functions, name))})
    mx.np.ndarray.__neg__ = lambda a: a * -1  # it was a * -1.0, which would now be a float


def _repair_where(mx):
    """With one scalar branch the gradient went to the wrong branch; with two arrays it is right."""

    def where(condition, x=None, y=None):
        if isinstance(x, ndarray) != isinstance(y, ndarray):
            array, scalar = (x, y) if isinstance(x, ndarray) else (y, x)
            array = _promoted(array, 1.0 if array.dtype == bool else scalar)
            scalar = mx.np.full((), scalar, dtype=array.dtype, ctx=array.ctx)
            x, y = (array, scalar) if isinstance(x, ndarray) else (scalar, array)
        return original(condition, x, y)

    ndarray, original = mx.np.ndarray, mx.ndarray.numpy.where
    _replace(mx.ndarray.numpy, mx.ndarray.numpy._op, where=where)


def _repair_var_and_std(mx):
    """The gradient was 0: the variance is now the mean of squared deviations, written out. The
    standard deviation of equal numbers has no gradient; 0 is taken, as in PyTorch."""

    def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        if dtype is not None or a.dtype.kind in "biu":
            a = a.astype(dtype or "float32")
        squares = mx.np.square(a - a.mean(axis=axis, keepdims=True))
        mean = squares.mean(axis=axis, keepdims=keepdims)
        count = a.size // max(mean.size, 1)
        return mx.np.multiply(mean, count / (count - ddof) if count > ddof else onp.inf, out=out)

    def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        variance = var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)
        spread = variance != 0
        return mx.np.multiply(mx.np.sqrt(mx.np.where(spread, variance, 1)), spread, out=out)

    _replace(mx.ndarray.numpy._internal, var=var, std=std)


def _repair_matmul(mx):
    """The gradient was wrong for an inner batch axis of size 1, as in (2, 1, 3, 4) @ (2, 6, 4, 5):
    the batch axes are now made equal first. Operands of one or two axes are left alone."""

    def matmul(a, b, out=None):
        left, right = a.shape[:-2], b.shape[:-2]
        if left and right and left != right:
            batch = onp.broadcast_shapes(left, right)
            a = mx.np.broadcast_to(a, batch + a.shape[-2:])
            b = mx.np.broadcast_to(b, batch + b.shape[-2:])
        return original(a, b, out=out)

    original = mx.ndarray.numpy._internal.matmul
    _replace(mx.ndarray.numpy._internal, matmul=matmul)


def _repair_pad(mx):
    """It used numpy.compat, gone from NumPy 2, and ignored ``constant_values``. The kernel does
    neither, but wants at least two axes. Widths are given as to NumPy's pad."""

    def pad(x, pad_width, mode="constant", constant_values=0):
        widths = onp.broadcast_to(pad_width, (x.ndim, 2)).astype(int, casting="safe").tolist()
        options = {"constant_value": constant_values} if mode == "constant" else {}
        if x.ndim == 1:
            return kernel(x.reshape(1, -1), [(0, 0), *widths], mode=mode, **options).reshape(-1)
        return kernel(x, widths, mode=mode, **options)

    kernel = mx.ndarray.numpy._internal.pad
    _replace(mx.ndarray.numpy, mx.ndarray.numpy._op, pad=pad)


def _repair_selu(mx):
    """The gradient of ``leaky_relu(act_type='selu')``, hence of Gluon's SELU, was wrong below 0."""

    def leaky_relu(data=None, gamma=None, act_type="leaky", **kwargs):
        if act_type != "selu":
            return original(data, gamma, act_type=act_type, **kwargs)
        below = 1.6732632423543772 * mx.np.expm1(mx.np.where(data > 0, 0, data))
        return 1.0507009873554805 * mx.np.where(data > 0, data, below)

    original = mx.npx.leaky_relu
    _replace(mx.npx, mx.ndarray.numpy_extension, leaky_relu=leaky_relu)


def _refuse_missing_gradients(mx):
    """These gave the gradient 0, `rot90` a wrong one. They now refuse to be recorded."""

    def refusing(name, original):
        def kernel(*args, **kwargs):
            if mx.autograd.is_recording():
                raise NotImplementedError(
                    f"MXNet has no gradient for {name}: call it outside "
                    "autograd.record(), or under autograd.pause()."
                )
            return original(*args, **kwargs)

        return kernel

    kernels = mx.ndarray.numpy._internal
    for name in (
        "eig",
        "eigh",
        "eigvals",
        "eigvalsh",
        "percentile",
        "pinv",
        "pinv_scalar_rcond",
        "rot90",
    ):
        _replace(kernels, **{name: refusing(name.partition("_")[0], getattr(kernels, name))})


def _repair_custom_functions(mx):
    """In a subclass of autograd.Function, backward got legacy arrays in a thread without NumPy
    semantics; an input without gradient cut off those after it; grad_req='add' gave nothing."""

    def init_subclass(cls):
        super(mx.autograd.Function, cls).__init_subclass__()
        cls.backward = with_numpy_arrays(cls.backward)

    def with_numpy_arrays(backward):
        def wrapper(self, *grads):
            mx.util.set_np()
            return backward(self, *(grad.as_np_ndarray() for grad in grads))

        return wrapper

    def write(targets, values, requests):
        for target, value, request in zip(targets, values, requests, strict=True):
            if request:  # 0: no gradient wanted, 3: to be added, otherwise to be written
                target = target.as_np_ndarray()
                target[:] = target + value.as_np_ndarray() if request == 3 else value
        return ()

    mx.autograd.Function.__init_subclass__ = classmethod(init_subclass)
    mx.autograd.zip = write  # the name `zip` is used once there, by the loop that writes gradients


def _repair_shapes(mx):
    """Kernels take parameters as text, and NumPy 2 writes ``(np.int64(3),)`` where 1 wrote (3,)."""

    def plain(value):
        if isinstance(value, (tuple, list)):
            return type(value)([plain(item) for item in value])
        return value.item() if isinstance(value, onp.generic) else value

    def text(value):
        return str(plain(value) if type(value) in (tuple, list) else value)

    _replace(mx._ctypes.ndarray, mx._ctypes.symbol, str=text)


def _add_array_conversion(mx):
    """``numpy.asarray(a)`` saw nested sequences of 0-d objects: it now gets a NumPy array."""

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("an MXNet array cannot be seen from NumPy without a copy")
        return self.asnumpy().astype(dtype or self.dtype, copy=False)

    mx.np.ndarray.__array__ = __array__


def _add_functions(mx):
    """Functions that NumPy has and mx.np lacks."""
    np = mx.np

    def triu(m, k=0):
        """Upper triangle of the last two axes; selected, not subtracted, so that inf may occur."""
        above = np.array(~onp.tri(*m.shape[-2:], k=k - 1, dtype=bool), ctx=m.ctx)
        return np.where(above, m, np.zeros_like(m))

    _replace(
        np,
        triu=triu,
        logical_and=lambda a, b: np.greater(a != 0, b == 0),  # bitwise_and and bitwise_or do
        logical_or=lambda a, b: np.greater_equal(a != 0, b == 0),
    )  # not broadcast booleans
    np.random.seed = mx.random.seed
    np.ndarray.ravel = lambda a: a.reshape(-1)


_REPAIRS = (
    _repair_scalar_arithmetic,
    _repair_where,
    _repair_var_and_std,
    _repair_matmul,
    _repair_pad,
    _repair_selu,
    _refuse_missing_gradients,
    _repair_custom_functions,
    _repair_shapes,
    _add_array_conversion,
    _add_functions,
)
