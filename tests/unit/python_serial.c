/*
 * Damaged and hostile files: whatever they hold, loading ends with an exception or a right result,
 * and saving leaves the old file until the new one is whole.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/mem.h"
#include "python/module.h"

#include <criterion/criterion.h>

/* What all snippets use. `pickled` makes a file of torch.save() with another pickle in it. */
static const char prelude[] =
    "import io, os, pickle, struct, sys, tempfile, torch, warnings, zipfile\n"
    "import torch.nn as nn\n"
    "os.chdir(tempfile.mkdtemp())\n"
    "def saved(what, **options):\n"
    "    file = io.BytesIO()\n"
    "    torch.save(what, file, **options)\n"
    "    return file.getvalue()\n"
    "def loaded(data, **options):\n"
    "    return torch.load(io.BytesIO(data), **options)\n"
    "def archive(records, method=zipfile.ZIP_STORED):\n"
    "    file = io.BytesIO()\n"
    "    with zipfile.ZipFile(file, 'w', method) as archive:\n"
    "        for name, data in records.items():\n"
    "            archive.writestr(name, data)\n"
    "    return file.getvalue()\n"
    "def pickled(data, **more):\n"
    "    return archive({'a/data.pkl': data, 'a/version': b'3\\n', 'a/data/0': bytes(24), "
    "**more})\n"
    "def fails(expected, text, function, *args, **options):\n"
    "    try:\n"
    "        got = function(*args, **options)\n"
    "    except expected as error:\n"
    "        assert text in str(error), (text, str(error), args)\n"
    "    else:\n"
    "        raise AssertionError((got, args))\n"
    "def named(module, name, args=b')'):\n"
    "    return b'\\x80\\x02c' + module + b'\\n' + name + b'\\n' + args + b'R.'\n"
    "class Own:\n"
    "    pass\n"
    "refused = pickle.UnpicklingError\n";

static void python_start(void)
{
    cr_assert(python_register_modules() == 0);
    Py_InitializeEx(0);
    cr_assert(PyRun_SimpleString(prelude) == 0);
}

static void python_stop(void)
{
    Py_FinalizeEx();
    pool_trim();
}

/* Runs Python code, whose asserts are the test's; a failed one is printed with its traceback. */
static void check(const char *code)
{
    cr_expect(PyRun_SimpleString(code) == 0);
}

TestSuite(python_serial, .init = python_start, .fini = python_stop);

/* ---- names ---- */

Test(python_serial, names_are_refused)
{
    check(
        "for module, name in ((b'os', b'system'), (b'posix', b'system'), (b'builtins', b'eval'),\n"
        "                     (b'__builtin__', b'getattr'), (b'torch', b'load'),\n"
        "                     (b'torch', b'save'), (b'__main__', b'Own'),\n"
        "                     (b'torch.nn.modules.linear', b'Linear'), (b'nowhere', b'Storage'),\n"
        "                     (b'collections', b'OrderedDict.fromkeys'), (b'numpy', b'load')):\n"
        "    text = f'{module.decode()}.{name.decode()}'\n"
        "    fails(refused, text, loaded, pickled(named(module, name)))\n"
        "    old = saved(1, _use_new_zipfile_serialization=False)\n"
        "    fails(refused, text, loaded, old.replace(b'\\x80\\x02K\\x01.', named(module, name)))\n"
        "fails(refused, 'weights_only=False', loaded, saved(nn.Linear(1, 1)))\n"
        "fails(refused, '__main__.Own', loaded, saved([Own()]))\n");
}

Test(python_serial, even_trusted_files_name_little)
{
    check(
        "from os import system\n"
        "def double(x): return 2 * x\n"
        "trusted = dict(weights_only=False)\n"
        "for module, name in ((b'os', b'system'), (b'__main__', b'system'), (b'__main__', "
        "b'io.open'),\n"
        "                     (b'builtins', b'eval'), (b'torch', b'save'),\n"
        "                     (b'torch.nn.modules.linear', b'Linear.__class__.mro')):\n"
        "    fails(refused, 'does not look up', loaded, pickled(named(module, name)), **trusted)\n"
        "fails(AttributeError, 'Gone', loaded, pickled(named(b'__main__', b'Gone')), **trusted)\n"
        "own = Own(); own.x = torch.ones(2); own.f = double\n"
        "again = loaded(saved(own), **trusted)\n"
        "assert type(again) is Own and again.f is double and again.x.tolist() == [1, 1]\n"
        "layer = loaded(saved(nn.Linear(2, 3)), **trusted)\n"
        "assert layer(torch.ones(1, 2)).shape == (1, 3)\n"
        "old = saved(layer, _use_new_zipfile_serialization=False)\n"
        "assert type(loaded(old, **trusted)) is nn.Linear\n");
}

