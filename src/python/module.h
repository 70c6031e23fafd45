/*
 * module.h: the built-in modules torch and saddle.
 */
#ifndef SADDLE_PYTHON_MODULE_H
#define SADDLE_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Makes `import torch` and `import saddle` find ours. Before Py_Initialize(); -1 on failure. */
int python_register_modules(void);

PyObject *PyInit_saddle(void);

/* The module torch.<name> ("nn", "optim.lr_scheduler"): made on first use, put into sys.modules
 * and, under its last name, into its parent. Borrowed; NULL with an exception. */
PyObject *submodule(PyObject *torch, const char *name);

/* Adds a type made from a spec to a module under the spec's last name, and stores it in *type (a
 * new reference that lives as long as the process). 0 or -1. */
int module_add_type(PyObject *module, PyType_Spec *spec, PyObject *bases, PyTypeObject **type);

/* The parts of torch: each adds what it defines. */
int types_init(PyObject *torch);            /* dtype, device, Size, Generator */
int layout_init(PyObject *torch);           /* layout, memory_format */
int method_functions_init(PyObject *torch); /* detach, numel ...: methods */
int legacy_types_init(PyObject *torch);     /* FloatTensor, LongTensor ... */
int type_info_init(PyObject *torch);        /* finfo, iinfo */
int errors_init(PyObject *torch);           /* torch.linalg.LinAlgError */
int op_init(PyObject *torch);               /* the functions of the operation table */
int contract_init(PyObject *torch);         /* einsum, tensordot with lists; after op_init() */
int create_init(PyObject *torch);           /* tensor, zeros, arange, rand ... */
int unique_init(PyObject *torch);           /* unique, unique_consecutive */
int settings_init(PyObject *torch);      /* manual_seed, set_printoptions, set_default_dtype ... */
int devices_init(PyObject *torch);       /* torch.cuda, torch.backends, torch.version */
int random_module_init(PyObject *torch); /* torch.random; after settings_init() */
int dlpack_init(PyObject *torch);        /* torch.utils.dlpack */
int amp_init(PyObject *torch);           /* torch.amp, torch.cuda.amp, torch.cpu.amp */
int autograd_module_init(PyObject *torch); /* torch.autograd, no_grad ... */

#endif
