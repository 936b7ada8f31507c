/*
 * Makes the disk of one process slow or full while a file says so. Loaded by LD_PRELOAD, which takes glibc.
 * DISK_FOLDER: what is on that disk. DISK_SWITCH: the file, `full`, or milliseconds of a sync and of a write, as `500 20`; without it
 * the disk is well. It is read at each call, so that the disk changes while the process runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct disk {
  int is_full;
  long sync_ms, write_ms;
};

static char *folder, *control;

__attribute__((constructor)) static void begin(void) {
  folder = getenv("DISK_FOLDER");
  control = getenv("DISK_SWITCH");
  /* PostgreSQL moves its environment. */
  if (folder != NULL) folder = strdup(folder);
  if (control != NULL) control = strdup(control);
}

/* How the disk is that this file lies on. */
static struct disk look(int fd) {
  struct disk disk = {0, 0, 0};
  int saved = errno, at = folder == NULL || control == NULL ? -1 : open(control, O_RDONLY | O_CLOEXEC);
  if (at >= 0) {
    char text[32] = "", link[40], path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (read(at, text, sizeof text - 1) > 0 && readlink(link, path, sizeof path - 1) > 0 &&
        strncmp(path, folder, strlen(folder)) == 0) {
      disk.is_full = strncmp(text, "full", 4) == 0;
      sscanf(text, "%ld %ld", &disk.sync_ms, &disk.write_ms);
    }
    close(at);
  }
  errno = saved;
  return disk;
}

static void wait_ms(long ms) {
  int saved = errno;
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec += 1, until.tv_nsec -= 1000000000;
  /* A signal does not make a disk faster. */
  while (ms > 0 && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
  errno = saved;
}

/* Waits as long as a write takes. Says whether there is no room for it: what lies in a file has its room, holes too. */
static int has_no_room(int fd, off_t offset, off_t length) {
  struct disk disk = look(fd);
  struct stat file;
  wait_ms(disk.write_ms);
  return disk.is_full && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && offset + length > file.st_size;
}

static off_t position(int fd) {
  struct stat file;
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && flags & O_APPEND) return fstat(fd, &file) == 0 ? file.st_size : 0;
  return lseek(fd, 0, SEEK_CUR);
}

static off_t sum(const struct iovec *parts, int count) {
  off_t length = 0;
  for (int part = 0; part < count; part += 1) length += parts[part].iov_len;
  return length;
}

/* What the process would have called without us, found once. */
#define REAL(name) \
  static __typeof__(&name) real; \
  if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define SYNC(name) \
  int name(int fd) { \
    REAL(name); \
    wait_ms(look(fd).sync_ms); \
    return real(fd); \
  }
SYNC(fsync)
SYNC(fdatasync)

#define WRITE(result, name, parameters, arguments, offset, length, failure) \
  result name parameters { \
    REAL(name); \
    if (has_no_room(fd, offset, length)) failure; \
    return real arguments; \
  }
#define FAIL return errno = ENOSPC, -1
WRITE(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), position(fd), n, FAIL)
WRITE(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), position(fd), sum(v, n), FAIL)
WRITE(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), at, n, FAIL)
WRITE(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at), at, n, FAIL)
WRITE(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), at, sum(v, n), FAIL)
WRITE(ssize_t, pwritev64, (int fd, const struct iovec *v, int n, off64_t at), (fd, v, n, at), at, sum(v, n), FAIL)
WRITE(int, posix_fallocate, (int fd, off_t at, off_t n), (fd, at, n), at, n, return ENOSPC)
WRITE(int, posix_fallocate64, (int fd, off64_t at, off64_t n), (fd, at, n), at, n, return ENOSPC)
WRITE(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n), at, n, FAIL)
WRITE(int, fallocate64, (int fd, int mode, off64_t at, off64_t n), (fd, mode, at, n), at, n, FAIL)