/* What may be named is called with what it is made for, and objects keep their class. */
Test(python_serial, calls_are_checked)
{
    check("big = b'(J\\xff\\xff\\xff\\x7ft'\n"
          "for name in (b'bytes', b'bytearray', b'set', b'frozenset'):\n"
          "    fails(refused, 'made from', loaded, pickled(named(b'builtins', name, big)))\n"
          "fails(refused, 'made from', loaded, pickled(named(b'_codecs', b'encode')))\n"
          "fails(refused, 'made to be called', loaded, pickled(named(b'torch', b'Tensor')))\n"
          "fails(refused, 'made to be called', loaded, pickled(b'\\x80\\x02K\\x01)R.'))\n"
          "fails(refused, 'no pair', loaded,\n"
          "      pickled(named(b'collections', b'OrderedDict', "
          "b'](K\\x01e\\x85').replace(b'(K\\x01e', b'(](K\\x01ee')))\n"
          "build = b'\\x80\\x02ctorch\\nTensor\\n}X\\x01\\0\\0\\0aK\\x01sb.'\n"
          "fails(refused, 'takes none', loaded, pickled(build))\n"
          "fails(refused, 'not made for that', loaded, "
          "pickled(b'\\x80\\x02ctorch\\nTensor\\n)\\x81.'))\n"
          "assert not hasattr(torch.Tensor, 'a')\n"
          "deep = b'\\x80\\x02]' + b')' + b'\\x85' * 100000 + b'K\\x01'\n"
          "fails(refused, 'too many parts', loaded, pickled(b'\\x80\\x02})' + b'\\x85' * 100000 + "
          "b'Ns.'))\n"
          "fails(refused, 'too many parts', loaded, pickled(b'\\x80\\x02})' + b'2\\x86' * 60 + "
          "b'Ns.'))\n");
}

/* ---- the machine ---- */

Test(python_serial, damaged_pickles)
{
    check("for data, error in ((b'', EOFError), (b'\\x80', EOFError), (b'.', refused), (b'R.', "
          "refused),\n"
          "        (b'\\x80\\x09N.', refused), (b'N0.', refused), (b'N', EOFError), (b'\\xff.', "
          "refused),\n"
          "        (b'(t0.', refused), (b't.', refused), (b'e.', refused), (b'](e', EOFError),\n"
          "        (b'(e.', refused), (b'N(Ne.', refused), (b'Na.', refused), (b'NNa.', refused),\n"
          "        (b'}Ns.', refused), (b'NNNs.', refused), (b'}(Nu.', refused), (b'}]Ns.', "
          "TypeError),\n"
          "        (b'\\x8f(]\\x90.', TypeError), (b'N(N\\x90.', refused), (b'h\\x05.', refused),\n"
          "        (b'q\\x05.', refused), (b'(q\\x05.', refused), (b'X\\xff\\xff\\xff\\xffab', "
          "EOFError),\n"
          "        (b'\\x8d' + b'\\xff' * 8 + b'ab', EOFError), (b'\\x8e' + b'\\xff' * 8, "
          "EOFError),\n"
          "        (b'\\x96\\0\\0\\0\\0\\0\\x10\\0\\0', EOFError), (b'\\x8b\\xff\\xff\\xff\\x7f1', "
          "EOFError),\n"
          "        (b'I1x\\n.', ValueError), (b'I12', EOFError), (b'X\\x01\\0\\0\\0\\xff.', "
          "UnicodeDecodeError),\n"
          "        (b'cos', EOFError), (b'NN\\x93.', refused), (b'NQ.', RuntimeError), (b'NNb.', "
          "refused),\n"
          "        (b'NN\\x81.', refused), (b'NNN\\x92.', refused), (b'V1\\n.', refused), (b'i', "
          "refused),\n"
          "        (b'P1\\n.', refused), (b'\\x82\\x01.', refused)):\n"
          "    fails(error, '', loaded, pickled(data))\n"
          "large = pickled(b'Nr\\xff\\xff\\xff\\xff0j\\xff\\xff\\xff\\xff.')\n"
          "assert loaded(large) is None\n"
          "assert loaded(pickled(b'(K\\x01K\\x02d.')) == {1: 2} and loaded(pickled(b'(Nl.')) == "
          "[None]\n"
          "assert loaded(pickled(b'(N1N2\\x86.')) == (None, None)\n"
          "deep = loaded(pickled(b']' * 200000 + b'a' * 199999 + b'.'))\n"
          "assert len(deep) == 1\n");
}

