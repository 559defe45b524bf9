/* Errors: formatting into the fixed text. Every text is built in a local buffer first, so that
 * the arguments may point into the error that is being filled. */
#include "harness/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Sets the text of e to text, followed by ": " and more where more is not NULL. */
static void fill(struct err *e, const char *text, const char *more)
{
    char whole[sizeof e->text];
    int n = snprintf(whole, sizeof whole, "%s%s%s", text, more ? ": " : "", more ? more : "");
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len >= sizeof whole) {
        memcpy(whole + sizeof whole - 4, "...", 4);
        len = sizeof whole - 1;
    }
    memcpy(e->text, whole, len);
    e->text[len] = '\0';
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (!e) {
        return -1;
    }
    char text[sizeof e->text + 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fill(e, text, NULL);
    e->code = code;
    return -1;
}

int err_errno(struct err *e, const char *fmt, ...)
{
    if (!e) {
        return -1;
    }
    char buf[128];
    const char *why = strerror_r(errno, buf, sizeof buf);
    char text[sizeof e->text + 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fill(e, text, why);
    e->code = ERR_IO;
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e) {
        return -1;
    }
    char text[sizeof e->text + 1];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fill(e, text, e->text);
    return -1;
}
