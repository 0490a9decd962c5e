/* The engine in C: the same as pure.py, where names and rules are explained. All of it runs under the GIL, which is why
   cells need no lock and are shared by the threads; only the stack of running calls is a thread's own. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <structmember.h>
#include <time.h>
#if defined(_WIN32)
#include <windows.h>
#endif

#define SCALE 2
#define BUCKETS 224 /* four per power of two: up to 2^56 ns */
#define MOST_DEPTH 100000
#define MOST_CALLERS 64
#define MOST_KINDS 64
#define MOST_CELLS 20000
#define OTHER (-2)
#define OUTSIDE (-1)
#define NEVER (1LL << 62)
enum { SLOW = 1, FAILED = 2, FIRST = 4, SAMPLED = 8, TRACED = 16 };

#if defined(__GNUC__) && defined(__linux__)
#define THREAD_LOCAL static __thread __attribute__((tls_model("initial-exec")))
#elif defined(_MSC_VER)
#define THREAD_LOCAL static __declspec(thread)
#else
#define THREAD_LOCAL static _Thread_local
#endif

typedef struct Cell {
    struct Cell *next;
    long request;
    int64_t calls, wall_ns, self_ns, active_ns;
    PyObject *errors; /* dict, or NULL */
    uint32_t *active; /* BUCKETS counts, or NULL */
    int callers, last;
    int caller[MOST_CALLERS + 1];
    uint32_t caller_calls[MOST_CALLERS + 1];
    uint32_t wall[BUCKETS], own[BUCKETS];
} Cell;

typedef struct {
    PyObject_HEAD
    int index;
    int running, most;
    long long limit, left, tokens;
    Cell *cells;
} Site;

typedef struct {
    PyObject_HEAD
    Site *site;
    PyObject *error;
    int64_t start, active, child;
    int on, over;
} Activation;

typedef struct {
    PyObject_HEAD
    Activation *activation;
    PyObject *iterator;
    int suspended;
} Drive;

typedef struct {
    PyObject *subject; /* a Site (kept for ever), or an Activation (a reference) */
    PyObject *error;
    int64_t start, child;
} Entry;

typedef struct Thread {
    struct Thread *next, *before;
    Entry *stack;
    int depth, room, busy;
} Thread;

static PyTypeObject SiteType, ActivationType, DriveType;
static Thread *threads;
THREAD_LOCAL Thread *mine;
static Site **sites;
static Py_ssize_t sites_used, sites_room;
static int cells_used;
static PyObject *request_variable, *gate, *hide, *each, *within;
static PyObject *thread_key;

static inline int64_t now_ns(void)
{
#if defined(_WIN32)
    static LARGE_INTEGER frequency;
    LARGE_INTEGER at;
    if (!frequency.QuadPart) QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&at);
    return (int64_t)((double)at.QuadPart * 1e9 / (double)frequency.QuadPart);
#else
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
#endif
}

/* Bucket i holds (2^((i-1)/4), 2^(i/4)]; OTLP calls it i-1. */
static inline int bucket(int64_t ns)
{
    if (ns <= 1) return 0;
    int high = 0;
    uint64_t value = (uint64_t)ns;
#if defined(__GNUC__)
    high = 63 - __builtin_clzll(value);
#else
    while (value >> (high + 1)) high++;
#endif
    value <<= 63 - high;
    int place = 4 * high + (value > 0x8000000000000000ULL) + (value > 0x9837f0518db8a96fULL)
        + (value > 0xb504f333f9de6484ULL) + (value > 0xd744fccad69d6af4ULL);
    return place < BUCKETS ? place : BUCKETS - 1;
}

/* Threads */

static int index_of(PyObject *subject)
{
    return Py_TYPE(subject) == &SiteType ? ((Site *)subject)->index : ((Activation *)subject)->site->index;
}

static void drop_entry(Entry *entry)
{
    Py_CLEAR(entry->error);
    if (Py_TYPE(entry->subject) == &SiteType) {
        Site *site = (Site *)entry->subject;
        if (site->running > 0) site->running--;
    } else {
        ((Activation *)entry->subject)->on = 0;
        Py_DECREF(entry->subject);
    }
}