/* ---- storages and tensors ---- */

Test(python_serial, lying_storages)
{
    check("def tensor(kind=b'FloatStorage', key=b'0', count=b'K\\x06', place=b'cpu', "
          "offset=b'K\\0',\n"
          "           size=b'K\\x06\\x85', stride=b'K\\x01\\x85'):\n"
          "    text = lambda s: b'X' + struct.pack('<I', len(s)) + s\n"
          "    return (b'\\x80\\x02ctorch._utils\\n_rebuild_tensor_v2\\n((' + text(b'storage') +\n"
          "            b'ctorch\\n' + kind + b'\\n' + text(key) + text(place) + count + b'tQ' + "
          "offset +\n"
          "            size + stride + b'\\x89ccollections\\nOrderedDict\\n)RtR.')\n"
          "assert loaded(pickled(tensor())).tolist() == [0] * 6\n"
          "huge = b'\\x8a\\x08' + struct.pack('<q', 2**62)\n"
          "minus = b'J\\xff\\xff\\xff\\xff'\n"
          "for error, text, options in (\n"
          "        (RuntimeError, 'holds 24 bytes', dict(count=b'K\\x07')),\n"
          "        (RuntimeError, 'holds 24 bytes', dict(count=b'K\\0')),\n"
          "        (RuntimeError, 'cannot be', dict(count=huge)),\n"
          "        (RuntimeError, 'cannot be', dict(count=minus)),\n"
          "        (RuntimeError, 'cannot be', dict(count=b'N')),\n"
          "        (RuntimeError, 'holds 24 bytes', dict(kind=b'DoubleStorage')),\n"
          "        (refused, 'torch.NoStorage', dict(kind=b'NoStorage')),\n"
          "        (RuntimeError, 'data/9: file not found', dict(key=b'9')),\n"
          "        (RuntimeError, 'not found', dict(key=b'../version')),\n"
          "        (RuntimeError, 'tagged with moon', dict(place=b'moon')),\n"
          "        (RuntimeError, 'CUDA device', dict(place=b'cuda:0')),\n"
          "        (RuntimeError, 'out of bounds', dict(size=b'K\\x07\\x85')),\n"
          "        (RuntimeError, 'out of bounds', dict(offset=b'K\\x01')),\n"
          "        (RuntimeError, 'out of bounds', dict(stride=b'K\\x02\\x85')),\n"
          "        (RuntimeError, 'overflow', dict(offset=huge)),\n"
          "        (RuntimeError, 'overflow', dict(offset=huge, size=b'K\\0\\x85')),\n"
          "        (RuntimeError, 'overflow', dict(size=huge + b'\\x85')),\n"
          "        (RuntimeError, 'overflow', dict(size=b'K\\x02' + huge + b'\\x86', "
          "stride=huge + b'K\\x01\\x86')),\n"
          "        (RuntimeError, 'storage offset -1', dict(offset=minus)),\n"
          "        (RuntimeError, 'negative', dict(size=minus + b'\\x85')),\n"
          "        (RuntimeError, 'strides', dict(stride=minus + b'\\x85')),\n"
          "        (RuntimeError, 'as many strides', dict(stride=b'K\\x01K\\x01\\x86')),\n"
          "        (RuntimeError, 'at most 16', dict(size=b'(' + b'K\\x01' * 17 + b't')),\n"
          "        (RuntimeError, 'was expected', dict(size=b'K\\x06')),\n"
          "        (TypeError, '', dict(size=b'N\\x85')), (TypeError, '', dict(offset=b'N'))):\n"
          "    fails(error, text, loaded, pickled(tensor(**options)))\n"
          "odd = pickled(tensor(b'BoolStorage', count=b'K\\x18'), **{'a/data/0': b'\\0\\1\\2\\xff' "
          "* 6})\n"
          "assert loaded(odd).tolist() == [False, True, True, True, False, True]\n");
}

