"""The alias: every path of Theano's resolves, what is missing says so, scripts and test suites run under it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import reference
from reference.alias import ABSENT, PATHS, install_as_theano, sources, uninstall

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _alias():
    install_as_theano()
    yield
    uninstall()


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_a_module_whose_every_name_is_there(path):
    module = importlib.import_module(path)
    assert sources(path)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert module.__all__


@pytest.mark.parametrize("path", PATHS)
def test_every_source_is_a_module_of_ours(path):
    for source in PATHS[path].sources:
        importlib.import_module(source)


PROGRAMS = {
    "theano": "config function shared scan grad clone Lop Rop pp Param In Out Mode OpFromGraph dot printing gof "
    "compile tensor gradient sandbox scan_module ifelse tests misc scalar updates version change_flags _asarray as_op "
    "map reduce foldl foldr Variable Constant Op Apply Type TensorType generic configparser OrderedUpdates "
    "subgraph_grad",
    "theano.tensor": "matrix lscalar nnet shared_randomstreams grad dot sharedvar var basic opt extra_ops subtensor "
    "TensorType TensorVariable TensorConstant as_tensor_variable get_scalar_constant_value NotScalarConstantError sort "
    "inplace raw_random elemwise set_subtensor verify_grad constant discrete_dtypes float_dtypes get_vector_length "
    "Variable NoneConst",
    "theano.tensor.nnet": "sigmoid softmax categorical_crossentropy bn relu softplus nnet",
    "theano.tensor.nnet.abstract_conv": "conv2d conv2d_transpose bilinear_upsampling AbstractConv2d_gradInputs",
    "theano.tensor.nnet.conv": "conv2d",
    "theano.tensor.nnet.bn": "batch_normalization batch_normalization_train batch_normalization_test",
    "theano.tensor.nnet.nnet": "softmax sigmoid softsign categorical_crossentropy binary_crossentropy",
    "theano.tensor.signal": "pool conv downsample",
    "theano.tensor.signal.pool": "pool_2d pool_3d max_pool_2d_same_size Pool",
    "theano.tensor.signal.downsample": "max_pool_2d",
    "theano.tensor.xlogx": "xlogx xlogy0",
    "theano.tensor.extra_ops": "cumsum repeat to_one_hot diff bincount squeeze fill_diagonal",
    "theano.tensor.elemwise": "Elemwise DimShuffle Sum Prod All Any",
    "theano.tensor.var": "TensorVariable TensorConstant",
    "theano.tensor.type": "TensorType",
    "theano.tensor.raw_random": "RandomFunction RandomStateType",
    "theano.tensor.opt": "Assert assert_op",
    "theano.tensor.sharedvar": "TensorSharedVariable SharedVariable shared",
    "theano.tensor.shared_randomstreams": "RandomStreams",
    "theano.sandbox.rng_mrg": "MRG_RandomStreams",
    "theano.compile": "SharedVariable shared In Out Param Mode function sharedvalue mode io ops debugmode DebugMode "
    "nanguardmode NanGuardMode MonitorMode builders pfunc rebuild_collect_shared ProfileStats as_op get_mode "
    "get_default_mode predefined_modes SymbolicInput deep_copy_op view_op UnusedInputError DeepCopyOp ViewOp",
    "theano.compile.nanguardmode": "NanGuardMode",
    "theano.compile.debugmode": "DebugMode",
    "theano.compile.sharedvalue": "SharedVariable shared shared_constructor Container",
    "theano.compile.function_module": "Function UnusedInputError",
    "theano.compile.pfunc": "rebuild_collect_shared Param shared",
    "theano.gof": "Op Apply Variable Constant Type FunctionGraph graph utils toolbox generic Generic "
    "MissingInputError fg",
    "theano.gof.graph": "inputs ancestors variables ops orphans clone io_toposort list_of_nodes is_same_graph "
    "general_toposort clone_get_equiv as_string equal_computations view_roots Variable Constant Apply",
    "theano.gof.utils": "MethodNotDefined flatten hashtype give_variables_names",
    "theano.gradient": "grad disconnected_grad zero_grad grad_clip consider_constant verify_grad numeric_grad jacobian "
    "hessian Lop Rop DisconnectedInputError NullTypeGradError DisconnectedType grad_undefined grad_not_implemented",
    "theano.printing": "Print debugprint pp pprint pydotprint min_informative_str",
    "theano.ifelse": "ifelse IfElse",
    "theano.scan_module": "scan map reduce foldl foldr until scan_utils scan_views scan_op",
    "theano.scan_module.scan_utils": "until clone equal_computations rebuild_collect_shared",
    "theano.configparser": "config change_flags AddConfigVar StrParam BoolParam parse_config_string",
    "theano.scalar": "upcast float32 int8 Scalar all_types as_scalar add exp",
    "theano.updates": "OrderedUpdates",
    "theano.misc.pkl_utils": "dump load StripPickler",
    "theano.misc.safe_asarray": "_asarray",
    "theano.tests.unittest_tools": "verify_grad seed_rng fetch_seed assert_allclose InferShapeTester",
    "theano.tests": "unittest_tools",
}
"""What programs, libraries and test suites written for Theano import, by path."""


@pytest.mark.parametrize("path", PROGRAMS)
def test_what_programs_import_is_there(path):
    module = importlib.import_module(path)
    assert [name for name in PROGRAMS[path].split() if not hasattr(module, name)] == []


def test_names_mean_our_objects():
    import theano
    import theano.tensor as T
    from theano import gof

    assert theano.function is reference.function and theano.config is reference.config
    assert T.TensorVariable is type(reference.tensor.matrix()) and gof.Op is theano.Op is reference.Op
    assert T.nnet is sys.modules["theano.tensor.nnet"] and theano.tensor is T


def test_importing_a_submodule_does_not_hide_the_function_of_its_name():
    import theano.compile.function
    import theano.ifelse
    import theano.tensor.sort
    import theano.updates

    assert theano.tensor.sort is reference.tensor.sort
    assert theano.compile.function is reference.function
    assert theano.ifelse.ifelse(True, 1, 2) is not None


def test_importing_everything_from_tensor():
    names: dict = {}
    exec("from theano.tensor import *", names)
    assert names["dmatrix"] is reference.tensor.dmatrix


@pytest.mark.parametrize("path", ABSENT)
def test_what_is_left_out_on_purpose_says_why(path):
    with pytest.raises(ImportError, match="there is no " + path.replace(".", r"\.")) as caught:
        importlib.import_module(path + ".anything")
    assert ABSENT[path] in str(caught.value)


def test_an_unknown_path_offers_the_nearest():
    with pytest.raises(ImportError, match=r"did you mean 'theano\.tensor\.nnet'"):
        importlib.import_module("theano.tensor.nnett")


def test_an_unknown_name_offers_the_nearest():
    import theano.tensor as T

    with pytest.raises(AttributeError, match=r"theano\.tensor has no 'dmatrixx' here; did you mean 'dmatrix'"):
        T.dmatrixx  # noqa: B018
    assert not hasattr(T, "dmatrixx")


def test_another_theano_that_is_there_already_is_not_replaced(monkeypatch):
    uninstall()
    monkeypatch.setitem(sys.modules, "theano", sys)
    with pytest.raises(ImportError, match="already imported"):
        install_as_theano()


def test_versions_are_those_of_the_language():
    import theano

    assert theano.__version__.startswith("1.0.5") and theano.version.short_version == "1.0.5"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_run_sets_flags_and_arguments(tmp_path, backend):
    (tmp_path / "beside.py").write_text("import theano.tensor as T\nx = T.matrix('x')\n")
    (tmp_path / "script.py").write_text(
        "import sys, theano\nfrom beside import x\n"
        "if __name__ == '__main__':\n"
        "    f = theano.function([x], x.sum())\n"
        "    print(sys.argv[1:], x.dtype, f.mode, f.backend, f([[1, 2]]))\n"
    )
    flags = ["--backend", backend, "--mode", "EXACT", "--floatX", "float32"]
    done = run("-m", "reference", "run", *flags, "script.py", "--rate", "0.1", cwd=tmp_path)
    assert done.stdout == f"['--rate', '0.1'] float32 EXACT {backend} 3.0\n", done.stderr


@pytest.mark.backend("reference")
def test_a_test_suite_runs_under_the_alias(tmp_path):
    (tmp_path / "test_users.py").write_text(
        "import unittest\nimport numpy as np\nimport theano\nimport theano.tensor as T\n"
        "from theano.tests import unittest_tools as utt\n"
        "class TestUsers(utt.InferShapeTester):\n"
        "    def test_it(self):\n"
        "        x = T.dmatrix()\n"
        "        self._compile_and_check([x], [x.sum(axis=0)], [np.ones((2, 3))], T.Sum)\n"
        "        utt.verify_grad(T.exp, [np.ones(3)])\n"
    )
    done = run("-m", "pytest", "-p", "reference.as_theano", "-q", "test_users.py", cwd=tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
