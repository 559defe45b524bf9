/* The data file of a plot: numbers in blocks with comments that say what they are. */
#include "results/plot_private.h"

#include <math.h>

#include "results/table.h"

static void comment(struct str *out, const char *text)
{
    str_add(out, "# ");
    table_clean(out, text);
    str_add(out, "\n");
}

static void block_head(const struct figure *f, const struct figure_line *line, size_t index,
                       const char *what, struct str *out)
{
    struct str text = {0};
    str_addf(&text, "block %zu: %s%s%s: %s", index, f->panels.items[line->panel],
             *f->panels.items[line->panel] ? ", " : "", f->labels.items[line->label], what);
    comment(out, str_text(&text));
    out->failed = out->failed || text.failed;
    str_release(&text);
}

static void row(struct str *out, double x, double y)
{
    str_add_double(out, x);
    str_add(out, "\t");
    str_add_double(out, y);
    str_add(out, "\n");
}

size_t figure_count_values(const struct figure_line *line)
{
    size_t n = 0;
    for (size_t i = 0; i < line->n; i++) {
        n += line->points[i].n;
    }
    return n;
}

size_t figure_count_medians(const struct figure_line *line)
{
    size_t n = 0;
    for (size_t i = 0; i < line->n; i++) {
        n += isfinite(line->points[i].median) != 0;
    }
    return n;
}

void plot_data_text(const struct figure *f, const struct plot_files *p, const char *metric,
                    struct str *out)
{
    struct str text = {0};
    str_addf(&text, "data of %s; columns: %s, %s", str_text(&p->picture) + 2, str_text(&f->x_title),
             metric);
    comment(out, str_text(&text));
    for (size_t c = 0; c < f->categories.n; c++) {
        str_clear(&text);
        str_addf(&text, "%s %zu: %s", str_text(&f->x_title), c, f->categories.items[c]);
        comment(out, str_text(&text));
    }
    size_t block = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct figure_line *line = &f->lines[i];
        if (figure_count_values(line)) {
            block_head(f, line, block++, "replicates", out);
            for (size_t k = 0; k < line->n; k++) {
                for (size_t v = 0; v < line->points[k].n; v++) {
                    row(out, line->points[k].x, line->points[k].values[v]);
                }
            }
            str_add(out, "\n\n");
        }
        if (figure_count_medians(line)) {
            block_head(f, line, block++, "medians", out);
            for (size_t k = 0; k < line->n; k++) {
                if (isfinite(line->points[k].median)) {
                    row(out, line->points[k].x, line->points[k].median);
                }
            }
            str_add(out, "\n\n");
        }
    }
    out->failed = out->failed || text.failed;
    str_release(&text);
}
