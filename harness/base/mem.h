/* Checked allocation. A size that comes from a file is multiplied here, never by hand. */
#ifndef BITBENCH_BASE_MEM_H
#define BITBENCH_BASE_MEM_H

#include <stddef.h>

struct err;

/* n * size zeroed bytes, aligned to 64; the caller frees them with free(). n * size == 0 gives
 * a valid pointer. NULL with e set (ERR_LIMIT) when the product overflows, is more than
 * mem_limit() or memory is short. */
void *mem_take(size_t n, size_t size, struct err *e);

/* The same without zeroing, for large blocks that are written whole. */
void *mem_take_raw(size_t n, size_t size, struct err *e);

/* Grows *p from *cap to at least n elements of the given size (doubling). 0, or -1 with e set
 * and *p unchanged. The new part is not zeroed; malloc's alignment. */
int mem_grow(void **p, size_t *cap, size_t n, size_t size, struct err *e);

/* A copy of s (or of its first n bytes) that the caller frees; NULL with e set. */
char *mem_strdup(const char *s, struct err *e);
char *mem_strndup(const char *s, size_t n, struct err *e);

/* The pages that lie wholly within a block go back to the system; what they held is lost. The block
 * stays the owner's to free. */
void mem_give_back(void *p, size_t bytes);

/* The most bytes that the program may plan for (--max-mem); 0 = no limit. Set by main; a command
 * may lower it for a while by what it holds itself, so that an engine plans for the rest. A single
 * block that is larger is refused; the sum of all blocks is the planner's matter. */
void mem_set_limit(size_t bytes);
size_t mem_limit(void);

#endif
