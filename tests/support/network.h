/* Failures of network calls, one call after the other.
 *
 * In a test program that links sct_failing_network, each connect(), sendmsg() and recv() of the
 * code under test goes through this module, and each nanosleep(), which returns at once. */
#ifndef SCT_NETWORK_H
#define SCT_NETWORK_H

enum sct_network_fault {
	SCT_NETWORK_EINTR, /* a signal came */
	SCT_NETWORK_SHORT, /* one byte is moved, no more */
	SCT_NETWORK_RESET, /* the connection is reset; connecting is refused */
	SCT_NETWORK_CLOSE, /* the other side has closed; connecting times out */
	SCT_NETWORK_FAULTS,
};

/* For each kind of fault, run `scenario` with the first call failing, then the second, and so on
 * until a run meets no failure. Fails the test when no call was ever made to fail. `scenario` gets
 * a pointer to the kind; where no network call fails, as under sct_fail_each_allocation(), give it
 * one to SCT_NETWORK_FAULTS. */
void sct_fail_each_network_call(void (*scenario)(void *fault));

/* The name of the call that failed in the present run, or NULL when none has yet. */
const char *sct_network_failed(void);

/* Run `scenario` with each call moving one byte only; the kind it gets is SCT_NETWORK_SHORT. */
void sct_network_crawl(void (*scenario)(void *fault));

/* How many nanosleep() there were since the last look, and how long they would have
 * taken together. */
struct sct_naps {
	unsigned count;
	long total_ms;
};

struct sct_naps sct_naps_taken(void);

#endif
