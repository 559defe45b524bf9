/* Pictures inside the html report: plots of gnuplot made fit to stand beside one another in one
 * page, and strips that show the replicates of a row. */
#include "results/report_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/str.h"

/* Where attributes name an id of the same file; gnuplot's files all use the same names. */
static const char *const id_starts[] = {" id=\"", " id='", "href=\"#", "href='#",
                                        "url(#", "url('#", NULL};

/* What follows the text at p inside a tag, when that is an id: its length up to the name. */
static size_t id_start(const char *p)
{
    for (size_t i = 0; id_starts[i]; i++) {
        if (str_starts(p, id_starts[i])) {
            return strlen(id_starts[i]);
        }
    }
    return 0;
}

void report_add_svg(struct str *out, const char *svg, const char *title, size_t index)
{
    const char *p = strstr(svg, "<svg"); /* behind the XML declaration */
    if (!p) {
        return;
    }
    str_add(out, "<svg role=\"img\" aria-label=\"");
    table_escape(out, TABLE_HTML, title);
    str_add(out, "\"");
    bool in_tag = true;
    for (p += strlen("<svg"); *p;) {
        const char *title_end = in_tag || !str_starts(p, "<title>") ? NULL : strstr(p, "</title>");
        if (title_end) { /* browsers show it as a tip at the mouse: "gnuplot_plot_1" */
            p = title_end + strlen("</title>");
            continue;
        }
        size_t start = in_tag ? id_start(p) : 0;
        if (start) {
            str_add_n(out, p, start);
            str_addf(out, "p%zu-", index);
            p += start;
            continue;
        }
        in_tag = *p == '<' || (in_tag && *p != '>');
        str_add_char(out, *p++);
    }
}

int report_add_strip(struct str *out, const struct series_group *g, const char *metric, double low,
                     double high, struct err *e)
{
    enum { WIDTH = 152,
           HEIGHT = 18,
           PAD = 5 };
    double *v, scale = (WIDTH - 2 * PAD) / (high - low), first = WIDTH, last = 0;
    size_t n, n_drawn = 0;
    struct summary s;
    if (report_values(g, metric, &v, &n, e)) {
        return -1;
    }
    str_addf(out,
             "<svg viewBox=\"0 0 %d %d\" aria-hidden=\"true\"><path d=\"M%d 9H%d\" "
             "stroke=\"currentColor\" "
             "stroke-opacity=\".18\"/>",
             WIDTH, HEIGHT, PAD, WIDTH - PAD);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(v[i])) {
            double x = PAD + (v[i] - low) * scale;
            str_addf(
                out,
                "<circle cx=\"%.1f\" cy=\"9\" r=\"3\" fill=\"currentColor\" fill-opacity=\".4\"/>",
                x);
            first = fmin(first, x);
            last = fmax(last, x);
            n_drawn++;
        }
    }
    if (n_drawn == n && n) {
        stats_summary(v, n, &s);
        str_addf(
            out,
            "<path d=\"M%.1f 9H%.1fM%.1f 3V15\" stroke=\"currentColor\" stroke-width=\"1.5\"/>",
            first, last, PAD + (s.median - low) * scale);
    }
    str_add(out, "</svg>");
    free(v);
    return 0;
}