static void free_thread(PyObject *capsule)
{
    Thread *thread = PyCapsule_GetPointer(capsule, "ktlo_instrument.thread");
    if (thread == NULL) {
        PyErr_Clear();
        return;
    }
    if (mine == thread) mine = NULL;
    if (thread->before) thread->before->next = thread->next;
    else threads = thread->next;
    if (thread->next) thread->next->before = thread->before;
    while (thread->depth > 0) drop_entry(&thread->stack[--thread->depth]);
    PyMem_RawFree(thread->stack);
    PyMem_RawFree(thread);
}

static Thread *begin_thread(void)
{
    PyObject *state = PyThreadState_GetDict();
    Thread *thread = PyMem_RawCalloc(1, sizeof(Thread));
    if (thread == NULL) return NULL;
    thread->room = 64;
    thread->stack = PyMem_RawMalloc(sizeof(Entry) * thread->room);
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyObject *capsule = thread->stack ? PyCapsule_New(thread, "ktlo_instrument.thread", free_thread) : NULL;
    if (capsule == NULL || state == NULL || PyDict_SetItem(state, thread_key, capsule) < 0) {
        if (capsule) PyCapsule_SetDestructor(capsule, NULL);
        Py_XDECREF(capsule);
        PyMem_RawFree(thread->stack);
        PyMem_RawFree(thread);
        PyErr_Restore(type, value, trace);
        return NULL;
    }
    thread->next = threads;
    if (threads) threads->before = thread;
    threads = thread;
    mine = thread;
    Py_DECREF(capsule);
    PyErr_Restore(type, value, trace);
    return thread;
}

static inline Thread *this_thread(void)
{
    return mine ? mine : begin_thread();
}

static int push(PyObject *subject, int64_t at)
{
    Thread *thread = this_thread();
    if (thread == NULL) return 0;
    if (thread->depth == thread->room) {
        if (thread->room >= MOST_DEPTH) {
            while (thread->depth > 0) drop_entry(&thread->stack[--thread->depth]);
        } else {
            Entry *more = PyMem_RawRealloc(thread->stack, sizeof(Entry) * thread->room * 2);
            if (more == NULL) return 0;
            thread->stack = more;
            thread->room *= 2;
        }
    }
    Entry *entry = &thread->stack[thread->depth++];
    entry->subject = subject;
    entry->error = NULL;
    entry->child = 0;
    entry->start = at;
    return 1;
}

/* The entry of the subject, taken off with what lies above it (whose exits were not seen); 0 when it is not there. */
static int pop(PyObject *subject, Entry *into)
{
    Thread *thread = mine;
    if (thread == NULL || thread->depth == 0) return 0;
    int place = thread->depth - 1;
    if (thread->stack[place].subject != subject) {
        while (place >= 0 && thread->stack[place].subject != subject) place--;
        if (place < 0) return 0;
        while (thread->depth - 1 > place) drop_entry(&thread->stack[--thread->depth]);
    }
    *into = thread->stack[--thread->depth];
    return 1;
}

/* Cells */

static long request_now(void)
{
    PyObject *value = NULL;
    if (request_variable == NULL) return 0;
    if (PyContextVar_Get(request_variable, NULL, &value) < 0) {
        PyErr_Clear();
        return 0;
    }
    if (value == NULL) return 0;
    long found = PyLong_AsLong(value);
    Py_DECREF(value);
    if (found < 0) {
        PyErr_Clear();
        return 0;
    }
    return found;
}

static Cell *find_cell(Site *site, long request)
{
    Cell *cell = site->cells;
    if (cell && cell->request == request) return cell;
    Cell **link = &site->cells;
    for (; cell; link = &cell->next, cell = cell->next) {
        if (cell->request == request) {
            *link = cell->next;
            cell->next = site->cells;
            site->cells = cell;
            return cell;
        }
    }
    if (cells_used >= MOST_CELLS) {
        if (site->cells) return site->cells;
        request = 0;
    }
    cell = PyMem_RawCalloc(1, sizeof(Cell));
    if (cell == NULL) return NULL;
    cells_used++;
    cell->request = request;
    cell->next = site->cells;
    site->cells = cell;
    return cell;
}

