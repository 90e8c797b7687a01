/* Values that must not compile as a key. The test compiles this file once for each VALUE and
 * expects a failure; a control with a valid VALUE compiles. */
#include <scopecache/key.h>

int sct_key_refused(void);

int sct_key_refused(void)
{
	int number = 1;
	void *pointer = &number;
	struct sc_key key = SC_KEY(VALUE);

	return (int)key.count + (pointer != NULL);
}
