/* `datasets prepare`: finds the place of the packed files and has them unpacked. */
#include "harness/datasets_get.h"
#include "datasets/dataset.h"
#include "harness/base/err.h"
#include "harness/base/file.h"
#include "harness/command.h"
#include "harness/prepare.h"
#include <stdio.h>

enum { PATH_CAP = 4096 };

int datasets_prepare(struct ctx *c, const char *name, const struct datasets_get_args *a,
                     struct err *e)
{
    const struct dataset_desc *d = dataset_find(name, e);
    char place[PATH_CAP], to[PATH_CAP];
    if (!d || context_refuse_json(c, "datasets prepare", e)) {
        return -1;
    }
    if (!prepare_has_steps(d->name)) {
        printf("%s: nothing to prepare: its files are read as they are\n", d->name);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < c->dirs.n; i++) {
        for (size_t k = 0; k < DATASET_MAX_FOLDERS && d->folders[k]; k++) {
            unsigned n;
            if (d->folders[k][0] ? file_join(place, PATH_CAP, c->dirs.items[i], d->folders[k], e)
                                 : file_join(place, PATH_CAP, "", c->dirs.items[i], e)) {
                return -1;
            }
            if (a->to && file_join(to, PATH_CAP, a->to, d->folders[0], e)) {
                return -1;
            }
            if (prepare_place(d->name, place, a->to ? to : place, a->dry_run, &n, e)) {
                return err_wrap(e, "prepare %s", d->name);
            }
            if (n) {
                return EXIT_DONE;
            }
        }
    }
    return err_set(e, ERR_ABSENT, "prepare %s: no packed file in the data folders; %s", d->name,
                   d->how_to_get);
}
