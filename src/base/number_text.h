/* Numbers of command lines and of addresses, read from text. */
#ifndef SCI_BASE_NUMBER_TEXT_H
#define SCI_BASE_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole decimal number from `least` to `most`, without sign, space or anything after it. Each of
 * these functions returns false, with its result unset, for any other text. */
bool sci_number_read(const char *text, uint64_t least, uint64_t most, uint64_t *number);

/* The same, and K, M or G after the number stands for KiB, MiB or GiB. */
bool sci_size_read(const char *text, uint64_t least, uint64_t most, uint64_t *bytes);

/* Seconds from 0.001 to `most_ms` / 1000, rounded to a millisecond. */
bool sci_seconds_read(const char *text, int64_t most_ms, int64_t *ms);

/* HOST:PORT. The host goes into `host`, of `size` bytes, without the brackets that an IPv6 address
 * has; the port is from 0 to 65535. */
bool sci_host_port_read(const char *text, char *host, size_t size, uint16_t *port);

#endif
