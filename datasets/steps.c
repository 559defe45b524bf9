/* Step lists: a preprocessing written out, "decode:pil|resize:256-short-pilbilinear|crop:224|
 * range:-1..1", read into the same struct as a preset and printed back in full. */
#include "datasets/transform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/err.h"
#include "harness/base/near.h"

/* Each takes what stands behind its name and the colon. */
static int step_decode(struct preprocess *p, const char *value, struct err *e)
{
    if (decode_check(value, e)) {
        return -1;
    }
    snprintf(p->decode, sizeof p->decode, "%s", value);
    return 0;
}

/* Digits at the head of *text. */
static int take_number(const char **text, size_t *n, struct err *e)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits < 1 || digits > 4) {
        return err_set(e, ERR_USAGE, "'%.40s' does not begin with a size in pixels", *text);
    }
    *n = strtoul(*text, NULL, 10);
    *text += digits;
    return 0;
}

/* A mode or a kernel, whichever has that name. */
static int resize_word(struct preprocess *p, const char *word, bool *mode_set, bool *kernel_set,
                       struct err *e)
{
    enum preprocess_mode mode;
    if (preprocess_mode_find(word, &mode, NULL) == 0) {
        if (*mode_set || mode == PREPROCESS_NONE || mode == PREPROCESS_SQUASH) {
            return err_set(e, ERR_USAGE, "'%s': one of short, shortfloor, small and square", word);
        }
        p->mode = mode;
        *mode_set = true;
        return 0;
    }
    if (*kernel_set || !resize_find(word, e)) {
        return *kernel_set ? err_set(e, ERR_USAGE, "'%s': a kernel is named already", word) : -1;
    }
    snprintf(p->kernel, sizeof p->kernel, "%s", word);
    *kernel_set = true;
    return 0;
}

static int step_resize(struct preprocess *p, const char *value, struct err *e)
{
    bool mode_set = false, kernel_set = false;
    if (take_number(&value, &p->resize, e)) {
        return -1;
    }
    p->mode = PREPROCESS_SHORT;
    snprintf(p->kernel, sizeof p->kernel, "pilbilinear");
    while (*value == '-') {
        char word[sizeof p->kernel];
        size_t n = strcspn(++value, "-");
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), value);
        if (resize_word(p, word, &mode_set, &kernel_set, e)) {
            return -1;
        }
        value += n;
    }
    return *value ? err_set(e, ERR_USAGE, "'%.40s' behind the size", value) : 0;
}

static int step_u8(struct preprocess *p, const char *value, struct err *e)
{
    p->u8_between = true;
    return *value || p->mode == PREPROCESS_NONE
               ? err_set(e, ERR_USAGE, "it takes no value and stands behind resize")
               : 0;
}

static int step_crop(struct preprocess *p, const char *value, struct err *e)
{
    if (take_number(&value, &p->crop, e)) {
        return -1;
    }
    return *value || !p->crop ? err_set(e, ERR_USAGE, "a size in pixels and nothing else") : 0;
}

static int step_range(struct preprocess *p, const char *value, struct err *e)
{
    if (preprocess_range_find(value, e)) {
        return -1;
    }
    snprintf(p->range, sizeof p->range, "%s", value);
    return 0;
}

/* In the order in which they are applied and must be written. */
static const struct {
    const char *name;
    int (*set)(struct preprocess *p, const char *value, struct err *e);
} steps[] = {
    {"decode", step_decode},
    {"resize", step_resize},
    {"u8", step_u8},
    {"crop", step_crop},
    {"range", step_range},
};

/* The index of the step whose name is the first n bytes of text; ARRAY_LEN(steps) if none. */
static size_t step_find(const char *text, size_t n)
{
    size_t i = 0;
    while (i < ARRAY_LEN(steps) &&
           (strlen(steps[i].name) != n || strncmp(steps[i].name, text, n) != 0)) {
        i++;
    }
    return i;
}

bool preprocess_is_steps(const char *text)
{
    return strchr(text, '|') || step_find(text, strcspn(text, ":")) < ARRAY_LEN(steps);
}

/* One step, [text, text + n); *next is the first that may still come. */
static int read_step(struct preprocess *p, const char *text, size_t n, size_t *next, struct err *e)
{
    char step[sizeof p->preset];
    snprintf(step, sizeof step, "%.*s", (int)n, text);
    size_t name = strcspn(step, ":"), i = step_find(step, name);
    if (i == ARRAY_LEN(steps)) {
        struct near near;
        step[name] = '\0';
        near_init(&near, step);
        for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
            near_add(&near, steps[k].name);
        }
        return err_set(e, ERR_USAGE, "unknown step '%s' (decode, resize, u8, crop, range)%s", step,
                       near_text(&near));
    }
    if (i < *next) {
        return err_set(e, ERR_USAGE, "step '%s': each at most once, in the order decode, resize, "
                                     "u8, crop, range",
                       step);
    }
    *next = i + 1;
    if (steps[i].set(p, step + name + (step[name] == ':'), e)) {
        return err_wrap(e, "step '%s'", step);
    }
    return 0;
}

/* p->preset from the rest of p. */
static void write_steps(struct preprocess *p)
{
    char resize[96] = "", crop[32] = "";
    if (p->mode != PREPROCESS_NONE) {
        snprintf(resize, sizeof resize, "resize:%zu-%s-%.31s|%s", p->resize,
                 preprocess_mode_name(p->mode), p->kernel, p->u8_between ? "u8|" : "");
    }
    if (p->crop) {
        snprintf(crop, sizeof crop, "crop:%zu|", p->crop);
    }
    snprintf(p->preset, sizeof p->preset, "decode:%.31s|%s%srange:%.16s", p->decode, resize, crop,
             p->range);
}

int preprocess_steps(struct preprocess *p, const char *text, struct err *e)
{
    size_t next = 0;
    *p = (struct preprocess){.decode = "pil", .mode = PREPROCESS_NONE, .range = "-1..1"};
    if (strlen(text) >= sizeof p->preset) {
        return err_set(e, ERR_USAGE, "preprocessing '%.40s...': longer than %zu characters", text,
                       sizeof p->preset - 1);
    }
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, "|");
        if (read_step(p, at, n, &next, e)) {
            return err_wrap(e, "preprocessing '%s'", text);
        }
        at += n;
        if (*at == '\0') {
            break;
        }
    }
    if (p->mode != PREPROCESS_NONE && !p->crop) {
        p->crop = p->resize;
    }
    if (preprocess_check(p, e)) {
        return err_wrap(e, "preprocessing '%s'", text);
    }
    write_steps(p);
    if (p->mode == PREPROCESS_SQUARE && p->crop == p->resize) {
        p->mode = PREPROCESS_SQUASH; /* the same thing under its older name */
    }
    return 0;
}
