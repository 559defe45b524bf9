/* One file over HTTP, whole and verified or not at all. Sole includer of libcurl. */
#ifndef BITBENCH_FETCH_H
#define BITBENCH_FETCH_H

#include <stddef.h>
#include <stdint.h>

struct download;
struct err;

struct fetch_options {
    const char *mirror; /* NULL, or what stands before "/NAME" instead of the official address */
    unsigned stall_s;   /* less than 1 KiB/s for so long is a stall; 0: 60 */
    unsigned tries;     /* without a new byte, before giving up; 0: 5 */
    unsigned wait_ms;   /* before the second try, twice as long before each further; 0: 1000 */
};

/* The file is complete in dir, is there in part (as NAME.part), or not at all; its bytes. -1: a
 * file of that name has another size than it must have. */
enum fetch_state { FETCH_ABSENT,
                   FETCH_PART,
                   FETCH_HERE,
                   FETCH_ODD };
enum fetch_state fetch_state(const struct download *d, const char *dir, uint64_t *bytes);

/* Fetches into dir/NAME. Bytes go to NAME.part, which a later call continues; only a file of the
 * right size and SHA-256 gets its name. Free space is looked at first. One of another content is
 * kept as NAME.rejected. A file that is there already is verified. Errors: ERR_USAGE a file of that
 * name with other contents, or another process at work; ERR_FORMAT wrong size or hash; ERR_IO
 * network, server, disk; ERR_INTERRUPTED. */
int fetch_file(const struct download *d, const char *dir, const struct fetch_options *o,
               struct err *e);

#endif
