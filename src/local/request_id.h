/* Random ids of requests, traces and environments. */
#ifndef SCI_LOCAL_REQUEST_ID_H
#define SCI_LOCAL_REQUEST_ID_H

#define SCI_REQUEST_ID_BYTES 37
#define SCI_TRACE_ID_BYTES   80
#define SCI_HEX_ID_BYTES     33

/* A random UUID (version 4), such as the id of an invocation. */
void sci_request_id(char out[SCI_REQUEST_ID_BYTES]);

/* An X-Ray trace header that says "not sampled". */
void sci_trace_id(char out[SCI_TRACE_ID_BYTES]);

/* 32 random hexadecimal digits, as at the end of a log stream's name. */
void sci_hex_id(char out[SCI_HEX_ID_BYTES]);

#endif