/* ---- files ---- */

Test(python_serial, damaged_archives)
{
    check("good = saved({'x': torch.arange(3.), 'y': [1, 'two']})\n"
          "for length in range(len(good)):\n"
          "    fails((RuntimeError, EOFError, refused), '', loaded, good[:length])\n"
          "for at in range(len(good)):\n"
          "    bad = bytearray(good)\n"
          "    bad[at] ^= 1 << at % 8\n"
          "    try:\n"
          "        again = loaded(bytes(bad))\n"
          "    except (RuntimeError, EOFError, refused): continue\n"
          "    assert again['x'].tolist() == [0, 1, 2] and again['y'] == [1, 'two'], at\n"
          "pkl = b'\\x80\\x02N.'\n"
          "reading = 'PytorchStreamReader failed'\n"
          "for records, text in (({}, 'failed'), ({'data.pkl': pkl}, 'no folder'),\n"
          "        ({'a/data.pkl': pkl}, 'version'), ({'a/version': b'3\\n'}, 'data.pkl'),\n"
          "        ({'a/data.pkl': pkl, 'a/version': b'99'}, 'version 99'),\n"
          "        ({'a/data.pkl': pkl, 'a/version': b'x'}, 'version 0'),\n"
          "        ({'a/data.pkl': pkl, 'a/version': b'3', 'a/byteorder': b'big'}, 'big-endian'),\n"
          "        ({'a/data.pkl': pkl, 'a/version': b'3', 'a/constants.pkl': pkl}, "
          "'TorchScript')):\n"
          "    fails((RuntimeError, refused), text if records else '', loaded, archive(records))\n"
          "packed = archive({'a/data.pkl': pkl, 'a/version': b'3\\n'}, zipfile.ZIP_DEFLATED)\n"
          "fails(RuntimeError, 'compressed', loaded, packed)\n");
}

Test(python_serial, damaged_old_files)
{
    check("old = saved([torch.arange(3.), torch.tensor([True])], "
          "_use_new_zipfile_serialization=False)\n"
          "for length in range(len(old)):\n"
          "    fails((EOFError, RuntimeError, refused), '', loaded, old[:length])\n"
          "for at in range(len(old)):\n"
          "    for bit in range(8):\n"
          "        bad = bytearray(old)\n"
          "        bad[at] ^= 1 << bit\n"
          "        try:\n"
          "            repr(loaded(bytes(bad)))\n"
          "        except Exception as error:\n"
          "            assert not isinstance(error, (SystemError, MemoryError)), (at, bit, error)\n"
          "fails(RuntimeError, 'magic number', loaded, pickle.dumps(3))\n"
          "fails(RuntimeError, 'EOF', loaded, old.replace(b'K\\x03N', b'J\\0\\0\\0\\x40N'))\n"
          "fails(RuntimeError, 'wrong byte size', loaded, old.replace(b'\\x03' + bytes(7), "
          "b'\\x02' + bytes(7)))\n"
          "fails(refused, 'list its storages', loaded, "
          "old.replace(b']q\\0(X\\1\\0\\0\\0000q\\1X\\1\\0\\0\\0001q\\2e.', b'].'))\n");
}

