/* The callbacks of monitoring.py in C, where they are explained: no frame of ours for debuggers to step into, and none
   that a deep recursion could lack. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *ran;  /* path -> set */
static PyObject *over; /* sys.monitoring.DISABLE */

static PyObject *setup(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *files, *disable;
    if (!PyArg_ParseTuple(given, "O!O", &PyDict_Type, &files, &disable)) return NULL;
    Py_XSETREF(ran, Py_NewRef(files));
    Py_XSETREF(over, Py_NewRef(disable));
    Py_RETURN_NONE;
}

/* Whatever goes wrong is forgotten: an error would be raised in the application. */
static PyObject *add(PyObject *const *given, Py_ssize_t count, PyObject *what)
{
    if (count >= 2 && what != NULL && PyCode_Check(given[0])) {
        PyObject *seen = PyDict_GetItemWithError(ran, ((PyCodeObject *)given[0])->co_filename);
        if (seen != NULL && PySet_CheckExact(seen)) {
            Py_INCREF(seen);
            PySet_Add(seen, what);
            Py_DECREF(seen);
        }
    }
    PyErr_Clear();
    return Py_NewRef(over);
}

static PyObject *line(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count)
{
    return add(given, count, count >= 2 ? given[1] : NULL);
}

static PyObject *start(PyObject *Py_UNUSED(module), PyObject *const *given, Py_ssize_t count)
{
    PyObject *what = NULL;
    if (count >= 2 && PyCode_Check(given[0])) {
        PyCodeObject *code = (PyCodeObject *)given[0];
        what = Py_BuildValue("(Oi)", code->co_qualname, code->co_firstlineno);
    }
    PyObject *told = add(given, count, what);
    Py_XDECREF(what);
    return told;
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_VARARGS, "Say where to write, and what disables an event."},
    {"line", (PyCFunction)(void (*)(void))line, METH_FASTCALL, "A line is about to run."},
    {"start", (PyCFunction)(void (*)(void))start, METH_FASTCALL, "A function begins."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "ktlo_instrument._seen", "Which lines and functions ran.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__seen(void)
{
    return PyModule_Create(&definition);
}
