// SPDX-License-Identifier: Apache-2.0
// Makes one system call of the server fail, once, at an exact place.
//
// Loaded with LD_PRELOAD into every process of a server. A page shared with the test
// (the file named by INJECT_PAGE) says which call, in a process of which role, is to
// fail the k-th time, and with which errno; it tells what happened. Or it only counts
// which calls there are. Only calls made by our own code count: what
// the interpreter does for itself is not ours to judge. Roles: the master, which is
// the program monodon; the zygote, which is any other that it started; a worker, which
// a zygote forked.
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS  // both names of mmap, pread, ... are defined below
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum Role { kMaster = 1, kZygote = 2, kWorker = 4 };
enum Mode { kIdle = 0, kFail = 1, kCount = 2 };

// The columns of Page.seen.
static const char* const kNames[] = {
    "fork",    "accept4",    "open",         "openat",    "read",          "write",
    "pwrite",  "pread",      "writev",       "send",      "recv",          "sendmsg",
    "recvmsg", "sendfile",   "mmap",         "epoll_ctl", "epoll_create1", "ftruncate",
    "memfd_create", "socketpair", "pidfd_open"};
enum { kCalls = sizeof kNames / sizeof kNames[0] };

// The layout is known to tests/support/inject.py.
struct Page {
  _Atomic uint32_t armed;  // a Mode; set last by the test
  uint32_t role;           // bits of Role
  char call[24];
  uint64_t k;  // the k-th call fails, counted from 1
  int32_t error;
  uint32_t pad;
  _Atomic uint64_t count;  // calls so far, of all processes of that role
  _Atomic uint32_t fired;  // pid of the process in which it failed
  uint32_t fired_role;
  _Atomic uint64_t seen[3][kCalls];  // of master, zygote, worker, while counting
};

static struct Page* page;
static uint32_t role;
static void* program;     // where the executable is mapped
static int program_ours;  // it is one of ours: the others are interpreters

static void became_child(void) {
  // A zygote forks twice for a worker; the one between only forks again, and failing
  // there is a failure of the zygote's.
  static uint32_t depth;
  if (role != kMaster && ++depth >= 2) role = kWorker;
}

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("INJECT_PAGE");
  if (path == NULL) return;
  const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = (void*)syscall(SYS_mmap, NULL, sizeof(struct Page),
                                PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
  (void)syscall(SYS_close, fd);
  if (mapped == MAP_FAILED) return;
  // By the file that runs: titles change, and names of processes with them.
  char file[4096] = "";
  (void)syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", file, sizeof file - 1);
  const char* slash = strrchr(file, '/');
  role = slash != NULL && strcmp(slash, "/monodon") == 0 ? kMaster : kZygote;
  program_ours = slash != NULL && strncmp(slash, "/monodon", 8) == 0;
  Dl_info info;
  if (dladdr((void*)getauxval(AT_PHDR), &info) != 0) program = info.dli_fbase;
  page = mapped;
  (void)pthread_atfork(NULL, NULL, became_child);
}

static int ours(const void* caller) {
  Dl_info info;
  if (dladdr(caller, &info) == 0 || info.dli_fname == NULL) return 0;
  if (info.dli_fbase == program) return program_ours;
  const char* slash = strrchr(info.dli_fname, '/');
  const char* name = slash != NULL ? slash + 1 : info.dli_fname;
  return strstr(name, "monodon") != NULL;
}

static void count(const char* call) {
  const int row = role == kMaster ? 0 : role == kZygote ? 1 : 2;
  for (int i = 0; i < kCalls; ++i)
    if (strcmp(kNames[i], call) == 0) atomic_fetch_add(&page->seen[row][i], 1);
}

// The errno to fail with, or 0 to go on.
static int verdict(const char* call, const void* caller) {
  if (page == NULL) return 0;
  const uint32_t mode = atomic_load_explicit(&page->armed, memory_order_acquire);
  if (mode == kIdle) return 0;
  if (mode == kCount) {
    if (ours(caller)) count(call);
    return 0;
  }
  if ((page->role & role) == 0 || strcmp(page->call, call) != 0 || !ours(caller))
    return 0;
  if (atomic_fetch_add(&page->count, 1) + 1 != page->k) return 0;
  page->fired_role = role;
  atomic_store(&page->fired, (uint32_t)getpid());
  return page->error;
}

#define REAL(name)               \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name)