Test(python_serial, damaged_safetensors)
{
    check("import json, safetensors\n"
          "from safetensors.torch import save, load\n"
          "def made(header, data=b''):\n"
          "    text = header if isinstance(header, bytes) else json.dumps(header).encode()\n"
          "    return struct.pack('<Q', len(text)) + text + data\n"
          "def one(dtype='F32', shape=[2], offsets=[0, 8]):\n"
          "    return {'dtype': dtype, 'shape': shape, 'data_offsets': offsets}\n"
          "assert load(made({'a': one()}, bytes(8)))['a'].tolist() == [0, 0]\n"
          "assert load(made({})) == {} and load(made(b'{}   ')) == {}\n"
          "for text, data in (('HeaderTooSmall', b''), ('HeaderTooSmall', bytes(7)),\n"
          "        ('HeaderTooLarge', b'\\xff' * 20), ('InvalidHeaderLength', struct.pack('<Q', "
          "50) + b'{}'),\n"
          "        ('InvalidHeaderDes', made(b'{')), ('no object', made(b'[]')), "
          "('InvalidHeaderDes', made(b'\\xff')),\n"
          "        ('InvalidHeaderDes', made(b'[' * 100000)), ('duplicate', "
          "made(b'{\"a\":1,\"a\":1}')),\n"
          "        ('__metadata__', made({'__metadata__': 1})), ('__metadata__', "
          "made({'__metadata__': {'a': 1}})),\n"
          "        ('F33', made({'a': one('F33')}, bytes(8))), ('(none)', made({'a': 1})),\n"
          "        ('Incomplete', made({'a': one()}, bytes(7))), ('Incomplete', made({'a': one()}, "
          "bytes(9))),\n"
          "        ('TensorInvalidInfo', made({'a': one(shape=[3])}, bytes(8))),\n"
          "        ('counts', made({'a': one(shape=[-2])}, bytes(8))),\n"
          "        ('no shape', made({'a': one(shape=2)}, bytes(8))),\n"
          "        ('at most 16', made({'a': one(shape=[1] * 17)}, bytes(4))),\n"
          "        ('Overflow', made({'a': one(shape=[2**40, 2**40])}, bytes(8))),\n"
          "        ('InvalidOffset', made({'a': one(offsets=[8, 0])}, bytes(8))),\n"
          "        ('InvalidOffset', made({'a': one(offsets=[4, 12])}, bytes(12))),\n"
          "        ('InvalidOffset', made({'a': one(), 'b': one(offsets=[4, 12])}, bytes(12))),\n"
          "        ('data_offsets', made({'a': one(offsets=[0])}, bytes(8))),\n"
          "        ('data_offsets', made({'a': one(offsets=[0, -8])}, bytes(8))),\n"
          "        ('data_offsets', made({'a': one(offsets=[0, 1e300])}, bytes(8)))):\n"
          "    fails(safetensors.SafetensorError, text, load, data)\n"
          "x = torch.ones(4)\n"
          "for error, text, what in ((ValueError, 'a dict', [x]), (ValueError, '`a`', {'a': 1}),\n"
          "        (TypeError, 'PyString', {1: x}), (ValueError, 'contiguous', {'a': torch.ones(2, "
          "3).t()}),\n"
          "        (RuntimeError, 'share memory', {'a': x, 'b': x}),\n"
          "        (RuntimeError, 'share memory', {'a': x[:3], 'b': x[2:]})):\n"
          "    fails(error, text, save, what)\n"
          "assert list(load(save({'a': x[:2], 'b': x[2:]}))) == ['a', 'b']\n");
}

Test(python_serial, safetensors_of_models)
{
    check(
        "from safetensors.torch import save_model, load_model, load_file\n"
        "from safetensors import safe_open\n"
        "class Tied(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.b, self.a = nn.Linear(2, 2), nn.Linear(2, 2, bias=False)\n"
        "        self.a.weight = self.b.weight\n"
        "model, other = Tied(), Tied()\n"
        "save_model(model, 'm.safetensors', {'who': 'me'})\n"
        "with safe_open('m.safetensors', 'pt') as file:\n"
        "    assert file.keys() == ['a.weight', 'b.bias'], file.keys()\n"
        "    assert file.metadata() == {'b.weight': 'a.weight', 'who': 'me'}\n"
        "assert load_model(other, 'm.safetensors') == (set(), [])\n"
        "assert torch.equal(other.b.weight, model.b.weight) and other.a.weight is other.b.weight\n"
        "fails(RuntimeError, 'Missing key(s) in state_dict: \"bias\", \"weight\"', load_model,\n"
        "      nn.Linear(2, 2), 'm.safetensors')\n"
        "assert load_model(nn.Linear(2, 2), 'm.safetensors', strict=False) == (\n"
        "    {'bias', 'weight'}, ['a.weight', 'b.bias'])\n"
        "views, x = nn.Module(), torch.ones(4)\n"
        "views.register_buffer('a', x[:2]); views.register_buffer('b', x[2:])\n"
        "save_model(views, 'v.safetensors')\n"
        "assert list(load_file('v.safetensors')) == ['a', 'b']\n"
        "views.register_buffer('b', x[1:])\n"
        "fails(RuntimeError, 'no suitable name', save_model, views, 'v.safetensors')\n");
}

