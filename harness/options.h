/* Options: one table a command, from which parsing, --help and completion come. */
#ifndef BITBENCH_OPTIONS_H
#define BITBENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

enum opt_kind {
    OPT_FLAG,   /* bool */
    OPT_TEXT,   /* const char * */
    OPT_INT,    /* int64_t, low..high of the row */
    OPT_REAL,   /* double */
    OPT_SIZE,   /* uint64_t bytes: 512M, 2G */
    OPT_LIST,   /* struct texts: repeatable, commas separate (not inside parentheses) */
    OPT_REPEAT, /* struct texts: repeatable, taken whole */
};

struct texts {
    const char **items;
    size_t n;
};

struct opt {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    enum opt_kind kind;
    size_t offset;     /* of the field in the struct that is filled */
    const char *value; /* placeholder in the help; NULL for flags */
    const char *help;
    int64_t low, high; /* OPT_INT; both 0: at least 0 */
};

/* The tables to search, each with the struct that its offsets count from. */
struct opt_set {
    const struct opt *opts;
    size_t n;
    void *into;
};

/* Reads argv[1..): options of any set, "--" and "-" as usual, everything else into args (argc-sized
 * array given by the caller). stop_at_word: leave at the first word that is no option. Returns how
 * many words of argv were read, or -1 with e set (near matches for unknown names). --help sets
 * *help. */
int options_parse(const struct opt_set *sets, size_t n_sets, int argc, char **argv,
                  bool stop_at_word, char **args, size_t *n_args, bool *help, struct err *e);
void texts_release(struct texts *t);
/* Releases the lists that parsing filled. */
void options_release(const struct opt_set *set);

/* One line an option, aligned. */
void options_help(const struct opt *opts, size_t n, struct str *out);
/* Splits at commas outside parentheses and appends copies owned by t. */
int texts_add_list(struct texts *t, const char *text, struct err *e);
int texts_add(struct texts *t, const char *text, size_t n, struct err *e);

#endif
