/* Files: whole reads with a limit, exact reads at an offset, writes that survive a kill. */
#ifndef BITBENCH_BASE_FILE_H
#define BITBENCH_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Reads a whole file of at most max_bytes (0 = no limit but memory). *data gets n + 1 bytes
 * (a NUL behind), which the caller frees. ERR_ABSENT when there is no such file, ERR_LIMIT when
 * it is larger. Directories and special files are refused. */
int file_read(const char *path, size_t max_bytes, unsigned char **data, size_t *n, struct err *e);

/* Reads exactly n bytes at offset; a short file is ERR_FORMAT naming `name` and the offset. */
int file_pread(int fd, void *buf, size_t n, uint64_t offset, const char *name, struct err *e);

/* Opens for reading with O_CLOEXEC; *size gets the length. Returns the descriptor or -1. */
int file_open(const char *path, uint64_t *size, struct err *e);

/* Writes data under a temporary name in the same folder, fsync, rename, fsync of the folder.
 * After a failure the old file is untouched and the temporary one removed. `step`, when not
 * NULL, is called before each step with its name (test hook): "open" "write" "fsync" "rename"
 * "fsync-dir". */
int file_write(const char *path, const void *data, size_t n, struct err *e);
extern void (*file_write_step)(const char *step, const char *path);

/* Writes through a callback into a temporary file, then as file_write. */
struct file_out {
    char path[4096], tmp[4128];
    int fd;
};
int file_out_open(struct file_out *f, const char *path, struct err *e);
int file_out_write(struct file_out *f, const void *data, size_t n, struct err *e);
int file_out_commit(struct file_out *f, struct err *e); /* fsync, rename, fsync of the folder */
void file_out_abort(struct file_out *f);                 /* removes the temporary file */

/* mkdir -p. "a/file/b": the error names the part that is not a folder. */
int file_make_dirs(const char *path, struct err *e);

bool file_exists(const char *path);
bool file_is_dir(const char *path);

/* Names in a folder (without . and ..), sorted by strcmp. */
struct file_list {
    char **names;
    size_t n;
};
int file_list_read(struct file_list *l, const char *dir, struct err *e);
void file_list_release(struct file_list *l);

/* dir + "/" + name into out; ERR_LIMIT when it does not fit. */
int file_join(char *out, size_t cap, const char *dir, const char *name, struct err *e);

#endif
