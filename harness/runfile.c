/* Run files: a YAML document to a draft, includes below it and --set above it, then the cells. */
#include "harness/runfile.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/near.h"
#include "harness/base/str.h"
#include "harness/base/yaml.h"
#include "harness/runfile_private.h"

enum { KEY_BYTES = 128 };

struct reader {
    const struct runfile_opts *o;
    struct texts names;                          /* what places call files and options */
    char chain[RUNFILE_MAX_INCLUDES + 1][PATH_MAX]; /* real paths of the files being read */
    size_t depth;
};

/* A document being read. */
struct doc {
    struct reader *r;
    struct draft *d;
    const char *name;
    struct err *e;
};

static struct place place_at(const struct doc *doc, const struct yaml_node *n)
{
    return (struct place){doc->name, n->line, n->column};
}

#define FAIL(doc, node, ...) place_fail((doc)->e, &(struct place){(doc)->name, (node)->line, (node)->column}, __VA_ARGS__)
