/* The descriptors that a process was given and does not know of. */
#ifndef SCI_LOCAL_DESCRIPTORS_H
#define SCI_LOCAL_DESCRIPTORS_H

/* Close every descriptor from `first` on; or have execve() close them. For a child that was just
 * forked. */
void sci_descriptors_close(int first);
void sci_descriptors_close_at_exec(int first);

#endif
