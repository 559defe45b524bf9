/* Packs in the place of run directories. */
#include "results/pack_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/mem.h"
#include "harness/base/str.h"
#include "results/record.h"
#include "results/signature.h"

static int fill_head(struct cell_head *h, const struct record *r, const struct made *made,
                     const char *path, struct err *e)
{
    struct str text = {0};
    *h = (struct cell_head){.status = r->status, .made = *made};
    memcpy(h->run_id, r->run_id, sizeof h->run_id);
    signature_text(r, &text);
    h->signature = mem_strdup(str_text(&text), e);
    str_clear(&text);
    str_addf(&text, "%s:%s", path, r->run_id);
    h->path = mem_strdup(str_text(&text), e);
    int rc = str_check(&text, e) || !h->signature || !h->path ? -1 : 0;
    str_release(&text);
    return rc;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct cell_head *)a)->run_id, ((const struct cell_head *)b)->run_id);
}

int store_pack_list(struct cell_list *l, const char *path, struct err *e)
{
    struct pack p;
    *l = (struct cell_list){0};
    if (pack_read(&p, path, false, e)) {
        return -1;
    }
    l->heads = mem_take(p.n, sizeof *l->heads, e);
    int rc = l->heads ? 0 : -1;
    for (size_t i = 0; i < p.n && rc == 0; i++) {
        rc = fill_head(&l->heads[l->n++], &p.records[i], &p.made[i], path, e);
    }
    pack_release(&p);
    if (rc) {
        cell_list_release(l);
    } else {
        qsort(l->heads, l->n, sizeof *l->heads, by_id);
    }
    return rc;
}

int store_pack_plan(struct plan_list *l, const char *path, struct err *e)
{
    struct pack p;
    if (pack_read(&p, path, false, e)) {
        return -1;
    }
    *l = p.plan;
    p.plan = (struct plan_list){0};
    pack_release(&p);
    return 0;
}

int store_pack_read(struct record *r, struct made *m, const char *path, const char *run_id,
                    bool with_outcomes, struct err *e)
{
    struct pack p;
    if (pack_read(&p, path, with_outcomes, e)) {
        return -1;
    }
    int rc = -1;
    for (size_t i = 0; i < p.n && rc; i++) {
        if (strcmp(p.records[i].run_id, run_id) == 0) {
            *r = p.records[i];
            *m = p.made[i];
            p.records[i] = (struct record){0};
            rc = 0;
        }
    }
    pack_release(&p);
    return rc ? err_set(e, ERR_ABSENT, "%s holds no cell %s", path, run_id) : 0;
}