static void count_caller(Cell *cell, int caller)
{
    if (cell->callers && cell->caller[cell->last] == caller) {
        cell->caller_calls[cell->last]++;
        return;
    }
    int place = 0;
    while (place < cell->callers && cell->caller[place] != caller) place++;
    if (place == cell->callers) {
        if (place >= MOST_CALLERS) {
            place = MOST_CALLERS;
            caller = OTHER;
            if (cell->callers == MOST_CALLERS) cell->callers++;
        } else {
            cell->callers++;
        }
        cell->caller[place] = caller;
    }
    cell->last = place;
    cell->caller_calls[place]++;
}

static int is_flow(PyObject *error)
{
    return PyErr_GivenExceptionMatches(error, PyExc_StopIteration)
        || PyErr_GivenExceptionMatches(error, PyExc_StopAsyncIteration)
        || PyErr_GivenExceptionMatches(error, PyExc_GeneratorExit);
}

/* Module and qualified name, as representation.type_name: neither the metaclass nor an attribute of the class is asked. */
static PyObject *type_name(PyTypeObject *kind)
{
    if (!(kind->tp_flags & Py_TPFLAGS_HEAPTYPE)) return PyUnicode_FromString(kind->tp_name);
    PyObject *name = ((PyHeapTypeObject *)kind)->ht_qualname;
    PyObject *module = kind->tp_dict ? PyDict_GetItemString(kind->tp_dict, "__module__") : NULL;
    if (module == NULL || !PyUnicode_CheckExact(module)
        || PyUnicode_CompareWithASCIIString(module, "builtins") == 0)
        return PyUnicode_Substring(name, 0, 200);
    PyObject *whole = PyUnicode_FromFormat("%U.%U", module, name);
    if (whole) Py_SETREF(whole, PyUnicode_Substring(whole, 0, 200));
    return whole;
}

/* Errors of ours are cleared, the pending one (there is none in our callers) left alone. */
static void count_error(Cell *cell, PyObject *error)
{
    PyObject *key = NULL, *old = NULL, *sum = NULL;
    if (is_flow(error)) return;
    key = type_name(Py_TYPE(error));
    if (key == NULL || (cell->errors == NULL && (cell->errors = PyDict_New()) == NULL)) goto done;
    old = PyDict_GetItemWithError(cell->errors, key);
    if (old == NULL && PyDict_Size(cell->errors) >= MOST_KINDS) {
        Py_SETREF(key, PyUnicode_FromString("_OTHER"));
        if (key == NULL) goto done;
        old = PyDict_GetItemWithError(cell->errors, key);
    }
    sum = PyLong_FromLong(1 + (old ? PyLong_AsLong(old) : 0));
    if (sum) PyDict_SetItem(cell->errors, key, sum);
done:
    Py_XDECREF(key);
    Py_XDECREF(sum);
    PyErr_Clear();
}

static void notice(Site *site, int64_t wall, long request, PyObject *error)
{
    int reasons = 0;
    if (site->left <= 0) {
        reasons = site->left == 0 && site->limit == NEVER ? FIRST : SAMPLED;
        site->left = NEVER;
    }
    if (wall > site->limit) reasons |= SLOW;
    if (request & 1) reasons |= TRACED;
    if (error && !is_flow(error)) reasons |= FAILED;
    Thread *thread = mine;
    if (!reasons || site->tokens <= 0 || gate == NULL || thread == NULL || thread->busy) return;
    PyObject *frame = (PyObject *)PyEval_GetFrame();
    if (frame == NULL) return;
    site->tokens--;
    thread->busy = 1;
    Py_INCREF(frame);
    PyObject *answer = PyObject_CallFunction(
        gate, "OiLOO", (PyObject *)site, reasons, (long long)wall, frame, error ? error : Py_None);
    Py_DECREF(frame);
    if (answer == NULL) PyErr_Clear();
    Py_XDECREF(answer);
    if (mine) mine->busy = 0;
}

/* A pending exception raised by ours never leaves: these methods always give None. */