#define FAIL(name, failed)                                        \
  do {                                                            \
    const int error = verdict(name, __builtin_return_address(0)); \
    if (error != 0) {                                             \
      errno = error;                                              \
      return failed;                                              \
    }                                                             \
  } while (0)

// A call with a fixed list of parameters. Programs built for large files use the names
// that end in 64; they count as the same call.
#define WRAP_AS(called, type, name, failed, parameters, arguments) \
  __attribute__((visibility("default"))) type name parameters {    \
    REAL(name);                                                    \
    FAIL(called, failed);                                          \
    return real arguments;                                         \
  }
#define WRAP(type, name, failed, parameters, arguments) \
  WRAP_AS(#name, type, name, failed, parameters, arguments)
#define WRAP_64(type, name, failed, parameters, arguments)  \
  WRAP_AS(#name, type, name, failed, parameters, arguments) \
  WRAP_AS(#name, type, name##64, failed, parameters, arguments)

WRAP(pid_t, fork, -1, (void), ())
// How the master forks. It returns its error.
WRAP_AS("fork", int, posix_spawn, error,
        (pid_t* restrict pid, const char* restrict path,
         const posix_spawn_file_actions_t* restrict actions,
         const posix_spawnattr_t* restrict attributes, char* const argv[restrict],
         char* const environment[restrict]),
        (pid, path, actions, attributes, argv, environment))
WRAP(int, accept4, -1, (int fd, __SOCKADDR_ARG a, socklen_t* n, int flags),
     (fd, a, n, flags))
WRAP(ssize_t, read, -1, (int fd, void* to, size_t n), (fd, to, n))
WRAP(ssize_t, write, -1, (int fd, const void* from, size_t n), (fd, from, n))
WRAP_64(ssize_t, pwrite, -1, (int fd, const void* from, size_t n, off_t at),
        (fd, from, n, at))
WRAP_64(ssize_t, pread, -1, (int fd, void* to, size_t n, off_t at), (fd, to, n, at))
WRAP(ssize_t, writev, -1, (int fd, const struct iovec* v, int n), (fd, v, n))
WRAP(ssize_t, send, -1, (int fd, const void* from, size_t n, int flags),
     (fd, from, n, flags))
WRAP(ssize_t, recv, -1, (int fd, void* to, size_t n, int flags), (fd, to, n, flags))
WRAP(ssize_t, sendmsg, -1, (int fd, const struct msghdr* m, int flags), (fd, m, flags))
WRAP(ssize_t, recvmsg, -1, (int fd, struct msghdr* m, int flags), (fd, m, flags))
WRAP_64(ssize_t, sendfile, -1, (int out, int in, off_t* at, size_t n), (out, in, at, n))
WRAP_64(void*, mmap, MAP_FAILED,
        (void* at, size_t n, int prot, int flags, int fd, off_t from),
        (at, n, prot, flags, fd, from))
WRAP(int, epoll_ctl, -1, (int ep, int op, int fd, struct epoll_event* e),
     (ep, op, fd, e))
WRAP(int, epoll_create1, -1, (int flags), (flags))
WRAP(int, memfd_create, -1, (const char* name, unsigned flags), (name, flags))
WRAP_64(int, ftruncate, -1, (int fd, off_t n), (fd, n))
WRAP(int, socketpair, -1, (int domain, int type, int protocol, int fds[2]),
     (domain, type, protocol, fds))

// Calls that base/machine/system_calls.cc makes by number.
__attribute__((visibility("default"))) long syscall(long number, ...) {
  REAL(syscall);
  va_list rest;
  va_start(rest, number);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_pidfd_open) FAIL("pidfd_open", -1);
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// open and openat take a mode only where they may create.
#define WRAP_OPEN(name, called, first, given)                                        \
  __attribute__((visibility("default"))) int name(first const char* path, int flags, \
                                                  ...) {                             \
    REAL(name);                                                                      \
    FAIL(called, -1);                                                                \
    va_list rest;                                                                    \
    va_start(rest, flags);                                                           \
    const int creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;  \
    const mode_t mode = creates ? va_arg(rest, mode_t) : 0;                          \
    va_end(rest);                                                                    \
    return real(given path, flags, mode);                                            \
  }
#define AT_FIRST int at,
#define AT_GIVEN at,
#define NOTHING
WRAP_OPEN(open, "open", NOTHING, NOTHING)
WRAP_OPEN(open64, "open", NOTHING, NOTHING)
WRAP_OPEN(openat, "openat", AT_FIRST, AT_GIVEN)
WRAP_OPEN(openat64, "openat", AT_FIRST, AT_GIVEN)
