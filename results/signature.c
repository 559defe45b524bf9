/* Joining, splitting and comparing signatures. */
#include "results/signature.h"

#include <assert.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"
#include "results/record.h"

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

void signature_text(const struct record *r, struct str *out)
{
    str_addf(out, "%s;%s;%s", r->protocol, r->subject, r->replicate);
}

int signature_parse(struct record *r, const char *text, struct err *e)
{
    static const char *const names[] = {"protocol", "subject", "replicate"};
    char *const parts[] = {r->protocol, r->subject, r->replicate};
    size_t len[3];
    const char *at = text;
    for (size_t i = 0; i < 3; i++) {
        len[i] = strcspn(at, ";");
        if (at[len[i]] != (i < 2 ? ';' : '\0')) {
            return err_set(e, ERR_FORMAT, "a signature has three parts with ';' between them");
        }
        if (len[i] >= SIGNATURE_PART) {
            return err_set(e, ERR_FORMAT, "signature: the %s part has %zu bytes, the limit is %d",
                           names[i], len[i], SIGNATURE_PART - 1);
        }
        at += len[i] + 1;
    }
    for (at = text; *at; at++) {
        if (is_control(*at)) {
            return err_set(e, ERR_FORMAT, "signature: control character %d at byte %zu",
                           (unsigned char)*at, (size_t)(at - text));
        }
    }
    at = text;
    for (size_t i = 0; i < 3; i++) {
        memset(parts[i], 0, SIGNATURE_PART);
        memcpy(parts[i], at, len[i]);
        at += len[i] + 1;
    }
    return 0;
}

void signature_add_value(struct str *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '|' || *value == ';' || *value == '%' || is_control(*value)) {
            str_addf(out, "%%%02X", (unsigned)(unsigned char)*value);
        } else {
            str_add_char(out, *value);
        }
    }
}

/* The length of the name in "name:value" or "name[slice]:value", a field of n bytes; 0 when it has
 * none. */
static size_t name_length(const char *field, size_t n)
{
    size_t i = 0;
    while (i < n && field[i] != ':' && field[i] != '[') {
        i++;
    }
    return i < n ? i : 0;
}

static void add_side(struct str *out, const char *field, size_t n)
{
    str_add_n(out, n ? field : "nothing", n ? n : strlen("nothing"));
}

static void add_difference(struct str *out, size_t index, const char *a, size_t n_a,
                           const char *b, size_t n_b)
{
    size_t name = name_length(a, n_a);
    size_t skip_a = 0, skip_b = 0;
    if (name && name == name_length(b, n_b) && memcmp(a, b, name) == 0) {
        str_add_n(out, a, name);
        skip_a = name + (a[name] == ':');
        skip_b = name + (b[name] == ':');
    } else {
        str_addf(out, "field %zu", index);
    }
    str_add(out, ": ");
    add_side(out, a + skip_a, n_a - skip_a);
    str_add(out, " against ");
    add_side(out, b + skip_b, n_b - skip_b);
}

bool signature_difference(const char *part_a, const char *part_b, struct str *out)
{
    if (strcmp(part_a, part_b) == 0) {
        return false;
    }
    for (size_t index = 1;; index++) {
        size_t n_a = strcspn(part_a, "|"), n_b = strcspn(part_b, "|");
        bool end = !part_a[n_a] && !part_b[n_b];
        if (end || n_a != n_b || memcmp(part_a, part_b, n_a) != 0) {
            add_difference(out, index, part_a, n_a, part_b, n_b);
            return true;
        }
        part_a += n_a + (part_a[n_a] == '|');
        part_b += n_b + (part_b[n_b] == '|');
    }
}