static inline void count(Site *site, int64_t wall, int64_t own, int64_t active, PyObject *error)
{
    Thread *thread = mine;
    int caller = OUTSIDE;
    if (thread && thread->depth) caller = index_of(thread->stack[thread->depth - 1].subject);
    long request = request_now();
    Cell *cell = find_cell(site, request);
    if (cell != NULL) {
        if (own < 0) own = 0;
        cell->calls++;
        cell->wall_ns += wall;
        cell->self_ns += own;
        cell->wall[bucket(wall)]++;
        cell->own[bucket(own)]++;
        count_caller(cell, caller);
        if (active >= 0) {
            if (cell->active == NULL) cell->active = PyMem_RawCalloc(BUCKETS, sizeof(uint32_t));
            if (cell->active) cell->active[bucket(active)]++;
            cell->active_ns += active;
        }
        if (error) count_error(cell, error);
    }
    if (--site->left <= 0 || wall > site->limit || (request & 1) || error) notice(site, wall, request, error);
}

static PyObject *site_enter(PyObject *self, PyObject *Py_UNUSED(none))
{
    Site *site = (Site *)self;
    if (push(self, 0)) {
        if (++site->running > site->most) site->most = site->running;
        mine->stack[mine->depth - 1].start = now_ns();
    }
    Py_RETURN_NONE;
}

