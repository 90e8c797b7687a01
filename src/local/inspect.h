/* The state of a fleet as JSON, for people and for programs. */
#ifndef SCI_LOCAL_INSPECT_H
#define SCI_LOCAL_INSPECT_H

struct sci_fleet;

/* {"environments":[...],"functions":[...]} as text, which the caller frees; NULL without memory. */
char *sci_inspect(const struct sci_fleet *fleet);

#endif
