/* Where the run files that come with the program lie. */
#ifndef BITBENCH_SUITES_H
#define BITBENCH_SUITES_H

/* protocols/suites in the source tree, or PREFIX/share/bitbench/suites beside an installed program;
 * NULL when neither is there. */
const char *suites_dir(void);

#endif