/* ---- saving ---- */

Test(python_serial, a_failure_leaves_the_old_file)
{
    check("import resource, signal\n"
          "from safetensors.torch import save_file\n"
          "torch.save([1], 'kept.pt')\n"
          "os.chmod('kept.pt', 0o640)\n"
          "fails((AttributeError, pickle.PicklingError), '', torch.save, lambda: 1, 'kept.pt')\n"
          "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
          "limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
          "resource.setrlimit(resource.RLIMIT_FSIZE, (10000, limits[1]))\n"
          "for old in (True, False):\n"
          "    fails(OSError, '', torch.save, torch.ones(10000), 'kept.pt', "
          "_use_new_zipfile_serialization=not old)\n"
          "fails(OSError, '', save_file, {'a': torch.ones(10000)}, 'kept.pt')\n"
          "resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
          "assert os.listdir() == ['kept.pt'] and torch.load('kept.pt') == [1]\n"
          "torch.save([2], 'kept.pt')\n"
          "assert torch.load('kept.pt') == [2] and os.stat('kept.pt').st_mode & 0o777 == 0o640\n"
          "os.symlink('kept.pt', 'link.pt')\n"
          "torch.save([3], 'link.pt')\n"
          "assert os.path.islink('link.pt') and torch.load('kept.pt') == [3]\n"
          "torch.save([4], '/dev/null')\n"
          "fails(RuntimeError, 'Parent directory no/where does not exist.', torch.save, 1, "
          "'no/where/x.pt')\n"
          "fails(RuntimeError, 'cannot be opened', torch.save, 1, '.')\n"
          "fails(AttributeError, 'write', torch.save, 1, 5)\n");
}

/* Every allocation of the engine's that may fail does, once. */
Test(python_serial, memory_runs_out)
{
    static const char *const snippets[] = {
        "saved(things)",
        "saved(things, _use_new_zipfile_serialization=False)",
        "loaded(file)",
        "loaded(old)",
        "load(safe)",
        "save(tensors)",
        "pickle.loads(pickle.dumps(things))",
        "copy.deepcopy(things)",
    };

    check("import copy\n"
          "from safetensors.torch import save, load\n"
          "tensors = {'a': torch.arange(40.), 'b': torch.ones(2, 2, dtype=torch.int64)}\n"
          "things = [*tensors.values(), nn.Parameter(torch.ones(100))]\n"
          "file = saved(things); old = saved(things, _use_new_zipfile_serialization=False)\n"
          "safe = save(tensors)\n");
    for (size_t i = 0; i < sizeof(snippets) / sizeof(*snippets); i++) {
        bool done = false;

        for (long left = 0; !done && left < 200; left++) {
            PyObject *main = PyImport_AddModule("__main__"), *result;

            mem_fail_after(left);
            result = PyRun_String(snippets[i], Py_eval_input, PyModule_GetDict(main),
                                  PyModule_GetDict(main));
            mem_fail_after(-1);
            done = result != NULL;
            cr_expect(done || PyErr_ExceptionMatches(PyExc_MemoryError) ||
                          PyErr_ExceptionMatches(PyExc_RuntimeError),
                      "%s with %ld allocations", snippets[i], left);
            PyErr_Clear();
            Py_XDECREF(result);
        }
        cr_expect(done, "%s never ends well", snippets[i]);
    }
}
