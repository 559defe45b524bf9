/* Files: whole reads with a limit, exact reads at an offset, writes that survive a kill. */
#ifndef BITBENCH_BASE_FILE_H
#define BITBENCH_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Reads a whole file of at most max_bytes (0 = no limit but memory). *data gets n + 1 bytes
 * (a NUL behind), which the caller frees. ERR_ABSENT when there is no such file, ERR_LIMIT when
 * it is larger. Directories and special files are refused (ERR_FORMAT). */
int file_read(const char *path, size_t max_bytes, unsigned char **data, size_t *n, struct err *e);

/* Reads exactly n bytes at offset; a short file is ERR_FORMAT naming `name` and the offset. */
int file_pread(int fd, void *buf, size_t n, uint64_t offset, const char *name, struct err *e);

/* Opens a regular file for reading with O_CLOEXEC; *size gets the length. Returns the
 * descriptor, or -1 with e set as for file_read. */
int file_open(const char *path, uint64_t *size, struct err *e);

/* Writes data under a temporary name in the same folder, fsync, rename, fsync of the folder.
 * 0, or -1 with e set; after a failure the old file is untouched and the temporary one removed
 * (only when the last step fails, the folder's fsync, the new file is there already).
 * The temporary name is PATH.tmp.PID.RANDOM: a killed program leaves it behind, and no two
 * processes share one, on whatever machines. A link is followed; a folder, a special file or a
 * path below a file is ERR_USAGE, naming the part at fault. */
int file_write(const char *path, const void *data, size_t n, struct err *e);

/* The same without waiting for the disk: for what can be made again and carries a checksum. */
int file_write_cache(const char *path, const void *data, size_t n, struct err *e);

/* When not NULL, called before each step of a write with its name ("open", "write", "fsync",
 * "rename", "fsync-dir") and the final path: for tests that kill the program there. */
extern void (*file_write_step)(const char *step, const char *path);

/* The same in pieces: open, any number of writes, then commit or abort. A failed call has
 * already aborted; abort after that, or on a zeroed struct, does nothing. */
struct file_out {
    char path[4096], tmp[4136];
    int fd, dir_fd;
    bool active, no_sync;
};
int file_out_open(struct file_out *f, const char *path, struct err *e);
int file_out_write(struct file_out *f, const void *data, size_t n, struct err *e);
int file_out_commit(struct file_out *f, struct err *e); /* fsync, rename, fsync of the folder */
void file_out_abort(struct file_out *f);                /* removes the temporary file */
bool file_is_temporary(const char *name);               /* named as above */

/* For files written piece by piece under a name of one's own. */
int file_write_all(int fd, const void *data, size_t n); /* 0, or -1 with errno set */
int file_sync_folder(const char *dir, struct err *e);   /* its names are on the disk then */
/* Bytes that may still be written below dir; UINT64_MAX where that is not known. */
uint64_t file_free_bytes(const char *dir);

/* mkdir -p. "a/file/b": the error (ERR_USAGE) names the part that is not a folder. */
int file_make_dirs(const char *path, struct err *e);

bool file_exists(const char *path);
bool file_is_dir(const char *path);

/* Names in a folder (without . and ..), sorted by strcmp. ERR_ABSENT when there is none. */
struct file_list {
    char **names;
    size_t n;
};
int file_list_read(struct file_list *l, const char *dir, struct err *e);
void file_list_release(struct file_list *l);

/* dir + "/" + name into out; ERR_LIMIT when it does not fit. An empty dir gives name alone. */
int file_join(char *out, size_t cap, const char *dir, const char *name, struct err *e);

#endif