static PyObject *handled(void)
{
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *error = PyErr_GetHandledException();
    if (error == Py_None) Py_CLEAR(error);
    return error;
#else
    PyObject *type, *value, *trace;
    PyErr_GetExcInfo(&type, &value, &trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    if (value == Py_None) Py_CLEAR(value);
    return value;
#endif
}

static PyObject *site_fail(PyObject *self, PyObject *Py_UNUSED(entry))
{
    Thread *thread = mine;
    if (thread && thread->depth) {
        int place = thread->depth - 1;
        while (place >= 0 && thread->stack[place].subject != self) place--;
        if (place >= 0) Py_XSETREF(thread->stack[place].error, handled());
    }
    Py_RETURN_NONE;
}

static PyObject *site_exit(PyObject *self, PyObject *Py_UNUSED(given))
{
    int64_t now = now_ns();
    Site *site = (Site *)self;
    Entry entry;
    if (!pop(self, &entry)) Py_RETURN_NONE;
    if (site->running > 0) site->running--;
    int64_t wall = now - entry.start;
    if (wall < 0) wall = 0;
    if (mine->depth) mine->stack[mine->depth - 1].child += wall;
    count(site, wall, wall - entry.child, -1, entry.error);
    Py_XDECREF(entry.error);
    Py_RETURN_NONE;
}

static PyObject *site_begin(PyObject *self, PyObject *Py_UNUSED(none))
{
    Site *site = (Site *)self;
    Activation *made = PyObject_New(Activation, &ActivationType);
    if (made == NULL) return NULL;
    made->site = (Site *)Py_NewRef(self);
    made->error = NULL;
    made->active = made->child = 0;
    made->over = 0;
    if (++site->running > site->most) site->most = site->running;
    made->start = now_ns();
    made->on = push((PyObject *)made, made->start);
    if (made->on) Py_INCREF(made);
    return (PyObject *)made;
}

static PyObject *site_hide(PyObject *Py_UNUSED(self), PyObject *names)
{
    return hide ? PyObject_CallOneArg(hide, names) : Py_NewRef(names);
}

static PyObject *nothing(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    return PyObject_CallFunction((PyObject *)&SiteType, "i", 0);
}

static PyObject *site_reduce(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(none))
{
    PyObject *module = PyImport_ImportModule("ktlo_instrument.pure");
    if (module == NULL) return NULL;
    PyObject *function = PyObject_GetAttrString(module, "_nothing");
    Py_DECREF(module);
    return function ? Py_BuildValue("(N())", function) : NULL;
}

static PyObject *site_new(PyTypeObject *type, PyObject *given, PyObject *Py_UNUSED(named))
{
    int index;
    if (!PyArg_ParseTuple(given, "i", &index)) return NULL;
    if (sites_used == sites_room) {
        Py_ssize_t room = sites_room ? sites_room * 2 : 256;
        Site **more = PyMem_RawRealloc(sites, sizeof(Site *) * (size_t)room);
        if (more == NULL) return PyErr_NoMemory();
        sites = more;
        sites_room = room;
    }
    Site *site = (Site *)type->tp_alloc(type, 0);
    if (site == NULL) return NULL;
    site->index = index;
    site->limit = NEVER;
    site->left = 1;
    site->tokens = 1;
    sites[sites_used++] = (Site *)Py_NewRef((PyObject *)site); /* kept for ever: it stands in code */
    return (PyObject *)site;
}

static PyMethodDef site_methods[] = {
    {"enter", site_enter, METH_NOARGS, "A call begins; nothing is given, what runs is on the thread's own stack."},
    {"fail", site_fail, METH_O, "The call raised; exit follows."},
    {"exit", site_exit, METH_O, "The call ends."},
    {"begin", site_begin, METH_NOARGS, "A coroutine or generator begins to run."},
    {"hide", site_hide, METH_O, "Take our variables out of what locals(), vars() or dir() gave."},
    {"__reduce__", site_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef site_members[] = {
    {"index", T_INT, offsetof(Site, index), READONLY, NULL},
    {"limit", T_LONGLONG, offsetof(Site, limit), 0, NULL},
    {"left", T_LONGLONG, offsetof(Site, left), 0, NULL},
    {"tokens", T_LONGLONG, offsetof(Site, tokens), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject SiteType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ktlo_instrument._fast.Site",
    .tp_basicsize = sizeof(Site),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "One function of the source.",
    .tp_methods = site_methods,
    .tp_members = site_members,
    .tp_new = site_new,
};

/* Activations */

static void leave(Activation *self)
{
    int64_t now = now_ns();
    Entry entry;
    if (!self->on) return;
    self->on = 0;
    if (!pop((PyObject *)self, &entry)) return;
    int64_t spent = now - entry.start;
    if (spent < 0) spent = 0;
    self->active += spent;
    self->child += entry.child;
    if (mine->depth) mine->stack[mine->depth - 1].child += spent;
    Py_XDECREF(entry.error);
    Py_DECREF(entry.subject); /* the caller holds another */
}

static void resume(Activation *self)
{
    if (self->over || self->on) return;
    self->on = push((PyObject *)self, now_ns());
    if (self->on) Py_INCREF(self);
}

static PyObject *activation_off(PyObject *self, PyObject *value)
{
    leave((Activation *)self);
    return Py_NewRef(value);
}

static PyObject *activation_on(PyObject *self, PyObject *value)
{
    resume((Activation *)self);
    return Py_NewRef(value);
}

static PyObject *activation_fail(PyObject *self, PyObject *Py_UNUSED(none))
{
    Activation *activation = (Activation *)self;
    Py_XSETREF(activation->error, handled());
    resume(activation);
    Py_RETURN_NONE;
}

static PyObject *activation_exit(PyObject *self, PyObject *Py_UNUSED(none))
{
    Activation *activation = (Activation *)self;
    Site *site = activation->site;
    if (activation->over) Py_RETURN_NONE;
    leave(activation);
    activation->over = 1;
    if (site->running > 0) site->running--;
    PyObject *error = activation->error;
    activation->error = NULL;
    int64_t wall = now_ns() - activation->start;
    count(site, wall < 0 ? 0 : wall, activation->active - activation->child, activation->active, error);
    Py_XDECREF(error);
    Py_RETURN_NONE;
}

static PyObject *drive(Activation *activation, PyObject *iterator) /* steals the iterator */
{
    Drive *made = PyObject_GC_New(Drive, &DriveType);
    if (made == NULL) {
        Py_DECREF(iterator);
        return NULL;
    }
    made->activation = (Activation *)Py_NewRef((PyObject *)activation);
    made->iterator = iterator;
    made->suspended = 0;
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

static int is_true_attribute(PyObject *subject, const char *name) /* 1 when it is there and not None */
{
    PyObject *value = PyObject_GetAttrString(subject, name);
    if (value == NULL) {
        PyErr_Clear();
        return 0;
    }
    int found = value != Py_None;
    Py_DECREF(value);
    return found;
}

static PyObject *activation_watch(PyObject *self, PyObject *subject)
{
    PyTypeObject *type = Py_TYPE(subject);
    if (PyCoro_CheckExact(subject)) {
        if (is_true_attribute(subject, "cr_await")) return Py_NewRef(subject); /* await itself complains */
        return drive((Activation *)self, Py_NewRef(subject));
    }
    if (PyGen_CheckExact(subject)) {
        PyObject *code = PyObject_GetAttrString(subject, "gi_code");
        int allowed = code && (((PyCodeObject *)code)->co_flags & CO_ITERABLE_COROUTINE);
        Py_XDECREF(code);
        if (!allowed) {
            PyErr_Clear();
            return Py_NewRef(subject);
        }
        return drive((Activation *)self, Py_NewRef(subject));
    }
    if (type->tp_as_async == NULL || type->tp_as_async->am_await == NULL) return Py_NewRef(subject);
    PyObject *iterator = type->tp_as_async->am_await(subject);
    if (iterator == NULL) return NULL;
    if (!PyIter_Check(iterator) || PyCoro_CheckExact(iterator)) {
        Py_DECREF(iterator);
        return Py_NewRef(subject);
    }
    return drive((Activation *)self, iterator);
}

static PyObject *activation_relay(PyObject *self, PyObject *subject)
{
    PyObject *iterator = PyCoro_CheckExact(subject) ? Py_NewRef(subject) : PyObject_GetIter(subject);
    return iterator ? drive((Activation *)self, iterator) : NULL;
}

static PyObject *activation_each(PyObject *self, PyObject *subject)
{
    return each ? PyObject_CallFunctionObjArgs(each, self, subject, NULL) : Py_NewRef(subject);
}

static PyObject *activation_within(PyObject *self, PyObject *subject)
{
    return within ? PyObject_CallFunctionObjArgs(within, self, subject, NULL) : Py_NewRef(subject);
}

static void activation_dealloc(PyObject *self)
{
    Activation *activation = (Activation *)self;
    if (!activation->over && activation->site->running > 0) activation->site->running--;
    Py_XDECREF(activation->error);
    Py_DECREF(activation->site);
    PyObject_Free(self);
}

static PyMethodDef activation_methods[] = {
    {"off", activation_off, METH_O, "It stops for a while and gives a value."},
    {"on", activation_on, METH_O, "It goes on with a value."},
    {"fail", activation_fail, METH_NOARGS, "It raised; exit follows."},
    {"exit", activation_exit, METH_NOARGS, "It is over."},
    {"watch", activation_watch, METH_O, "What await shall wait for."},
    {"relay", activation_relay, METH_O, "What yield from shall give."},
    {"each", activation_each, METH_O, "What async for shall iterate."},
    {"within", activation_within, METH_O, "What async with shall enter."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject ActivationType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ktlo_instrument._fast.Activation",
    .tp_basicsize = sizeof(Activation),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "One running coroutine, generator or async generator.",
    .tp_methods = activation_methods,
    .tp_dealloc = activation_dealloc,
};

/* Drives: what is awaited, with the clock of the one who waits */

static PySendResult drive_step(PyObject *self, PyObject *value, PyObject **result)
{
    Drive *driven = (Drive *)self;
    if (driven->suspended) {
        driven->suspended = 0;
        resume(driven->activation);
    }
    PySendResult got = PyIter_Send(driven->iterator, value, result);
    if (got == PYGEN_NEXT) {
        leave(driven->activation);
        driven->suspended = 1;
    }
    return got;
}

static PyObject *drive_send(PyObject *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult got = drive_step(self, value, &result);
    if (got == PYGEN_RETURN) {
        PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, result);
        Py_CLEAR(result);
        if (stop) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
    }
    return result;
}

static PyObject *drive_next(PyObject *self)
{
    return drive_send(self, Py_None);
}

static PyObject *drive_throw(PyObject *self, PyObject *given)
{
    Drive *driven = (Drive *)self;
    driven->suspended = 0;
    resume(driven->activation);
    PyObject *method = PyObject_GetAttrString(driven->iterator, "throw");
    if (method == NULL) {
        PyObject *type = NULL, *value = NULL, *trace = NULL;
        PyErr_Clear();
        if (!PyArg_ParseTuple(given, "O|OO", &type, &value, &trace)) return NULL;
        if (PyExceptionInstance_Check(type)) PyErr_SetObject((PyObject *)Py_TYPE(type), type);
        else PyErr_SetObject(type, value ? value : Py_None);
        return NULL;
    }
    PyObject *result = PyObject_CallObject(method, given);
    Py_DECREF(method);
    if (result) {
        leave(driven->activation);
        driven->suspended = 1;
    }
    return result;
}

static PyObject *drive_close(PyObject *self, PyObject *Py_UNUSED(none))
{
    Drive *driven = (Drive *)self;
    driven->suspended = 0;
    resume(driven->activation);
    PyObject *method = PyObject_GetAttrString(driven->iterator, "close");
    if (method == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return NULL;
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    PyObject *result = PyObject_CallNoArgs(method);
    Py_DECREF(method);
    return result;
}

static int drive_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((Drive *)self)->iterator);
    return 0;
}

static int drive_clear(PyObject *self)
{
    Py_CLEAR(((Drive *)self)->iterator);
    return 0;
}

static void drive_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    drive_clear(self);
    Py_DECREF(((Drive *)self)->activation);
    PyObject_GC_Del(self);
}

static PyMethodDef drive_methods[] = {
    {"send", drive_send, METH_O, NULL},
    {"throw", drive_throw, METH_VARARGS, NULL},
    {"close", drive_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef drive_members[] = {
    {"awaited", T_OBJECT, offsetof(Drive, iterator), READONLY, "What is driven."},
    {NULL, 0, 0, 0, NULL},
};

static PyAsyncMethods drive_async = {.am_await = PyObject_SelfIter, .am_send = drive_step};

static PyTypeObject DriveType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "ktlo_instrument._fast.Drive",
    .tp_basicsize = sizeof(Drive),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC
#ifdef Py_TPFLAGS_HAVE_AM_SEND
        | Py_TPFLAGS_HAVE_AM_SEND
#endif
    ,
    .tp_doc = "What is awaited or yielded from, with the clock of the one who waits.",
    .tp_as_async = &drive_async,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = drive_next,
    .tp_methods = drive_methods,
    .tp_members = drive_members,
    .tp_traverse = drive_traverse,
    .tp_clear = drive_clear,
    .tp_dealloc = drive_dealloc,
};

/* What other threads may ask */

static PyObject *setup(PyObject *Py_UNUSED(module), PyObject *given)
{
    PyObject *a, *b, *c, *d, *e;
    if (!PyArg_ParseTuple(given, "OOOOO", &a, &b, &c, &d, &e)) return NULL;
    Py_XSETREF(request_variable, a == Py_None ? NULL : Py_NewRef(a));
    Py_XSETREF(gate, b == Py_None ? NULL : Py_NewRef(b));
    Py_XSETREF(hide, Py_NewRef(c));
    Py_XSETREF(each, Py_NewRef(d));
    Py_XSETREF(within, Py_NewRef(e));
    Py_RETURN_NONE;
}

static PyObject *histogram(const uint32_t *counts)
{
    int first = 0, last = BUCKETS - 1;
    if (counts == NULL) Py_RETURN_NONE;
    while (first < BUCKETS && !counts[first]) first++;
    while (last > first && !counts[last]) last--;
    if (first == BUCKETS) first = 1, last = 0;
    PyObject *list = PyList_New(last - first + 1);
    if (list == NULL) return NULL;
    for (int place = first; place <= last; place++) {
        PyObject *number = PyLong_FromUnsignedLong(counts[place]);
        if (number == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, place - first, number);
    }
    return Py_BuildValue("(iiN)", SCALE, first - 1, list);
}

static PyObject *callers(const Cell *cell)
{
    PyObject *found = PyDict_New();
    for (int place = 0; found && place < cell->callers; place++) {
        PyObject *key = PyLong_FromLong(cell->caller[place]);
        PyObject *calls = PyLong_FromUnsignedLong(cell->caller_calls[place]);
        if (key == NULL || calls == NULL || PyDict_SetItem(found, key, calls) < 0) Py_CLEAR(found);
        Py_XDECREF(key);
        Py_XDECREF(calls);
    }
    return found;
}

static void free_cells(Cell *cell)
{
    while (cell) {
        Cell *next = cell->next;
        Py_XDECREF(cell->errors);
        PyMem_RawFree(cell->active);
        PyMem_RawFree(cell);
        cells_used--;
        cell = next;
    }
}

static PyObject *drain(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *rows = PyList_New(0);
    for (Py_ssize_t at = 0; rows && at < sites_used; at++) {
        Site *site = sites[at];
        Cell *cells = site->cells;
        site->cells = NULL;
        for (Cell *cell = cells; cell; cell = cell->next) {
            PyObject *wall = histogram(cell->wall), *own = histogram(cell->own);
            PyObject *active = histogram(cell->active), *by = callers(cell);
            PyObject *errors = cell->errors ? Py_NewRef(cell->errors) : PyDict_New();
            PyObject *row = NULL;
            if (wall && own && active && by && errors) {
                row = Py_BuildValue("(ilLLLLOOOOO)", site->index, cell->request, (long long)cell->calls,
                    (long long)cell->wall_ns, (long long)cell->self_ns, (long long)cell->active_ns, wall, own, active,
                    errors, by);
            }
            Py_XDECREF(wall);
            Py_XDECREF(own);
            Py_XDECREF(active);
            Py_XDECREF(by);
            Py_XDECREF(errors);
            if (row == NULL || PyList_Append(rows, row) < 0) {
                Py_XDECREF(row);
                Py_CLEAR(rows);
                break;
            }
            Py_DECREF(row);
        }
        free_cells(cells);
    }
    return rows;
}

static PyObject *active(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    PyObject *found = PyDict_New();
    for (Py_ssize_t at = 0; found && at < sites_used; at++) {
        Site *site = sites[at];
        if (!site->most) continue;
        PyObject *key = PyLong_FromLong(site->index);
        PyObject *both = Py_BuildValue("(ii)", site->running, site->most);
        if (key == NULL || both == NULL || PyDict_SetItem(found, key, both) < 0) Py_CLEAR(found);
        Py_XDECREF(key);
        Py_XDECREF(both);
        site->most = site->running;
    }
    return found;
}

static PyObject *after_fork(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(none))
{
    for (Py_ssize_t at = 0; at < sites_used; at++) {
        Cell *cells = sites[at]->cells;
        sites[at]->cells = NULL;
        free_cells(cells);
        sites[at]->running = sites[at]->most = 0;
    }
    if (mine) {
        mine->busy = 0;
        for (int place = 0; place < mine->depth; place++) {
            PyObject *subject = mine->stack[place].subject;
            Site *site = Py_TYPE(subject) == &SiteType ? (Site *)subject : ((Activation *)subject)->site;
            site->most = ++site->running;
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"setup", setup, METH_VARARGS, "Request variable, gate, hide, each, within."},
    {"drain", drain, METH_NOARGS, "What came since it was asked last."},
    {"active", active, METH_NOARGS, "How many calls of each site run now and did at most since."},
    {"after_fork", after_fork, METH_NOARGS, "In a child: its figures begin at zero."},
    {"nothing", nothing, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "ktlo_instrument._fast", "The engine in C.", -1, module_methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__fast(void)
{
    if (PyType_Ready(&SiteType) < 0 || PyType_Ready(&ActivationType) < 0 || PyType_Ready(&DriveType) < 0) return NULL;
    thread_key = PyUnicode_InternFromString("ktlo_instrument.thread");
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || thread_key == NULL) return NULL;
    if (PyModule_AddObjectRef(made, "Site", (PyObject *)&SiteType) < 0
        || PyModule_AddObjectRef(made, "Activation", (PyObject *)&ActivationType) < 0
        || PyModule_AddStringConstant(made, "NAME", "c") < 0 || PyModule_AddIntConstant(made, "SCALE", SCALE) < 0)
        return NULL;
    return made;
}
