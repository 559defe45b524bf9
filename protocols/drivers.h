/* The rows of the table of protocols. */
#ifndef BITBENCH_PROTOCOLS_DRIVERS_H
#define BITBENCH_PROTOCOLS_DRIVERS_H

struct protocol;

extern const struct protocol protocol_none, protocol_ridge, protocol_logistic;

#endif
