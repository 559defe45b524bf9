/* Errors: a code and a fixed text, filled at the place of the fault and given context on
 * the way up. Never allocates. For faults of the world only; our own faults are asserts. */
#ifndef BITBENCH_BASE_ERR_H
#define BITBENCH_BASE_ERR_H

enum err_code {
    ERR_NONE,
    ERR_USAGE,       /* the user's words are off: unknown name, key, value */
    ERR_ABSENT,      /* data or weights that are not here */
    ERR_FORMAT,      /* a file is not what it claims to be */
    ERR_IO,          /* the system refused: read, write, space, rights */
    ERR_LIMIT,       /* more memory or size than allowed */
    ERR_NUMERIC,     /* a non-finite value, no convergence */
    ERR_INTERRUPTED, /* the user pressed Ctrl-C */
};

struct err {
    enum err_code code;
    char text[1024];
};

/* Fills e (which may be NULL) with a code and a formatted text. Always returns -1, so that
 * a failing function can say `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Like err_set with code ERR_IO, with ": " and strerror(errno) at the end. */
int err_errno(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " in front of the text already there. Always returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
